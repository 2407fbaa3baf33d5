//! The durable store: SQLite in WAL mode with `synchronous=FULL`.
//!
//! One thread owns the writing connection and commits everything that waits in one transaction, so
//! that many writers share one flush. Readers use a small pool of connections and see a batch as soon
//! as its commit has returned.
//!
//! A commit that failed is one of two things. Where a write was refused, by a full disk above all, nothing of the
//! transaction counts: its last frame, the one that commits it, is not whole in the log, and what is there of it is
//! written over by the next. So the store goes on, and says that it is in trouble until a commit succeeds. After
//! anything else, a failed flush above all, it is unknown what the disk holds, and nothing is read or written after
//! it: the store refuses until the process starts again and reads what is there
//! (<https://wiki.postgresql.org/wiki/Fsync_Errors> says why a flush must not be retried). For the same reason the
//! log is moved into the database here and not by SQLite, which would pass over a failed flush in silence.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use tokio::sync::oneshot;

use super::store::{Copied, Entries, RawBatch, Size, Store};
use crate::engine::wire::error::Error;

/// Batches that may share one transaction.
const BATCHES_PER_COMMIT_MAX: usize = 1024;
/// Idle read connections kept open.
const READERS_MAX: usize = 8;
/// How long SQLite waits for a lock that a backup from outside may hold.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// After so many writes the log is moved into the database.
const WRITES_PER_CHECKPOINT: usize = 500;

// An ordinary rowid table: values stay out of the key index, so a scan of keys reads the index alone.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, key BLOB NOT NULL, value BLOB NOT NULL);
    CREATE UNIQUE INDEX IF NOT EXISTS entry_key ON entry (key);
";
const PUT: &str =
    "INSERT INTO entry (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
const DELETE: &str = "DELETE FROM entry WHERE key = ?1";

/// The store in one SQLite file.
pub(crate) struct DiskStore {
    readers: Readers,
    jobs: mpsc::Sender<Order>,
    writer: Mutex<Option<JoinHandle<()>>>,
    state: Arc<Health>,
}

/// How the store fares.
#[derive(Default)]
struct Health {
    /// Nothing is read or written any more.
    failed: AtomicBool,
    /// Why the last commit failed.
    trouble: Mutex<Option<String>>,
}

impl Health {
    fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    fn tell(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Keeps why a write failed, and whether SQLite has undone it; answers whether the store goes on.
    fn take(&self, error: &rusqlite::Error, undone: bool) -> bool {
        let lasting = !undone || !is_undone(error);
        if lasting {
            self.failed.store(true, Ordering::Release);
            tracing::error!(%error, "a write to the store failed; everything is refused from now on");
            self.tell(Some(format!("a write failed, everything is refused until a restart: {error}")));
        } else {
            tracing::error!(%error, "a write to the store failed and was undone; the next one is tried");
            self.tell(Some(format!("writes fail: {error}")));
        }
        !lasting
    }
}

/// Whether nothing of a transaction counts that failed so (<https://sqlite.org/rescode.html>): what could not be
/// written whole is not part of the log.
fn is_undone(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi;
    match error.sqlite_error() {
        Some(error) => {
            matches!(error.code, ErrorCode::DiskFull | ErrorCode::DatabaseBusy)
                || error.extended_code == ffi::SQLITE_IOERR_WRITE
        }
        None => false,
    }
}

/// What the writer is told.
enum Order {
    Write(Job),
    /// Put these in the place of everything, and tell when that is done.
    Replace(Entries, oneshot::Sender<Result<(), Error>>),
    /// Commit what came before, and end.
    End,
}

struct Job {
    batch: RawBatch,
    done: oneshot::Sender<Result<(), Error>>,
}

impl DiskStore {
    /// Opens or makes the store at `file` (mode 0600). The caller holds the lock on its directory.
    pub(crate) fn open(file: &Path) -> Result<Self, Error> {
        let failure =
            |e: &dyn std::fmt::Display| Error::Internal(format!("the store {} does not open: {e}", file.display()));
        // SQLite gives its -wal and -shm files the mode of this one.
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(file)
            .map_err(|e| failure(&e))?;
        let connection = Connection::open(file).map_err(|e| failure(&e))?;
        prepare(&connection).map_err(|e| match e.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Error::Internal(super::loss::damaged(&e.to_string()).to_string())
            }
            _ => failure(&e),
        })?;
        let state = Arc::new(Health::default());
        let (jobs, queue) = mpsc::channel();
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn({
                let state = state.clone();
                move || write_all(connection, &queue, &state)
            })
            .map_err(|e| failure(&e))?;
        let readers = Readers { file: file.to_owned(), idle: Mutex::new(Vec::new()) };
        Ok(Self { readers, jobs, writer: Mutex::new(Some(writer)), state })
    }

    fn check(&self) -> Result<(), Error> {
        if self.state.failed() { Err(refused()) } else { Ok(()) }
    }

    /// Gives the writer an order; what it tells of it.
    fn order(
        &self,
        order: Order,
        answer: oneshot::Receiver<Result<(), Error>>,
    ) -> BoxFuture<'static, Result<(), Error>> {
        let sent = self.jobs.send(order).is_ok();
        Box::pin(async move {
            if !sent {
                return Err(refused());
            }
            answer.await.unwrap_or_else(|_| Err(refused()))
        })
    }

    fn read<T>(&self, what: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        self.check()?;
        self.readers.with(what)
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        self.close();
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.execute_batch(SCHEMA)?;
    // What the last process left in the log.
    move_log(connection)
}

