//! A simulated account: what it holds, and what is ordered of it. Its calls are answered in `wire.rs`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fault::Faults;
use super::identity::{ACCOUNT_ID, Which};
use super::journal::{Journal, OpenError};
use super::state::State;
use super::verified::Verified;
use crate::clock::Clock;

/// A simulated AWS account.
pub struct Account {
    pub(super) inner: Mutex<Inner>,
    second: Mutex<Inner>,
    /// Calls that happen later, with their time in Unix milliseconds.
    pub(super) late: Mutex<Vec<(i64, Verified)>>,
    pub(super) faults: Faults,
    pub(super) clock: Clock,
    requests: AtomicU64,
    /// Whether an engine in this process may sign with keys that nobody made.
    pub(super) adopts: AtomicBool,
}

pub(super) struct Inner {
    pub(super) state: State,
    journal: Option<Journal>,
}

impl Account {
    /// Opens the account that is kept in a directory (made with mode 0700 if absent), or, with `None`, an
    /// empty one in memory.
    ///
    /// What a call changed is with the operating system when the call is answered, so it outlives the
    /// process; it is not flushed to the disk.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another process has the directory open, [`OpenError::Io`],
    /// [`OpenError::Damaged`].
    pub fn open(directory: Option<&Path>, clock: Clock) -> Result<Arc<Self>, OpenError> {
        let (journal, state) = match directory {
            Some(directory) => {
                let (journal, state) = Journal::open(directory)?;
                (Some(journal), state)
            }
            None => (None, State::default()),
        };
        tracing::info!(account = ACCOUNT_ID, users = state.users.len(), "using a simulated AWS account (sandbox)");
        Ok(Arc::new(Self {
            inner: Mutex::new(Inner { state, journal }),
            second: Mutex::new(Inner { state: State::default(), journal: None }),
            late: Mutex::default(),
            faults: Faults::default(),
            clock,
            requests: AtomicU64::new(0),
            adopts: AtomicBool::new(false),
        }))
    }

    /// Faults to order, and the log of calls.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The names of all users whose path begins with `path_prefix`: what an outsider would find in AWS.
    pub fn user_names(&self, path_prefix: &str) -> Vec<String> {
        self.happen_late();
        self.lock().user_names(path_prefix)
    }

    /// The same for the second account.
    pub fn second_user_names(&self, path_prefix: &str) -> Vec<String> {
        self.happen_late();
        self.lock_of(Which::Second).user_names(path_prefix)
    }

    pub(super) fn lock_of(&self, which: Which) -> MutexGuard<'_, Inner> {
        let inner = match which {
            Which::First => &self.inner,
            Which::Second => &self.second,
        };
        inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.lock_of(Which::First)
    }

    pub(super) fn now_millis(&self) -> i64 {
        i64::try_from(self.clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }

    pub(super) fn visible_after_millis(&self) -> i64 {
        i64::try_from(self.faults.visible_after().as_millis()).unwrap_or(i64::MAX)
    }

    pub(super) fn hidden_for_millis(&self) -> i64 {
        i64::try_from(self.faults.hidden_for().as_millis()).unwrap_or(i64::MAX)
    }

    /// A request id in the form of AWS's, which counts instead of being random.
    pub(super) fn next_request_id(&self) -> String {
        format!("5a4db0c5-0000-4000-8000-{:012x}", self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// Writes into the lock file where the account is served, for whoever finds the directory in use.
    pub(super) fn announce(&self, address: &str) -> std::io::Result<()> {
        self.lock().journal.as_ref().map_or(Ok(()), |journal| journal.announce(address))
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &ACCOUNT_ID).finish_non_exhaustive()
    }
}

impl Inner {
    fn user_names(&self, path_prefix: &str) -> Vec<String> {
        let users = self.state.users.values().filter(|user| user.path.starts_with(path_prefix));
        users.map(|user| user.name.clone()).collect()
    }

    /// Writes down what the last action changed.
    pub(super) fn record(&mut self) -> std::io::Result<()> {
        let Some(journal) = &mut self.journal else {
            self.state.forget_changes();
            return Ok(());
        };
        let changes = self.state.take_changes();
        if changes.is_empty() { Ok(()) } else { journal.append(&changes, &self.state) }
    }
}
