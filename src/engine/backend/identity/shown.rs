//! Entities, groups and aliases as reads and lists answer them.

use serde_json::{Map, Value, json};

use crate::clock::rfc3339;
use crate::engine::identity::person::with_parents;
use crate::engine::identity::{Alias, Entity, Group, Groups, Metadata, Person};
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;

/// Metadata, or null where nobody said any.
fn metadata(told: &Metadata) -> Value {
    if told.is_empty() { Value::Null } else { json!(told) }
}

/// Adds what is known of an alias' mount, as long as it is there.
fn add_mount(core: &Core, accessor: &str, data: &mut Value) {
    let table = core.mounts.snapshot();
    if let Some(mount) = table.values().find(|mount| mount.accessor == accessor) {
        data["mount_path"] = mount.path.as_str().into();
        data["mount_type"] = mount.kind.as_str().into();
    }
}

/// An alias, within what it is of or alone.
pub(super) fn alias(core: &Core, alias: &Alias, canonical_id: &str) -> Value {
    let mut data = json!({
        "id": alias.id,
        "canonical_id": canonical_id,
        "mount_accessor": alias.mount_accessor,
        "metadata": metadata(&alias.metadata),
        "custom_metadata": metadata(&alias.custom_metadata),
        "name": alias.name,
        "merged_from_canonical_ids": if alias.merged_from.is_empty() { Value::Null } else { json!(alias.merged_from) },
        "creation_time": rfc3339(alias.creation_time),
        "last_update_time": rfc3339(alias.last_update_time),
        "local": false,
    });
    add_mount(core, &alias.mount_accessor, &mut data);
    data
}

/// An alias by itself.
pub(super) fn lone_alias(core: &Core, of: &Alias, canonical_id: &str) -> Value {
    let mut data = alias(core, of, canonical_id);
    data["namespace_id"] = "root".into();
    data
}

/// An entity.
pub(super) fn entity(core: &Core, entity: &Entity) -> Value {
    let person = Person::of(entity, &core.identity.groups());
    let all: Vec<&String> = person.direct.iter().chain(&person.inherited).collect();
    json!({
        "id": entity.id,
        "name": entity.name,
        "metadata": metadata(&entity.metadata),
        "policies": entity.policies,
        "disabled": entity.disabled,
        "merged_entity_ids": if entity.merged.is_empty() { Value::Null } else { json!(entity.merged) },
        "namespace_id": "root",
        "creation_time": rfc3339(entity.creation_time),
        "last_update_time": rfc3339(entity.last_update_time),
        "aliases": entity.aliases.iter().map(|it| alias(core, it, &entity.id)).collect::<Vec<_>>(),
        "direct_group_ids": person.direct,
        "inherited_group_ids": person.inherited,
        "group_ids": all,
    })
}

/// A group.
pub(super) fn group(core: &Core, group: &Group) -> Value {
    let groups = core.identity.groups();
    json!({
        "id": group.id,
        "name": group.name,
        "policies": group.policies,
        "member_entity_ids": group.member_entity_ids,
        "member_group_ids": group.member_group_ids,
        "parent_group_ids": parents(&groups, &group.id),
        "metadata": metadata(&group.metadata),
        "creation_time": rfc3339(group.creation_time),
        "last_update_time": rfc3339(group.last_update_time),
        "modify_index": group.modify_index,
        "type": group.membership.name(),
        "namespace_id": "root",
        "alias": group.alias.as_ref().map_or_else(|| json!({}), |it| alias(core, it, &group.id)),
    })
}

fn parents(groups: &Groups, id: &str) -> Vec<String> {
    let is_parent = |group: &&std::sync::Arc<Group>| group.member_group_ids.iter().any(|member| member == id);
    groups.values().filter(is_parent).map(|group| group.id.clone()).collect()
}

/// Whether making `member` one of the members of `id` would put a group into itself.
pub(super) fn would_be_a_circle(groups: &Groups, id: &str, member: &str) -> bool {
    with_parents(&[id.to_owned()], groups).contains(member)
}

fn brief_alias(core: &Core, alias: &Alias) -> Value {
    let mut data = json!({ "id": alias.id, "name": alias.name, "mount_accessor": alias.mount_accessor });
    add_mount(core, &alias.mount_accessor, &mut data);
    data
}

/// What a list of entities tells of each.
pub(super) fn brief_entity(core: &Core, entity: &Entity) -> Value {
    let mut data = json!({ "name": entity.name });
    if !entity.aliases.is_empty() {
        data["aliases"] = entity.aliases.iter().map(|alias| brief_alias(core, alias)).collect();
    }
    data
}

/// What a list of groups tells of each.
pub(super) fn brief_group(core: &Core, groups: &Groups, group: &Group) -> Value {
    let mut data = json!({
        "name": group.name,
        "num_member_entities": group.member_entity_ids.len(),
        "num_parent_groups": parents(groups, &group.id).len(),
    });
    if let Some(alias) = &group.alias {
        data["alias"] = brief_alias(core, alias);
    }
    data
}

/// What a list of aliases tells of each.
pub(super) fn listed_alias(core: &Core, alias: &Alias, canonical_id: &str) -> (String, Value) {
    let mut data = brief_alias(core, alias);
    data["canonical_id"] = canonical_id.into();
    (alias.id.clone(), data)
}

/// A list's answer: the keys in order, and what is told of each, by its id.
///
/// # Errors
/// [`Error::NotFound`] where there are none.
pub(super) fn list(mut keys: Vec<String>, infos: Map<String, Value>) -> Result<Response, Error> {
    keys.sort_unstable();
    let mut answer = Response::keys(keys)?;
    if let Some(data) = &mut answer.data {
        data.insert("key_info".to_owned(), Value::Object(infos));
    }
    Ok(answer)
}
