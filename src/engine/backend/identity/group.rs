//! `group`, `group/id/<id>`, `group/name/<name>`.

use std::sync::Arc;

use serde_json::{Map, json};

use super::{Named, check_name, given, invalid, policies, shown, sound};
use crate::engine::backend::Call;
use crate::engine::identity::{Change, Group, Membership, Metadata};
use crate::engine::kernel::{now, random};
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// LIST `group/id` and `group/name`.
pub(super) fn list(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let by_id = call.row.pattern == "group/id/?";
    let groups = core.identity.groups();
    let keys = groups.values().map(|group| if by_id { group.id.clone() } else { group.name.clone() });
    let info = |group: &Arc<Group>| (group.id.clone(), shown::brief_group(core, &groups, group));
    shown::list(keys.collect(), groups.values().map(info).collect::<Map<_, _>>())
}

fn find(core: &Core, call: Call<'_>, named: Named) -> Option<Arc<Group>> {
    match named {
        Named::ById => core.identity.groups().get(call.at("id")).cloned(),
        Named::ByName => core.identity.group_named(call.at("name")),
        Named::InBody => None,
    }
}

/// One group, by what its path says.
pub(super) async fn handle(core: &Core, call: Call<'_>, named: Named) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => {
            let group = find(core, call, named).ok_or(Error::NotFound)?;
            Ok(Response::data(shown::group(core, &group)))
        }
        Operation::Write => write(core, call, named).await,
        Operation::Delete => {
            let mut change = core.identity.change(core).await;
            if let Some(group) = find(core, call, named) {
                change.remove_group(&group.id)?;
                change.commit().await?;
            }
            Ok(Response::empty())
        }
        Operation::List | Operation::Patch => Err(call.forgotten()),
    }
}

/// A group of this name that nothing is said of yet.
///
/// # Errors
/// If there are no random numbers.
pub(super) fn fresh(name: Option<String>, membership: Membership, time: i64) -> Result<Group, Error> {
    let made_up = || Ok::<_, Error>(format!("group_{}", hex::encode(random::bytes::<8>()?)));
    Ok(Group {
        id: random::uuid()?,
        name: name.map_or_else(made_up, Ok)?,
        membership,
        policies: vec![],
        metadata: Metadata::new(),
        member_entity_ids: vec![],
        member_group_ids: vec![],
        alias: None,
        creation_time: time,
        last_update_time: time,
        modify_index: 0,
    })
}

/// A new group, or another one of those that are there.
pub(super) async fn write(core: &Core, call: Call<'_>, named: Named) -> Result<Response, Error> {
    let fields = call.fields();
    let mut change = core.identity.change(core).await;
    let before = match named {
        Named::InBody => match (given(fields, "id")?, given(fields, "name")?) {
            (Some(id), _) => Some(core.identity.groups().get(&id).cloned().ok_or_else(|| invalid("invalid group ID"))?),
            (None, Some(name)) => core.identity.group_named(&name),
            (None, None) => None,
        },
        Named::ById => Some(find(core, call, named).ok_or_else(|| invalid("invalid group ID"))?),
        Named::ByName => find(core, call, named),
    };
    let name = match (named, &before) {
        // By its path a name is in lower case, and what it names keeps its own.
        (Named::ByName, Some(_)) => None,
        (Named::ByName, None) => Some(call.at("name").to_owned()),
        _ => given(fields, "name")?,
    };
    if let Some(name) = &name {
        check_name(name)?;
        let holder = core.identity.group_named(name);
        if holder.is_some_and(|other| before.as_ref().is_none_or(|group| group.id != other.id)) {
            return Err(invalid("group name is already in use"));
        }
    }
    let time = now(core);
    let mut group = match &before {
        Some(group) => (**group).clone(),
        None => fresh(name.clone(), Membership::Internal, time)?,
    };
    group.name = name.unwrap_or(group.name);
    let asked = given(fields, "type")?;
    let membership = match asked.as_deref() {
        None => group.membership,
        Some("internal") => Membership::Internal,
        Some("external") => Membership::External,
        Some(other) => return Err(invalid(format!("invalid group type {other:?}"))),
    };
    if before.is_some() && membership != group.membership {
        return Err(invalid("group type cannot be changed"));
    }
    group.membership = membership;
    if let Some(policies) = policies(fields)? {
        group.policies = policies;
    }
    if let Some(metadata) = fields.pairs("metadata")? {
        group.metadata = sound("group", metadata)?;
    }
    set_members(core, &change, fields, &mut group)?;
    group.last_update_time = time;
    group.modify_index += 1;
    let answer = json!({ "id": group.id, "name": group.name });
    change.put_group(group)?;
    change.commit().await?;
    Ok(if before.is_some() { Response::empty() } else { Response::data(answer) })
}

fn set_members(core: &Core, change: &Change<'_>, fields: Fields<'_>, group: &mut Group) -> Result<(), Error> {
    let is_external = group.membership == Membership::External;
    if let Some(ids) = fields.list("member_entity_ids")? {
        if is_external {
            return Err(invalid("member entities can't be set manually for external groups"));
        }
        let ids = once(ids);
        for id in &ids {
            if core.identity.entity(core, id)?.is_none_or(|entity| entity.id != *id) {
                return Err(invalid(format!("invalid entity ID {id:?}")));
            }
        }
        group.member_entity_ids = ids;
    }
    if let Some(ids) = fields.list("member_group_ids")? {
        if is_external {
            return Err(invalid("member groups can't be set for external groups"));
        }
        let ids = once(ids);
        for id in &ids {
            if !change.groups.contains_key(id) && *id != group.id {
                return Err(invalid(format!("invalid member group ID {id:?}")));
            }
            if shown::would_be_a_circle(&change.groups, &group.id, id) {
                return Err(invalid(format!("cyclic relationship detected for member group ID {id:?}")));
            }
        }
        group.member_group_ids = ids;
    }
    Ok(())
}

/// Each once, in their order, without empty ones.
fn once(ids: Vec<String>) -> Vec<String> {
    let ids: indexmap::IndexSet<String> = ids.into_iter().filter(|id| !id.is_empty()).collect();
    ids.into_iter().collect()
}
