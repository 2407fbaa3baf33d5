//! The keys that tokens and leases share, the index of what is due among them, and what the timer waits for.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::barrier::{Barrier, Batch};
use crate::engine::wire::error::Error;

/// The store key that says that `id` of a `kind` (`lease`, `token`) is due at `unix`.
pub(crate) fn due_key(unix: i64, kind: &str, id: &str) -> String {
    format!("due/{:016x}/{kind}/{id}", unix.max(0))
}

/// The time, kind and id in a due key.
pub(crate) fn parse_due(key: &str) -> Option<(i64, &str, &str)> {
    let (time, rest) = key.strip_prefix("due/")?.split_once('/')?;
    let (kind, id) = rest.split_once('/')?;
    Some((i64::from_str_radix(time, 16).ok()?, kind, id))
}

/// Whether an entry is in the index.
///
/// # Errors
/// If the store can't be read.
pub(crate) fn is_there(barrier: &Barrier, entry: &str) -> Result<bool, Error> {
    Ok(barrier.keys(entry, None, 1)?.first().is_some_and(|found| found == entry))
}

/// Removes an entry of the index, if it is there: for who holds the lock of what it is about, so that nothing falls due
/// under that key meanwhile.
///
/// # Errors
/// If the store takes nothing.
pub(crate) async fn forget(barrier: &Barrier, entry: &str) -> Result<(), Error> {
    if !is_there(barrier, entry)? {
        return Ok(());
    }
    let mut batch = Batch::new();
    batch.delete(entry);
    barrier.commit(batch).await
}

/// The key of the record of a lease, which a token that ends is as well.
pub(crate) fn lease_key(id: &str) -> String {
    format!("lease/{id}")
}

/// What the timer task waits for.
pub(crate) struct Timer {
    /// When it will look again by itself, in Unix seconds.
    pub(crate) next: AtomicI64,
    pub(crate) wake: Notify,
    /// How many entries are being worked on. While one is, it may be in the index for a later time, or not at all.
    pub(crate) busy: AtomicUsize,
    /// An entry has been worked on.
    pub(crate) progress: Notify,
    pub(crate) stopping: AtomicBool,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self {
            next: AtomicI64::new(i64::MAX),
            wake: Notify::new(),
            busy: AtomicUsize::new(0),
            progress: Notify::new(),
            stopping: AtomicBool::new(false),
        }
    }

    /// A due entry at this time has been stored: wakes the timer if it would sleep past it.
    pub(crate) fn notice(&self, unix: i64) {
        if unix < self.next.load(Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{due_key, parse_due};

    #[test]
    fn due_keys_sort_by_time_and_read_back() {
        let keys = [due_key(-5, "lease", "a/b"), due_key(9, "token", "h"), due_key(0x1_0000_0000, "lease", "z")];
        assert!(keys.is_sorted());
        assert_eq!(parse_due(&keys[0]), Some((0, "lease", "a/b")));
        assert_eq!(parse_due(&keys[2]), Some((0x1_0000_0000, "lease", "z")));
        assert_eq!(parse_due("due/x/lease/a"), None);
    }
}
