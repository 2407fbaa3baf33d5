//! Turns to ask an AWS account: [`Pace`] with tasks that wait, and the clock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::pace::{Ended, Next, Pace};
use crate::clock::Clock;
use crate::engine::lease::Lane;

/// The turns of one account.
#[derive(Debug)]
pub(super) struct Pacer {
    inner: Mutex<Inner>,
    clock: Clock,
}

#[derive(Debug)]
struct Inner {
    pace: Pace<oneshot::Sender<Turn>>,
    /// When a task will give the next turn, if one waits for that.
    armed: Option<Duration>,
    closed: bool,
}

/// The right to make one call. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    pacer: Arc<Pacer>,
    lane: Lane,
    began: Duration,
    how: Ended,
}

impl Turn {
    /// The call was made, and this came of it.
    pub(super) fn end(mut self, how: Ended) {
        self.how = how;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.pacer.ended(self.lane, self.began, self.how);
    }
}

impl Pacer {
    fn new(clock: Clock) -> Arc<Self> {
        let inner = Inner { pace: Pace::new(), armed: None, closed: false };
        Arc::new(Self { inner: Mutex::new(inner), clock })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in there panics between two fields.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn. None where AWS does not answer, or the engine is closing, and the call can be made later.
    pub(super) async fn turn(self: &Arc<Self>, lane: Lane) -> Option<Turn> {
        let waiting = {
            let mut inner = self.lock();
            let later = matches!(lane, Lane::Bulk | Lane::Backlog);
            if (later && inner.closed) || (lane == Lane::Bulk && inner.pace.is_out()) {
                return None;
            }
            let (sender, waiting) = oneshot::channel();
            inner.pace.enter(lane, sender);
            waiting
        };
        self.go_on();
        waiting.await.ok()
    }

    /// Whether AWS answers nobody.
    pub(super) fn is_out(&self) -> bool {
        self.lock().pace.is_out()
    }

    /// How many leases are worth working on at once.
    pub(super) fn width(&self) -> usize {
        self.lock().pace.width()
    }

    fn ended(self: &Arc<Self>, lane: Lane, began: Duration, how: Ended) {
        let sent_away = {
            let mut inner = self.lock();
            let was_out = inner.pace.is_out();
            inner.pace.ended(lane, began, self.clock.elapsed(), how);
            // They hold what others may need, such as the lock of a lease.
            if inner.pace.is_out() && !was_out { inner.pace.send_away() } else { Vec::new() }
        };
        drop(sent_away);
        self.go_on();
    }

    /// No more turns for what can be done later.
    fn close(&self) {
        let sent_away = {
            let mut inner = self.lock();
            inner.closed = true;
            inner.pace.send_away()
        };
        drop(sent_away);
    }

    /// Gives all turns that can be given now, and sees to the next one.
    fn go_on(self: &Arc<Self>) {
        loop {
            let now = self.clock.elapsed();
            let mut inner = self.lock();
            match inner.pace.next(now) {
                Next::Go(lane, waiting) => {
                    drop(inner);
                    // Who has gone gives the turn back by dropping it.
                    drop(waiting.send(Turn { pacer: self.clone(), lane, began: now, how: Ended::Unused }));
                }
                Next::Wait(until) => {
                    if inner.armed.is_none_or(|armed| until < armed) {
                        inner.armed = Some(until);
                        drop(inner);
                        tokio::spawn(self.clone().wake(until));
                    }
                    return;
                }
                Next::Idle => return,
            }
        }
    }

    async fn wake(self: Arc<Self>, at: Duration) {
        self.clock.pause(at.saturating_sub(self.clock.elapsed())).await;
        {
            let mut inner = self.lock();
            if inner.armed == Some(at) {
                inner.armed = None;
            }
        }
        self.go_on();
    }
}

/// The pacers of all accounts: by access key until the account's number is known, then by that.
#[derive(Debug)]
pub(super) struct Pacers {
    known: Mutex<HashMap<String, Arc<Pacer>>>,
    clock: Clock,
}

impl Pacers {
    pub(super) fn new(clock: Clock) -> Self {
        Self { known: Mutex::default(), clock }
    }

    fn with<T>(&self, f: impl FnOnce(&mut HashMap<String, Arc<Pacer>>) -> T) -> T {
        // Each use is a map operation or two.
        f(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The pacer of a name.
    pub(super) fn of(&self, name: &str) -> Arc<Pacer> {
        self.with(|known| known.entry(name.to_owned()).or_insert_with(|| Pacer::new(self.clock.clone())).clone())
    }

    /// The pacer of a name, which is `pacer` if the name is new.
    pub(super) fn join(&self, name: String, pacer: Arc<Pacer>) -> Arc<Pacer> {
        self.with(|known| known.entry(name).or_insert(pacer).clone())
    }

    /// No more turns for what can be done later.
    pub(super) fn close(&self) {
        let all: Vec<_> = self.with(|known| known.values().cloned().collect());
        all.iter().for_each(|pacer| pacer.close());
    }
}
