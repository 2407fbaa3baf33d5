//! What is overdue, as far as it has been read, and who works on it.
//!
//! Each mount has workers of its own, as many as its AWS account is worth, so that an account that answers slowly
//! delays nobody else's leases. What can't be worked on at all, because the store or the trail takes nothing, stays
//! where it is in the index; it is left alone for a while, and those behind it have their turn.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::{Id, JoinError, JoinSet};

use super::work;
use crate::engine::kernel::due::{is_there, parse_due};
use crate::engine::lease::core::Core;
use crate::engine::lease::now;
use crate::engine::wire::error::Error;

/// How many due entries are worked on at once, of all mounts.
const WORKERS_MAX: usize = 1024;

/// How many entries that are not about a lease in AWS are worked on at once.
const OTHERS_MAX: usize = 16;

/// How many entries of a mount are worked on at once while its backend does not say what they are worth.
const UNKNOWN: usize = 32;

/// How many overdue entries of a mount are read ahead.
const AHEAD_MAX: usize = 2048;

/// How many keys are read at a time.
const PAGE: usize = 1000;

/// How long an entry that can't be worked on is left alone, in seconds.
const LATE_SECONDS: i64 = 15;

/// What the end of a worker leaves.
struct Ended {
    /// Whether more is overdue of its mount than was read ahead.
    starved: bool,
    /// The entry that was worked on.
    entry: Option<String>,
}

/// The overdue entries by mount. Entries that are not about a lease in AWS have an empty mount.
#[derive(Default)]
pub(super) struct Backlog {
    /// What waits, by the mount's UUID, the oldest first.
    waiting: HashMap<String, BTreeSet<String>>,
    /// Mounts of which more is overdue than is read ahead.
    more: HashSet<String>,
    /// What waits or is worked on.
    known: HashSet<String>,
    /// By its key, the time (Unix seconds) until which an entry is left alone.
    late: HashMap<String, i64>,
    workers: JoinSet<bool>,
    busy: HashMap<Id, (String, String)>,
    /// How many workers each mount has.
    at_work: HashMap<String, usize>,
}

impl Backlog {
    /// Reads what is overdue; answers when the next entry is due.
    pub(super) fn scan(&mut self, core: &Core) -> Result<Option<i64>, Error> {
        let time = now(core);
        let mut after: Option<String> = None;
        self.more.clear();
        self.late.retain(|_, until| *until > time);
        loop {
            let page = core.barrier.keys("due/", after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(None) };
            after = Some(last.clone());
            for key in page {
                match parse_due(&key) {
                    Some((due, ..)) if due > time => return Ok(Some(due)),
                    _ if self.known.contains(&key) || self.late.contains_key(&key) => {}
                    parsed => self.wait(mount_of(core, parsed), key),
                }
            }
        }
    }

    fn wait(&mut self, mount: String, key: String) {
        let waiting = self.waiting.entry(mount.clone()).or_default();
        if waiting.len() >= AHEAD_MAX {
            self.more.insert(mount);
            return;
        }
        waiting.insert(key.clone());
        self.known.insert(key);
    }

    /// Starts workers on what is overdue, the oldest first of those mounts that may have another.
    pub(super) fn fill(&mut self, core: &Arc<Core>) {
        while self.workers.len() < WORKERS_MAX {
            let has_room = |mount: &str| {
                let most = if mount.is_empty() { OTHERS_MAX } else { core.leases.width(mount).unwrap_or(UNKNOWN) };
                self.at_work.get(mount).copied().unwrap_or_default() < most
            };
            let fronts = self.waiting.iter().filter_map(|(mount, keys)| Some((keys.first()?, mount)));
            let Some((_, mount)) = fronts.filter(|(_, mount)| has_room(mount)).min() else { return };
            let mount = mount.clone();
            let Some(key) = self.waiting.get_mut(&mount).and_then(BTreeSet::pop_first) else { return };
            core.timer.busy.fetch_add(1, Ordering::SeqCst);
            let handle = self.workers.spawn(work(core.clone(), key.clone()));
            *self.at_work.entry(mount.clone()).or_default() += 1;
            self.busy.insert(handle.id(), (mount, key));
        }
    }

