//! What is mounted: its type, its folders and its settings, by the table of kinds.

use serde_json::Value;

use super::home::{ENGINES, Home, Table};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Is};
use super::kind::{Kind, Leases};
use super::kv_version::{CONTENTS, PLAIN, VERSION, VERSIONED, type_of};
use super::review::Reviewed;
use super::table::KINDS;

/// A mount: the table that it is in, its type, and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// The table.
    pub table: &'static Table,
    /// `approle`; of key-value engines with their version.
    pub mount_type: String,
    /// Without what stands before it in paths, and without a slash at its end.
    pub name: &'a str,
}

impl<'a> Mount<'a> {
    /// The mount at a path, of an object with these values.
    pub fn of(kind: &'static Kind, path: &'a str, value: impl Fn(&'static str) -> Value) -> Option<Self> {
        let Home::Entry(table) = kind.home else { return None };
        let mount_type = type_of(value("type").as_str()?, value(VERSION).as_i64().unwrap_or_default()).to_owned();
        Some(Self { table, mount_type, name: kind.mount_of(path)? })
    }

    /// What it holds that is no object, and where the names of that are listed.
    pub fn contents(&self) -> Option<(&'static str, String)> {
        let (_, what, list) = CONTENTS.iter().find(|(mount_type, ..)| *mount_type == self.mount_type)?;
        Some((what, format!("{}{list}", self.name)))
    }

    /// The block by which such a mount is declared; `None` where no word is for its type. Methods have one for all types that
    /// have logins; of secrets engines each type has its own, which the kinds below it bring.
    pub fn words(&self) -> Option<&'static Block> {
        let is_entry = |kind: &&&Kind| matches!(kind.home, Home::Entry(table) if table == self.table);
        let own = KINDS.iter().find(is_entry)?.words;
        let brings = |kind: &&&Kind| kind.table() == Some(self.table) && kind.mount_type() == Some(self.block_type());
        let mut brought = KINDS.iter().filter(brings).map(|kind| kind.words).peekable();
        brought.peek()?;
        let has_all =
            |block: &&Block| block.keys.iter().any(|key| matches!(key.is, Is::AllOf(part) if std::ptr::eq(part, own)));
        Some(brought.find(has_all).unwrap_or(own))
    }

    /// Whether leases can be out under it: of a method those of its logins, and of an engine that nobody here knows anything.
    pub fn issues(&self) -> bool {
        let brought = |kind: &&&Kind| kind.table() == Some(self.table) && kind.mount_type() == Some(self.block_type());
        let is_known_engine = self.table == &ENGINES && self.words().is_some();
        !is_known_engine || KINDS.iter().filter(brought).any(|kind| matches!(kind.leases, Leases::Issued(_)))
    }

    /// The type whose kinds bring its block: both versions of key-value engines have one.
    fn block_type(&self) -> &str {
        if self.mount_type == PLAIN { VERSIONED } else { &self.mount_type }
    }

    /// The folders of objects that it has.
    pub fn folders(&self) -> impl Iterator<Item = (&'static Kind, String)> + use<'a> {
        let Self { table, mount_type, name } = self.clone();
        KINDS.iter().filter_map(move |kind| Some((*kind, kind.folder_below(table, &mount_type, name)?)))
    }

    /// The settings that it has: their kinds and their paths.
    pub fn settings(&self) -> impl Iterator<Item = (&'static Kind, String)> + use<'a> {
        let Self { table, mount_type, name } = self.clone();
        let of_sort = KINDS.iter().copied().filter(
            move |kind| matches!(kind.home, Home::Setting { table: of, mount_type: own, .. } if of == table && own == mount_type),
        );
        of_sort.map(move |kind| (kind, kind.path(name, "")))
    }
}

impl Object {
    /// The mount that it is, if it is one.
    pub fn mount(&self) -> Option<Mount<'_>> {
        Mount::of(self.kind, &self.path, |name| self.value(name))
    }
}

impl Live {
    /// The mount that it is, if it is one.
    pub fn mount(&self) -> Option<Mount<'_>> {
        Mount::of(self.kind, &self.path, |name| self.fields.get(name).cloned().unwrap_or_default())
    }
}

