//! What a loop knows between two rounds, and after a restart. Pure.
//!
//! A round that was cut off is not in it, so that nothing is said of it: the next one reads everything anew, and what was
//! applied meanwhile is found to be so. What commit the engine holds is said only where it was seen to hold all of it.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::edges::Known;
use super::finding::{Finding, cut};
use super::held::Held;
use super::moment::Moment;
use super::outcome::{Mode, Outcome};
use super::round::{Left, Made, Round};

/// The format that this version writes, and the newest it reads.
pub(super) const FORMAT: u64 = 1;

/// Rounds that are remembered.
const RUNS_MAX: usize = 50;

/// Findings that are remembered; the rest is counted.
const FINDINGS_MAX: usize = 500;

/// Characters that are kept of why a round ended as it did.
const WHY_CHARS_MAX: usize = 2_000;

/// What a loop knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The file's format.
    pub format_version: u64,
    /// The environment.
    pub environment: String,
    /// Where the files are from, for people.
    pub source: String,
    /// The commit that was read last.
    pub seen: Option<At>,
    /// The last commit of which the engine was seen to hold all.
    pub applied: Option<At>,
    /// When a round ended last that did not fail.
    pub last_success: Option<Moment>,
    /// How many rounds in a row have failed.
    pub failures: u32,
    /// Since when.
    pub failing_since: Option<Moment>,
    /// What is not as it should be, as of the last round that could look.
    pub standing: Option<Standing>,
    /// The last rounds, the newest first.
    pub runs: VecDeque<Run>,
    /// How many rounds came to what, ever since.
    pub rounds: BTreeMap<Outcome, u64>,
    /// What apps hold, as of the last round that could look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// What each receiver of news was told.
    #[serde(default)]
    pub told: BTreeMap<String, Known>,
}

/// A commit, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// The commit, with `-dirty` if its files are changed; none outside git.
    pub commit: Option<String>,
    /// When it was first seen so.
    pub at: Moment,
}

/// What is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// When it was looked.
    pub at: Moment,
    /// Since when there is drift; none while there is none. What is only not applied yet is none.
    pub drift_since: Option<Moment>,
    /// Objects that were changed behind our back.
    pub changed: usize,
    /// Objects that are nobody's.
    pub not_ours: usize,
    /// Objects that are not as the files say, and would be made so.
    pub pending: usize,
    /// Each of them, as far as they are kept.
    pub findings: Vec<Finding>,
    /// Why an apply is refused.
    pub refusals: Vec<String>,
}

/// One round, as it is remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When it began.
    pub began: Moment,
    /// How long it took.
    pub seconds: f64,
    /// Whether it was to write.
    pub mode: Mode,
    /// The commit of the files.
    pub commit: Option<String>,
    /// The digest of its plan, where that changes something.
    pub plan: Option<String>,
    /// What it came to.
    pub outcome: Outcome,
    /// Why, where it is no success.
    pub why: Option<String>,
    /// What was found before anything was done.
    pub changed: usize,
    /// The same, of what is nobody's.
    pub not_ours: usize,
    /// The same, of what was not applied.
    pub pending: usize,
    /// What was done.
    pub made: Made,
}

impl Memory {
    /// Of a loop that has not looked yet.
    pub fn new(environment: &str, source: &str) -> Self {
        Self {
            format_version: FORMAT,
            environment: environment.to_owned(),
            source: source.to_owned(),
            seen: None,
            applied: None,
            last_success: None,
            failures: 0,
            failing_since: None,
            standing: None,
            runs: VecDeque::new(),
            rounds: BTreeMap::new(),
            held: None,
            told: BTreeMap::new(),
        }
    }

    /// The state after a round.
    #[must_use]
    pub fn after(mut self, round: &Round) -> Self {
        let at = round.ended;
        if round.read && self.seen.as_ref().is_none_or(|seen| seen.commit != round.commit) {
            self.seen = Some(At { commit: round.commit.clone(), at });
        }
        let applied = round.end().filter(|_| round.read && !round.outcome.is_failure());
        if applied.is_some_and(Left::holds_the_files)
            && self.applied.as_ref().is_none_or(|applied| applied.commit != round.commit)
        {
            self.applied = Some(At { commit: round.commit.clone(), at });
        }
        if round.outcome.is_failure() {
            self.failures = self.failures.saturating_add(1);
            self.failing_since.get_or_insert(at);
        } else {
            (self.failures, self.failing_since, self.last_success) = (0, None, Some(at));
        }
        if let Some(left) = round.end() {
            self.standing = Some(standing(left, self.standing.as_ref(), at));
        }
        if round.held.is_some() {
            self.held.clone_from(&round.held);
        }
        *self.rounds.entry(round.outcome).or_default() += 1;
        self.runs.push_front(run(round));
        self.runs.truncate(RUNS_MAX);
        self
    }
}

fn standing(left: &Left, before: Option<&Standing>, at: Moment) -> Standing {
    let [changed, not_ours, pending] = left.counts;
    let is_drift = changed + not_ours > 0;
    let since = before.and_then(|before| before.drift_since).unwrap_or(at);
    Standing {
        at,
        drift_since: is_drift.then_some(since),
        changed,
        not_ours,
        pending,
        findings: left.findings.iter().take(FINDINGS_MAX).cloned().collect(),
        refusals: left.refusals.clone(),
    }
}

