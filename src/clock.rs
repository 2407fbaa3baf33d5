//! The only `now()` of the house: the system's clock, one that a test moves, or one that runs fast.

use std::sync::Arc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;

/// Tells the time and waits for it. Cloning shares the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<watch::Sender<OffsetDateTime>>),
    Fast { start: OffsetDateTime, began: Instant, factor: u32 },
}

/// How much faster than the machine's time a manual clock's pauses pass: it stands still, so they cannot be its own.
const MANUAL_PAUSE_FACTOR: u32 = 100;

/// When this process first asked for a time that only passes.
static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

impl Clock {
    /// The machine's wall clock, in UTC.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: OffsetDateTime) -> Self {
        Self(Source::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// A clock that stands at `start` now and runs `factor` times as fast as the machine's.
    pub fn fast(start: OffsetDateTime, factor: u32) -> Self {
        Self(Source::Fast { start, began: Instant::now(), factor: factor.max(1) })
    }

    /// How much faster than the machine's time the pauses of this clock pass.
    fn factor(&self) -> u32 {
        match &self.0 {
            Source::System => 1,
            Source::Manual(_) => MANUAL_PAUSE_FACTOR,
            Source::Fast { factor, .. } => *factor,
        }
    }

    /// Time that only passes, whatever the wall clock is set to: for measuring rates, from no particular moment.
    pub fn elapsed(&self) -> Duration {
        BEGAN.elapsed() * self.factor()
    }

    /// Lets so much of [`Clock::elapsed`] pass: a pause of the program's own, which a clock that stands still does not
    /// hold up.
    pub async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration / self.factor()).await;
    }

    /// The current time, in UTC.
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            Source::Fast { start, began, factor } => *start + began.elapsed() * *factor,
            Source::System => OffsetDateTime::now_utc(),
            Source::Manual(sender) => *sender.borrow(),
        }
    }

    /// Moves a manual clock forward and wakes whoever waits for a time that has now come.
    /// Does nothing to the others.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(sender) = &self.0 {
            sender.send_modify(|now| *now += by);
        }
    }

    /// Returns once [`Clock::now`] is at or past `when`.
    pub async fn sleep_until(&self, when: OffsetDateTime) {
        match &self.0 {
            Source::System => {
                // The wall clock may be set while we wait, so look again after each nap.
                const NAP_MAX: Duration = Duration::from_secs(30);
                loop {
                    let left = when - OffsetDateTime::now_utc();
                    let Ok(left) = Duration::try_from(left) else { return };
                    if left.is_zero() {
                        return;
                    }
                    tokio::time::sleep(left.min(NAP_MAX)).await;
                }
            }
            Source::Fast { factor, .. } => {
                // It is never set, so one nap is enough, but for rounding.
                while let Ok(left) = Duration::try_from(when - self.now())
                    && !left.is_zero()
                {
                    tokio::time::sleep(left / *factor).await;
                }
            }
            Source::Manual(sender) => {
                // The sender lives in `self`, so waiting cannot fail while we are borrowed.
                let _ = sender.subscribe().wait_for(|now| *now >= when).await;
            }
        }
    }

    /// Waits for `duration` of this clock's time.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }
}

/// RFC 3339 of Unix seconds, in UTC.
pub(crate) fn rfc3339(unix: i64) -> String {
    // Times outside the calendar's range cannot arise from TTLs, which are capped; they show as the epoch.
    let time = OffsetDateTime::from_unix_timestamp(unix).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&Rfc3339).unwrap_or_default()
}