impl Kind {
    /// The paths of what an object stands on, whether or not there is any: its mount and, if it is no setting itself, the
    /// settings of that, since what is issued would be made with them.
    pub fn needs(&self, path: &str) -> Vec<String> {
        let mut needs: Vec<String> = self.mount_path(path).into_iter().collect();
        if let (Home::Below { table, mount_type, .. }, Some(mount)) = (&self.home, self.mount_of(path)) {
            let mount = Mount { table, mount_type: (*mount_type).to_owned(), name: mount };
            needs.extend(mount.settings().map(|(_, path)| path));
        }
        needs
    }
}

/// The mount whose key stands at this path, if one can stand there: `aws` of `aws/config/root`.
pub fn keyed_mount(path: &str) -> Option<String> {
    KINDS.iter().filter(|kind| kind.key().is_some()).find_map(|kind| kind.mount_prefix(path))
}

/// The paths of the objects that may say how long leases of a mount live, without the mount itself.
pub fn terms_of<'m>(mount: &'m str) -> impl Iterator<Item = String> + 'm {
    let terms = KINDS.iter().filter(|kind| matches!(kind.reviewed, Reviewed::Terms(_)));
    terms.map(move |kind| kind.path(mount, ""))
}

#[cfg(test)]
mod tests {
    use super::{Home, Mount};
    use crate::object::home::{ENGINES, METHODS};
    use crate::object::{Class, Delete, KINDS, kind};

    #[test]
    fn only_what_issues_can_have_leases_out() {
        for (table, mount_type, expected) in [
            (&ENGINES, "aws", true),
            (&ENGINES, "kv-v1", false),
            (&ENGINES, "kv-v2", false),
            (&ENGINES, "transit", false),
            (&ENGINES, "database", true),
            (&METHODS, "approle", true),
            (&METHODS, "ldap", true),
        ] {
            let mount = Mount { table, mount_type: mount_type.to_owned(), name: "m" };
            assert_eq!(mount.issues(), expected, "{mount_type}");
        }
    }

    #[test]
    fn a_path_is_taken_apart_as_it_was_put_together() {
        for kind in KINDS {
            for mount in ["aws", "a/b", "roles", "config/root", "auth/role"] {
                let path = kind.path(mount, "name");
                let expected = match kind.home {
                    Home::Entry(table) => table.below.map(|_| "name"),
                    Home::Folder { .. } | Home::Named { .. } | Home::Anywhere => None,
                    Home::Below { .. } | Home::Setting { .. } => Some(mount),
                };
                assert_eq!(kind.mount_of(&path), expected, "{}: {path}", kind.name);
                let (list, below) = match kind.home {
                    Home::Entry(table) => (None, table.below.map(|before| format!("{before}name/"))),
                    Home::Folder { .. } | Home::Named { .. } | Home::Anywhere => (None, None),
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
        assert_eq!(
            needs("aws auth account", "auth/a/config/sts/111122223333"),
            "sys/auth/a auth/a/config/client auth/a/config/identity"
        );
        assert_eq!(needs("aws lease", "aws/config/lease"), "sys/mounts/aws");
        assert_eq!(needs("secrets engine", "sys/mounts/aws"), "");
    }

    #[test]
    fn every_kind_that_a_mount_has_one_of_is_asked_for() {
        let of_kinds = KINDS.iter().filter(|kind| {
            kind.class == Class::Config && kind.table() == Some(&ENGINES) && kind.mount_type() == Some("aws")
        });
        let mut named: Vec<&str> = of_kinds.map(|kind| kind.name).collect();
        let settings = |table| Mount { table, mount_type: "aws".to_owned(), name: "team/aws" }.settings();
        let mut asked: Vec<&str> = settings(&ENGINES).map(|(kind, _)| kind.name).collect();
        named.sort_unstable();
        asked.sort_unstable();
        assert_eq!(asked, named);
        assert!(settings(&ENGINES).all(|(kind, path)| {
            path.starts_with("team/aws/config/") && matches!(kind.delete, Delete::Forget(_) | Delete::Keep(_))
        }));
        let of_method: Vec<&str> = settings(&METHODS).map(|(kind, _)| kind.name).collect();
        assert_eq!(of_method, ["aws auth config", "aws auth identity"]);
    }
}
