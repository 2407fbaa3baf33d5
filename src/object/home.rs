//! Where the objects of a kind are in an engine: what their paths look like, how they are listed, below which mount they
//! are, and what has to be there before them.
//!
//! All of it follows from the kind's [`Home`], so nobody else takes a path apart.

use serde_json::Value;

use super::{KINDS, Kind, Live, Object, Read};

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
}

impl Table {
    /// The path of an entry: `sys/auth/approle`.
    pub fn entry(&self, name: &str) -> String {
        format!("{}/{name}", self.list)
    }
}

/// Secrets engines.
pub static ENGINES: Table = Table { list: "sys/mounts", below: Some(""), is_root_only: false };

/// Auth methods.
pub static METHODS: Table = Table { list: "sys/auth", below: Some("auth/"), is_root_only: false };

/// Audit devices.
pub static DEVICES: Table = Table { list: "sys/audit", below: None, is_root_only: true };

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
        sort: &'static str,
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
        sort: &'static str,
        /// Its path below the mount: `config/root`.
        path: &'static str,
    },
}

impl Kind {
    /// The path of an object; a kind that needs no mount, or no name, does not look at it.
    pub fn path(&self, mount: &str, name: &str) -> String {
        match &self.home {
            Home::Entry(table) => table.entry(name),
            Home::Folder { path, .. } => format!("{path}/{name}"),
            Home::Below { table, folder, .. } => format!("{}{mount}/{folder}/{name}", table.below.unwrap_or_default()),
            Home::Setting { table, path, .. } => format!("{}{mount}/{path}", table.below.unwrap_or_default()),
        }
    }

    /// Where an object is read from.
    pub fn read(&self, path: &str) -> Read {
        match &self.home {
            Home::Entry(table) => Read::Entry { list: table.list, key: key(table, path) },
            Home::Folder { .. } | Home::Below { .. } | Home::Setting { .. } => Read::At(path.to_owned()),
        }
    }

    /// The table that an object is in, or that its mount is in.
    pub fn table(&self) -> Option<&'static Table> {
        match self.home {
            Home::Entry(table) | Home::Below { table, .. } | Home::Setting { table, .. } => Some(table),
            Home::Folder { .. } => None,
        }
    }

    /// The type of the mounts that its objects are below.
    pub fn sort(&self) -> Option<&'static str> {
        match self.home {
            Home::Below { sort, .. } | Home::Setting { sort, .. } => Some(sort),
            Home::Entry(_) | Home::Folder { .. } => None,
        }
    }

    /// The folder of these objects below a mount of this type, if such mounts have one: `auth/approle/role`.
    pub fn folder_below(&self, of: &Table, sort: &str, mount: &str) -> Option<String> {
        match self.home {
            Home::Below { table, sort: own, folder, .. } if table == of && own == sort => {
                Some(format!("{}{mount}/{folder}", table.below?))
            }
            _ => None,
        }
    }

    /// The field that tells a whole object in a list from a few words about one.
    pub fn witness(&self) -> Option<&'static str> {
        match self.home {
            Home::Folder { witness, .. } | Home::Below { witness, .. } => Some(witness),
            Home::Entry(_) | Home::Setting { .. } => None,
        }
    }

    /// The mount that an object is, or is below: `approle` of `auth/approle/role/app-web`.
    pub fn mount_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self.home {
            Home::Entry(table) => {
                table.below?;
                Some(path.strip_prefix(table.list)?.strip_prefix('/')?.trim_end_matches('/'))
            }
            Home::Folder { .. } => None,
            Home::Below { table, folder, .. } => {
                let (parent, _) = path.strip_prefix(table.below?)?.rsplit_once('/')?;
                parent.strip_suffix(folder)?.strip_suffix('/')
            }
            Home::Setting { table, path: below, .. } => {
                path.strip_prefix(table.below?)?.strip_suffix(below)?.strip_suffix('/')
            }
        }
    }

    /// The name of an object in its folder: `app-web` of `auth/approle/role/app-web`.
    pub fn name_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self.home {
            Home::Folder { path: folder, .. } => path.strip_prefix(folder)?.strip_prefix('/'),
            Home::Below { .. } => Some(path.rsplit_once('/')?.1),
            Home::Entry(_) | Home::Setting { .. } => None,
        }
    }

    /// The path of the mount that an object is, or is below, as paths below it begin: `auth/approle`.
    pub fn mount_prefix(&self, path: &str) -> Option<String> {
        Some(format!("{}{}", self.table()?.below?, self.mount_of(path)?))
    }

    /// Below which paths everything goes when an object goes: `auth/approle/` of `sys/auth/approle`.
    pub fn below(&self, path: &str) -> Option<String> {
        let Home::Entry(table) = self.home else { return None };
        Some(format!("{}{}/", table.below?, self.mount_of(path)?))
    }

    /// The path of the mount that an object is below: `sys/mounts/aws` of `aws/config/root`.
    pub fn mount_path(&self, path: &str) -> Option<String> {
        match self.home {
            Home::Below { table, .. } | Home::Setting { table, .. } => Some(table.entry(self.mount_of(path)?)),
            Home::Entry(_) | Home::Folder { .. } => None,
        }
    }

    /// The paths of what an object stands on, whether or not there is any: its mount and, if it is no setting itself, the
    /// settings of that, since what is issued would be made with them.
    pub fn needs(&self, path: &str) -> Vec<String> {
        let mut needs: Vec<String> = self.mount_path(path).into_iter().collect();
        if let (Home::Below { table, sort, .. }, Some(mount)) = (&self.home, self.mount_of(path)) {
            let mount = Mount { table, sort: (*sort).to_owned(), name: mount };
            needs.extend(mount.settings().map(|(_, path)| path));
        }
        needs
    }
}

