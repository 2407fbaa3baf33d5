//! What an answer hands out, as far as whoever sends the answer has to know it.

use std::fmt::Debug;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::error::Error;
use crate::trail::Credential;

/// Something that works for whoever has the answer: a credential, a token, a secret id. Either the client gets it and
/// the trail has the line, or it is taken back.
pub(crate) trait Given: Debug + Send + Sync {
    /// What the trail tells of it beside the answer: never a secret.
    fn credential(&self) -> Option<Credential> {
        None
    }

    /// The accessor by which others may end it, of what has one: told of an answer that lies wrapped.
    fn accessor(&self) -> Option<String> {
        None
    }

    /// Whether it is under a lease, and so ends with the token that asked for it.
    fn is_leased(&self) -> bool {
        false
    }

    /// Makes it the client's, while the answer's line is written: durable when it returns.
    ///
    /// # Errors
    /// When it is not stored, or ended meanwhile; it is then undone.
    fn activate(&self) -> BoxFuture<'_, Result<(), Error>> {
        std::future::ready(Ok(())).boxed()
    }

    /// Ends what no answer was made for.
    ///
    /// # Errors
    /// If it may still work.
    fn undo<'a>(&'a self, reason: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.take_back(reason)
    }

    /// Ends it after an answer was made that hands it out.
    ///
    /// # Errors
    /// If it may still work.
    fn take_back<'a>(&'a self, reason: &'a str) -> BoxFuture<'a, Result<(), Error>>;
}
