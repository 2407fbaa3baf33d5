//! The timer: what ends when it should, from the persisted index of what is due.
//!
//! Nothing is held in memory for a lease that waits. One task reads the first keys under `due/`, hands
//! what is overdue to a bounded number of workers, oldest first, and sleeps until the next. A start
//! with any number of leases costs the same, and what fell due while the engine was down is simply
//! first in line. What can't be worked on at all, because the store or the trail takes nothing, is left alone for a
//! while, and those behind it have their turn ([`Late`]).

mod late;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

use self::late::Late;
use super::barrier::Batch;
use super::core::Core;
use super::error::Error;
use super::lease::{Leases, now};

/// How many due entries are worked on at once.
const WORKERS_MAX: usize = 16;

/// How many requests that call AWS run at once, revocations included.
const AWS_SHARES: usize = 64;

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

/// How much may be asked of AWS at once. Revocations have at most a quarter, so that a burst of expiry
/// cannot starve issuing, and fewer for a while after AWS throttled one of them.
pub(crate) struct Budget {
    all: Semaphore,
    revoking: Semaphore,
    workers: AtomicUsize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            all: Semaphore::new(AWS_SHARES),
            revoking: Semaphore::new(WORKERS_MAX),
            workers: AtomicUsize::new(WORKERS_MAX),
        }
    }

    /// Waits for a share to issue with. None only when the engine is closing.
    pub(crate) async fn for_issuing(&self) -> Option<SemaphorePermit<'_>> {
        self.all.acquire().await.ok()
    }

    /// Waits for a share to revoke with.
    pub(crate) async fn for_revoking(&self) -> Option<(SemaphorePermit<'_>, SemaphorePermit<'_>)> {
        let turn = self.revoking.acquire().await.ok()?;
        Some((turn, self.all.acquire().await.ok()?))
    }

    /// Half as many workers after a throttled revocation, one more after each that was not.
    pub(crate) fn learn(&self, throttled: bool) {
        let next = |workers: usize| if throttled { (workers / 2).max(1) } else { (workers + 1).min(WORKERS_MAX) };
        // The closure always answers Some, so the update cannot fail.
        let _ = self.workers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |workers| Some(next(workers)));
    }

    fn workers(&self) -> usize {
        self.workers.load(Ordering::Relaxed)
    }
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

/// How many leases have ended and are still to be revoked, up to a limit.
pub(crate) fn remaining(core: &Core) -> Result<usize, Error> {
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
    let mut workers: JoinSet<bool> = JoinSet::new();
    let mut late = Late::default();
    let mut busy: HashMap<tokio::task::Id, String> = HashMap::new();
    loop {
        if timer.stopping.load(Ordering::SeqCst) {
            break;
        }
        // Until the scan is over every notice wakes us, for it may be about what the scan did not see.
        timer.next.store(i64::MAX, Ordering::SeqCst);
        let next = match fill(&core, &mut workers, &mut busy, &mut late) {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "what is due could not be read; trying again");
                Some(now(&core).saturating_add(RETRY_SECONDS))
            }
        };
        timer.next.store(next.unwrap_or(i64::MAX), Ordering::SeqCst);
        tokio::select! {
            Some(ended) = workers.join_next_with_id(), if !workers.is_empty() => {
                match ended {
                    Ok((id, worked)) => {
                        if let Some(key) = busy.remove(&id).filter(|_| !worked) {
                            late.failed(key, now(&core));
                        }
                    }
                    // Its entry stays busy, so that it is not started over and over until a restart.
                    Err(error) => tracing::error!(entry = busy.get(&error.id()), "a worker of the timer panicked"),
                }
                timer.progress.notify_waiters();
            }
            () = timer.wake.notified() => {}
            () = sleep_until(&core, next), if next.is_some() => {}
        }
    }
    while workers.join_next().await.is_some() {}
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

/// Starts workers on what is overdue, oldest first; answers when the next entry is due, if there is
/// room for it.
fn fill(
    core: &Arc<Core>,
    workers: &mut JoinSet<bool>,
    busy: &mut HashMap<tokio::task::Id, String>,
    late: &mut Late,
) -> Result<Option<i64>, Error> {
    let time = now(core);
    let room = core.leases.budget.workers().saturating_sub(workers.len());
    if room == 0 {
        return Ok(None);
    }
    let taken: HashSet<String> = busy.values().cloned().collect();
    // One more than fits, which tells when to look again.
    let page = taken.len() + room + 1;
    loop {
        let keys = core.barrier.keys("due/", late.passed(), page)?;
        let is_last = keys.len() < page;
        for key in keys {
            match parse_due(&key) {
                Some((due, ..)) if due > time => {
                    if late.begin_again(time) {
                        break;
                    }
                    return Ok(Some(late.next().map_or(due, |late| due.min(late))));
                }
                _ if taken.contains(&key) || late.waits(&key, time) => late.pass(&key),
                _ if workers.len() >= core.leases.budget.workers() => return Ok(None),
                _ => {
                    late.pass(&key);
                    let handle = workers.spawn(work(core.clone(), key.clone()));
                    busy.insert(handle.id(), key);
                }
            }
        }
        if is_last && !late.begin_again(time) {
            return Ok(late.next());
        }
    }
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
    use super::{Budget, WORKERS_MAX, due_key, parse_due};

    #[test]
    fn due_keys_sort_by_time_and_read_back() {
        let keys = [due_key(-5, "lease", "a/b"), due_key(9, "token", "h"), due_key(0x1_0000_0000, "lease", "z")];
        assert!(keys.is_sorted());
        assert_eq!(parse_due(&keys[0]), Some((0, "lease", "a/b")));
        assert_eq!(parse_due(&keys[2]), Some((0x1_0000_0000, "lease", "z")));
        assert_eq!(parse_due("due/x/lease/a"), None);
    }

    #[test]
    fn throttling_halves_the_workers_and_success_brings_them_back() {
        let budget = Budget::new();
        for expected in [8, 4, 2, 1, 1] {
            budget.learn(true);
            assert_eq!(budget.workers(), expected);
        }
        for _ in 0..40 {
            budget.learn(false);
        }
        assert_eq!(budget.workers(), WORKERS_MAX);
    }
}
