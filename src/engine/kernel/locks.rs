//! One lock per name, there only while somebody holds or awaits it.
//!
//! Changes of one thing (a lease, a token, a role, a secret) must not overlap; those of different things must not wait
//! for each other, for what is done under a lock can take as long as AWS does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

type Map = HashMap<String, Arc<tokio::sync::Mutex<()>>>;

/// The locks.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<Map>);

/// Holds the lock of one name until dropped.
pub(crate) struct Guard<'a> {
    locks: &'a Locks,
    id: String,
    held: Option<OwnedMutexGuard<()>>,
}

impl Locks {
    fn with<T>(&self, f: impl FnOnce(&mut Map) -> T) -> T {
        // Each use is one map operation, so a panic elsewhere cannot have left it torn.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for the lock of `id`.
    pub(crate) async fn lock(&self, id: &str) -> Guard<'_> {
        let lock = self.with(|map| map.entry(id.to_owned()).or_default().clone());
        let mut guard = Guard { locks: self, id: id.to_owned(), held: None };
        guard.held = Some(lock.lock_owned().await);
        guard
    }

    /// The lock of `id`, if nobody has it.
    pub(crate) fn try_lock(&self, id: &str) -> Option<Guard<'_>> {
        let lock = self.with(|map| map.entry(id.to_owned()).or_default().clone());
        let held = lock.try_lock_owned().ok()?;
        Some(Guard { locks: self, id: id.to_owned(), held: Some(held) })
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        drop(self.held.take());
        self.locks.with(|map| {
            // The map's own reference is the last one: nobody holds the lock and nobody waits for it.
            if map.get(&self.id).is_some_and(|lock| Arc::strong_count(lock) == 1) {
                map.remove(&self.id);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Locks;

    #[tokio::test]
    async fn ids_lock_apart_and_leave_nothing_behind() {
        let locks = Locks::default();
        let first = locks.lock("a").await;
        assert!(locks.try_lock("a").is_none());
        let other = locks.try_lock("b");
        assert!(other.is_some());
        drop((first, other));
        assert!(locks.try_lock("a").is_some());
        assert_eq!(locks.with(|map| map.len()), 0);
    }
}
