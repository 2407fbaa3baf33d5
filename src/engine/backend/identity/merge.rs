//! `entity/merge`: one entity of several. Tokens of those that go are the other's from then on, by the ids that it
//! keeps of them.

use super::{given, invalid};
use crate::engine::backend::Call;
use crate::engine::identity::{Alias, Entity};
use crate::engine::kernel::now;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;

/// Serves one call: all of it, or nothing.
pub(super) async fn handle(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let fields = call.fields();
    let to = given(fields, "to_entity_id")?.ok_or_else(|| invalid("missing entity id to merge to"))?;
    let from = fields.list("from_entity_ids")?.filter(|ids| !ids.is_empty());
    let from = from.ok_or_else(|| invalid("missing entity ids to merge from"))?;
    let keep = fields.list("conflicting_alias_ids_to_keep")?.unwrap_or_default();
    let mut change = core.identity.change(core).await;
    let exactly = |id: &str| Ok::<_, Error>(core.identity.entity(core, id)?.filter(|entity| entity.id == *id));
    let before = exactly(&to)?.ok_or_else(|| invalid("entity id to merge to is invalid"))?;
    if from.len() > 1 && keep.len() > 1 {
        return Err(invalid(
            "aliases conflicts cannot be resolved with multiple from entity ids - merge one entity at a time",
        ));
    }
    let time = now(core);
    let mut after = Entity { last_update_time: time, ..before.clone() };
    let mut gone: Vec<Entity> = Vec::new();
    for id in from.iter().filter(|id| !id.is_empty()) {
        if *id == to {
            return Err(invalid("to_entity_id should not be present in from_entity_ids"));
        }
        if gone.iter().any(|entity| entity.id == *id) {
            continue;
        }
        let entity = exactly(id)?.ok_or_else(|| invalid("entity id to merge from is invalid"))?;
        take_aliases(&mut after, &entity, &keep)?;
        after.merged.extend(entity.merged.iter().cloned());
        after.merged.push(entity.id.clone());
        gone.push(entity);
    }
    for entity in &gone {
        change.each_group(|group| {
            let members = &mut group.member_entity_ids;
            let was_in = members.contains(&entity.id);
            if was_in {
                members.retain(|id| *id != entity.id && *id != to);
                members.push(to.clone());
            }
            was_in
        })?;
        change.entity(Some(entity), None)?;
    }
    change.entity(Some(&before), Some(&after))?;
    change.commit().await?;
    Ok(Response::empty())
}

/// Gives an entity the aliases of one that goes. Of two of a mount, one goes: which, is for the caller to say.
fn take_aliases(to: &mut Entity, from: &Entity, keep: &[String]) -> Result<(), Error> {
    for alias in &from.aliases {
        let rival = to.aliases.iter().position(|known| known.mount_accessor == alias.mount_accessor);
        if let Some(at) = rival {
            let other = to.aliases[at].id.clone();
            if keep.contains(&other) {
                continue;
            }
            if !keep.contains(&alias.id) {
                return Err(invalid(format!(
                    "toEntity and at least one fromEntity have aliases with the same mount accessor, repeat the merge \
                     request specifying exactly one fromEntity, and one of these aliases in \
                     conflicting_alias_ids_to_keep: mountAccessor: {}, toEntity ID: {}, fromEntity ID: {}, conflicting \
                     toEntity alias ID: {other}, conflicting fromEntity alias ID: {}",
                    alias.mount_accessor, to.id, from.id, alias.id
                )));
            }
            to.aliases.remove(at);
        }
        let merged_from = alias.merged_from.iter().cloned().chain([from.id.clone()]).collect();
        to.aliases.push(Alias { merged_from, ..alias.clone() });
    }
    Ok(())
}
