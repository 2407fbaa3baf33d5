//! A request that is not sent, for who wants to see it: its parts, as a program for HTTP or a policy needs them.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

/// A request as it would have been sent.
#[derive(Clone)]
pub struct Unsent {
    /// `GET`, `PUT`, `PATCH`, `DELETE`.
    pub method: &'static str,
    /// Whether it is a list.
    pub is_list: bool,
    /// The path, without `/v1/`.
    pub path: String,
    /// The Unix socket that it goes to.
    pub socket: Option<String>,
    /// With its query.
    pub url: String,
    /// Its body; may hold secrets.
    pub body: Option<Map<String, Value>>,
    /// The file that is its body.
    pub file: Option<String>,
    /// The media type of the body.
    pub media_type: &'static str,
    /// The namespace that goes with it.
    pub namespace: Option<String>,
    /// For how long its answer is to lie wrapped.
    pub wrap_ttl: Option<String>,
    /// Whether a token goes with it.
    pub has_token: bool,
}

impl std::fmt::Debug for Unsent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unsent").field("method", &self.method).field("path", &self.path).finish_non_exhaustive()
    }
}

/// Where a client that sends nothing leaves the first request that it was to send.
#[derive(Clone, Debug, Default)]
pub struct Shelf(Arc<Mutex<Option<Unsent>>>);

impl Shelf {
    pub(super) fn put(&self, request: Unsent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(request);
    }

    /// Takes it.
    pub fn take(&self) -> Option<Unsent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
