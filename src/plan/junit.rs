//! The plan for what shows tests: a case for each object that changes and for each guardrail, which fails where the plan is
//! refused for it, and one for each that is to be written in the server's configuration. What is left out of it is skipped.

use std::collections::HashSet;

use super::change::Change;
use super::refusal::Refusal;
use super::value::Plan;
use crate::guardrail::Severity;
use crate::review::junit::{Case, Suite, Verdict, document};

impl Plan {
    /// The plan as JUnit XML.
    pub fn junit(&self) -> String {
        let suites = [
            ("objects", self.object_cases()),
            ("guardrails", self.guardrail_cases()),
            ("the plan as a whole", self.other_cases()),
        ];
        let suites: Vec<Suite> = suites
            .into_iter()
            .filter(|(_, cases)| !cases.is_empty())
            .map(|(name, cases)| Suite {
                name: format!("{}: {name}", self.environment),
                properties: self.properties(),
                cases,
            })
            .collect();
        document("plan", &suites)
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        let mut properties = vec![("digest", self.digest())];
        properties.extend(self.review_digest.iter().map(|digest| ("review", digest.clone())));
        properties.extend(self.commit.iter().map(|commit| ("commit", commit.clone())));
        properties
    }

    fn object_cases(&self) -> Vec<Case> {
        let changed = self.changes.iter().map(|change| Case {
            class: change.kind.name.to_owned(),
            name: change.path.clone(),
            place: Some(change.place.clone()),
            verdict: self.object_verdict(change),
        });
        let left_out = self.left_out().iter().map(|one| Case {
            class: one.kind.name.to_owned(),
            name: one.path.clone(),
            place: None,
            verdict: Verdict::Skipped(format!("{}: not selected", one.action.word()), Vec::new()),
        });
        let configured = self.configured.iter().map(|one| Case {
            class: one.change.kind.name.to_owned(),
            name: one.change.path.clone(),
            place: Some(one.change.place.clone()),
            verdict: Verdict::Failed(one.what().to_owned(), one.stanza.lines().map(str::to_owned).collect()),
        });
        let cases: Vec<Case> = changed.chain(configured).chain(left_out).collect();
        if !cases.is_empty() {
            return cases;
        }
        let (class, name) = ("plan".to_owned(), "no changes".to_owned());
        vec![Case { class, name, place: None, verdict: Verdict::Passed(Vec::new()) }]
    }

    fn object_verdict(&self, change: &Change) -> Verdict {
        let body = self.body_of(change);
        let body = body.lines().map(|line| line.trim_end().to_owned());
        let about = |refusal: &&Refusal| refusal.paths().contains(&change.path.as_str());
        let mut refusals = self.refusals.iter().filter(about).peekable();
        match refusals.peek() {
            None => Verdict::Passed(std::iter::once(change.action.word().to_owned()).chain(body).collect()),
            Some(first) => Verdict::Failed(first.to_string(), refusals.map(reason).chain(body).collect()),
        }
    }

    /// None where nothing changes: then nothing was judged.
    fn guardrail_cases(&self) -> Vec<Case> {
        let Some(review) = &self.review else { return Vec::new() };
        let case = |name: &String| {
            let judged = review.violations.iter().filter(|judged| judged.violation.guardrail == *name);
            let lines = judged.clone().map(|judged| {
                let violation = &judged.violation;
                let place = violation.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
                format!("{}: {}: {}{place}", violation.severity.name(), violation.subject, violation.what)
            });
            let lines: Vec<String> = lines.collect();
            let stop = judged.clone().find(|one| one.introduced && one.violation.severity == Severity::Deny);
            let verdict = match stop {
                Some(stop) => Verdict::Failed(format!("{}: {}", stop.violation.subject, stop.violation.what), lines),
                None => Verdict::Passed(lines),
            };
            Case { class: "guardrail".to_owned(), name: name.clone(), place: None, verdict }
        };
        self.guardrails.iter().map(case).collect()
    }

    /// What is refused of the plan as a whole.
    fn other_cases(&self) -> Vec<Case> {
        let known: HashSet<&str> = self.changes.iter().map(|change| change.path.as_str()).collect();
        let is_told = |refusal: &Refusal| {
            matches!(refusal, Refusal::Guardrail { .. }) || refusal.paths().iter().any(|path| known.contains(path))
        };
        let others = self.refusals.iter().filter(|refusal| !is_told(refusal));
        others
            .map(|refusal| Case {
                class: "plan".to_owned(),
                name: refusal.id().to_owned(),
                place: None,
                verdict: Verdict::Failed(refusal.to_string(), vec![reason(refusal)]),
            })
            .collect()
    }
}

fn reason(refusal: &Refusal) -> String {
    format!("{refusal}; {}", refusal.hint())
}
