//! Who holds a lock.

use std::fmt;
use std::time::Duration;

/// Who holds a lock. Shown as `ada on ci-7 (apply, since 2026-11-25T08:00:00Z)`.
#[derive(Clone, Debug)]
pub struct Holder {
    pub(super) id: String,
    pub(super) holder: String,
    pub(super) host: String,
    pub(super) process: Option<String>,
    pub(super) operation: String,
    pub(super) since: String,
    pub(super) ttl: Duration,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} ({}, since {})", self.holder, self.host, self.operation, self.since)
    }
}
