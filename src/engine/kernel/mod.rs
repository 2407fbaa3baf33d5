//! What everything else stands on: the time, the sealed store, the trail, mounts, what is due, locks, randomness.

pub(crate) mod barrier;
pub(crate) mod due;
pub(crate) mod keyed;
pub(crate) mod locks;
pub(crate) mod loss;
pub(crate) mod mounts;
pub(crate) mod random;
pub(crate) mod seal;
pub(crate) mod store;
pub(crate) mod store_disk;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::barrier::Barrier;
use self::due::Timer;
use self::mounts::Mounts;
use self::seal::gate::Gate;
use crate::clock::Clock;
use crate::engine::setup::Auditing;
use crate::trail::Trail;

/// What an engine has before it knows anybody: policies, tokens and leases are kept in it.
pub(crate) struct Kernel {
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
    /// What the timer task waits for.
    pub(crate) timer: Timer,
    /// Where the engine keeps its data: no audit device writes there.
    pub(crate) data_directory: Option<PathBuf>,
    /// What audit devices may do.
    pub(crate) auditing: Auditing,
    /// What opened the store.
    pub(crate) gate: Arc<Gate>,
    /// Set by `sys/seal`. Nothing clears it: what is unsealed has another kernel.
    pub(crate) sealed: AtomicBool,
    /// Read-held by whatever must end before the engine closes.
    pub(crate) at_work: Arc<tokio::sync::RwLock<()>>,
}

impl Kernel {
    /// Whether requests are refused because the engine was sealed.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    /// Keeps the engine from closing until it is dropped. None when it is closing already.
    pub(crate) fn running(&self) -> Option<tokio::sync::OwnedRwLockReadGuard<()>> {
        self.at_work.clone().try_read_owned().ok()
    }
}

/// Unix seconds.
pub(crate) fn now(kernel: &Kernel) -> i64 {
    kernel.clock.now().unix_timestamp()
}
