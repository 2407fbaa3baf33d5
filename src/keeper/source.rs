//! Where an app's credentials are from, and what may go wrong with them.

use std::future::Future;

use super::credential::Credential;
use crate::api::{self, Client};
use crate::secret::Secret;

/// A credential, and with what it was asked for.
pub struct Issued {
    /// The credential.
    pub credential: Credential,
    /// The path that it was read from.
    pub path: String,
    /// The app's token, under which the lease is.
    pub token: Secret,
    /// Seconds until the token ends; 0 for never.
    pub token_ttl: i64,
    /// For how many more requests the token is good; 0 for any number.
    pub token_uses: i64,
    /// Whether nobody can renew or revoke the token.
    pub is_batch: bool,
}

/// Where an app's credentials are from. Nothing is held open between two calls, so that an embedded engine is free for
/// others.
pub trait Source: Send + Sync {
    /// An engine that is open.
    type Opened: Send + Sync;
    /// Why it can't be opened, or issues nothing.
    type Error: std::fmt::Display + Send;

    /// Opens the engine. The client speaks as nobody in particular.
    fn open(&self) -> impl Future<Output = Result<(Client, Self::Opened), Self::Error>> + Send;
    /// Logs in as the app, and asks for a credential.
    fn issue(&self, client: &Client, opened: &Self::Opened)
    -> impl Future<Output = Result<Issued, Self::Error>> + Send;
    /// Closes what was opened.
    fn close(&self, opened: Self::Opened) -> impl Future<Output = ()> + Send;
    /// Tells people something, on one line.
    fn tell(&self, text: &str);
}

/// Why there is no credential, or no longer one.
#[derive(Debug)]
pub enum Trouble<E> {
    /// The engine can't be opened, or issues nothing.
    Source(E),
    /// It refused, or was not reached.
    Engine {
        /// What was asked, as `Error renewing the credential`.
        doing: &'static str,
        /// Why.
        error: api::Error,
    },
    /// The engine has another key there: this one is superseded, and AWS has it no more.
    Superseded,
    /// Files could not be written: which, and why.
    Files(String),
}

impl<E: std::fmt::Display> std::fmt::Display for Trouble<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::Engine { doing, error } => write!(f, "{doing}: {error}"),
            Self::Superseded => f.write_str("its role has another key now, or is gone"),
            Self::Files(why) => f.write_str(why),
        }
    }
}
