//! What somebody else has and an estate refers to: mounts, below which it has roles and logins, and users and groups, who
//! are in groups of its own. It never makes, changes, adopts or removes them.

use super::home::{Home, Table};
use super::kind::Kind;
use super::mounted::Mount;
use super::place::Place;

/// What is referred to.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Its sort.
    pub kind: &'static Kind,
    /// Its path: `sys/auth/oidc`.
    pub path: String,
    /// The type that it has to have, of a mount.
    pub mount_type: String,
    /// Where it is referred to.
    pub place: Place,
}

impl Shared {
    /// The table that it is in, if it is a mount.
    pub fn table(&self) -> Option<&'static Table> {
        match self.kind.home {
            Home::Entry(table) => Some(table),
            _ => None,
        }
    }

    /// The mount that it is, if it is one.
    pub fn mount(&self) -> Option<Mount<'_>> {
        let name = self.kind.mount_of(&self.path)?;
        Some(Mount { table: self.table()?, mount_type: self.mount_type.clone(), name })
    }

    /// Whether an object is it, or one of a mount's settings: these are its owner's too.
    pub fn has(&self, path: &str) -> bool {
        path == self.path || self.mount().is_some_and(|mount| mount.settings().any(|(_, setting)| setting == path))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Shared;
    use crate::object::{Place, auth_mount, mount};

    #[test]
    fn a_mount_has_its_settings_and_not_what_is_below_it() {
        let shared = |kind, path: &str, mount_type: &str| Shared {
            kind,
            path: path.to_owned(),
            mount_type: mount_type.to_owned(),
            place: Place { file: Arc::from("e.hcl"), line: 1, column: 1 },
        };
        let engine = shared(&mount::KIND, "sys/mounts/a/b", "aws");
        for (path, expected) in [
            ("sys/mounts/a/b", true),
            ("a/b/config/root", true),
            ("a/b/config/lease", true),
            ("a/b/roles/config", false),
            ("sys/mounts/a", false),
        ] {
            assert_eq!(engine.has(path), expected, "{path}");
        }
        let method = shared(&auth_mount::KIND, "sys/auth/jwt", "jwt");
        assert!(method.has("auth/jwt/config") && !method.has("auth/jwt/role/app-web"));
    }
}
