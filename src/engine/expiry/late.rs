//! Due entries that could not be worked on, and not be put off in the store either, because it or the trail takes
//! nothing.
//!
//! They stay where they are in the index, before all others. What keeps them from being tried for ever while those
//! behind them wait is here: they are left alone for a while.

use std::collections::HashMap;

/// How long an entry is left alone after a failure, in seconds.
const WAIT_SECONDS: i64 = 15;

/// What is late.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// By its due key, the time (Unix seconds) until which an entry is left alone.
    until: HashMap<String, i64>,
    /// The earliest of these times.
    first: Option<i64>,
}

impl Late {
    /// An entry failed at `now`.
    pub(super) fn failed(&mut self, key: String, now: i64) {
        let until = now.saturating_add(WAIT_SECONDS);
        self.until.insert(key, until);
        self.first = Some(self.first.map_or(until, |first| first.min(until)));
    }

    /// Forgets the entries that may be tried again at `now`.
    pub(super) fn forget(&mut self, now: i64) {
        if self.first.is_some_and(|first| first <= now) {
            self.until.retain(|_, until| *until > now);
            self.first = self.until.values().copied().min();
        }
    }

    /// Whether an entry is to be left alone.
    pub(super) fn waits(&self, key: &str) -> bool {
        self.until.contains_key(key)
    }

    /// When something may be tried again, in Unix seconds.
    pub(super) fn next(&self) -> Option<i64> {
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::{Late, WAIT_SECONDS};

    #[test]
    fn what_failed_is_left_alone_for_a_while() {
        let mut late = Late::default();
        assert_eq!(late.next(), None);
        late.failed("a".to_owned(), 100);
        late.failed("b".to_owned(), 105);
        late.forget(100 + WAIT_SECONDS - 1);
        assert_eq!((late.waits("a"), late.waits("b"), late.waits("c")), (true, true, false));
        assert_eq!(late.next(), Some(100 + WAIT_SECONDS));
        late.forget(100 + WAIT_SECONDS);
        assert_eq!((late.waits("a"), late.waits("b"), late.next()), (false, true, Some(105 + WAIT_SECONDS)));
        late.forget(200);
        assert_eq!((late.waits("b"), late.next()), (false, None));
    }
}
