//! What somebody else has: it has to be there, and to be what it is taken for.

use super::error::{Error, Missing};
use super::one::read_one;
use super::tables::Tables;
use crate::api::Client;
use crate::object::{Shared, told_type};

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
