//! All connections of one listener, and who goes when there are too many.
//!
//! A new connection always gets a place: when none is free, the one that costs least is taken from the
//! source that has most of that cost, the longest waiting first. So a client with a token is served however
//! many connections without one there are, and no address is ever refused, for it may be a proxy's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::visit::{Cost, Visit};
use crate::engine::setup::Limits;
use crate::engine::wire::source::Source;

/// How long a stopping server leaves alone whom it does not wait for: what is on the wire arrives.
const GRACE: Duration = Duration::from_secs(1);

/// The connections there are.
pub(super) struct Crowd {
    visits: Mutex<HashMap<u64, Entry>>,
    next: AtomicU64,
    /// Told when one ends.
    ended: Notify,
}

struct Entry {
    source: Source,
    visit: Arc<Visit>,
    task: Option<AbortHandle>,
}

/// One connection's place, given back when it is dropped.
pub(super) struct Place {
    crowd: Arc<Crowd>,
    id: u64,
    /// The connection.
    pub(super) visit: Arc<Visit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.visits().remove(&self.id);
        self.visit.end();
        self.crowd.ended.notify_one();
    }
}

impl Place {
    /// The task that serves it: ended when its place is taken.
    pub(super) fn served_by(crowd: &Crowd, id: u64, task: AbortHandle) {
        if let Some(entry) = crowd.visits().get_mut(&id) {
            entry.task = Some(task);
        }
    }

    /// Its number.
    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl Crowd {
    /// Nobody.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { visits: Mutex::default(), next: AtomicU64::new(0), ended: Notify::new() })
    }

    fn visits(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        // Each use is one map operation, so a panic elsewhere cannot have left it torn.
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in.
    pub(super) fn enter(self: &Arc<Self>, source: Source, visit: Arc<Visit>) -> Place {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.visits().insert(id, Entry { source, visit: visit.clone(), task: None });
        Place { crowd: self.clone(), id, visit }
    }

    /// Waits until fewer than `places` are taken, by taking one back where that may be done.
    pub(super) async fn make_room(&self, places: usize) {
        while self.visits().len() >= places {
            let ended = self.ended.notified();
            if self.evict() || self.visits().len() < places {
                continue;
            }
            // All are at work for somebody who may: one of them will be done.
            ended.await;
        }
    }

    /// Takes one place back. False when none may be.
    pub(super) fn evict(&self) -> bool {
        let mut visits = self.visits();
        let Some(id) = cheapest(visits.iter().filter_map(|(id, entry)| {
            let (cost, since) = entry.visit.cost()?;
            Some(Candidate { id: *id, source: entry.source, cost, since })
        })) else {
            return false;
        };
        let evicted = visits.remove(&id);
        drop(visits);
        if let Some(task) = evicted.and_then(|entry| entry.task) {
            task.abort();
        }
        true
    }

    /// Ends the connections whose clients take too long.
    pub(super) fn sweep(&self, limits: &Limits) {
        let now = Instant::now();
        self.end_where(|visit| visit.is_overdue(now, limits.idle_time_max, limits.write_time_max));
    }

    fn end_where(&self, ends: impl Fn(&Visit) -> bool) {
        let visits = self.visits();
        let tasks: Vec<AbortHandle> =
            visits.values().filter(|entry| ends(&entry.visit)).filter_map(|entry| entry.task.clone()).collect();
        drop(visits);
        tasks.iter().for_each(AbortHandle::abort);
    }

    /// Lets the requests end that are being worked on, within `limit`, and ends everything else soon.
    /// Answers whether all ended by themselves.
    pub(super) async fn drain(&self, limit: Duration) -> bool {
        let began = Instant::now();
        self.visits().values().for_each(|entry| entry.visit.close());
        loop {
            let ended = self.ended.notified();
            if self.visits().is_empty() {
                return true;
            }
            let elapsed = began.elapsed();
            if elapsed >= limit {
                self.end_where(|_| true);
                return false;
            }
            if elapsed >= GRACE {
                self.end_where(|visit| !visit.is_awaited());
            }
            // Whichever comes first; those that nobody waits for are looked at again.
            let _ = tokio::time::timeout(GRACE.min(limit.saturating_sub(elapsed)), ended).await;
        }
    }
}

/// A connection whose place could be taken.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    id: u64,
    source: Source,
    cost: Cost,
    since: Instant,
}

fn cheapest(candidates: impl Iterator<Item = Candidate>) -> Option<u64> {
    let candidates: Vec<Candidate> = candidates.collect();
    let cost = candidates.iter().map(|candidate| candidate.cost).min()?;
    let candidates = candidates.into_iter().filter(|candidate| candidate.cost == cost);
    let mut sources: HashMap<Source, (usize, Candidate)> = HashMap::new();
    for candidate in candidates {
        let (count, oldest) = sources.entry(candidate.source).or_insert((0, candidate));
        *count += 1;
        if (candidate.since, candidate.id) < (oldest.since, oldest.id) {
            *oldest = candidate;
        }
    }
    let most =
        sources.into_values().max_by_key(|(count, oldest)| (*count, std::cmp::Reverse((oldest.since, oldest.id))));
    most.map(|(_, oldest)| oldest.id)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Candidate, Cost, Source, cheapest};

    #[test]
    fn the_cheapest_of_the_source_that_has_most_goes_longest_waiting_first() {
        let start = Instant::now();
        let source = |text: &str| Source::of(text.parse::<std::net::SocketAddr>().unwrap().ip());
        let check = |candidates: &[(&str, Cost, u64)], gone: Option<u64>| {
            let candidates = (0..).zip(candidates).map(|(id, (from, cost, since))| Candidate {
                id,
                source: source(from),
                cost: *cost,
                since: start + Duration::from_secs(*since),
            });
            assert_eq!(cheapest(candidates), gone);
        };
        let (one, same, other) = ("192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1");
        check(&[], None);
        check(&[(one, Cost::Known, 0), (one, Cost::Stranger, 9)], Some(1));
        check(&[(one, Cost::StrangerAtWork, 0), (one, Cost::Known, 0)], Some(0));
        check(&[(other, Cost::Stranger, 0), (one, Cost::Stranger, 5), (same, Cost::Stranger, 4)], Some(2));
        // Who is known does not count against a source while a stranger is left.
        check(&[(one, Cost::Known, 0), (same, Cost::Known, 0), (other, Cost::Stranger, 9)], Some(2));
        // One host of IPv6 has a whole network to come from; the loopback is one machine.
        let network = ["[2001:db8::1]:1", "[2001:db8::2]:1"];
        check(&[(one, Cost::Stranger, 0), (network[0], Cost::Stranger, 2), (network[1], Cost::Stranger, 1)], Some(2));
        check(&[(one, Cost::Stranger, 0), ("127.0.0.1:1", Cost::Stranger, 2), ("[::1]:1", Cost::Stranger, 1)], Some(2));
    }
}
