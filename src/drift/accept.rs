//! Findings that somebody accepts until a day leave what counts.

use super::aside::Aside;
use super::baseline::{Baseline, Fingerprints};
use super::finding::{Found, Listed, Rule};
use super::{Drift, Foreign};
use crate::object::kind;

impl Drift {
    /// What can be accepted: all but what is only not applied.
    pub fn acceptable(&self) -> Vec<Found> {
        let changed =
            self.changed.iter().map(|one| Found { rule: Rule::Changed, kind: one.kind, path: one.path.clone() });
        let foreign = self.foreign.iter().filter_map(|one: &Foreign| {
            Some(Found { rule: Rule::NotOurs, kind: kind(one.kind)?, path: one.path.clone() })
        });
        changed.chain(foreign).collect()
    }

    /// Sets aside what is accepted on a day, and notes what of the file is idle.
    pub fn accept(&mut self, baseline: &Baseline, prints: &Fingerprints, today: &str) {
        let (accepted, idle) = baseline.accepting(&self.acceptable(), prints, today);
        let terms = |rule: Rule, path: &str| accepted.get(&(rule, path.to_owned()));
        let aside = |listed: Listed| {
            let (until, reason) = terms(listed.rule, &listed.path)?;
            Some(Aside { listed, until: Some((*until).to_owned()), reason: (*reason).to_owned(), place: None })
        };
        self.accepted.extend(self.listed().into_iter().filter_map(aside));
        self.changed.retain(|one| terms(Rule::Changed, &one.path).is_none());
        self.foreign.retain(|one| terms(Rule::NotOurs, &one.path).is_none());
        if self.changed.is_empty() {
            // What changes do to access is told of those that nobody accepts.
            self.review = None;
        }
        self.notes.extend(idle);
    }
}
