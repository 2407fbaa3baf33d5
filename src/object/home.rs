//! Where the objects of a kind are in an engine. What their paths look like, how they are listed and below which mount they
//! are follows from it, in `kind/paths.rs` and `mounted.rs`, so nobody else takes a path apart.

use std::collections::BTreeMap;

/// A table of the engine: what is mounted or enabled, by name. Source: Vault API, "/sys/mounts", "/sys/auth" and
/// "/sys/audit".
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Where it is read: `sys/auth`.
    pub list: &'static str,
    /// What stands before the paths of what is mounted (`auth/`); none where nothing is below an entry.
    pub below: Option<&'static str>,
    /// Whether only the root namespace has it.
    pub is_root_only: bool,
    /// Where a server says that it takes entries from its own configuration alone.
    pub configured: Option<Configured>,
}

/// Where a server says how it takes the entries of a table.
#[derive(Debug, PartialEq, Eq)]
pub struct Configured {
    /// Where it is read.
    pub path: &'static str,
    /// The field that is false where they are not taken by the API. A server that has no such field takes them.
    pub by_api: &'static str,
}

/// How a server takes the entries of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Taking {
    /// By its API.
    #[default]
    ByApi,
    /// From its own configuration alone.
    FromConfiguration,
    /// This token may not know.
    Unknown,
}

impl Table {
    /// The path of an entry: `sys/auth/approle`.
    pub fn entry(&self, name: &str) -> String {
        format!("{}/{name}", self.list)
    }
}

impl Taking {
    /// How a server takes objects that are there, by what it told of its tables.
    pub fn of(home: &Home, told: &BTreeMap<&'static str, Self>) -> Self {
        match home {
            Home::Entry(table) => told.get(table.list).copied().unwrap_or_default(),
            _ => Self::ByApi,
        }
    }
}

/// Secrets engines.
pub static ENGINES: Table = Table { list: "sys/mounts", below: Some(""), is_root_only: false, configured: None };

/// Auth methods.
pub static METHODS: Table = Table { list: "sys/auth", below: Some("auth/"), is_root_only: false, configured: None };

/// Audit devices. Source of where it is told how they are taken: OpenBao, `command/server/config.go` (`Sanitized`) and
/// `vault/logical_system.go` (`handleEnableAudit`); Vault has no such setting.
pub static DEVICES: Table = Table {
    list: "sys/audit",
    below: None,
    is_root_only: true,
    configured: Some(Configured { path: "sys/config/state/sanitized", by_api: "unsafe_allow_api_audit_creation" }),
};

/// Where the objects of a kind are.
#[derive(Debug)]
pub enum Home {
    /// Entries of a table: `sys/mounts/aws`.
    Entry(&'static Table),
    /// In one folder, which can be listed: `sys/policies/acl/<name>`.
    Folder {
        /// The folder, without a slash at its end.
        path: &'static str,
        /// A field that every answer has: it tells a whole object in a list from a few words about one.
        witness: &'static str,
    },
    /// In a folder below each mount of a type, which can be listed: `aws/roles/<name>`.
    Below {
        /// The table of the mounts.
        table: &'static Table,
        /// Their type.
        mount_type: &'static str,
        /// The folder: `roles`.
        folder: &'static str,
        /// A field that every answer has.
        witness: &'static str,
    },
    /// One for each mount of a type, whether somebody set it or not; no list tells of it: `aws/config/root`.
    Setting {
        /// The table of the mounts.
        table: &'static Table,
        /// Their type.
        mount_type: &'static str,
        /// Its path below the mount: `config/root`.
        path: &'static str,
    },
    /// In one folder, each read by itself; what is there and not declared is not looked at: `sys/quotas/rate-limit/<name>`.
    /// Not every server has one.
    Named {
        /// The folder, without a slash at its end.
        path: &'static str,
    },
    /// At a path that only its declaration knows; no list tells of it.
    Anywhere,
}

/// The name of an entry in its table: `aws/`.
pub(super) fn key(table: &Table, path: &str) -> String {
    let name = path.strip_prefix(table.list).map_or(path, |rest| rest.trim_start_matches('/'));
    format!("{}/", name.trim_end_matches('/'))
}
