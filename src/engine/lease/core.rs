//! What the engine's parts share: the store, the trail, mounts, tokens, policies, leases, backends. It knows none of
//! the backends by name; what one of them needs for itself it keeps itself.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Leases;
use crate::clock::Clock;
use crate::engine::backend::Backends;
use crate::engine::kernel::barrier::Barrier;
use crate::engine::kernel::mounts::Mounts;
use crate::engine::policy::Policies;
use crate::engine::token::Tokens;
use crate::trail::Trail;

/// Everything a request may touch.
pub(crate) struct Core {
    /// The time.
    pub(crate) clock: Clock,
    /// What is stored.
    pub(crate) barrier: Barrier,
    /// The audit devices.
    pub(crate) trail: Trail,
    /// Names this engine in AWS (tags, path): 32 hex digits, made at first start.
    pub(crate) engine_id: String,
    /// The mount table.
    pub(crate) mounts: Mounts,
    /// Tokens.
    pub(crate) tokens: Tokens,
    /// ACL policies.
    pub(crate) policies: Policies,
    /// Leases.
    pub(crate) leases: Leases,
    /// What can be mounted.
    pub(crate) backends: Backends,
    /// Where things are stored, as `seal-status` says it: `inmem` or `sqlite`.
    pub(crate) storage_type: &'static str,
    /// Where the engine keeps its data: no audit device writes there.
    pub(crate) data_directory: Option<std::path::PathBuf>,
    /// Held while an audit device is made or removed, so that changes do not overtake each other.
    pub(crate) audit_changes: tokio::sync::Mutex<()>,
    /// Set by `sys/seal`; only a restart clears it.
    pub(crate) sealed: AtomicBool,
    /// Read-held by whatever must end before the engine closes.
    pub(crate) at_work: Arc<tokio::sync::RwLock<()>>,
}

impl Core {
    /// Whether requests are refused because the engine was sealed.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    /// The numbers of the segments of a whole path that name an object in any case.
    pub(crate) fn folded(&self, path: &str) -> Range<usize> {
        self.mounts.route(path).map_or(0..0, |(mount, rest)| self.backends.folded(&mount, rest))
    }

    /// Keeps the engine from closing until it is dropped. None when it is closing already.
    pub(crate) fn running(&self) -> Option<tokio::sync::OwnedRwLockReadGuard<()>> {
        self.at_work.clone().try_read_owned().ok()
    }
}
