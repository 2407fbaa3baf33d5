//! What became of a plan: applied, moved, failed, skipped, and why.

use std::fmt::Write as _;

use crate::object::{Class, Live, Object};
use crate::plan::{self, Change, Plan, Summary, escape};

/// What the absence of an audit device means.
const AUDIT_HELP: &str = "the rest went on, and is not logged by this device";

/// What to do about what a server takes from its configuration alone: what it lacks, and what is another there.
const MADE_THERE: &str = "write this there, and have it read anew (SIGHUP)";
const CHANGED_THERE: &str = "take it out there and have that read (SIGHUP), then write this and have that read";

/// What became of one change.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Done, and read back as declared.
    Applied {
        /// What the engine wants to be read by a person.
        warnings: Vec<String>,
    },
    /// Not done: the live object is no longer what the plan was computed from.
    Moved {
        /// What it is now; `None` if it is gone.
        now: Option<Box<Live>>,
    },
    /// Not done: another estate has meant to have the object since the plan was made.
    Lost {
        /// Who, for people.
        whose: String,
    },
    /// Tried, and not as declared now.
    Failed {
        /// What went wrong. Never a secret.
        what: String,
        /// Whether the engine has acted.
        acted: Acted,
    },
    /// Not done: the server takes it from its configuration alone.
    Configured {
        /// What stands for it there; `None` of what is to be taken out.
        stanza: Option<String>,
    },
    /// Not tried, because something that it stands on was not done.
    Skipped {
        /// That object's path.
        because: String,
    },
    /// Not tried, because the apply was interrupted.
    Interrupted,
    /// Not tried, because the lock is somebody else's.
    Unlocked {
        /// Who has it or took it away, for people.
        by: String,
    },
}

/// Whether an engine has acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acted {
    /// It has not.
    No,
    /// An answer was lost.
    Unknown,
    /// It has, in part or in whole.
    Yes,
    /// It took the whole, and then held something else.
    Whole {
        /// The digest of that, where the engine made it of what it took: it left something as it was, or out.
        made: Option<String>,
    },
}

impl Outcome {
    /// A failure.
    pub(super) fn failed(acted: Acted, what: String) -> Self {
        Self::Failed { what, acted }
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Applied { .. } => "applied",
            Self::Moved { .. } => "moved since the plan",
            Self::Lost { .. } => "somebody else's",
            Self::Failed { .. } => "failed",
            Self::Configured { .. } => "left to the server's configuration",
            Self::Skipped { .. } => "skipped",
            Self::Interrupted => "interrupted",
            Self::Unlocked { .. } => "lock lost",
        }
    }

    /// The word for it in JSON.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Applied { .. } => "applied",
            Self::Moved { .. } => "moved",
            Self::Lost { .. } => "lost",
            Self::Failed { .. } => "failed",
            Self::Configured { .. } => "configured",
            Self::Skipped { .. } => "skipped",
            Self::Interrupted => "interrupted",
            Self::Unlocked { .. } => "unlocked",
        }
    }

    /// Whether the change is done.
    pub fn is_applied(&self) -> bool {
        matches!(self, Self::Applied { .. })
    }
}

/// What became of each change of a plan.
#[derive(Clone, Debug)]
pub struct Report {
    results: Vec<(Change, Outcome)>,
    /// What remains once all is done: the exit code of the plan without its changes.
    rest: u8,
}

impl Report {
    pub(super) fn new(plan: &Plan, outcomes: Vec<Outcome>) -> Self {
        Self { results: plan.changes.iter().cloned().zip(outcomes).collect(), rest: plan.exit_code_without_changes() }
    }

    /// Each change and what became of it.
    pub fn results(&self) -> &[(Change, Outcome)] {
        &self.results
    }

    /// The exit code of `leasehold apply`: 0 all done, 2 all but what the server takes from its configuration alone, 4
    /// something moved since the plan or is somebody else's to change now, 1 anything else.
    pub fn exit_code(&self) -> u8 {
        let moves = |outcome: &Outcome| {
            matches!(outcome, Outcome::Moved { .. } | Outcome::Lost { .. } | Outcome::Unlocked { .. })
        };
        let moved = self.results.iter().any(|(_, outcome)| moves(outcome));
        let is_left = |outcome: &Outcome| matches!(outcome, Outcome::Configured { .. });
        let is_left_or_done = |outcome: &Outcome| outcome.is_applied() || is_left(outcome);
        match (moved, self.results.iter().all(|(_, outcome)| is_left_or_done(outcome))) {
            (true, _) => 4,
            (false, true) if self.results.iter().any(|(_, outcome)| is_left(outcome)) => 2,
            (false, true) => self.rest,
            (false, false) => 1,
        }
    }

    /// How much was done.
    pub fn applied(&self) -> Summary {
        let applied = self.results.iter().filter(|(_, outcome)| outcome.is_applied());
        Summary::of_changes(applied.map(|(change, _)| change))
    }

