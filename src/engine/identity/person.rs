//! What follows from an entity and its groups for whoever has a token of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Alias, Entity, Group, Groups, Metadata};
use crate::acl::template::{AliasFacts, Facts, GroupFacts};
use crate::engine::policy;

/// An entity as a request sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// The entity's id: not that in the token, where entities were merged.
    pub(crate) id: String,
    /// Whether it may do nothing.
    pub(crate) disabled: bool,
    /// The policies of the entity and of its groups, sorted, each once.
    pub(crate) policies: Vec<String>,
    /// The ids of the groups that it is in, sorted.
    pub(crate) direct: Vec<String>,
    /// The ids of the groups that one of its groups is in, and so on, sorted, without the former.
    pub(crate) inherited: Vec<String>,
    /// What templates of policies are filled in with.
    pub(crate) facts: Arc<Facts>,
}

impl Person {
    /// Of an entity, with these groups.
    pub(crate) fn of(entity: &Entity, groups: &Groups) -> Self {
        let direct: Vec<String> = groups
            .values()
            .filter(|group| group.member_entity_ids.contains(&entity.id))
            .map(|group| group.id.clone())
            .collect();
        let all = with_parents(&direct, groups);
        let of_groups = all.iter().filter_map(|id| groups.get(id)).flat_map(|group| group.policies.iter());
        let policies: Vec<String> = entity.policies.iter().chain(of_groups).cloned().collect();
        let inherited = all.iter().filter(|id| !direct.contains(id)).cloned().collect();
        Self {
            id: entity.id.clone(),
            disabled: entity.disabled,
            policies: policy::sanitise(&policies),
            direct,
            inherited,
            facts: Arc::new(facts(entity, &all, groups)),
        }
    }
}

fn facts(entity: &Entity, all: &BTreeSet<String>, groups: &Groups) -> Facts {
    let told = |metadata: &Metadata| metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let alias = |alias: &Alias| AliasFacts {
        id: alias.id.clone(),
        name: alias.name.clone(),
        metadata: told(&alias.metadata),
        custom_metadata: told(&alias.custom_metadata),
    };
    let group = |group: &Arc<Group>| GroupFacts {
        id: group.id.clone(),
        name: group.name.clone(),
        metadata: told(&group.metadata),
    };
    Facts {
        id: entity.id.clone(),
        name: entity.name.clone(),
        metadata: told(&entity.metadata),
        aliases: entity.aliases.iter().map(|it| (it.mount_accessor.clone(), alias(it))).collect(),
        groups: all.iter().filter_map(|id| groups.get(id)).map(group).collect(),
    }
}

/// These groups, and those that they are members of, however deep.
pub(crate) fn with_parents(ids: &[String], groups: &Groups) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut next: Vec<String> = ids.to_vec();
    while let Some(id) = next.pop() {
        if found.insert(id.clone()) {
            next.extend(groups.values().filter(|group| group.member_group_ids.contains(&id)).map(|it| it.id.clone()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Groups, Person};
    use crate::engine::identity::{Entity, Group, Membership, Metadata};

    fn group(id: &str, entities: &[&str], groups: &[&str]) -> (String, Arc<Group>) {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let group = Group {
            id: id.to_owned(),
            name: id.to_owned(),
            membership: Membership::Internal,
            policies: vec![format!("of-{id}")],
            metadata: Metadata::new(),
            member_entity_ids: names(entities),
            member_group_ids: names(groups),
            alias: None,
            creation_time: 0,
            last_update_time: 0,
            modify_index: 1,
        };
        (id.to_owned(), Arc::new(group))
    }

    #[test]
    fn policies_come_from_the_groups_above() {
        let entity = Entity {
            id: "e".to_owned(),
            name: "e".to_owned(),
            metadata: Metadata::new(),
            policies: vec!["own".to_owned()],
            disabled: false,
            aliases: vec![],
            merged: vec![],
            creation_time: 0,
            last_update_time: 0,
        };
        let groups: Groups = [
            group("team", &["e"], &[]),
            group("department", &[], &["team"]),
            group("company", &["other"], &["department", "others"]),
            group("others", &["other"], &[]),
            // A member of the team, so that its members have what the team has, and not the other way round.
            group("visitors", &["other"], &[]),
        ]
        .into();
        let person = Person::of(&entity, &groups);
        assert_eq!(person.policies, ["of-company", "of-department", "of-team", "own"]);
        assert_eq!(person.direct, ["team"]);
        assert_eq!(person.inherited, ["company", "department"]);
    }
}
