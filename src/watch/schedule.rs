//! When the next round begins. Pure: the random part is handed in.

use std::time::Duration;

use super::outcome::Outcome;

/// The pause after a first failure, unless rounds are closer together anyway.
const FAILED_MIN: Duration = Duration::from_secs(15);

/// The longest pause after failures, unless rounds are farther apart anyway.
const FAILED_MAX: Duration = Duration::from_secs(300);

/// How soon it is looked again whether somebody else is done: a lock without its holder ends in that time.
const WAITS_MAX: Duration = Duration::from_secs(60);

/// How much sooner or later a round may begin, in parts of the pause, so that many loops which started together do not
/// stay together.
const JITTER: f64 = 0.1;

/// Without a success for so many intervals, something is wrong.
const PATIENCE_INTERVALS: u32 = 3;

/// How rounds follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From the end of one round to the beginning of the next.
    pub interval: Duration,
}

impl Pace {
    /// The pause after a round, where `failures` in a row have failed, that one among them; `random` is from 0 to 1.
    pub fn pause(self, outcome: Outcome, failures: u32, random: f64) -> Duration {
        let pause = match outcome {
            _ if outcome.is_failure() => {
                let first = self.interval.min(FAILED_MIN);
                let doubled = first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
                doubled.min(self.interval.max(FAILED_MAX))
            }
            Outcome::Waits => self.interval.min(WAITS_MAX),
            _ => self.interval,
        };
        pause.mul_f64(1.0 - JITTER + 2.0 * JITTER * random.clamp(0.0, 1.0))
    }
}

/// How old the last success may be before the loop counts as broken: a few intervals, and a few minutes more, which a round
/// may take.
pub fn patience(interval: Duration) -> Duration {
    interval.saturating_mul(PATIENCE_INTERVALS).saturating_add(FAILED_MAX)
}

/// Whether a token that lives so long still, of the time that it was given, is to be renewed in a round: with half of it
/// gone, or if it would end before the round after the next.
pub fn is_due(ttl: Duration, whole: Duration, interval: Duration) -> bool {
    ttl * 2 <= whole || ttl < interval.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Pace, is_due, patience};
    use crate::watch::outcome::Outcome;

    fn seconds(interval: u64, outcome: Outcome, failures: u32, random: f64) -> f64 {
        Pace { interval: Duration::from_secs(interval) }.pause(outcome, failures, random).as_secs_f64()
    }

    #[test]
    fn a_round_that_ended_well_is_followed_after_the_interval_give_or_take_a_tenth() {
        for outcome in [Outcome::Clean, Outcome::Applied, Outcome::Pending, Outcome::Drift, Outcome::Refused] {
            for (random, expected) in [(0.0, 270.0), (0.5, 300.0), (1.0, 330.0), (7.0, 330.0)] {
                let found = seconds(300, outcome, 0, random);
                assert!((found - expected).abs() < 0.001, "{outcome:?}, {random}: {found}");
            }
        }
    }

    #[test]
    fn after_failures_it_waits_twice_as_long_each_time_up_to_a_limit() {
        for (interval, failures, expected) in [
            (600, 1, 15.0),
            (600, 2, 30.0),
            (600, 3, 60.0),
            (600, 6, 480.0),
            (600, 7, 600.0),
            (600, 99, 600.0),
            (60, 5, 240.0),
            (60, 6, 300.0),
            (60, u32::MAX, 300.0),
            (2, 1, 2.0),
            (2, 4, 16.0),
        ] {
            for outcome in [Outcome::Failed, Outcome::Incomplete] {
                let found = seconds(interval, outcome, failures, 0.5);
                assert!((found - expected).abs() < 0.001, "{interval} s, {failures} failures: {found}");
            }
        }
    }

    #[test]
    fn who_waits_for_somebody_else_looks_again_within_a_minute() {
        for (interval, expected) in [(600, 60.0), (5, 5.0)] {
            let found = seconds(interval, Outcome::Waits, 0, 0.5);
            assert!((found - expected).abs() < 0.001, "{interval}: {found}");
        }
    }

    #[test]
    fn a_token_is_renewed_in_time() {
        for (ttl, whole, interval, is) in [
            (3_600, 3_600, 300, false),
            (1_801, 3_600, 300, false),
            (1_800, 3_600, 300, true),
            (500, 600, 300, true),
            (600, 600, 300, false),
            (30, 30, 300, true),
        ] {
            let [ttl, whole, interval] = [ttl, whole, interval].map(Duration::from_secs);
            assert_eq!(is_due(ttl, whole, interval), is, "{ttl:?} of {whole:?}, {interval:?}");
        }
    }

    #[test]
    fn patience_outlasts_two_rounds_that_end_well() {
        for interval in [1, 60, 300, 86_400] {
            let two = 2.0 * seconds(interval, Outcome::Clean, 0, 1.0);
            assert!(patience(Duration::from_secs(interval)).as_secs_f64() > two, "{interval}");
        }
    }
}
