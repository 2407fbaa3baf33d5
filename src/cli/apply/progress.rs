//! What an apply tells while it runs: a bar or lines for people, on stderr; events for programs, a line of JSON each, on
//! stdout.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use time::format_description::well_known::Rfc3339;

use crate::apply::{Event, Outcome, Step};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::clock::Clock;
use crate::plan::{Change, escape};

/// Whether an event of this process could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// Tells programs what happens.
#[derive(Clone, Copy)]
pub(super) struct Events<'a>(pub(super) &'a Clock);

impl Events<'_> {
    /// Tells of one event. That they can't be written, or nobody reads them any more, is no reason to stop in the middle.
    pub(super) fn tell(self, event: &Event<'_>) {
        // A clock that can't be written is none that this program has.
        let at = self.0.now().format(&Rfc3339).unwrap_or_default();
        if output::streamed(&format!("{}\n", event.json(&at))).is_err() {
            LOST.store(true, Ordering::Relaxed);
        }
    }

    /// Whether some event could not be written: a record that lacks one must not be taken for whole.
    pub(super) fn were_lost() -> bool {
        LOST.load(Ordering::Relaxed)
    }

    /// Tells how all of it ended, if by an error.
    pub(super) fn failed(self, error: &CliError) {
        let CliError { exit_code, message, hints, .. } = error;
        self.tell(&Event::Error { exit_code: *exit_code, message, hints });
    }
}

/// What is told while an apply runs.
pub(super) enum Progress<'a> {
    Events(Events<'a>),
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl<'a> Progress<'a> {
    /// For programs, or for people: without a terminal there is a line for each change, where the plan shows each.
    pub(super) fn new(events: Option<Events<'a>>, changes: usize, each: bool) -> Self {
        if let Some(events) = events {
            return Self::Events(events);
        }
        let terminal = std::io::stderr().is_terminal();
        match (changes, terminal) {
            (0, _) => Self::Nothing,
            (_, true) => {
                let bar = ProgressBar::new(u64::try_from(changes).unwrap_or(u64::MAX));
                if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}") {
                    bar.set_style(style);
                }
                bar.enable_steady_tick(Duration::from_millis(200));
                Self::Bar(bar)
            }
            (_, false) if each => Self::Lines,
            (_, false) => Self::Nothing,
        }
    }

    /// Tells how far a change is.
    pub(super) fn goes_on(&self, change: &Change, step: &Step<'_>) {
        match (self, step) {
            (Self::Events(events), step) => events.tell(&Event::Change(change, *step)),
            (_, Step::Begins) => {}
            (_, Step::Ended(outcome)) => self.ended(change, outcome),
        }
    }

    fn ended(&self, change: &Change, outcome: &Outcome) {
        let path = escape(&change.path);
        match self {
            Self::Bar(bar) => {
                bar.inc(1);
                bar.set_message(path);
            }
            Self::Lines => {
                let word = match outcome {
                    Outcome::Applied { .. } => "done",
                    Outcome::Moved { .. } | Outcome::Lost { .. } => "moved",
                    Outcome::Failed { .. } => "failed",
                    Outcome::Configured { .. } => "left to the server's configuration",
                    Outcome::Skipped { .. } | Outcome::Interrupted | Outcome::Unlocked { .. } => "skipped",
                };
                output::say(&format!("{} {path}: {word}", change.action.marker()));
            }
            Self::Nothing | Self::Events(_) => {}
        }
    }

    /// Says something to people.
    pub(super) fn say(&self, text: &str) {
        match self {
            Self::Bar(bar) => bar.suspend(|| output::say(text)),
            Self::Lines | Self::Nothing | Self::Events(_) => output::say(text),
        }
    }

    /// It is over.
    pub(super) fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
