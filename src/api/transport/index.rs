//! How far a cluster has written, as it tells who writes to it: `X-Vault-Index`, shown again with every request, so that a
//! node which is behind that waits, asks the active one, or answers 412 instead of what was before.
//!
//! Source: Vault, "Vault eventual consistency" and `api/client.go` (`ParseReplicationState`): base64 of
//! `v1:<cluster>:<local index>:<replicated index>:<hmac>`. OpenBao 2.6 gives none, and takes none.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

/// The name of the header, both ways.
const INDEX: HeaderName = HeaderName::from_static("x-vault-index");

/// The newest that was told.
#[derive(Default)]
pub(super) struct Index(Mutex<Option<Told>>);

struct Told {
    reached: (u64, u64),
    value: HeaderValue,
}

impl Index {
    /// Takes what goes with an answer. Answers overtake each other, so an older one counts for nothing.
    pub(super) fn take(&self, headers: &HeaderMap) {
        let Some(value) = headers.get(INDEX) else { return };
        let Some(reached) = reached(value) else { return };
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref().is_none_or(|told| told.reached < reached) {
            *told = Some(Told { reached, value: value.clone() });
        }
    }

    /// Shows it with a request.
    pub(super) fn show(&self, headers: &mut HeaderMap) {
        if let Some(told) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            headers.insert(INDEX, told.value.clone());
        }
    }
}

/// The local and the replicated index.
fn reached(value: &HeaderValue) -> Option<(u64, u64)> {
    let text = String::from_utf8(STANDARD.decode(value.as_bytes()).ok()?).ok()?;
    let mut parts = text.split(':');
    let (version, _cluster, local, replicated) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (version == "v1").then_some((local.parse().ok()?, replicated.parse().ok()?))
}
