//! `group-alias` and `group-alias/id/<id>`: what an auth method calls an external group.

use serde_json::{Map, json};

use super::{check_accessor, given, group, invalid, shown};
use crate::engine::backend::Call;
use crate::engine::identity::{Alias, Group, Membership};
use crate::engine::kernel::now;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// Where a call says which alias it means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// By `id`, or it is a new one.
    InBody,
    /// In the path.
    ById,
}

/// LIST `group-alias/id`.
pub(super) fn list(core: &Core) -> Result<Response, Error> {
    let groups = core.identity.groups();
    let aliases = groups.values().filter_map(|group| Some((group.alias.as_ref()?, &group.id)));
    let infos: Map<_, _> = aliases.map(|(alias, group)| shown::listed_alias(core, alias, group)).collect();
    shown::list(infos.keys().cloned().collect(), infos)
}

/// One alias, by its id.
pub(super) async fn handle(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let id = call.at("id");
    match call.request.operation {
        Operation::Read => {
            let group = core.identity.group_by_alias(|alias| alias.id == id).ok_or(Error::NotFound)?;
            let alias = group.alias.as_ref().ok_or(Error::NotFound)?;
            Ok(Response::data(shown::lone_alias(core, alias, &group.id)))
        }
        Operation::Write => write(core, call, Named::ById).await,
        Operation::Delete => {
            let mut change = core.identity.change(core).await;
            change.each_group(|group| {
                let is_it = group.alias.as_ref().is_some_and(|alias| alias.id == id);
                if is_it {
                    group.alias = None;
                }
                is_it
            })?;
            change.commit().await?;
            Ok(Response::empty())
        }
        Operation::List | Operation::Patch => Err(call.forgotten()),
    }
}

/// A new alias, or another one of those that are there, and whose it is.
pub(super) async fn write(core: &Core, call: Call<'_>, named: Named) -> Result<Response, Error> {
    let fields = call.fields();
    let name = given(fields, "name")?;
    let accessor = given(fields, "mount_accessor")?;
    let canonical_id = given(fields, "canonical_id")?;
    let id = match named {
        Named::ById => Some(call.at("id").to_owned()),
        Named::InBody => given(fields, "id")?,
    };
    let mut change = core.identity.change(core).await;
    let holder = match &id {
        Some(id) => {
            let found = core.identity.group_by_alias(|alias| alias.id == *id);
            Some(found.ok_or_else(|| invalid("invalid group alias ID"))?)
        }
        None => None,
    };
    let name = name.ok_or_else(|| invalid("missing alias name"))?;
    let accessor = accessor.ok_or_else(|| invalid("missing mount_accessor"))?;
    check_accessor(core, &accessor)?;
    let is_same = |alias: &Alias| alias.mount_accessor == accessor && alias.name.to_lowercase() == name.to_lowercase();
    let other = core.identity.group_by_alias(is_same).and_then(|group| group.alias.clone());
    if other.is_some_and(|alias| Some(&alias.id) != id.as_ref()) {
        return Err(invalid("combination of mount and group alias name is already in use"));
    }
    let time = now(core);
    let target = match (&canonical_id, &holder) {
        (Some(id), _) => {
            let found = change.groups.get(id).ok_or_else(|| invalid("invalid group ID given in 'canonical_id'"))?;
            (**found).clone()
        }
        (None, Some(group)) => (**group).clone(),
        (None, None) => group::fresh(None, Membership::External, time)?,
    };
    if target.membership != Membership::External {
        return Err(invalid("alias can't be set on an internal group"));
    }
    let before = holder.as_ref().and_then(|group| group.alias.clone());
    let alias = match before {
        Some(alias) => Alias { name, mount_accessor: accessor, last_update_time: time, ..alias },
        None => Alias::fresh(&accessor, &name, time)?,
    };
    if let Some(left) = holder.filter(|group| group.id != target.id) {
        change.put_group(touched(Group { alias: None, ..(*left).clone() }, time))?;
    }
    let answer = json!({ "id": alias.id, "canonical_id": target.id });
    change.put_group(touched(Group { alias: Some(alias), ..target }, time))?;
    change.commit().await?;
    Ok(Response::data(answer))
}

fn touched(group: Group, time: i64) -> Group {
    Group { last_update_time: time, modify_index: group.modify_index + 1, ..group }
}
