//! Why the engine's state is not known.

use super::anywhere::Misplaced;
use super::shared::Missing;
use crate::api::{self, Client};
use crate::object::{Lacks, Object, Place};

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
