//! What was lost since the engine last ran: looked for at each start, and told with what to do next.
//!
//! **The trail.** With every batch, now and then, and when it closes, the engine writes the last durable line of each
//! audit device into the sealed store. At the next start the file must still have it (`trail/loss.rs`). Lines written
//! since are not proved, so an idle engine notes them down too. A file in the data directory is noted down as it lies in
//! there: the directory may be moved, and named in more than one way.
//!
//! **The store.** SQLite finds what does not fit together in its file, the barrier every value that was changed or
//! moved. A small store is looked through before it is used; a large one beside its use, so that a start costs the
//! same with any number of leases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::barrier::{Barrier, Batch};
use super::store::Store;
use crate::clock::Clock;
use crate::engine::setup::OpenError;
use crate::engine::wire::error::Error;
use crate::trail::{Noted, Trail};

/// Where the last lines of the audit devices lie.
pub(crate) const NOTED_KEY: &str = "core/trail-noted";
/// How often an idle engine notes down what the trail has got since.
const NOTE_EVERY: Duration = Duration::from_secs(60);
/// A store of so many bytes is looked through before it is used: that takes some hundredths of a second.
const BYTES_AT_ONCE_MAX: u64 = 8 * 1024 * 1024;
/// How many damaged values are named.
const NAMED_MAX: usize = 5;

/// The last lines of the audit devices, by their names.
pub(crate) type NotedLines = BTreeMap<String, Noted>;

/// The data directory, by its whole path; none where nothing is kept.
pub(crate) type Home = Option<PathBuf>;

/// What was noted down, of files as they are named now.
pub(crate) fn noted(barrier: &Barrier, home: &Home) -> Result<NotedLines, Error> {
    let mut lines: NotedLines = barrier.get(NOTED_KEY)?.unwrap_or_default();
    if let Some(home) = home {
        lines.values_mut().for_each(|noted| noted.path = home.join(&noted.path));
    }
    Ok(lines)
}

/// The lines as they are kept.
fn kept(lines: &NotedLines, home: &Home) -> NotedLines {
    let inside = |path: &Path| Some(path.strip_prefix(home.as_ref()?).ok()?.to_owned());
    let one =
        |noted: &Noted| Noted { path: inside(&noted.path).unwrap_or_else(|| noted.path.clone()), ..noted.clone() };
    lines.iter().map(|(name, noted)| (name.clone(), one(noted))).collect()
}

/// From now on every batch of the store carries the last lines, where there are new ones. Those of devices that did
/// not open stay as they were.
pub(crate) fn note_with_every_batch(barrier: &Barrier, trail: &Trail, before: NotedLines, home: Home) {
    let (trail, last) = (trail.clone(), Mutex::new(before));
    barrier.ride(move || {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = trail.noted();
        if now.iter().all(|(name, noted)| last.get(name) == Some(noted)) {
            return None;
        }
        last.extend(now);
        // Should this batch fail, the next lines bring another; text and numbers always have a JSON form.
        Some((NOTED_KEY.to_owned(), serde_json::to_vec(&kept(&last, &home)).ok()?))
    });
}

/// Notes down the last lines of a trail that is closed.
pub(crate) async fn note_last(barrier: &Barrier, lines: Vec<(String, Noted)>, home: &Home) -> Result<(), Error> {
    let mut all = noted(barrier, home)?;
    let before = all.clone();
    all.extend(lines);
    if all == before {
        return Ok(());
    }
    let mut batch = Batch::new();
    batch.put(NOTED_KEY, &kept(&all, home))?;
    barrier.commit(batch).await
}

/// Notes down, for as long as it is let run, what an idle engine has written.
pub(crate) async fn keep_noting(clock: Clock, barrier: Barrier) {
    loop {
        clock.sleep(NOTE_EVERY).await;
        // The store tells its trouble itself.
        let _ = barrier.commit(Batch::new()).await;
    }
}

/// Whether the store's file is damaged as a file.
///
/// # Errors
/// If it is: nothing that it says can be relied on.
pub(crate) fn structure(store: &dyn Store) -> Result<(), OpenError> {
    match store.damage() {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(damaged(&what)),
        Err(error) => Err(damaged(&error.to_string())),
    }
}

/// The error for a store that can't be used as it is.
pub(crate) fn damaged(what: &str) -> OpenError {
    OpenError::Failed(format!(
        "the store engine.db is damaged: {what}; it was left as it is. Put it back from a backup; without one, \
         `sqlite3 engine.db .recover | sqlite3 new.db` saves what can still be read"
    ))
}

