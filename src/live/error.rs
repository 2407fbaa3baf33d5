//! Why the engine's state is not known, or can't be what is declared.

use crate::api::{self, Client};
use crate::object::{Lacks, Object, Place, Taken};

/// Why the engine's state is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine did not answer as it should.
    #[error("reading {path}: {source}")]
    Api {
        /// What was read.
        path: String,
        /// What went wrong.
        source: api::Error,
    },
    /// The engine answered something that is no such object.
    #[error("{path} is not a readable {kind}: {what}")]
    Odd {
        /// The object.
        path: String,
        /// Its kind.
        kind: &'static str,
        /// What it lacks.
        what: Lacks,
    },
    /// An object is declared that a namespace cannot hold.
    #[error("{path} ({place}) is declared, and only the root namespace has {list}: not the namespace `{namespace}`")]
    RootOnly {
        /// The object.
        path: String,
        /// Where it is declared.
        place: Place,
        /// The table or folder that would hold it.
        list: String,
        /// The namespace.
        namespace: String,
    },
    /// An object without a word is declared where none can be.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    /// What is read at the path of an object without a word is a credential.
    #[error(
        "{path} can't be an `object`: it hands out a credential whenever it is read{}",
        left.as_ref().map_or(String::new(), |lease| format!("; end the one of now: leasehold lease revoke {lease}"))
    )]
    Leased {
        /// The object.
        path: String,
        /// The lease, where it could not be ended.
        left: Option<String>,
    },
    /// What somebody else should have is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A server has no table that every server has.
    #[error("{address} answers that there is no {list}: it is no Vault API, or not the whole of one")]
    NoTable {
        /// The server's address.
        address: String,
        /// The table.
        list: &'static str,
    },
}

/// Why an object can't be where it is declared.
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
    /// Our own engine does not have a field.
    #[error("{path} ({place}) sets {field}, which Leasehold's own engine does not have: leave it out for {address}")]
    NoField {
        /// The object.
        path: String,
        /// Where the field is declared.
        place: Place,
        /// The field.
        field: &'static str,
        /// The server's address.
        address: String,
    },
    /// Only our own engine does what a field says.
    #[error(
        "{path} ({place}) sets {field}, and {address} would keep that and do nothing: only Leasehold's own engine does it; \
         leave it out there"
    )]
    OnlyOurs {
        /// The object.
        path: String,
        /// Where the field is declared.
        place: Place,
        /// The field.
        field: &'static str,
        /// The server's address.
        address: String,
    },
    /// Our own engine does not upgrade key-value engines.
    #[error(
        "{path} ({place}) has version 1 and is declared with version 2, and Leasehold's own engine takes none there: mount \
         another one with version 2 at {address}, and copy the secrets"
    )]
    NoUpgrade {
        /// The mount.
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

impl Error {
    /// The same, told at its declaration where it is that only the root namespace has what is declared.
    pub(super) fn at_declaration(self, client: &Client, desired: &[Object]) -> Self {
        match (client.namespace(), self) {
            (Some(namespace), Self::Api { path, source }) if source.says(api::Said::RootOnly) => {
                match desired.iter().find(|object| object.path == path) {
                    Some(object) => Self::RootOnly {
                        list: path.rsplit_once('/').map_or(path.as_str(), |(folder, _)| folder).to_owned(),
                        place: object.place.clone(),
                        namespace: namespace.to_owned(),
                        path,
                    },
                    None => Self::Api { path, source },
                }
            }
            (_, error) => error,
        }
    }
}
