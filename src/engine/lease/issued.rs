//! A credential between being made and being the client's.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Lease;
use super::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::given::Given;
use crate::trail::Credential;

/// A credential that exists in AWS and is not yet the client's: the pipeline makes the lease active
/// and the audit line durable together, and only then answers; on any failure it revokes.
#[derive(Debug)]
pub(crate) struct Issued {
    /// The lease, its key id and expiry filled in, still `Pending` in the store.
    pub(crate) lease: Lease,
    /// Until the lease is no longer being made.
    pub(crate) making: Making,
}

/// That somebody is making the credential of a lease. However the work ends, also in a panic, the timer
/// then no longer waits for it.
pub(crate) struct Making {
    pub(super) core: Arc<Core>,
    pub(super) id: String,
}

impl Drop for Making {
    fn drop(&mut self) {
        self.core.leases.pending_over(&self.id);
    }
}

impl std::fmt::Debug for Making {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Making").field(&self.id).finish()
    }
}

impl Given for Issued {
    fn credential(&self) -> Option<Credential> {
        Some(self.lease.credential(&self.making.core))
    }

    fn is_leased(&self) -> bool {
        true
    }

    fn activate(&self) -> BoxFuture<'_, Result<(), Error>> {
        let core = &self.making.core;
        core.leases.activate(core, &self.lease).boxed()
    }

    fn undo<'a>(&'a self, reason: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        let core = &self.making.core;
        core.leases.abandon(core, self.lease.clone(), reason).map(Ok).boxed()
    }

    fn take_back<'a>(&'a self, reason: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        let core = &self.making.core;
        core.leases.revoke_later(core, std::slice::from_ref(&self.lease.id), reason).boxed()
    }
}
