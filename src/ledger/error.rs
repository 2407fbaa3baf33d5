//! Why the ledger could not be read or written.

use super::holder::Holder;
use super::owner::{MOUNT, describe};
use crate::api;

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine refused, or did not answer.
    #[error("the ledger ({path}): {source}")]
    Api {
        /// The document.
        path: String,
        /// What went wrong.
        source: api::Error,
    },
    /// A document is not what it should be.
    #[error("the ledger ({path}) can't be understood: {what}")]
    Odd {
        /// The document.
        path: String,
        /// What is odd.
        what: String,
    },
    /// Somebody else wrote a document since it was read.
    #[error("the ledger ({path}) was written by somebody else since this plan was made")]
    Moved {
        /// The document.
        path: String,
    },
    /// The mount's path is taken by something else.
    #[error("the engine's mount `{MOUNT}/` is not a ledger: it is of the type `{found}`, not KV version 2")]
    Taken {
        /// What is mounted there.
        found: String,
    },
    /// This token may not read the key of secret digests, which whoever writes needs.
    #[error("the ledger's key ({path}) may not be read with this token")]
    KeyHidden {
        /// The document.
        path: String,
    },
    /// The machine gave no random bytes.
    #[error("no random bytes for the ledger's key, or for the lock's id")]
    Random,
    /// Somebody else changes what is this owner's.
    #[error("the lock of {} is held by {by}", describe(owner))]
    Locked {
        /// Whose lock.
        owner: String,
        /// Who holds it.
        by: Box<Holder>,
    },
}
