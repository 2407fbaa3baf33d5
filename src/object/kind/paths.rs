//! The paths of a kind's objects, put together and taken apart by its home.

use super::Kind;
use crate::object::call::Read;
use crate::object::home::{Home, Table, key};

impl Kind {
    /// The path of an object; a kind that needs no mount, or no name, does not look at it.
    pub fn path(&self, mount: &str, name: &str) -> String {
        match &self.home {
            Home::Entry(table) => table.entry(name),
            Home::Folder { path, .. } | Home::Named { path } => format!("{path}/{name}"),
            Home::Below { table, folder, .. } => format!("{}{mount}/{folder}/{name}", table.below.unwrap_or_default()),
            Home::Setting { table, path, .. } => format!("{}{mount}/{path}", table.below.unwrap_or_default()),
            Home::Anywhere => name.to_owned(),
        }
    }

    /// Where an object is read from.
    pub fn read(&self, path: &str) -> Read {
        match &self.home {
            Home::Entry(table) => Read::Entry { list: table.list, key: key(table, path) },
            Home::Folder { .. } | Home::Named { .. } | Home::Below { .. } | Home::Setting { .. } | Home::Anywhere => {
                Read::At(path.to_owned())
            }
        }
    }

    /// The table that an object is in, or that its mount is in.
    pub fn table(&self) -> Option<&'static Table> {
        match self.home {
            Home::Entry(table) | Home::Below { table, .. } | Home::Setting { table, .. } => Some(table),
            Home::Folder { .. } | Home::Named { .. } | Home::Anywhere => None,
        }
    }

    /// The type of the mounts that its objects are below.
    pub fn mount_type(&self) -> Option<&'static str> {
        match self.home {
            Home::Below { mount_type, .. } | Home::Setting { mount_type, .. } => Some(mount_type),
            Home::Entry(_) | Home::Folder { .. } | Home::Named { .. } | Home::Anywhere => None,
        }
    }

    /// Whether its objects are below mounts of this table.
    pub fn is_below(&self, of: &Table) -> bool {
        match self.home {
            Home::Below { table, .. } | Home::Setting { table, .. } => table == of,
            Home::Entry(_) | Home::Folder { .. } | Home::Named { .. } | Home::Anywhere => false,
        }
    }

    /// The folder of these objects below a mount of this type, if such mounts have one: `auth/approle/role`.
    pub fn folder_below(&self, of: &Table, mount_type: &str, mount: &str) -> Option<String> {
        match self.home {
            Home::Below { table, mount_type: own, folder, .. } if table == of && own == mount_type => {
                Some(format!("{}{mount}/{folder}", table.below?))
            }
            _ => None,
        }
    }

    /// The folders of its mount below which the names of these objects stand: of what they are, of what is issued in their
    /// names, and of what is done to them.
    pub fn folders(&self) -> impl Iterator<Item = &'static str> {
        let own = match self.home {
            Home::Below { folder, .. } => Some(folder),
            Home::Entry(_) | Home::Folder { .. } | Home::Named { .. } | Home::Setting { .. } | Home::Anywhere => None,
        };
        own.into_iter().chain(self.issued_in().iter().copied()).chain(self.special.acted_in.iter().copied())
    }

    /// The field that tells a whole object in a list from a few words about one.
    pub fn witness(&self) -> Option<&'static str> {
        match self.home {
            Home::Folder { witness, .. } | Home::Below { witness, .. } => Some(witness),
            Home::Entry(_) | Home::Named { .. } | Home::Setting { .. } | Home::Anywhere => None,
        }
    }

    /// The folder that lists an object, where one does: `aws/roles` of `aws/roles/web`.
    pub fn folder_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (folder, _) = path.rsplit_once('/')?;
        match self.home {
            Home::Folder { path, .. } => (folder == path).then_some(folder),
            Home::Below { folder: own, .. } => folder.strip_suffix(own)?.ends_with('/').then_some(folder),
            Home::Entry(_) | Home::Named { .. } | Home::Setting { .. } | Home::Anywhere => None,
        }
    }

    /// The mount that an object is, or is below: `approle` of `auth/approle/role/app-web`.
    pub fn mount_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self.home {
            Home::Entry(table) => {
                table.below?;
                Some(path.strip_prefix(table.list)?.strip_prefix('/')?.trim_end_matches('/'))
            }
            Home::Folder { .. } | Home::Named { .. } | Home::Anywhere => None,
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
            Home::Folder { path: folder, .. } | Home::Named { path: folder } => {
                path.strip_prefix(folder)?.strip_prefix('/')
            }
            Home::Below { .. } => Some(path.rsplit_once('/')?.1),
            Home::Entry(_) | Home::Setting { .. } | Home::Anywhere => None,
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
            Home::Entry(_) | Home::Folder { .. } | Home::Named { .. } | Home::Anywhere => None,
        }
    }
}
