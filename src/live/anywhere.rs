//! Whether objects without a word may be where they are declared, as far as only the engine tells: what is mounted there,
//! and whether it has such a path at all. That it has none is told before anything is written.

use serde_json::{Map, Value};

use super::Error;
use crate::api::Client;
use crate::object::home::ENGINES;
use crate::object::{Home, Object, Place, Taken, is_taken_below};

/// Why an object without a word can't be where it is declared.
#[derive(Debug, thiserror::Error)]
pub enum Misplaced {
    /// The server has no such path.
    #[error("{path} ({place}) is declared, and {address} does not serve it: it has no such path")]
    NotServed {
        /// The object.
        path: String,
        /// Where it is declared.
        place: Place,
        /// The server's address.
        address: String,
    },
    /// Nothing is mounted there.
    #[error(
        "{path} ({place}) is below no mount: {address} has none there, and none is declared; mount it first, or look at \
         the path"
    )]
    NoMount {
        /// The object.
        path: String,
        /// Where it is declared.
        place: Place,
        /// The server's address.
        address: String,
    },
    /// There is a word for it.
    #[error("{path} ({place}) can't be an `object`: it is {}; {}", taken.what, taken.hint)]
    Taken {
        /// The object.
        path: String,
        /// Where it is declared.
        place: Place,
        /// What is there.
        taken: Taken,
    },
    /// What is mounted there can't be looked at.
    #[error(
        "{path} ({place}) is an `object`, and this token may not read sys/mounts: whether there is a word for it is not \
         known; give the token `read` on sys/mounts"
    )]
    Unseen {
        /// The object.
        path: String,
        /// Where it is declared.
        place: Place,
    },
}

/// Checks the declared objects of no kind, with the table of what is mounted where it could be read.
///
/// # Errors
/// [`Misplaced`], of the first that can't be where it is; [`Error::Api`].
pub(super) async fn check(
    client: &Client,
    desired: &[Object],
    mounts: Option<&Map<String, Value>>,
) -> Result<(), Error> {
    let declared: Vec<&str> = desired.iter().filter_map(Object::mount).map(|mount| mount.name).collect();
    for object in desired.iter().filter(|object| matches!(object.kind.home, Home::Anywhere)) {
        let (path, place) = (object.path.clone(), object.place.clone());
        if path.starts_with("sys/") {
            let served = client.serves(&path).await;
            if !served.map_err(|source| Error::Api { path: path.clone(), source })? {
                return Err(Misplaced::NotServed { path, place, address: client.address().to_owned() }.into());
            }
            continue;
        }
        let Some(mounts) = mounts else { return Err(Misplaced::Unseen { path, place }.into()) };
        match mounts.iter().find(|(mount, _)| is_below(&path, mount)) {
            Some((_, mount)) => {
                let mount_type = mount.get("type").and_then(Value::as_str).unwrap_or_default();
                if let Some(taken) = is_taken_below(&ENGINES, mount_type, &path) {
                    return Err(Misplaced::Taken { path, place, taken }.into());
                }
            }
            None if declared.iter().any(|mount| is_below(&path, mount)) => {}
            None => return Err(Misplaced::NoMount { path, place, address: client.address().to_owned() }.into()),
        }
    }
    Ok(())
}

fn is_below(path: &str, mount: &str) -> bool {
    path.strip_prefix(mount.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}