    /// Waits until a worker has ended, for ever if there is none; answers whether more is to be read: for its mount, or
    /// because what it worked on fell due anew at the same second, which a scan passes over while it is known.
    pub(super) async fn ended(&mut self, core: &Core) -> bool {
        let Some(ended) = self.workers.join_next_with_id().await else { return std::future::pending().await };
        core.timer.busy.fetch_sub(1, Ordering::SeqCst);
        let Some(Ended { starved, entry }) = self.note(ended, now(core)) else { return false };
        // What can't be read is found by the next scan.
        starved || entry.is_some_and(|entry| is_there(&core.barrier, &entry).unwrap_or_default())
    }

    /// Waits until all workers have ended.
    pub(super) async fn all_ended(&mut self) {
        while self.workers.join_next().await.is_some() {}
    }

    fn note(&mut self, ended: Result<(Id, bool), JoinError>, time: i64) -> Option<Ended> {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let (mount, key) = self.busy.remove(&id)?;
        if let Some(count) = self.at_work.get_mut(&mount) {
            *count = count.saturating_sub(1);
        }
        let mut entry = None;
        match ended {
            Ok((_, worked)) => {
                self.known.remove(&key);
                match worked {
                    true => entry = Some(key),
                    false => drop(self.late.insert(key, time.saturating_add(LATE_SECONDS))),
                }
            }
            // Its entry stays known, so that it is not started over and over until a restart.
            Err(_) => tracing::error!(entry = key, "a worker of the timer panicked"),
        }
        let starved = self.waiting.get(&mount).is_none_or(BTreeSet::is_empty) && self.more.contains(&mount);
        Some(Ended { starved, entry })
    }

    /// When an entry that was left alone may be tried again, in Unix seconds.
    pub(super) fn again(&self) -> Option<i64> {
        self.late.values().copied().min()
    }
}

/// The mount that a due entry is about, by its UUID; empty where it is about none.
fn mount_of(core: &Core, parsed: Option<(i64, &str, &str)>) -> String {
    match parsed {
        Some((_, "lease", id)) => core.mounts.route(id).map_or_else(String::new, |(mount, _)| mount.uuid.clone()),
        Some((_, "own", id)) => id.split('/').next().unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{AHEAD_MAX, Backlog, Ended, LATE_SECONDS};

    #[tokio::test]
    async fn what_failed_is_left_alone_and_what_a_mount_has_too_much_of_is_not_read_ahead() {
        let mut backlog = Backlog::default();
        for number in 0..=AHEAD_MAX {
            backlog.wait("slow".to_owned(), format!("{number:05}"));
        }
        backlog.wait("quick".to_owned(), "99999".to_owned());
        assert!(backlog.more.contains("slow") && !backlog.more.contains("quick"));
        assert_eq!((backlog.known.len(), backlog.again()), (AHEAD_MAX + 1, None));
        for (mount, worked) in [("slow", true), ("quick", false)] {
            let key = backlog.waiting.get_mut(mount).and_then(std::collections::BTreeSet::pop_first).unwrap();
            let id = backlog.workers.spawn(async move { worked }).id();
            backlog.busy.insert(id, (mount.to_owned(), key.clone()));
            let ended = backlog.workers.join_next_with_id().await.unwrap();
            let Ended { starved, entry } = backlog.note(ended, 100).unwrap();
            assert!(!starved, "there is more in memory, or no more at all");
            assert_eq!(entry, worked.then(|| key.clone()));
            assert!(!backlog.known.contains(&key));
        }
        assert_eq!(backlog.again(), Some(100 + LATE_SECONDS));
        assert_eq!(backlog.late.keys().collect::<Vec<_>>(), ["99999"]);
    }
}
