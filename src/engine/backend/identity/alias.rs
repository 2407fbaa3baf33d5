//! `entity-alias` and `entity-alias/id/<id>`: what an auth method calls an entity.

use serde_json::{Map, json};

use super::{check_accessor, given, invalid, shown};
use crate::engine::backend::Call;
use crate::engine::identity::{Alias, Entity, Metadata};
use crate::engine::kernel::now;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// What a write says of an alias.
struct Said {
    id: Option<String>,
    name: Option<String>,
    accessor: Option<String>,
    canonical_id: Option<String>,
    custom_metadata: Option<Metadata>,
}

impl Said {
    fn of(call: Call<'_>) -> Result<Self, Error> {
        let fields = call.fields();
        let in_path = Some(call.at("id").to_owned()).filter(|id| !id.is_empty());
        let id = match in_path {
            Some(id) => Some(id),
            None => given(fields, "id")?,
        };
        let canonical_id = match given(fields, "canonical_id")? {
            Some(id) => Some(id),
            None => given(fields, "entity_id")?,
        };
        Ok(Self {
            id,
            name: given(fields, "name")?,
            accessor: given(fields, "mount_accessor")?,
            canonical_id,
            custom_metadata: fields.pairs("custom_metadata")?,
        })
    }
}

/// LIST `entity-alias/id`.
pub(super) fn list(core: &Core) -> Result<Response, Error> {
    let (mut keys, mut infos) = (Vec::new(), Map::new());
    for entity in core.identity.entities(core) {
        let entity = entity?;
        for alias in &entity.aliases {
            let (id, info) = shown::listed_alias(core, alias, &entity.id);
            keys.push(id.clone());
            infos.insert(id, info);
        }
    }
    shown::list(keys, infos)
}

fn of_id(entity: &Entity, id: &str) -> Option<usize> {
    entity.aliases.iter().position(|alias| alias.id == id)
}

/// One alias, by its id.
pub(super) async fn handle(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let id = call.at("id");
    match call.request.operation {
        Operation::Read => {
            let entity = core.identity.entity_of_alias(core, id)?.ok_or(Error::NotFound)?;
            let alias = of_id(&entity, id).map(|at| &entity.aliases[at]).ok_or(Error::NotFound)?;
            Ok(Response::data(shown::lone_alias(core, alias, &entity.id)))
        }
        Operation::Write => write(core, call).await,
        Operation::Delete => {
            let mut change = core.identity.change(core).await;
            if let Some(before) = core.identity.entity_of_alias(core, id)? {
                let mut after = Entity { last_update_time: now(core), ..before.clone() };
                after.aliases.retain(|alias| alias.id != id);
                change.entity(Some(&before), Some(&after))?;
                change.commit().await?;
            }
            Ok(Response::empty())
        }
        Operation::List | Operation::Patch => Err(call.forgotten()),
    }
}

/// A new alias, or another one of those that are there: by its id, or by what its mount calls it.
pub(super) async fn write(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let said = Said::of(call)?;
    if let Some(id) = &said.id {
        let invalid = || invalid("invalid alias ID provided");
        let entity = core.identity.entity_of_alias(core, id)?.ok_or_else(invalid)?;
        let at = of_id(&entity, id).ok_or_else(invalid)?;
        return update(core, entity, at, said).await;
    }
    let (Some(accessor), Some(name)) = (&said.accessor, &said.name) else {
        return Err(invalid("'id' or 'mount_accessor' and 'name' must be provided"));
    };
    check_accessor(core, accessor)?;
    if let Some(entity) = core.identity.entity_at(core, accessor, name)? {
        let at = entity.aliases.iter().position(|alias| alias.mount_accessor == *accessor);
        let at = at.ok_or_else(|| Error::Internal("an alias is indexed, and its entity has none".to_owned()))?;
        return update(core, entity, at, said).await;
    }
    create(core, accessor, name, &said).await
}

