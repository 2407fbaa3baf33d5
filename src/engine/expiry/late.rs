//! Due entries that could not be worked on, and not be put off in the store either, because it or the trail takes
//! nothing.
//!
//! They stay where they are in the index, before all others. What keeps them from being tried for ever while those
//! behind them wait is here: the timer goes on behind them, and comes back to them when it has been through.

use std::collections::HashMap;

/// How long an entry is left alone after a failure, in seconds.
const WAIT_SECONDS: i64 = 15;

/// What is late.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// By its due key, the time (Unix seconds) until which an entry is left alone.
    until: HashMap<String, i64>,
    /// Up to this key everything overdue has been looked at.
    passed: Option<String>,
}

impl Late {
    /// An entry failed at `now`.
    pub(super) fn failed(&mut self, key: String, now: i64) {
        self.until.insert(key, now.saturating_add(WAIT_SECONDS));
    }

    /// Whether an entry is to be left alone at `now`.
    pub(super) fn waits(&self, key: &str, now: i64) -> bool {
        self.until.get(key).is_some_and(|until| *until > now)
    }

    /// Where to look on from.
    pub(super) fn passed(&self) -> Option<&str> {
        self.passed.as_deref()
    }

    /// Everything up to `key` has been looked at. While nothing is late the timer begins at the beginning each time,
    /// for what was there is gone.
    pub(super) fn pass(&mut self, key: &str) {
        self.passed = (!self.until.is_empty()).then(|| key.to_owned());
    }

    /// The timer has been through. Answers whether something may be tried again at `now`; then it is to look from the
    /// beginning.
    pub(super) fn begin_again(&mut self, now: i64) -> bool {
        let before = self.until.len();
        self.until.retain(|_, until| *until > now);
        let again = self.until.len() < before;
        if again {
            self.passed = None;
        }
        again
    }

    /// When something may be tried again, in Unix seconds.
    pub(super) fn next(&self) -> Option<i64> {
        self.until.values().copied().min()
    }
}

#[cfg(test)]
mod tests {
    use super::{Late, WAIT_SECONDS};

    #[test]
    fn the_timer_goes_on_behind_what_failed_and_comes_back_to_it() {
        let mut late = Late::default();
        late.pass("a");
        assert_eq!((late.passed(), late.next()), (None, None));
        late.failed("a".to_owned(), 100);
        late.pass("b");
        assert_eq!((late.passed(), late.next()), (Some("b"), Some(100 + WAIT_SECONDS)));
        assert!(late.waits("a", 100) && !late.waits("b", 100) && !late.begin_again(100));
        // Also where the entry is not in the index any more, this is said once.
        assert!(late.begin_again(100 + WAIT_SECONDS) && !late.begin_again(100 + WAIT_SECONDS));
        assert_eq!((late.passed(), late.next(), late.waits("a", 100)), (None, None, false));
    }
}