    /// The one line that says it all, from the same value as the exit code.
    pub fn summary(&self) -> String {
        let Summary { add, change, delete, adopt, forget, rename } = self.applied();
        let complete = self.results.iter().all(|(_, outcome)| outcome.is_applied());
        let mut line = format!(
            "Apply {}: {add} added, {change} changed, {delete} deleted",
            if complete { "complete" } else { "incomplete" }
        );
        for (count, word) in [(rename, "renamed"), (adopt, "adopted"), (forget, "forgotten")] {
            if count > 0 {
                // Writing to a string cannot fail.
                let _ = write!(line, ", {count} {word}");
            }
        }
        let (mut moved, mut failed, mut skipped, mut left) = (0, 0, 0, 0);
        for (_, outcome) in &self.results {
            match outcome {
                Outcome::Applied { .. } => {}
                Outcome::Moved { .. } | Outcome::Lost { .. } => moved += 1,
                Outcome::Failed { .. } => failed += 1,
                Outcome::Configured { .. } => left += 1,
                Outcome::Skipped { .. } | Outcome::Interrupted | Outcome::Unlocked { .. } => skipped += 1,
            }
        }
        let words = [
            (failed, "failed"),
            (moved, "moved since the plan"),
            (skipped, "skipped"),
            (left, "left to the server's configuration"),
        ];
        for (count, word) in words {
            if count > 0 {
                let _ = write!(line, ", {count} {word}");
            }
        }
        line.push('.');
        line
    }

    /// Each change as the history has it: path, action, and what became of it.
    pub(super) fn rows(&self) -> Vec<(String, String, String)> {
        let row = |(change, outcome): &(Change, Outcome)| {
            (change.path.clone(), change.action.word().to_owned(), outcome.word().to_owned())
        };
        self.results.iter().map(row).collect()
    }

    /// Who took the lock before all was tried.
    pub fn unlocked(&self) -> Option<&str> {
        self.results.iter().find_map(|(_, outcome)| match outcome {
            Outcome::Unlocked { by } => Some(by.as_str()),
            _ => None,
        })
    }

    /// What a person must know besides the summary: empty when all went well. `desired` are the objects that
    /// the plan was computed from.
    pub fn problems(&self, desired: &[Object]) -> String {
        let mut text = String::new();
        for (change, outcome) in &self.results {
            let head = format!("{} {} ({})", change.kind.name, escape(&change.path), escape(&change.place.to_string()));
            let verb = change.action.word();
            match outcome {
                Outcome::Applied { warnings } => {
                    for warning in warnings {
                        let _ = writeln!(text, "Warning: {head}: {}", escape(warning));
                    }
                }
                Outcome::Failed { what, .. } => {
                    let _ = writeln!(text, "Failed to {verb} {head}: {}", escape(what));
                    if change.kind.class == Class::Audit && !change.takes_away() {
                        let _ = writeln!(text, "  = help: {AUDIT_HELP}");
                    }
                }
                Outcome::Configured { stanza: None } => {
                    let _ = writeln!(text, "Left alone {head}: it stands in the server's configuration");
                    let _ = writeln!(text, "  = help: take it out there, and have that read anew (SIGHUP)");
                }
                Outcome::Configured { stanza: Some(stanza) } => {
                    let _ = writeln!(text, "Left alone {head}: this server takes it from its configuration alone");
                    let _ =
                        writeln!(text, "  = help: {}", if change.live.is_some() { CHANGED_THERE } else { MADE_THERE });
                    for line in stanza.lines() {
                        let _ = writeln!(text, "{}", format!("    {}", escape(line)).trim_end());
                    }
                }
                Outcome::Moved { now } => {
                    let _ = writeln!(text, "Left alone {head}: it changed since the plan was made");
                    let object = desired.iter().find(|object| object.path == change.path);
                    for line in plan::three_ways(change.kind, change.live.as_ref(), now.as_deref(), object) {
                        let _ = writeln!(text, "    {line}");
                    }
                    let _ = writeln!(text, "  = help: look at a new plan: it shows what was done by hand");
                }
                Outcome::Lost { whose } => {
                    let _ = writeln!(text, "Left alone {head}: {} is about to have it, or has it", escape(whose));
                    let _ = writeln!(text, "  = help: declare it in one place, and look at a new plan");
                }
                Outcome::Skipped { because } => {
                    let _ = writeln!(text, "Skipped {head}: it waits for {}", escape(because));
                }
                Outcome::Interrupted => {
                    let _ = writeln!(text, "Skipped {head}: interrupted");
                }
                Outcome::Unlocked { by } => {
                    let _ = writeln!(text, "Skipped {head}: the lock was taken by {}", escape(by));
                }
            }
        }
        text
    }
}
