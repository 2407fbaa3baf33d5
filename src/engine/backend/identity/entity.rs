//! `entity`, `entity/id/<id>`, `entity/name/<name>`.

use serde_json::{Map, json};

use super::{Named, check_name, given, invalid, policies, shown, sound};
use crate::engine::backend::Call;
use crate::engine::identity::{Change, Entity};
use crate::engine::kernel::now;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// LIST `entity/id` and `entity/name`.
pub(super) fn list(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let by_id = call.row.pattern == "entity/id/?";
    let (mut keys, mut infos) = (Vec::new(), Map::new());
    for entity in core.identity.entities(core) {
        let entity = entity?;
        infos.insert(entity.id.clone(), shown::brief_entity(core, &entity));
        keys.push(if by_id { entity.id } else { entity.name });
    }
    shown::list(keys, infos)
}

fn find(core: &Core, call: Call<'_>, named: Named) -> Result<Option<Entity>, Error> {
    match named {
        Named::ById => Ok(core.identity.entity(core, call.at("id"))?.filter(|entity| entity.id == call.at("id"))),
        Named::ByName => core.identity.entity_named(core, call.at("name")),
        Named::InBody => Ok(None),
    }
}

/// One entity, by what its path says.
pub(super) async fn handle(core: &Core, call: Call<'_>, named: Named) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => {
            let entity = find(core, call, named)?.ok_or(Error::NotFound)?;
            Ok(Response::data(shown::entity(core, &entity)))
        }
        Operation::Write => write(core, call, named).await,
        Operation::Delete => {
            let mut change = core.identity.change(core).await;
            if let Some(entity) = find(core, call, named)? {
                remove(&mut change, &entity)?;
                change.commit().await?;
            }
            Ok(Response::empty())
        }
        Operation::List | Operation::Patch => Err(call.forgotten()),
    }
}

/// A new entity, or another one of those that are there.
pub(super) async fn write(core: &Core, call: Call<'_>, named: Named) -> Result<Response, Error> {
    let fields = call.fields();
    let mut change = core.identity.change(core).await;
    let (id, name) = match named {
        Named::ById => (Some(call.at("id").to_owned()), given(fields, "name")?),
        Named::ByName => (None, Some(call.at("name").to_owned())),
        Named::InBody => (given(fields, "id")?, given(fields, "name")?),
    };
    let by_id = match &id {
        Some(id) => {
            let found = core.identity.entity(core, id)?.filter(|entity| entity.id == *id);
            Some(found.ok_or_else(|| invalid("entity not found from id"))?)
        }
        None => None,
    };
    let by_name = match &name {
        Some(name) => {
            check_name(name)?;
            core.identity.entity_named(core, name)?
        }
        None => None,
    };
    let before = match (by_id, by_name) {
        (Some(entity), Some(other)) if entity.id != other.id => return Err(invalid("entity name is already in use")),
        (Some(entity), _) | (None, Some(entity)) => Some(entity),
        (None, None) => None,
    };
    let time = now(core);
    let mut entity = match &before {
        Some(entity) => entity.clone(),
        None => Entity::fresh(time)?,
    };
    // By its path a name is in lower case, and what it names keeps its own.
    if let Some(name) = name.filter(|name| named != Named::ByName || before.is_none() || *name == entity.name) {
        entity.name = name;
    }
    if let Some(policies) = policies(fields)? {
        entity.policies = policies;
    }
    if let Some(disabled) = fields.bool("disabled")? {
        entity.disabled = disabled;
    }
    if let Some(metadata) = fields.pairs("metadata")? {
        entity.metadata = sound("entity", metadata)?;
    }
    entity.last_update_time = time;
    change.entity(before.as_ref(), Some(&entity))?;
    change.commit().await?;
    if before.is_some() {
        return Ok(Response::empty());
    }
    Ok(Response::data(json!({ "id": entity.id, "name": entity.name, "aliases": null })))
}

/// `entity/batch-delete`: all of them, or none.
pub(super) async fn delete_several(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let ids = call.fields().list("entity_ids")?.filter(|ids| !ids.is_empty());
    let ids = ids.ok_or_else(|| invalid("missing entity ids to delete"))?;
    let mut change = core.identity.change(core).await;
    for id in &ids {
        if let Some(entity) = core.identity.entity(core, id)?.filter(|entity| entity.id == *id) {
            remove(&mut change, &entity)?;
        }
    }
    change.commit().await?;
    Ok(Response::empty())
}

fn remove(change: &mut Change<'_>, entity: &Entity) -> Result<(), Error> {
    change.leave_groups(&entity.id)?;
    change.entity(Some(entity), None)
}
