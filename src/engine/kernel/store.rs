//! Where sealed bytes lie: ordered keys, atomic batches, durable when a commit returns.
//!
//! Keys are paths in clear and hold no secret; values arrive sealed (see `barrier`). Two forms: a map
//! in memory, and SQLite on disk (`store_disk`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;

use crate::engine::wire::error::Error;

/// Writes that happen together or not at all.
#[derive(Debug, Default)]
pub(crate) struct RawBatch {
    /// In order; a later write to the same key wins. `None` deletes.
    pub(crate) writes: Vec<(String, Option<Vec<u8>>)>,
}

/// How much there is in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// How many entries.
    pub(crate) entries: u64,
    /// How many bytes all keys and values have.
    pub(crate) bytes: u64,
}

/// Who is handed the whole of a store, as it was at one moment.
pub(crate) trait Copied {
    /// How much there will be; first, and once.
    fn begin(&mut self, size: Size) -> Result<(), Error>;

    /// An entry; in the order of keys.
    fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error>;
}

/// The whole of a store that is to be.
pub(crate) type Entries = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), Error>> + Send>;

/// Ordered, durable key-value storage.
pub(crate) trait Store: Send + Sync {
    /// The value at `key`.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error>;

    /// Up to `limit` entries whose key starts with `prefix` and is greater than `after`, in key order.
    fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<(String, Vec<u8>)>, Error>;

    /// The keys of [`Store::scan`] without their values.
    fn keys(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error>;

    /// How many keys start with `prefix`, up to `limit`.
    fn count(&self, prefix: &str, limit: usize) -> Result<usize, Error> {
        Ok(self.keys(prefix, None, limit)?.len())
    }

    /// Applies the batch atomically. Durable, and visible to every reader, when the future resolves.
    fn commit(&self, batch: RawBatch) -> BoxFuture<'static, Result<(), Error>>;

    /// Hands out all that is there, as it is at one moment, while others write. May block.
    fn copy(&self, into: &mut dyn Copied) -> Result<(), Error>;

    /// Puts entries in the place of all that is there, atomically; of two with one key the later one. Durable when the
    /// future resolves; where one of them fails, nothing has changed.
    fn replace(&self, _with: Entries) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(std::future::ready(Err(kept_nowhere())))
    }

    /// How many bytes it takes on disk.
    fn bytes(&self) -> u64 {
        0
    }

    /// Reads all of its structure; answers what of it is damaged, if anything. What the values hold is not its to know.
    fn damage(&self) -> Result<Option<String>, Error> {
        Ok(None)
    }

    /// What is wrong with it: why the last commit failed; none since one succeeded.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Writes what is queued and lets go of the files; everything after it is refused. May block.
    fn close(&self) {}
}

/// The error for who asks for a copy of what is kept nowhere.
pub(crate) fn kept_nowhere() -> Error {
    Error::Invalid(
        "this server keeps its store in memory, of which there are no snapshots: start it with a data directory"
            .to_owned(),
    )
}

/// The store of a development server: nothing survives the process.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    entries: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl MemoryStore {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> T {
        // A panic while the map was held cannot have left it torn: each operation is one call.
        f(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The first key past every key that starts with `prefix` and is at or before `after`.
fn lower_bound(prefix: &str, after: Option<&str>) -> std::ops::Bound<String> {
    match after {
        Some(after) if after >= prefix => std::ops::Bound::Excluded(after.to_owned()),
        _ => std::ops::Bound::Included(prefix.to_owned()),
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.with(|map| map.get(key).cloned()))
    }

    fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<(String, Vec<u8>)>, Error> {
        Ok(self.with(|map| {
            map.range((lower_bound(prefix, after), std::ops::Bound::Unbounded))
                .take_while(|(key, _)| key.starts_with(prefix))
                .take(limit)
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        }))
    }

    fn keys(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        Ok(self.with(|map| {
            map.range((lower_bound(prefix, after), std::ops::Bound::Unbounded))
                .take_while(|(key, _)| key.starts_with(prefix))
                .take(limit)
                .map(|(key, _)| key.clone())
                .collect()
        }))
    }

    fn copy(&self, into: &mut dyn Copied) -> Result<(), Error> {
        // A development server's is small.
        let all = self.with(|map| map.clone());
        let bytes = all.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum();
        into.begin(Size { entries: all.len() as u64, bytes })?;
        all.iter().try_for_each(|(key, value)| into.entry(key.as_bytes(), value))
    }

    fn commit(&self, batch: RawBatch) -> BoxFuture<'static, Result<(), Error>> {
        self.with(|map| {
            for (key, value) in batch.writes {
                match value {
                    Some(value) => map.insert(key, value),
                    None => map.remove(&key),
                };
            }
        });
        Box::pin(std::future::ready(Ok(())))
    }
}
