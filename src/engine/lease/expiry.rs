//! The timer: what ends when it should, from the persisted index of what is due.
//!
//! Nothing is held in memory for a lease that waits. One task reads the first keys under `due/`, hands
//! what is overdue to a bounded number of workers, oldest first, and sleeps until the next. A start
//! with any number of leases costs the same, and what fell due while the engine was down is simply
//! first in line. How many workers a mount has depends on how its AWS account answers, so that the backlog
//! of one that does not keeps nobody else's leases ([`Backlog`]).

mod backlog;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use time::OffsetDateTime;

use self::backlog::Backlog;
use super::core::Core;
use crate::engine::kernel::due::{due_key, forget, parse_due};
use crate::engine::lease::{Leases, now};
use crate::engine::token::Token;
use crate::engine::wire::error::Error;

/// After a failure of the store or the trail, an entry is tried again after so many seconds.
const RETRY_SECONDS: i64 = 15;

/// The most entries that [`Leases::settle`] counts.
const REMAINING_MAX: usize = 10_000;

impl Leases {
    /// Starts the timer task, which first resolves what was open when the engine stopped.
    pub(crate) fn start(core: &Arc<Core>) -> tokio::task::JoinHandle<()> {
        tokio::spawn(run(core.clone()))
    }

    /// Whether the timer task is to end.
    pub(crate) fn is_stopping(core: &Core) -> bool {
        core.timer.stopping.load(Ordering::SeqCst)
    }

    /// Tells the timer task to end after what it is doing.
    pub(crate) fn stop(core: &Core) {
        core.timer.stopping.store(true, Ordering::SeqCst);
        core.timer.wake.notify_one();
    }

    /// Waits until everything overdue has been worked on, up to `limit`; answers how many leases are
    /// then still to be revoked, now or, because an attempt failed, later.
    pub(crate) async fn settle(core: &Arc<Core>, limit: Duration) -> usize {
        let settled = async {
            loop {
                let progress = core.timer.progress.notified();
                tokio::pin!(progress);
                progress.as_mut().enable();
                // In this order: what is not overdue any more may be in the middle of being worked on.
                match overdue(core, 1) {
                    Ok(keys) if keys.is_empty() && core.timer.busy.load(Ordering::SeqCst) == 0 => return,
                    _ => {}
                }
                core.timer.wake.notify_one();
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

/// How many leases are to be revoked, now or, because an attempt failed, later; up to [`REMAINING_MAX`].
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
    let timer = &core.timer;
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
        let again = [next, backlog.again()].into_iter().flatten().min();
        look = tokio::select! {
            is_more = backlog.ended(&core) => {
                timer.progress.notify_waiters();
                is_more
            }
            () = timer.wake.notified() => true,
            () = sleep_until(&core, again), if again.is_some() => true,
        };
    }
    backlog.all_ended().await;
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
        Some((_, "own", id)) => own(&core, id, &key).await,
        _ => forget(&core.barrier, &key).await,
    };
    if let Err(error) = done {
        tracing::error!(entry = key, %error, "a due entry could not be worked on; it is put off");
        return false;
    }
    true
}

async fn token(core: &Arc<Core>, hash: &str, key: &str) -> Result<(), Error> {
    core.tokens.expire(core, hash).await?;
    let _turn = core.tokens.turn(hash).await;
    let is_due =
        |token: &Token| token.expire_time.into_iter().chain(token.doomed).any(|end| due_key(end, "token", hash) == key);
    match core.tokens.load(core, hash)?.is_some_and(|token| is_due(&token)) {
        true => Ok(()),
        false => forget(&core.barrier, key).await,
    }
}

/// What a backend keeps for itself; of a mount that is gone, nothing.
async fn own(core: &Arc<Core>, id: &str, key: &str) -> Result<(), Error> {
    if let Some((uuid, id)) = id.split_once('/')
        && let Some(mount) = core.mounts.by_uuid(uuid)
        && let Some(keeper) = core.leases.keeper_of(&mount)
    {
        return keeper.due(core, &mount, id, key).await;
    }
    forget(&core.barrier, key).await
}
