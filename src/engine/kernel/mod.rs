//! What everything else stands on: the time, the sealed store, the trail, mounts, what is due, locks, randomness.

pub(crate) mod barrier;
pub(crate) mod due;
pub(crate) mod keyed;
pub(crate) mod locks;
pub(crate) mod loss;
pub(crate) mod mounts;
pub(crate) mod random;
pub(crate) mod seal;
pub(crate) mod snapshot;
pub(crate) mod store;
pub(crate) mod store_disk;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use self::barrier::Barrier;
use self::due::Timer;
use self::mounts::Mounts;
use self::seal::gate::Gate;
use self::snapshot::Checked;
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
    /// The snapshot that is to take the store's place, and the request that it came with.
    pub(crate) restoring: Mutex<Option<(String, Checked)>>,
    /// Read-held by whatever must end before the engine closes.
    pub(crate) at_work: Arc<tokio::sync::RwLock<()>>,
}

impl Kernel {
    /// Whether requests are refused because the engine was sealed.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    /// Keeps a snapshot that is to take the store's place once the request that it came with is in the trail. False where
    /// there is another.
    pub(crate) fn restore(&self, request: &str, snapshot: Checked) -> bool {
        let mut held = self.restoring.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = held.is_none();
        if is_free {
            *held = Some((request.to_owned(), snapshot));
        }
        is_free
    }

    /// Takes the snapshot that came with a request.
    pub(crate) fn to_restore(&self, request: &str) -> Option<Checked> {
        let mut held = self.restoring.lock().unwrap_or_else(PoisonError::into_inner);
        held.take_if(|(of, _)| of == request).map(|(_, snapshot)| snapshot)
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
