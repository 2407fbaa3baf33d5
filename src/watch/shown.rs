//! What others are shown of a loop: the state, and what only the running loop knows.

use std::time::Duration;

use super::memory::Memory;
use super::moment::Moment;
use super::outcome::Mode;
use super::schedule::patience;

/// What others are shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What it knows.
    pub state: Memory,
    /// Whether it writes.
    pub mode: Mode,
    /// How long from one round to the next.
    pub interval: Duration,
    /// Since when it runs.
    pub started: Moment,
    /// That it is suspended, in words.
    pub suspended: Option<String>,
    /// Why what it knows could not be kept.
    pub unkept: Option<String>,
    /// Messages that could not be delivered, since it runs.
    pub undelivered: u64,
}

impl Shown {
    /// Whether the loop does what it is for.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn health(&self, now: Moment) -> Result<String, String> {
        if let Some(why) = &self.unkept {
            return Err(format!("what is known can't be kept: {why}"));
        }
        if let Some(suspended) = &self.suspended {
            return Ok(suspended.clone());
        }
        // One that was down for long has its time after the start.
        let since = self.state.last_success.map_or(self.started, |success| success.max(self.started));
        let (age, most) = (since.age(now), patience(self.interval).as_secs());
        let last = match self.state.last_success {
            Some(success) => format!("the last round that did not fail ended at {success}"),
            None => "no round has ended well yet".to_owned(),
        };
        if age <= most {
            return Ok(last);
        }
        let why = self.state.runs.front().filter(|run| run.outcome.is_failure()).and_then(|run| run.why.as_deref());
        let why = why.and_then(|why| why.lines().next()).map(|why| format!("; the last one failed: {why}"));
        Err(format!("{last}, and that is more than {most} s ago{}", why.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::OffsetDateTime;

    use super::{Memory, Mode, Moment, Shown};

    fn at(second: i64) -> Moment {
        Moment::of(OffsetDateTime::from_unix_timestamp(second).unwrap())
    }

    #[test]
    fn it_is_well_while_the_last_success_is_young_enough() {
        for (success, started, now, suspended, unkept, is_well) in [
            (Some(1_000), 900, 1_600, false, false, true),
            (Some(1_000), 900, 1_601, false, false, false),
            (Some(1_000), 900, 9_999, true, false, true),
            (Some(1_000), 900, 1_001, false, true, false),
            (None, 900, 1_500, false, false, true),
            (None, 900, 1_501, false, false, false),
            // After a long time off, and with a clock that was set back.
            (Some(10), 9_000, 9_100, false, false, true),
            (Some(1_000), 900, 10, false, false, true),
        ] {
            let mut state = Memory::new("prod", "here");
            state.last_success = success.map(at);
            let shown = Shown {
                state,
                mode: Mode::Report,
                interval: Duration::from_secs(100),
                started: at(started),
                suspended: suspended.then(|| "suspended".to_owned()),
                unkept: unkept.then(|| "the disk is full".to_owned()),
                undelivered: 0,
            };
            let health = shown.health(at(now));
            assert_eq!(health.is_ok(), is_well, "{success:?} {started} {now}: {health:?}");
        }
    }
}
