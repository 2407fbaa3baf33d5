//! What somebody else has: it has to be there, and to be what it is taken for.

use super::{Error, Tables, read_one};
use crate::api::Client;
use crate::object::{Place, Shared, told_type};

/// Why something can't be referred to.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// There is none.
    #[error(
        "{path} ({place}) is shared, and {address} has none: its owner has to make it first; if it is this estate's, \
         leave `shared` out; else look at its name"
    )]
    NotThere {
        /// It.
        path: String,
        /// Where it is referred to.
        place: Place,
        /// The server's address.
        address: String,
    },
    /// It is of another type.
    #[error("{path} ({place}) is shared, and of the type {found} at {address}, not {expected}: look at path and type")]
    OfAnotherType {
        /// The mount.
        path: String,
        /// Where it is referred to.
        place: Place,
        /// Its type.
        found: String,
        /// The type that it should have.
        expected: String,
        /// The server's address.
        address: String,
    },
    /// What is mounted can't be looked at.
    #[error(
        "{path} ({place}) is shared, and this token may not read {list}: whether it is there is not known; give the token \
         `read` on {list}"
    )]
    Unseen {
        /// The mount.
        path: String,
        /// Where it is referred to.
        place: Place,
        /// The table.
        list: &'static str,
    },
}

/// Checks what is referred to with the tables that could be read.
///
/// # Errors
/// [`Missing`], of the first that is not there; [`Error::Api`].
pub(super) async fn check(client: &Client, shared: &[Shared], tables: &Tables) -> Result<(), Error> {
    let address = || client.address().to_owned();
    for one in shared {
        let (path, place) = (one.path.clone(), one.place.clone());
        let Some(mount) = one.mount() else {
            if read_one(client, one.kind, &path).await?.is_none() {
                return Err(Missing::NotThere { path, place, address: address() }.into());
            }
            continue;
        };
        let list = mount.table.list;
        let Some(table) = tables.get(list) else { return Err(Missing::Unseen { path, place, list }.into()) };
        let Some(entry) = table.get(&format!("{}/", mount.name)) else {
            return Err(Missing::NotThere { path, place, address: address() }.into());
        };
        let found = told_type(entry).unwrap_or_default();
        if found != one.mount_type {
            let expected = one.mount_type.clone();
            return Err(Missing::OfAnotherType { path, place, found, expected, address: address() }.into());
        }
    }
    Ok(())
}
