//! A simulated AWS account: IAM and STS over their wire protocol, for trying, for tests and for CI.
//!
//! It opens nothing real. It exists because no public stand-in keeps IAM's quotas, pages its lists or knows
//! all that stops DeleteUser, and because tests need faults and a clock. Every answer says what it is.
//! Requests must be signed: by the fixed root pair, or by a key that the account issued.

mod action;
mod authorize;
mod connector;
mod document;
mod error;
mod fault;
mod journal;
mod order;
mod params;
pub mod policy;
mod request_context;
mod server;
mod signature;
mod state;
mod validate;
mod wire;
mod xml;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::connector::{connector, remote_connector};
pub use self::error::Refusal;
pub use self::fault::{CALLS_KEPT_MAX, Call, Effect, Fault, Faults};
pub use self::server::{Control, ServeError, serve};

use self::journal::Journal;
use self::state::State;
use crate::clock::Clock;
use crate::secret::Secret;

/// The account's number. Not an account: AWS's documentation uses it for examples.
pub const ACCOUNT_ID: &str = "123456789012";
/// The access key id of the account itself. It is the same in every sandbox, and opens nothing else.
pub const ROOT_ACCESS_KEY: &str = "AKIALEASEHOLDSANDBOX";
/// The secret of [`ROOT_ACCESS_KEY`]. Public, as it protects nothing.
pub const ROOT_SECRET: &str = "sandbox/secret/that/protects/nothing/000";

/// The number of the second account, where [`Faults::open_second_account`] has opened it.
pub const SECOND_ACCOUNT_ID: &str = "210987654321";
/// The access key id of the second account itself; its secret is [`ROOT_SECRET`].
pub const SECOND_ROOT_ACCESS_KEY: &str = "AKIALEASEHOLDANOTHER";

/// [`ROOT_ACCESS_KEY`] and [`ROOT_SECRET`], as an engine takes them.
pub fn root_key() -> (String, Secret) {
    (ROOT_ACCESS_KEY.to_owned(), Secret::new(ROOT_SECRET))
}

/// A simulated AWS account.
pub struct Account {
    inner: Mutex<Inner>,
    second: Mutex<Inner>,
    /// Calls that happen later, with their time in Unix milliseconds.
    late: Mutex<Vec<(i64, wire::Verified)>>,
    faults: Faults,
    clock: Clock,
    requests: AtomicU64,
}

struct Inner {
    state: State,
    journal: Option<Journal>,
}

/// Why a sandbox could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the directory open.
    #[error("the sandbox in {} is in use by {}", directory.display(), address.as_deref().unwrap_or("another process"))]
    InUse {
        /// The directory.
        directory: PathBuf,
        /// Where that process serves the account, if it does.
        address: Option<String>,
    },
    /// A file could not be read or written.
    #[error("the sandbox's file {} could not be used: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of the journal is not what the sandbox wrote.
    #[error("the sandbox's journal {} is damaged at line {line}: {source}", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
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

    fn lock_of(&self, which: Which) -> MutexGuard<'_, Inner> {
        let inner = match which {
            Which::First => &self.inner,
            Which::Second => &self.second,
        };
        inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.lock_of(Which::First)
    }

    fn now_millis(&self) -> i64 {
        i64::try_from(self.clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }

    fn visible_after_millis(&self) -> i64 {
        i64::try_from(self.faults.visible_after().as_millis()).unwrap_or(i64::MAX)
    }

    fn hidden_for_millis(&self) -> i64 {
        i64::try_from(self.faults.hidden_for().as_millis()).unwrap_or(i64::MAX)
    }

    /// A request id in the form of AWS's, which counts instead of being random.
    fn next_request_id(&self) -> String {
        format!("5a4db0c5-0000-4000-8000-{:012x}", self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// Writes into the lock file where the account is served, for whoever finds the directory in use.
    fn announce(&self, address: &str) -> std::io::Result<()> {
        self.lock().journal.as_ref().map_or(Ok(()), |journal| journal.announce(address))
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &ACCOUNT_ID).finish_non_exhaustive()
    }
}

/// One of the two accounts behind an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    First,
    Second,
}

impl Which {
    /// Its number.
    fn id(self) -> &'static str {
        match self {
            Self::First => ACCOUNT_ID,
            Self::Second => SECOND_ACCOUNT_ID,
        }
    }
}

impl Inner {
    fn user_names(&self, path_prefix: &str) -> Vec<String> {
        let users = self.state.users.values().filter(|user| user.path.starts_with(path_prefix));
        users.map(|user| user.name.clone()).collect()
    }

    /// Writes down what the last action changed.
    fn record(&mut self) -> std::io::Result<()> {
        let Some(journal) = &mut self.journal else {
            self.state.forget_changes();
            return Ok(());
        };
        let changes = self.state.take_changes();
        if changes.is_empty() { Ok(()) } else { journal.append(&changes, &self.state) }
    }
}
