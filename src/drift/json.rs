//! Drift for programs: one JSON object. Fields may be added; those that are there keep their meaning.

use serde_json::{Value, json};

use super::finding::place;
use super::{Aside, Changed, Drift, Fate, Foreign, Pending, Rule};
use crate::plan::field_json;
use crate::review;

impl Drift {
    /// What drifted, as JSON.
    pub fn json(&self) -> Value {
        json!({
            "format_version": 1,
            "environment": self.environment,
            "commit": self.commit,
            "exit_code": self.extent().exit_code(),
            "summary": {
                "changed": self.changed.len(),
                "pending": self.pending.len(),
                "not_ours": self.foreign.len(),
            },
            "changed": self.changed.iter().map(|one| self.weighed(Rule::Changed, &one.path, changed(one))).collect::<Vec<_>>(),
            "pending": self.pending.iter().map(pending).collect::<Vec<_>>(),
            "not_ours": self.foreign.iter().map(|one| self.weighed(Rule::NotOurs, &one.path, foreign(one))).collect::<Vec<_>>(),
            "accepted": self.accepted.iter().map(Aside::json).collect::<Vec<_>>(),
            "ignored": self.ignored.iter().map(Aside::json).collect::<Vec<_>>(),
            "refusals": self
                .refusals
                .iter()
                .map(|refusal| json!({"reason": refusal.to_string(), "hint": refusal.hint()}))
                .collect::<Vec<_>>(),
            "access": self.review.as_ref().map(review::Environment::json),
            "notes": self.notes,
        })
    }
}

impl Drift {
    /// A finding with how much it matters.
    fn weighed(&self, rule: Rule, path: &str, mut finding: Value) -> Value {
        if self.attribution.is_some() {
            finding["audit"] = self.told_json(path);
        }
        finding["level"] = Value::from(self.level(rule, path).word());
        finding
    }
}

fn changed(changed: &Changed) -> Value {
    let fields = match &changed.fate {
        Fate::Gone => Value::Null,
        Fate::Differs(fields) => fields.iter().map(field_json).collect(),
    };
    json!({
        "kind": changed.kind.name,
        "path": changed.path,
        "app": changed.app,
        "declared": place(&changed.place),
        "written_from": changed.commit,
        "gone": matches!(changed.fate, Fate::Gone),
        "fields": fields,
        "pending": changed.pending,
        "beside_files": changed.beside_files,
        "unsettled": changed.unsettled,
    })
}

fn pending(pending: &Pending) -> Value {
    json!({
        "action": pending.action.word(),
        "kind": pending.kind.name,
        "path": pending.path,
        "app": pending.app,
        "declared": place(&pending.place),
        "changed": pending.changed,
        "stanza": pending.configured.as_ref().map(|(_, stanza)| stanza),
    })
}

fn foreign(foreign: &Foreign) -> Value {
    json!({"kind": foreign.kind, "path": foreign.path, "declared": foreign.declared.as_ref().map(place)})
}
