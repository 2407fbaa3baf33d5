//! Who is behind tokens: entities, the names that auth methods know them by (aliases), and the groups they are in.
//!
//! Here are the records and what follows from them; [`Identity`] keeps them, and `identity/` is their API. A token
//! holds an entity's id and nothing else of it: what the entity may do is looked up at each request, so that a
//! change counts from the next one on.
//!
//! Source: Vault, "Identity: entities and groups".

pub(crate) mod keep;
pub(crate) mod login;
pub(crate) mod person;

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;

pub(crate) use self::keep::{Change, Identity};
pub(crate) use self::login::Alias as LoginAlias;
pub(crate) use self::person::Person;

/// Names with texts.
pub(crate) type Metadata = IndexMap<String, String>;

/// All groups, by id.
pub(crate) type Groups = BTreeMap<String, Arc<Group>>;

/// The record of an entity, under `identity/entity/<id>`. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Entity {
    /// A UUID.
    pub(crate) id: String,
    /// Unique in any case.
    pub(crate) name: String,
    pub(crate) metadata: Metadata,
    /// Policy names, as [`crate::engine::policy::sanitise`] leaves them.
    pub(crate) policies: Vec<String>,
    /// Whether its tokens open nothing.
    pub(crate) disabled: bool,
    /// At most one of a mount.
    pub(crate) aliases: Vec<Alias>,
    /// The ids of entities that were merged into it: tokens may hold them.
    pub(crate) merged: Vec<String>,
    pub(crate) creation_time: i64,
    pub(crate) last_update_time: i64,
}

/// What a mount calls an entity, or a group.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Alias {
    /// A UUID.
    pub(crate) id: String,
    /// Unique within the mount, in any case.
    pub(crate) name: String,
    /// Of the auth method.
    pub(crate) mount_accessor: String,
    /// What the last login said.
    pub(crate) metadata: Metadata,
    /// What people said.
    pub(crate) custom_metadata: Metadata,
    /// The entities that it had before it was merged into this one.
    pub(crate) merged_from: Vec<String>,
    pub(crate) creation_time: i64,
    pub(crate) last_update_time: i64,
}

/// Who says who is in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Membership {
    /// Whoever writes the group.
    #[default]
    Internal,
    /// Logins at the mount of its alias.
    External,
}

impl Membership {
    /// `internal` or `external`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
        }
    }
}

/// The record of a group, under `identity/group/<id>`. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Group {
    /// A UUID.
    pub(crate) id: String,
    /// Unique in any case.
    pub(crate) name: String,
    pub(crate) membership: Membership,
    /// Policy names, as [`crate::engine::policy::sanitise`] leaves them.
    pub(crate) policies: Vec<String>,
    pub(crate) metadata: Metadata,
    pub(crate) member_entity_ids: Vec<String>,
    /// Whose members have this group's policies too.
    pub(crate) member_group_ids: Vec<String>,
    /// Of an external group.
    pub(crate) alias: Option<Alias>,
    pub(crate) creation_time: i64,
    pub(crate) last_update_time: i64,
    /// How often it was written.
    pub(crate) modify_index: u64,
}

impl Entity {
    /// Its alias at a mount.
    pub(crate) fn alias_at(&self, accessor: &str) -> Option<&Alias> {
        self.aliases.iter().find(|alias| alias.mount_accessor == accessor)
    }
}
