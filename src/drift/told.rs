//! What audit files tell of findings goes with them.

use serde_json::Value;

use super::Drift;
use super::attribution::Attribution;
use super::finding::Rule;

impl Drift {
    /// Takes in what audit files tell of the findings.
    pub fn attribute(&mut self, attribution: Attribution) {
        self.attribution = Some(attribution);
    }

    /// What is told of who did it, a line each.
    pub(super) fn told_of(&self, rule: Rule, path: &str) -> Vec<String> {
        match &self.attribution {
            Some(attribution) if rule != Rule::Pending => attribution.lines(path),
            _ => Vec::new(),
        }
    }

    /// The same for programs; null where nothing was asked.
    pub(super) fn told_json(&self, path: &str) -> Value {
        self.attribution.as_ref().map_or(Value::Null, |attribution| attribution.json(path))
    }
}