async fn create(core: &Core, accessor: &str, name: &str, said: &Said) -> Result<Response, Error> {
    let time = now(core);
    let mut change = core.identity.change(core).await;
    if core.identity.entity_at(core, accessor, name)?.is_some() {
        return Err(invalid("alias with combination of mount accessor and name already exists"));
    }
    let before = match &said.canonical_id {
        Some(id) => Some(core.identity.entity(core, id)?.ok_or_else(|| invalid("invalid canonical ID"))?),
        None => None,
    };
    let mut entity = match &before {
        Some(entity) => entity.clone(),
        None => Entity::fresh(time)?,
    };
    if entity.alias_at(accessor).is_some() {
        return Err(invalid("Alias already exists for requested entity and mount accessor"));
    }
    let custom_metadata = said.custom_metadata.clone().unwrap_or_default();
    let alias = Alias { custom_metadata, ..Alias::fresh(accessor, name, time)? };
    let answer = Response::data(json!({ "id": alias.id, "canonical_id": entity.id }));
    entity.aliases.push(alias);
    entity.last_update_time = time;
    change.entity(before.as_ref(), Some(&entity))?;
    change.commit().await?;
    Ok(answer)
}

/// Changes the alias at `at` of an entity, and whose it is.
async fn update(core: &Core, of: Entity, at: usize, said: Said) -> Result<Response, Error> {
    let time = now(core);
    let mut change = core.identity.change(core).await;
    let id = of.aliases[at].id.clone();
    // Again, now that nothing else can change it.
    let of = core.identity.entity_of_alias(core, &id)?.ok_or_else(|| invalid("invalid alias ID provided"))?;
    let at = of_id(&of, &id).ok_or_else(|| invalid("invalid alias ID provided"))?;
    let before = &of.aliases[at];
    let alias = Alias {
        name: said.name.unwrap_or_else(|| before.name.clone()),
        mount_accessor: said.accessor.unwrap_or_else(|| before.mount_accessor.clone()),
        custom_metadata: said.custom_metadata.unwrap_or_else(|| before.custom_metadata.clone()),
        ..before.clone()
    };
    let target = said.canonical_id.filter(|id| *id != of.id);
    if alias == *before && target.is_none() {
        return Ok(Response::empty());
    }
    let alias = Alias { last_update_time: time, ..alias };
    check_accessor(core, &alias.mount_accessor)?;
    let holder = core.identity.entity_at(core, &alias.mount_accessor, &alias.name)?;
    if holder.as_ref().and_then(|entity| entity.alias_at(&alias.mount_accessor)).is_some_and(|it| it.id != id) {
        return Err(invalid("alias with combination of mount accessor and name already exists"));
    }
    let has_one = |entity: &Entity| entity.alias_at(&alias.mount_accessor).is_some_and(|other| other.id != id);
    let answer = |entity: &str| Response::data(json!({ "id": id, "canonical_id": entity }));
    let Some(target) = target else {
        if has_one(&of) {
            return Err(invalid(
                "Alias cannot be updated as the entity already has an alias for the given 'mount_accessor' ",
            ));
        }
        let mut after = Entity { last_update_time: time, ..of.clone() };
        after.aliases[at] = alias.clone();
        change.entity(Some(&of), Some(&after))?;
        change.commit().await?;
        return Ok(answer(&of.id));
    };
    let to = core.identity.entity(core, &target)?;
    let to = to.ok_or_else(|| invalid("given 'canonical_id' is not associated with an entity"))?;
    if has_one(&to) {
        return Err(invalid("Alias cannot be updated as the given entity already has an alias for this mount "));
    }
    let mut left = Entity { last_update_time: time, ..of.clone() };
    left.aliases.remove(at);
    change.entity(Some(&of), Some(&left))?;
    let mut after = Entity { last_update_time: time, ..to.clone() };
    after.aliases.push(alias.clone());
    change.entity(Some(&to), Some(&after))?;
    change.commit().await?;
    Ok(answer(&to.id))
}
