//! What the estate says of findings: that some are none of ours, and how much others matter.

use super::Drift;
use super::aside::Aside;
use super::finding::{Found, Rule};
use crate::estate::{DriftRules, Level};
use crate::guardrail::Names;
use crate::object::Kind;

impl Drift {
    /// Sets aside what is ignored of that which is not ours, and weighs the rest.
    pub fn judge(&mut self, rules: &DriftRules) {
        let by = |found: &Found| {
            rules.ignored.iter().find(|rule| found.rule == Rule::NotOurs && is_about(&rule.pattern, rule.kind, found))
        };
        let found = self.acceptable();
        let ignored: Vec<(&str, _)> =
            found.iter().filter_map(|found| Some((found.path.as_str(), by(found)?))).collect();
        let rule_of = |path: &str| ignored.iter().find(|(ignored, _)| *ignored == path).map(|(_, rule)| *rule);
        let listed = self.listed().into_iter().filter(|listed| listed.rule == Rule::NotOurs);
        self.ignored.extend(listed.filter_map(|listed| {
            let rule = rule_of(&listed.path)?;
            Some(Aside { listed, until: None, reason: rule.reason.clone(), place: Some(rule.place.clone()) })
        }));
        self.foreign.retain(|one| rule_of(&one.path).is_none());
        for found in &found {
            // Of several the sterner one holds, in whatever order they stand.
            let of = rules.weighed.iter().filter(|rule| is_about(&rule.pattern, rule.kind, found));
            if let Some(level) = of.map(|rule| rule.level).max() {
                self.levels.insert((found.rule, found.path.clone()), level);
            }
        }
    }

    /// How much a finding matters.
    pub(super) fn level(&self, rule: Rule, path: &str) -> Level {
        self.levels.get(&(rule, path.to_owned())).copied().unwrap_or(rule.level())
    }

    /// How much it matters, where the estate says something else than the rule, behind what is told of it.
    pub(super) fn level_words(&self, rule: Rule, path: &str) -> String {
        match self.levels.get(&(rule, path.to_owned())) {
            Some(level) if *level != rule.level() => format!(" [{}]", level.word()),
            _ => String::new(),
        }
    }

    /// Whether something was found that is more than a note.
    pub(super) fn is_stern(&self) -> bool {
        let counts = |rule, path: &str| self.level(rule, path) > Level::Note;
        self.changed.iter().any(|one| counts(Rule::Changed, &one.path))
            || self.foreign.iter().any(|one| counts(Rule::NotOurs, &one.path))
    }
}

fn is_about(pattern: &str, kind: Option<&'static Kind>, found: &Found) -> bool {
    kind.is_none_or(|kind| kind.name == found.kind.name) && Names::new(&[pattern.to_owned()]).has(&found.path)
}
