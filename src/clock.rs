//! The only `now()` of the house: the system's clock, or one that a test moves.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;

/// Tells the time and waits for it. Cloning shares the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<watch::Sender<OffsetDateTime>>),
}

impl Clock {
    /// The machine's wall clock, in UTC.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: OffsetDateTime) -> Self {
        Self(Source::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// The current time, in UTC.
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            Source::System => OffsetDateTime::now_utc(),
            Source::Manual(sender) => *sender.borrow(),
        }
    }

    /// Moves a manual clock forward and wakes whoever waits for a time that has now come.
    /// Does nothing to the system's clock.
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
