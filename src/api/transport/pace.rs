//! How many requests are under way at once, and how many are sent in a second, at most: what somebody says who shares the
//! server with others. One pace holds for all that a client and its copies send.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Requests per second, and how many may go at once before they are held back.
/// Source: Vault CLI, `VAULT_RATE_LIMIT`: `rate` or `rate:burst`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Requests per second.
    pub rate: f64,
    /// How many may go at once.
    pub burst: u32,
}

/// The pace.
pub(super) struct Pace {
    under_way: Option<Semaphore>,
    limit: Option<(RateLimit, Mutex<Option<Instant>>)>,
}

impl Pace {
    /// With so many at once, and at this rate; without a word, without a bound.
    pub(super) fn new(parallelism: Option<usize>, limit: Option<RateLimit>) -> Self {
        Self { under_way: parallelism.map(Semaphore::new), limit: limit.map(|limit| (limit, Mutex::default())) }
    }

    /// Waits until a request may be sent. It counts as under way until what is answered is dropped.
    pub(super) async fn step(&self) -> Option<SemaphorePermit<'_>> {
        let permit = match &self.under_way {
            // It is never closed.
            Some(under_way) => under_way.acquire().await.ok(),
            None => None,
        };
        if let Some(wait) = self.wait() {
            tokio::time::sleep(wait).await;
        }
        permit
    }

    /// How long the next request waits, which goes then.
    fn wait(&self) -> Option<Duration> {
        let (limit, due) = self.limit.as_ref()?;
        let now = Instant::now();
        let mut due = due.lock().unwrap_or_else(PoisonError::into_inner);
        let (wait, next) = limit.next(due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now)));
        *due = Some(now + next);
        Some(wait)
    }
}

impl RateLimit {
    /// How long the next request waits, and when one would be due that waits for no burst, where that was so far ahead
    /// before it.
    fn next(self, ahead: Duration) -> (Duration, Duration) {
        let interval = Duration::from_secs_f64(1.0 / self.rate);
        let slack = interval * self.burst.saturating_sub(1);
        (ahead.saturating_sub(slack), ahead + interval)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::RateLimit;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let limit = RateLimit { rate: 10.0, burst: 3 };
        let (mut ahead, mut waits) = (Duration::ZERO, Vec::new());
        for _ in 0..6 {
            let (wait, next) = limit.next(ahead);
            (ahead, waits) = (next, [waits, vec![wait.as_millis()]].concat());
        }
        assert_eq!(waits, [0, 0, 0, 100, 200, 300]);
        // Half a second later five have gone.
        assert_eq!(limit.next(ahead - Duration::from_millis(500)).0, Duration::ZERO);
        let one = RateLimit { rate: 2.0, burst: 1 };
        assert_eq!(one.next(Duration::from_millis(500)).0, Duration::from_millis(500));
    }
}
