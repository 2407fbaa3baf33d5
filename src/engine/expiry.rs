//! The timer: what ends when it should, from the persisted index of what is due.
//!
//! Nothing is held in memory for a lease that waits. One task reads the first keys under `due/`, hands
//! what is overdue to a bounded number of workers, oldest first, and sleeps until the next. A start
//! with any number of leases costs the same, and what fell due while the engine was down is simply
//! first in line. What can't be worked on at all, because the store or the trail takes nothing, is left alone for a
//! while, and those behind it have their turn ([`Late`]). How many workers a mount has depends on how its AWS account
//! answers, so that the backlog of one that does not keeps nobody else's leases.

mod late;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::late::Late;
use super::barrier::Batch;
use super::core::Core;
use super::error::Error;
use super::lease::{Leases, now};

/// How many due entries are worked on at once, of all mounts.
const WORKERS_MAX: usize = 1024;

/// How many entries that are not about a lease are worked on at once.
const OTHERS_MAX: usize = 16;

/// How many overdue entries of a mount are read ahead.
const AHEAD_MAX: usize = 2048;

/// How many keys are read at a time.
const PAGE: usize = 1000;

/// After a failure of the store or the trail, an entry is tried again after so many seconds.
const RETRY_SECONDS: i64 = 15;

/// The most entries that [`Leases::settle`] counts.
const REMAINING_MAX: usize = 10_000;

/// The store key that says that `id` of a `kind` (`lease`, `token`) is due at `unix`.
pub(crate) fn due_key(unix: i64, kind: &str, id: &str) -> String {
    format!("due/{:016x}/{kind}/{id}", unix.max(0))
}

/// The time, kind and id in a due key.
fn parse_due(key: &str) -> Option<(i64, &str, &str)> {
    let (time, rest) = key.strip_prefix("due/")?.split_once('/')?;
    let (kind, id) = rest.split_once('/')?;
    Some((i64::from_str_radix(time, 16).ok()?, kind, id))
}

/// What the timer task waits for.
pub(crate) struct Timer {
    /// When it will look again by itself, in Unix seconds.
    next: AtomicI64,
    wake: Notify,
    /// An entry has been worked on.
    progress: Notify,
    stopping: AtomicBool,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self {
            next: AtomicI64::new(i64::MAX),
            wake: Notify::new(),
            progress: Notify::new(),
            stopping: AtomicBool::new(false),
        }
    }
}

impl Leases {
    /// A due entry at this time has been stored: wakes the timer if it would sleep past it.
    pub(crate) fn notice(&self, unix: i64) {
        if unix < self.timer.next.load(Ordering::SeqCst) {
            self.timer.wake.notify_one();
        }
    }

    /// Starts the timer task, which first resolves what was open when the engine stopped.
    pub(crate) fn start(core: &Arc<Core>) -> tokio::task::JoinHandle<()> {
        tokio::spawn(run(core.clone()))
    }

    /// Whether the timer task is to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.timer.stopping.load(Ordering::SeqCst)
    }

    /// Tells the timer task to end after what it is doing.
    pub(crate) fn stop(&self) {
        self.timer.stopping.store(true, Ordering::SeqCst);
        self.timer.wake.notify_one();
    }

    /// Waits until everything overdue has been worked on, up to `limit`; answers how many leases are
    /// then still to be revoked, now or, because an attempt failed, later.
    pub(crate) async fn settle(&self, core: &Arc<Core>, limit: Duration) -> usize {
        let settled = async {
            loop {
                let progress = self.timer.progress.notified();
                tokio::pin!(progress);
                progress.as_mut().enable();
                match overdue(core, 1) {
                    Ok(keys) if keys.is_empty() => return,
                    _ => {}
                }
                self.timer.wake.notify_one();
                progress.await;
            }
        };
        // Out of time is no error here: the answer says what is left.
        let _ = tokio::time::timeout(limit, settled).await;
        remaining(core).unwrap_or_else(|error| {
            tracing::error!(%error, "the leases that remain could not be counted");
            0
        })
    }
}

fn overdue(core: &Core, limit: usize) -> Result<Vec<String>, Error> {
    let time = now(core);
    let mut keys = core.barrier.keys("due/", None, limit)?;
    keys.retain(|key| parse_due(key).is_none_or(|(due, ..)| due <= time));
    Ok(keys)
}

fn remaining(core: &Core) -> Result<usize, Error> {
    let overdue = overdue(core, REMAINING_MAX)?;
    let mut ids: HashSet<&str> = overdue.iter().filter_map(|key| parse_due(key)).map(|(_, _, id)| id).collect();
    let open = core.barrier.keys("lease-open/", None, REMAINING_MAX)?;
    let open = open.iter().map(|key| &key["lease-open/".len()..]).filter(|id| !core.leases.is_pending(id));
    ids.extend(open);
    Ok(ids.len())
}

/// The timer task.
async fn run(core: Arc<Core>) {
    let timer = &core.leases.timer;
    while let Err(error) = core.leases.recover(&core).await {
        tracing::error!(%error, "what was open when the engine stopped could not be taken up; trying again");
        tokio::select! {
            () = pause(&core) => {}
            () = timer.wake.notified() => {}
        }
        if timer.stopping.load(Ordering::SeqCst) {
            return;
        }
    }
    let mut backlog = Backlog::default();
    let mut next = None;
    let mut look = true;
    loop {
        if timer.stopping.load(Ordering::SeqCst) {
            break;
        }
        if look {
            // Until the scan is over every notice wakes us, for it may be about what the scan did not see.
            timer.next.store(i64::MAX, Ordering::SeqCst);
            next = backlog.scan(&core).unwrap_or_else(|error| {
                tracing::error!(%error, "what is due could not be read; trying again");
                Some(now(&core).saturating_add(RETRY_SECONDS))
            });
            timer.next.store(next.unwrap_or(i64::MAX), Ordering::SeqCst);
        }
        backlog.fill(&core);
        look = tokio::select! {
            Some(ended) = backlog.workers.join_next_with_id(), if !backlog.workers.is_empty() => {
                let starved = backlog.ended(ended, now(&core));
                next = earlier(next, backlog.late.next());
                timer.next.store(next.unwrap_or(i64::MAX), Ordering::SeqCst);
                timer.progress.notify_waiters();
                starved
            }
            () = timer.wake.notified() => true,
            () = sleep_until(&core, next), if next.is_some() => true,
        };
    }
    while backlog.workers.join_next().await.is_some() {}
}