/// What of the values is damaged, in words.
fn values(barrier: &Barrier) -> Result<Option<String>, Error> {
    let (keys, count) = barrier.damaged(NAMED_MAX)?;
    let more = if count > keys.len() { " and more" } else { "" };
    Ok((count > 0).then(|| {
        format!(
            "{count} values in the store engine.db are damaged and cannot be read ({}{more}): put the store back from a \
             backup, or remove what they belong to",
            keys.join(", ")
        )
    }))
}

/// What was found lost, as far as it has been looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Losses(Arc<Mutex<Vec<String>>>);

impl Losses {
    /// All that was found so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells a loss.
    pub(crate) fn tell(&self, loss: String) {
        tracing::error!("{loss}");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(loss);
    }

    /// Looks through an opened store: at once if it is small, else beside the engine's work.
    ///
    /// # Errors
    /// If the file of a small one is damaged.
    pub(crate) fn look_through(&self, store: &Arc<dyn Store>, barrier: &Barrier) -> Result<(), OpenError> {
        if is_small(&**store) {
            values(barrier)?.into_iter().for_each(|loss| self.tell(loss));
            return Ok(());
        }
        let (losses, store, barrier) = (self.clone(), store.clone(), barrier.clone());
        let look = move || {
            if let Err(error) = structure(&*store) {
                losses.tell(error.to_string());
            }
            match values(&barrier) {
                Ok(loss) => loss.into_iter().for_each(|loss| losses.tell(loss)),
                // Also when the engine was closed meanwhile.
                Err(error) => tracing::warn!(%error, "the store was not looked through to its end"),
            }
        };
        // Not of the runtime, which would wait for it at its end.
        let started = std::thread::Builder::new().name("look".to_owned()).spawn(look);
        started.map(drop).map_err(|e| OpenError::Failed(format!("cannot start a thread: {e}")))
    }
}

/// Whether a store is looked through before it is used.
pub(crate) fn is_small(store: &dyn Store) -> bool {
    store.bytes() <= BYTES_AT_ONCE_MAX
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Losses, structure};
    use crate::engine::kernel::barrier::{Barrier, Batch};
    use crate::engine::kernel::seal::{Key, unseal};
    use crate::engine::kernel::store::Store;
    use crate::engine::kernel::store_disk::DiskStore;

    /// What was stored, or why it is not to be had.
    fn read(file: &std::path::Path) -> Result<Vec<(String, u64)>, String> {
        let store: Arc<dyn Store> = Arc::new(DiskStore::open(file).map_err(|e| e.to_string())?);
        structure(&*store).map_err(|e| e.to_string())?;
        let (barrier, first): (Barrier, _) = unseal(store.clone(), &Key::new([7; 32]), 0).map_err(|e| e.to_string())?;
        if !first.writes.is_empty() {
            return Err("the store is empty".to_owned());
        }
        let losses = Losses::default();
        losses.look_through(&store, &barrier).map_err(|e| e.to_string())?;
        if let Some(loss) = losses.all().pop() {
            return Err(loss);
        }
        barrier.scan::<u64>("k/", None, usize::MAX).map_err(|e| e.to_string())
    }

    #[tokio::test]
    async fn a_flipped_bit_is_told_or_loses_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("engine.db");
        let store: Arc<dyn Store> = Arc::new(DiskStore::open(&file).unwrap());
        let (barrier, first) = unseal(store.clone(), &Key::new([7; 32]), 0).unwrap();
        let mut batch = Batch::new();
        for n in 0..200_u64 {
            batch.put(format!("k/{n:03}"), &n).unwrap();
        }
        barrier.commit_with(first, batch).await.unwrap();
        store.close();
        drop((store, barrier));
        let whole = read(&file).unwrap();
        assert_eq!(whole.len(), 200);
        let sound = std::fs::read(&file).unwrap();

        // Every 37th byte: all pages, and all kinds of places in them.
        let (mut told, mut silent) = (0, Vec::new());
        for at in (0..sound.len()).step_by(37) {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&file, bytes).unwrap();
            match read(&file) {
                Err(_) => told += 1,
                Ok(found) if found == whole => {}
                Ok(found) => silent.push((at, found.len())),
            }
            for beside in ["engine.db-wal", "engine.db-shm"] {
                let _ = std::fs::remove_file(directory.path().join(beside));
            }
        }
        assert!(silent.is_empty(), "byte, values that remain: {silent:?}");
        assert!(told > 100, "{told}");
    }
}