/// Moves into the database what of the log nobody reads any more. A full disk stops it half way, which costs nothing:
/// all of it is still in the log.
fn move_log(connection: &Connection) -> rusqlite::Result<()> {
    match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        Err(error) if is_undone(&error) => {
            tracing::warn!(%error, "the store's log could not be moved into the database; it is tried again");
            Ok(())
        }
        done => done,
    }
}

const REFUSED: &str = "the store refuses everything since a write failed; restart the engine";

fn refused() -> Error {
    Error::Internal(REFUSED.to_owned())
}

/// The writer's loop: everything that waits, up to a limit, becomes one transaction.
fn write_all(mut connection: Connection, queue: &mpsc::Receiver<Order>, state: &Health) {
    let (mut in_log, mut next) = (0, None);
    while let Some(order) = next.take().or_else(|| queue.recv().ok()) {
        in_log += match order {
            Order::End => return,
            Order::Replace(with, done) => {
                let result = written(state, &mut connection, |connection| replace(connection, with));
                let is_done = result.is_ok();
                // Whoever stopped waiting does not need the answer.
                let _ = done.send(result);
                if is_done { WRITES_PER_CHECKPOINT } else { 0 }
            }
            Order::Write(first) => {
                let mut jobs = vec![first];
                while jobs.len() < BATCHES_PER_COMMIT_MAX && next.is_none() {
                    match queue.try_recv() {
                        Ok(Order::Write(job)) => jobs.push(job),
                        Ok(other) => next = Some(other),
                        Err(_) => break,
                    }
                }
                write(&mut connection, jobs, state)
            }
        };
        if in_log >= WRITES_PER_CHECKPOINT {
            in_log = 0;
            if let Err(error) = move_log(&connection) {
                state.take(&error, true);
            }
        }
    }
}

/// Commits jobs, tells each what came of it, and answers how much was written.
fn write(connection: &mut Connection, jobs: Vec<Job>, state: &Health) -> usize {
    let result = written(state, connection, |connection| commit(connection, &jobs).map_err(Unwritten::Sqlite));
    let writes: usize = jobs.iter().map(|job| job.batch.writes.len()).sum();
    for job in jobs {
        let again = match &result {
            Ok(()) => Ok(()),
            Err(error) => Err(Error::Internal(error.to_string())),
        };
        let _ = job.done.send(again);
    }
    if result.is_ok() { writes } else { 0 }
}

/// Why a transaction was not committed.
enum Unwritten {
    /// SQLite did not take it.
    Sqlite(rusqlite::Error),
    /// What was to be written is not to be had.
    Entry(Error),
}

impl From<rusqlite::Error> for Unwritten {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Runs a transaction, and keeps how the store fares since.
fn written(
    state: &Health,
    connection: &mut Connection,
    transaction: impl FnOnce(&mut Connection) -> Result<(), Unwritten>,
) -> Result<(), Error> {
    if state.failed() {
        return Err(refused());
    }
    match transaction(connection) {
        Ok(()) => {
            state.tell(None);
            Ok(())
        }
        Err(Unwritten::Entry(error)) => Err(error),
        Err(Unwritten::Sqlite(error)) => Err(match state.take(&error, connection.is_autocommit()) {
            true => Error::Internal(format!("the store could not be written: {error}")),
            false => refused(),
        }),
    }
}

fn commit(connection: &mut Connection, jobs: &[Job]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    {
        let mut put = transaction.prepare_cached(PUT)?;
        let mut delete = transaction.prepare_cached(DELETE)?;
        for (key, value) in jobs.iter().flat_map(|job| &job.batch.writes) {
            match value {
                Some(value) => put.execute(params![key.as_bytes(), value])?,
                None => delete.execute(params![key.as_bytes()])?,
            };
        }
    }
    transaction.commit()
}

/// Everything anew, in one transaction: pages that don't fit into memory are in the log, where nothing counts before the
/// frame that commits.
fn replace(connection: &mut Connection, with: Entries) -> Result<(), Unwritten> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute("DELETE FROM entry", [])?;
    {
        let mut put = transaction.prepare_cached(PUT)?;
        for entry in with {
            let (key, value) = entry.map_err(Unwritten::Entry)?;
            put.execute(params![key, value])?;
        }
    }
    Ok(transaction.commit()?)
}