/// What is overdue, as far as it has been read, and who works on it.
#[derive(Default)]
struct Backlog {
    /// By mount (its UUID), oldest first; what is not about a lease has an empty name.
    waiting: HashMap<String, BTreeSet<String>>,
    /// Mounts of which more is overdue than is read ahead.
    more: HashSet<String>,
    /// What waits or is worked on.
    known: HashSet<String>,
    workers: JoinSet<bool>,
    late: Late,
    busy: HashMap<tokio::task::Id, (String, String)>,
    /// How many workers each mount has.
    at_work: HashMap<String, usize>,
}

impl Backlog {
    /// Reads what is overdue; answers when the next entry is due.
    fn scan(&mut self, core: &Core) -> Result<Option<i64>, Error> {
        let time = now(core);
        let mut after: Option<String> = None;
        self.more.clear();
        self.late.forget(time);
        loop {
            let page = core.barrier.keys("due/", after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(self.late.next()) };
            after = Some(last.clone());
            for key in page {
                match parse_due(&key) {
                    Some((due, ..)) if due > time => return Ok(earlier(Some(due), self.late.next())),
                    _ if self.known.contains(&key) || self.late.waits(&key) => {}
                    parsed => {
                        let mount = mount_of(core, parsed);
                        let waiting = self.waiting.entry(mount.clone()).or_default();
                        if waiting.len() < AHEAD_MAX {
                            waiting.insert(key.clone());
                            self.known.insert(key);
                        } else {
                            self.more.insert(mount);
                        }
                    }
                }
            }
        }
    }

    /// Starts workers on what is overdue, the oldest first of those mounts that may have another.
    fn fill(&mut self, core: &Arc<Core>) {
        while self.workers.len() < WORKERS_MAX {
            let has_room = |mount: &str| {
                let most = if mount.is_empty() { OTHERS_MAX } else { core.aws_clients.width(mount) };
                self.at_work.get(mount).copied().unwrap_or_default() < most
            };
            let fronts = self.waiting.iter().filter_map(|(mount, keys)| Some((keys.first()?, mount)));
            let Some((_, mount)) = fronts.filter(|(_, mount)| has_room(mount)).min() else { return };
            let mount = mount.clone();
            let Some(key) = self.waiting.get_mut(&mount).and_then(BTreeSet::pop_first) else { return };
            let handle = self.workers.spawn(work(core.clone(), key.clone()));
            *self.at_work.entry(mount.clone()).or_default() += 1;
            self.busy.insert(handle.id(), (mount, key));
        }
    }

    /// A worker has ended; answers whether more has to be read for its mount.
    fn ended(&mut self, ended: Result<(tokio::task::Id, bool), tokio::task::JoinError>, now: i64) -> bool {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let Some((mount, key)) = self.busy.remove(&id) else { return false };
        if let Some(count) = self.at_work.get_mut(&mount) {
            *count = count.saturating_sub(1);
        }
        match ended {
            Ok((_, worked)) => {
                self.known.remove(&key);
                if !worked {
                    self.late.failed(key, now);
                }
            }
            // Its entry stays known, so that it is not started over and over until a restart.
            Err(_) => tracing::error!(entry = key, "a worker of the timer panicked"),
        }
        self.waiting.get(&mount).is_none_or(BTreeSet::is_empty) && self.more.contains(&mount)
    }
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

/// The mount that a due entry's lease is of; empty for other entries.
fn mount_of(core: &Core, parsed: Option<(i64, &str, &str)>) -> String {
    match parsed {
        Some((_, "lease", id)) => core.mounts.route(id).map_or_else(String::new, |(mount, _)| mount.uuid.clone()),
        _ => String::new(),
    }
}

async fn sleep_until(core: &Core, unix: Option<i64>) {
    // Beyond the calendar means never.
    match unix.map(OffsetDateTime::from_unix_timestamp) {
        Some(Ok(when)) => core.clock.sleep_until(when).await,
        _ => std::future::pending().await,
    }
}

async fn pause(core: &Core) {
    sleep_until(core, Some(now(core).saturating_add(RETRY_SECONDS))).await;
}

/// Works on one due entry; answers whether that was possible. Then the entry is gone or later.
async fn work(core: Arc<Core>, key: String) -> bool {
    let done = match parse_due(&key) {
        Some((_, "lease", id)) => core.leases.due(&core, id, &key).await,
        Some((_, "token", hash)) => token(&core, hash, &key).await,
        _ => forget(&core, &key).await,
    };
    if let Err(error) = done {
        tracing::error!(entry = key, %error, "a due entry could not be worked on; it is put off");
        return false;
    }
    true
}

async fn token(core: &Arc<Core>, hash: &str, key: &str) -> Result<(), Error> {
    core.tokens.expire(core, hash).await?;
    if core.barrier.keys(key, None, 1)?.first().is_some_and(|found| found == key) {
        return forget(core, key).await;
    }
    Ok(())
}

async fn forget(core: &Core, key: &str) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.delete(key);
    core.barrier.commit(batch).await
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
