//! What is worth telling somebody: that something has become so, never that it still is. Pure.
//!
//! What was told is part of the state, of each receiver by itself, and changes when the message was delivered. So a
//! restart tells nothing twice, and what could not be delivered is told after the next round, if it is still so.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, cut};
use super::outcome::Outcome;
use super::round::Round;

/// Characters of a refusal by which it is known.
const WHY_CHARS_MAX: usize = 300;

/// What a receiver knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// That rounds fail.
    failing: bool,
    /// That an apply is refused, and why.
    refused: Option<String>,
    /// What drifted.
    drift: BTreeSet<String>,
}

/// What has become so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Something was changed behind our back, or is not ours.
    Drift,
    /// An apply is refused.
    Refused,
    /// Rounds fail.
    Failure,
    /// Something of these is over.
    Recovery(Of),
}

/// What is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// There is no drift any more.
    Drift,
    /// What there was to do is done.
    Refused,
    /// Rounds end well again.
    Failure,
}

/// Something to tell.
#[derive(Clone, Debug)]
pub struct News<'a> {
    /// What.
    pub event: Event,
    /// What of a drift is new.
    pub findings: Vec<&'a Finding>,
    /// Whether all of that was taken back in the same round.
    pub taken_back: bool,
    /// Why, where that is known.
    pub why: Option<&'a str>,
}

/// What a receiver is to be told after a round, and what it knows then.
pub fn news<'a>(known: &Known, round: &'a Round) -> (Vec<News<'a>>, Known) {
    let mut after = known.clone();
    let mut news = Vec::new();
    let plain = |event| News { event, findings: Vec::new(), taken_back: false, why: round.why.as_deref() };
    match (known.failing, round.outcome) {
        (false, outcome) if outcome.is_failure() => {
            news.push(plain(Event::Failure));
            after.failing = true;
        }
        // Who waits for somebody else has not looked.
        (true, outcome) if !outcome.is_failure() && outcome != Outcome::Waits => {
            news.push(News { why: None, ..plain(Event::Recovery(Of::Failure)) });
            after.failing = false;
        }
        _ => {}
    }
    match (&known.refused, round.outcome) {
        (known, Outcome::Refused) => {
            let why = cut(round.why.as_deref().unwrap_or_default(), WHY_CHARS_MAX);
            if known.as_ref() != Some(&why) {
                news.push(plain(Event::Refused));
                after.refused = Some(why);
            }
        }
        (Some(_), Outcome::Clean | Outcome::Applied | Outcome::Pending | Outcome::Drift) => {
            news.push(News { why: None, ..plain(Event::Recovery(Of::Refused)) });
            after.refused = None;
        }
        (None, _) | (Some(_), Outcome::Waits | Outcome::Incomplete | Outcome::Failed) => {}
    }
    if let (Some(found), Some(end)) = (&round.found, round.end()) {
        let left = keys(&end.findings);
        let fresh = found.findings.iter().chain(&end.findings);
        let mut seen = known.drift.clone();
        let fresh: Vec<&Finding> = fresh.filter(|finding| finding.calls && seen.insert(key(finding))).collect();
        if !fresh.is_empty() {
            let taken_back = fresh.iter().all(|finding| !left.contains(&key(finding)));
            news.push(News { event: Event::Drift, findings: fresh, taken_back, why: None });
        } else if left.is_empty() && !known.drift.is_empty() {
            news.push(News { why: None, ..plain(Event::Recovery(Of::Drift)) });
        }
        after.drift = left;
    }
    (news, after)
}

fn keys(findings: &[Finding]) -> BTreeSet<String> {
    findings.iter().filter(|finding| finding.calls).map(key).collect()
}

fn key(finding: &Finding) -> String {
    let (rule, path) = finding.key();
    format!("{rule} {path}")
}

#[cfg(test)]
mod tests {
    use super::{Event, Finding, Known, Of, Outcome, Round, news};
    use crate::watch::moment::Moment;
    use crate::watch::outcome::Mode;
    use crate::watch::round::{Left, Made};

    const AT: Moment = Moment::EPOCH;