/// Hands out what a connection sees, in a transaction that only reads.
fn copy(connection: &Connection, into: &mut dyn Copied) -> rusqlite::Result<Result<(), Error>> {
    const SIZE: &str = "SELECT count(*), coalesce(sum(length(key)), 0) + coalesce(sum(length(value)), 0) FROM entry";
    let transaction = connection.unchecked_transaction()?;
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    let size =
        transaction.query_row(SIZE, [], |row| Ok(Size { entries: number(row.get(0)?), bytes: number(row.get(1)?) }))?;
    if let Err(error) = into.begin(size) {
        return Ok(Err(error));
    }
    let mut all = transaction.prepare("SELECT key, value FROM entry ORDER BY key")?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        if let Err(error) = into.entry(row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

/// A pool of read connections.
struct Readers {
    file: std::path::PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    fn with<T>(&self, what: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let failure = |e: rusqlite::Error| Error::Internal(format!("the store cannot be read: {e}"));
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open().map_err(failure)?,
        };
        let result = what(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS_MAX {
            idle.push(connection);
        }
        result.map_err(failure)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.file)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}

/// The half-open range of keys that start with `prefix` and are greater than `after`, as bytes.
fn range(prefix: &str, after: Option<&str>) -> (Vec<u8>, Option<Vec<u8>>) {
    let from = match after {
        // The smallest key greater than `after` is `after` and a zero byte.
        Some(after) if after >= prefix => [after.as_bytes(), &[0]].concat(),
        _ => prefix.as_bytes().to_vec(),
    };
    // UTF-8 has no byte 0xff, so adding one to the last byte cannot overflow.
    let mut to = prefix.as_bytes().to_vec();
    let until = to.pop().map(|last| {
        to.push(last + 1);
        to
    });
    (from, until)
}

const SCAN: &str = "SELECT key, value FROM entry WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3";
const KEYS: &str = "SELECT key FROM entry WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3";
const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM entry WHERE key >= ?1 AND key < ?2 LIMIT ?3)";
/// Past every key: no UTF-8 text starts with this byte.
const END: &[u8] = &[0xff];

fn text(bytes: Vec<u8>) -> String {
    // Keys are written from strings, so this copies nothing and changes nothing.
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

impl Store for DiskStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT value FROM entry WHERE key = ?1")?
                .query_row(params![key.as_bytes()], |row| row.get(0))
                .optional()
        })
    }

    fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let (from, until) = range(prefix, after);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            connection
                .prepare_cached(SCAN)?
                .query_map(params![from, until.as_deref().unwrap_or(END), limit], |row| {
                    Ok((text(row.get(0)?), row.get(1)?))
                })?
                .collect()
        })
    }

    fn keys(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        let (from, until) = range(prefix, after);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            connection
                .prepare_cached(KEYS)?
                .query_map(params![from, until.as_deref().unwrap_or(END), limit], |row| Ok(text(row.get(0)?)))?
                .collect()
        })
    }

    fn count(&self, prefix: &str, limit: usize) -> Result<usize, Error> {
        let (from, until) = range(prefix, None);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let count: i64 = self.read(|connection| {
            let mut count = connection.prepare_cached(COUNT)?;
            count.query_row(params![from, until.as_deref().unwrap_or(END), limit], |row| row.get(0))
        })?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    fn commit(&self, batch: RawBatch) -> BoxFuture<'static, Result<(), Error>> {
        let (done, answer) = oneshot::channel();
        self.order(Order::Write(Job { batch, done }), answer)
    }

    fn copy(&self, into: &mut dyn Copied) -> Result<(), Error> {
        self.read(|connection| copy(connection, into))?
    }

    fn replace(&self, with: Entries) -> BoxFuture<'static, Result<(), Error>> {
        let (done, answer) = oneshot::channel();
        self.order(Order::Replace(with, done), answer)
    }

    fn bytes(&self) -> u64 {
        std::fs::metadata(&self.readers.file).map_or(0, |file| file.len())
    }

    fn damage(&self) -> Result<Option<String>, Error> {
        // Also whether table and index say the same: a key with a flipped bit is in one of them only.
        let found: String =
            self.read(|connection| connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)))?;
        Ok((found != "ok").then_some(found))
    }

    fn trouble(&self) -> Option<String> {
        self.state.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return };
        // A writer that has gone already needs no word.
        let _ = self.jobs.send(Order::End);
        if writer.join().is_err() {
            tracing::error!("the store's writer ended in a panic");
        }
        self.state.failed.store(true, Ordering::Release);
        self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::DiskStore;
    use crate::engine::kernel::store::{MemoryStore, RawBatch, Store};

    fn batch(writes: &[(&str, Option<&str>)]) -> RawBatch {
        let write = |(key, value): &(&str, Option<&str>)| ((*key).to_owned(), value.map(|v| v.as_bytes().to_vec()));
        RawBatch { writes: writes.iter().map(write).collect() }
    }

    #[tokio::test]
    async fn what_was_committed_is_there_after_a_reopen() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("engine.db");
        let store = DiskStore::open(&file).unwrap();
        store.commit(batch(&[("a/1", Some("x")), ("a/2", Some("y")), ("a/1", Some("z"))])).await.unwrap();
        store.commit(batch(&[("a/2", None)])).await.unwrap();
        drop(store);
        let store = DiskStore::open(&file).unwrap();
        assert_eq!(store.get("a/1").unwrap().unwrap(), b"z");
        assert_eq!(store.get("a/2").unwrap(), None);
    }

    #[tokio::test]
    async fn scans_agree_with_the_store_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let disk = DiskStore::open(&dir.path().join("engine.db")).unwrap();
        let memory = MemoryStore::default();
        let keys = ["a", "a/", "a/b", "a/b/c", "a0", "b", "a/\u{7f}", "a/é", "A/b", ""];
        let writes: Vec<_> = keys.iter().map(|key| (*key, Some(*key))).collect();
        disk.commit(batch(&writes)).await.unwrap();
        memory.commit(batch(&writes)).await.unwrap();
        for prefix in ["", "a", "a/", "a/b", "z", "é"] {
            for after in [None, Some(""), Some("a/"), Some("a/b"), Some("a/b/c"), Some("zz")] {
                for limit in [0, 1, 3, usize::MAX] {
                    let (d, m) = (disk.scan(prefix, after, limit), memory.scan(prefix, after, limit));
                    assert_eq!(d.unwrap(), m.unwrap(), "{prefix:?} {after:?} {limit}");
                    assert_eq!(disk.count(prefix, limit).unwrap(), memory.count(prefix, limit).unwrap());
                    let (d, m) = (disk.keys(prefix, after, limit), memory.keys(prefix, after, limit));
                    assert_eq!(d.unwrap(), m.unwrap(), "{prefix:?} {after:?} {limit}");
                }
            }
        }
    }

    #[tokio::test]
    async fn many_writers_share_commits_and_each_sees_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(DiskStore::open(&dir.path().join("engine.db")).unwrap());
        let tasks = (0..200).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let key = format!("k/{n}");
                store.commit(batch(&[(&key, Some("v"))])).await.unwrap();
                store.get(&key).unwrap().is_some()
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            assert!(task.await.unwrap());
        }
        assert_eq!(store.keys("k/", None, usize::MAX).unwrap().len(), 200);
    }

    #[tokio::test]
    async fn a_failed_commit_refuses_everything_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("engine.db");
        let store = DiskStore::open(&file).unwrap();
        store.commit(batch(&[("a", Some("1"))])).await.unwrap();
        // Pulls the table away from under the writer.
        rusqlite::Connection::open(&file).unwrap().execute_batch("DROP TABLE entry").unwrap();
        assert!(store.commit(batch(&[("a", Some("2"))])).await.is_err());
        rusqlite::Connection::open(&file).unwrap().execute_batch(super::SCHEMA).unwrap();
        assert!(store.commit(batch(&[("a", Some("3"))])).await.is_err());
        assert!(store.get("a").is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn its_files_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let store = DiskStore::open(&dir.path().join("engine.db")).unwrap();
        store.commit(batch(&[("a", Some("1"))])).await.unwrap();
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
    }
}