/// A mount: the table that it is in, its type, and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// The table.
    pub table: &'static Table,
    /// `approle`.
    pub sort: String,
    /// Without what stands before it in paths, and without a slash at its end.
    pub name: &'a str,
}

impl<'a> Mount<'a> {
    /// The mount at a path, whose type this is.
    pub fn of(kind: &'static Kind, path: &'a str, sort: Option<&Value>) -> Option<Self> {
        let Home::Entry(table) = kind.home else { return None };
        Some(Self { table, sort: sort?.as_str()?.to_owned(), name: kind.mount_of(path)? })
    }

    /// The folders of objects that it has.
    pub fn folders(&self) -> impl Iterator<Item = (&'static Kind, String)> + use<'a> {
        let Self { table, sort, name } = self.clone();
        KINDS.iter().filter_map(move |kind| Some((*kind, kind.folder_below(table, &sort, name)?)))
    }

    /// The settings that it has: their kinds and their paths.
    pub fn settings(&self) -> impl Iterator<Item = (&'static Kind, String)> + use<'a> {
        let Self { table, sort, name } = self.clone();
        let of_sort = KINDS.iter().copied().filter(
            move |kind| matches!(kind.home, Home::Setting { table: of, sort: own, .. } if of == table && own == sort),
        );
        of_sort.map(move |kind| (kind, kind.path(name, "")))
    }
}

impl Object {
    /// The mount that it is, if it is one.
    pub fn mount(&self) -> Option<Mount<'_>> {
        Mount::of(self.kind, &self.path, Some(&self.value("type")))
    }
}

impl Live {
    /// The mount that it is, if it is one.
    pub fn mount(&self) -> Option<Mount<'_>> {
        Mount::of(self.kind, &self.path, self.fields.get("type"))
    }
}

/// The name of an entry in its table: `aws/`.
pub(super) fn key(table: &Table, path: &str) -> String {
    let name = path.strip_prefix(table.list).map_or(path, |rest| rest.trim_start_matches('/'));
    format!("{}/", name.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::{ENGINES, Home, METHODS, Mount};
    use crate::object::{Class, Delete, KINDS, kind};

    #[test]
    fn a_path_is_taken_apart_as_it_was_put_together() {
        for kind in KINDS {
            for mount in ["aws", "a/b", "roles", "config/root", "auth/role"] {
                let path = kind.path(mount, "name");
                let expected = match kind.home {
                    Home::Entry(table) => table.below.map(|_| "name"),
                    Home::Folder { .. } => None,
                    Home::Below { .. } | Home::Setting { .. } => Some(mount),
                };
                assert_eq!(kind.mount_of(&path), expected, "{}: {path}", kind.name);
                let (list, below) = match kind.home {
                    Home::Entry(table) => (None, table.below.map(|before| format!("{before}name/"))),
                    Home::Folder { .. } => (None, None),
                    Home::Below { table, .. } | Home::Setting { table, .. } => (Some(table.list), None),
                };
                assert_eq!(kind.mount_path(&path), list.map(|list| format!("{list}/{mount}")), "{}", kind.name);
                assert_eq!(kind.below(&path), below, "{}", kind.name);
            }
            for odd in ["", "/", "aws", "sys", "auth/", "role/x", "/role/x", "config/root"] {
                assert!(kind.mount_of(odd).is_none_or(|mount| odd.contains(mount)), "{}: {odd}", kind.name);
            }
        }
    }

    #[test]
    fn what_can_be_listed_has_a_witness_that_every_answer_has() {
        for kind in KINDS {
            let listed = matches!(kind.home, Home::Folder { .. } | Home::Below { .. });
            assert_eq!(kind.witness().is_some(), listed, "{}", kind.name);
            assert!(kind.witness().is_none_or(|witness| kind.tells(witness)), "{}", kind.name);
        }
    }

    #[test]
    fn roles_stand_on_their_mount_and_its_settings() {
        let needs = |name: &str, path: &str| kind(name).expect("known").needs(path).join(" ");
        assert_eq!(needs("aws role", "a/b/roles/c"), "sys/mounts/a/b a/b/config/root a/b/config/lease");
        assert_eq!(needs("approle role", "auth/approle/role/c"), "sys/auth/approle");
        assert_eq!(needs("aws lease", "aws/config/lease"), "sys/mounts/aws");
        assert_eq!(needs("secrets engine", "sys/mounts/aws"), "");
    }

    #[test]
    fn every_kind_that_a_mount_has_one_of_is_asked_for() {
        let of_kinds = KINDS.iter().filter(|kind| kind.class == Class::Config && kind.sort() == Some("aws"));
        let mut named: Vec<&str> = of_kinds.map(|kind| kind.name).collect();
        let settings = |table| Mount { table, sort: "aws".to_owned(), name: "team/aws" }.settings();
        let mut asked: Vec<&str> = settings(&ENGINES).map(|(kind, _)| kind.name).collect();
        named.sort_unstable();
        asked.sort_unstable();
        assert_eq!(asked, named);
        assert!(
            settings(&ENGINES).all(|(kind, path)| {
                path.starts_with("team/aws/config/") && matches!(kind.delete, Delete::Forget(_))
            })
        );
        assert_eq!(settings(&METHODS).count(), 0);
    }
}