    fn left(drift: &[&str]) -> Left {
        let finding = |path: &&str| Finding {
            rule: "not-ours".to_owned(),
            path: (*path).to_owned(),
            what: String::new(),
            more: Vec::new(),
            declared: None,
            since: AT,
            calls: *path != "pending",
        };
        Left { counts: [0, drift.len(), 0], findings: drift.iter().map(finding).collect(), refusals: Vec::new() }
    }

    fn round(outcome: Outcome, why: Option<&str>, found: Option<&[&str]>, end: Option<&[&str]>) -> Round {
        Round {
            began: AT,
            ended: AT,
            seconds: 0.0,
            mode: Mode::Apply,
            commit: None,
            read: true,
            plan: None,
            outcome,
            why: why.map(str::to_owned),
            found: found.map(left),
            left: end.map(left),
            made: Made::default(),
            held: None,
        }
    }

    #[test]
    fn each_turn_is_told_once() {
        type Row<'a> = (Outcome, Option<&'a str>, Option<&'a [&'a str]>, Option<&'a [&'a str]>, &'a [Event]);
        let rows: &[Row<'_>] = &[
            (Outcome::Clean, None, Some(&[]), None, &[]),
            (Outcome::Failed, Some("away"), None, None, &[Event::Failure]),
            (Outcome::Failed, Some("still away"), None, None, &[]),
            (Outcome::Waits, Some("held"), None, None, &[]),
            (Outcome::Drift, None, Some(&["a"]), None, &[Event::Recovery(Of::Failure), Event::Drift]),
            (Outcome::Drift, None, Some(&["a"]), None, &[]),
            (Outcome::Failed, Some("away"), None, None, &[Event::Failure]),
            (Outcome::Drift, None, Some(&["a", "b"]), None, &[Event::Recovery(Of::Failure), Event::Drift]),
            (Outcome::Drift, None, Some(&["b"]), None, &[]),
            (Outcome::Drift, None, Some(&["a", "b"]), None, &[Event::Drift]),
            (Outcome::Pending, None, Some(&["pending"]), None, &[Event::Recovery(Of::Drift)]),
            (Outcome::Clean, None, Some(&[]), None, &[]),
            // Found and taken back in one round, again and again.
            (Outcome::Applied, None, Some(&["c"]), Some(&[]), &[Event::Drift]),
            (Outcome::Clean, None, Some(&[]), None, &[]),
            (Outcome::Applied, None, Some(&["c"]), Some(&[]), &[Event::Drift]),
            // An apply that brings it about is found as well.
            (Outcome::Applied, None, Some(&[]), Some(&["d"]), &[Event::Drift]),
            (Outcome::Clean, None, Some(&[]), None, &[Event::Recovery(Of::Drift)]),
            (Outcome::Refused, Some("deletes"), Some(&["pending"]), None, &[Event::Refused]),
            (Outcome::Refused, Some("deletes"), Some(&["pending"]), None, &[]),
            (Outcome::Refused, Some("guardrail"), Some(&["pending"]), None, &[Event::Refused]),
            (Outcome::Waits, None, None, None, &[]),
            (Outcome::Incomplete, Some("half"), Some(&["pending"]), None, &[Event::Failure]),
            (
                Outcome::Applied,
                None,
                Some(&["pending"]),
                Some(&[]),
                &[Event::Recovery(Of::Failure), Event::Recovery(Of::Refused)],
            ),
            (Outcome::Clean, None, Some(&[]), None, &[]),
        ];
        let mut known = Known::default();
        for (number, (outcome, why, found, end, expected)) in rows.iter().enumerate() {
            let round = round(*outcome, *why, *found, *end);
            let (told, after) = news(&known, &round);
            let told: Vec<Event> = told.iter().map(|news| news.event).collect();
            assert_eq!(told, *expected, "row {number}: {outcome:?}");
            let text = serde_json::to_string(&after).unwrap();
            known = serde_json::from_str(&text).unwrap();
        }
    }

    #[test]
    fn what_could_not_be_delivered_is_told_again() {
        let round = round(Outcome::Drift, None, Some(&["a"]), None);
        let (first, _) = news(&Known::default(), &round);
        let (again, after) = news(&Known::default(), &round);
        assert_eq!((first.len(), again.len()), (1, 1));
        assert!(!again[0].taken_back && news(&after, &round).0.is_empty());
    }
}
