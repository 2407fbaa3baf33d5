//! Where patient requests wait for a server that says "not now": one at a time asks again, in the order in which they
//! were refused, and who comes meanwhile waits behind them.
//!
//! Otherwise the new ones take what a quota lets through, and an old one that asks ever more seldom is refused until its
//! patience ends: of thousands of reads under a quota of a few a second some always were.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// The queue of one server.
pub(super) struct Queue {
    turn: Semaphore,
    /// How many are in it, with the one whose turn it is.
    length: AtomicUsize,
    /// How long was waited since the server last did not say "not now".
    refused: Mutex<Duration>,
}

/// A place in the queue, from the moment it is one's turn until the request is answered.
pub(super) struct Turn<'a> {
    _place: Place<'a>,
    _permit: Option<SemaphorePermit<'a>>,
}

struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { turn: Semaphore::new(1), length: AtomicUsize::new(0), refused: Mutex::default() }
    }

    /// Whether somebody waits.
    pub(super) fn is_busy(&self) -> bool {
        self.length.load(Ordering::Relaxed) > 0
    }

    /// Waits for one's turn.
    pub(super) async fn turn(&self) -> Turn<'_> {
        self.length.fetch_add(1, Ordering::Relaxed);
        let place = Place(&self.length);
        // Nobody closes it.
        let permit = self.turn.acquire().await.ok();
        Turn { _place: place, _permit: permit }
    }

    /// How long was waited, with this wait, since the server let anything through. Patience is for the server and not
    /// for the place in the queue: when it ends, it ends for all that wait.
    pub(super) fn refused_for(&self, delay: Duration) -> Duration {
        self.refused().saturating_add(delay)
    }

    /// A wait has passed.
    pub(super) fn waited(&self, delay: Duration) {
        if let Ok(mut refused) = self.refused.lock() {
            *refused = refused.saturating_add(delay);
        }
    }

    /// The server has let something through.
    pub(super) fn admitted(&self) {
        if let Ok(mut refused) = self.refused.lock() {
            *refused = Duration::ZERO;
        }
    }

    fn refused(&self) -> Duration {
        self.refused.lock().map_or(Duration::ZERO, |refused| *refused)
    }
}