fn run(round: &Round) -> Run {
    let [changed, not_ours, pending] = round.found.as_ref().map_or([0; 3], |found| found.counts);
    Run {
        began: round.began,
        seconds: round.seconds,
        mode: round.mode,
        commit: round.commit.clone(),
        plan: round.plan.clone(),
        outcome: round.outcome,
        why: round.why.as_deref().map(|why| cut(why, WHY_CHARS_MAX)),
        changed,
        not_ours,
        pending,
        made: round.made,
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::{FINDINGS_MAX, Finding, Left, Made, Memory, Mode, Moment, Outcome, RUNS_MAX, Round};

    fn at(second: i64) -> Moment {
        Moment::of(OffsetDateTime::from_unix_timestamp(second).unwrap())
    }

    fn finding(path: &str, second: i64) -> Finding {
        Finding {
            rule: "not-ours".to_owned(),
            path: path.to_owned(),
            what: "the role is not ours".to_owned(),
            more: Vec::new(),
            declared: None,
            since: at(second),
            calls: true,
        }
    }

    fn round(second: i64, commit: &str, outcome: Outcome, counts: Option<[usize; 3]>) -> Round {
        Round {
            began: at(second - 1),
            ended: at(second),
            seconds: 1.0,
            mode: Mode::Apply,
            commit: Some(commit.to_owned()),
            read: true,
            plan: None,
            outcome,
            why: None,
            found: counts.map(|counts| Left {
                counts,
                findings: (0..counts[1]).map(|number| finding(&number.to_string(), second)).collect(),
                refusals: Vec::new(),
            }),
            left: None,
            made: Made::default(),
            held: None,
        }
    }

    #[test]
    fn a_commit_counts_as_applied_only_where_the_engine_was_seen_to_hold_it() {
        for (outcome, counts, refused, applied) in [
            (Outcome::Clean, Some([0, 0, 0]), false, true),
            (Outcome::Drift, Some([0, 2, 0]), false, true),
            (Outcome::Drift, Some([1, 0, 0]), false, false),
            (Outcome::Pending, Some([0, 0, 1]), false, false),
            (Outcome::Refused, Some([0, 0, 0]), true, false),
            (Outcome::Applied, Some([0, 0, 0]), false, true),
            (Outcome::Applied, Some([0, 0, 1]), false, false),
            (Outcome::Incomplete, Some([0, 0, 0]), false, false),
            (Outcome::Failed, None, false, false),
            (Outcome::Waits, None, false, false),
        ] {
            let mut round = round(10, "abc", outcome, counts);
            if let Some(found) = round.found.as_mut().filter(|_| refused) {
                found.refusals.push("no".to_owned());
            }
            let state = Memory::new("prod", "here").after(&round);
            assert_eq!(state.applied.is_some(), applied, "{outcome:?} {counts:?}");
            assert_eq!(state.seen.as_ref().and_then(|seen| seen.commit.as_deref()), Some("abc"));
            assert_eq!(state.rounds.get(&outcome), Some(&1));
        }
    }

    #[test]
    fn what_is_at_the_end_counts_and_not_what_was_found() {
        let mut round = round(10, "abc", Outcome::Applied, Some([1, 0, 3]));
        round.left = Some(Left { counts: [0, 0, 0], findings: Vec::new(), refusals: Vec::new() });
        let state = Memory::new("prod", "here").after(&round);
        assert!(state.applied.is_some());
        assert_eq!(state.standing.as_ref().map(|standing| standing.drift_since), Some(None));
        assert_eq!((state.runs[0].changed, state.runs[0].pending), (1, 3));
    }

    #[test]
    fn failures_are_counted_until_a_round_does_not_fail_and_what_is_known_stays() {
        let state = Memory::new("prod", "here").after(&round(10, "a", Outcome::Drift, Some([0, 1, 0])));
        let failed = state.after(&round(20, "a", Outcome::Failed, None)).after(&round(30, "a", Outcome::Failed, None));
        assert_eq!((failed.failures, failed.failing_since, failed.last_success), (2, Some(at(20)), Some(at(10))));
        assert_eq!(failed.standing.as_ref().and_then(|standing| standing.drift_since), Some(at(10)));
        let well = failed.after(&round(40, "a", Outcome::Drift, Some([0, 1, 0])));
        assert_eq!((well.failures, well.failing_since, well.last_success), (0, None, Some(at(40))));
        assert_eq!(
            well.standing.as_ref().and_then(|standing| standing.drift_since),
            Some(at(10)),
            "it never went away"
        );
        assert_eq!(well.seen.as_ref().map(|seen| seen.at), Some(at(10)));
        let gone = well.after(&round(50, "a", Outcome::Clean, Some([0, 0, 0])));
        assert_eq!(gone.standing.and_then(|standing| standing.drift_since), None);
    }

    #[test]
    fn no_list_grows_without_end() {
        let mut state = Memory::new("prod", "here");
        for second in 1..=200 {
            state = state.after(&round(second, "a", Outcome::Drift, Some([0, 2 * FINDINGS_MAX, 0])));
        }
        let standing = state.standing.as_ref().unwrap();
        assert_eq!((state.runs.len(), standing.findings.len(), standing.not_ours), (RUNS_MAX, FINDINGS_MAX, 1000));
        assert_eq!((state.runs[0].began, state.rounds[&Outcome::Drift]), (at(199), 200));
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<Memory>(&text).unwrap(), state);
    }
}
