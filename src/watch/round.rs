//! One round, as it ended.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, cut};
use super::held::Held;
use super::moment::Moment;
use super::outcome::{Mode, Outcome};
use crate::drift::Drift;

/// Characters that are kept of a refusal.
const REFUSAL_CHARS_MAX: usize = 2_000;

/// How much was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Objects that were made.
    pub added: usize,
    /// Objects that were changed.
    pub changed: usize,
    /// Objects that were deleted.
    pub deleted: usize,
}

/// What was found and what was done, in words; nothing of what is none.
pub fn told([changed, not_ours, pending]: [usize; 3], made: Made) -> Vec<String> {
    let all = [
        (changed, "changed behind our back"),
        (pending, "not yet applied"),
        (not_ours, "not ours"),
        (made.added, "added"),
        (made.changed, "changed"),
        (made.deleted, "deleted"),
    ];
    all.into_iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect()
}

/// What a round saw of an engine.
#[derive(Clone, Debug)]
pub struct Left {
    /// How many were changed behind our back, are not ours, are not applied.
    pub counts: [usize; 3],
    /// Each.
    pub findings: Vec<Finding>,
    /// Why an apply is refused.
    pub refusals: Vec<String>,
}

impl Left {
    /// What a drift says, beside what was known before.
    pub fn of(drift: &Drift, before: &[Finding], now: Moment) -> Self {
        Self {
            counts: [drift.changed.len(), drift.foreign.len(), drift.pending.len()],
            findings: Finding::all(drift, before, now),
            refusals: drift.refusals.iter().map(|refusal| cut(&refusal.to_string(), REFUSAL_CHARS_MAX)).collect(),
        }
    }

    /// Whether the engine holds what the files say.
    pub(super) fn holds_the_files(&self) -> bool {
        let [changed, _, pending] = self.counts;
        changed == 0 && pending == 0 && self.refusals.is_empty()
    }
}

/// A round that ended.
#[derive(Clone, Debug)]
pub struct Round {
    /// When it began.
    pub began: Moment,
    /// When it ended.
    pub ended: Moment,
    /// How long it took.
    pub seconds: f64,
    /// Whether it was to write.
    pub mode: Mode,
    /// The commit of the files; none where they were not read, or are outside git.
    pub commit: Option<String>,
    /// Whether the files were read.
    pub read: bool,
    /// The digest of its plan, where that changes something.
    pub plan: Option<String>,
    /// What it came to.
    pub outcome: Outcome,
    /// Why, where it is no success.
    pub why: Option<String>,
    /// What was found before anything was done; none where it could not be looked.
    pub found: Option<Left>,
    /// What is so at its end, where that is known to be something else.
    pub left: Option<Left>,
    /// What was done.
    pub made: Made,
    /// What apps hold at its end; none where it could not be looked.
    pub held: Option<Held>,
}

impl Round {
    /// What is so at its end, as far as it is known.
    pub fn end(&self) -> Option<&Left> {
        self.left.as_ref().or(self.found.as_ref())
    }
}
