//! The plan for programs: one JSON object. Fields may be added; those that are there keep their meaning.

use serde_json::{Value, json};

use super::change::{Change, FieldChange, Renamed, Shown, Summary};
use super::configured::Configured;
use super::impact::Impact;
use super::outstanding::{LeaseFate, Outstanding};
use super::selection::Selected;
use super::value::Plan;
use crate::object::KeyFate;

impl Plan {
    /// The plan as JSON. Secrets are `null` with `"sensitive": true`.
    pub fn json(&self) -> Value {
        let mut json = self.facts();
        json["digest"] = self.digest().into();
        json
    }

    pub(super) fn facts(&self) -> Value {
        let Summary { add, change, delete, adopt, forget, rename } = self.summary();
        json!({
            "format_version": 1,
            "environment": self.environment,
            "commit": self.commit,
            "summary": {
                "add": add, "change": change, "delete": delete, "adopt": adopt, "forget": forget, "rename": rename,
                "unchanged": self.unchanged, "unmanaged": self.unmanaged.len(), "not_selected": self.left_out().len(),
            },
            "exit_code": self.exit_code(),
            "impact": impact_json(&self.impact()),
            "changes": self.changes.iter().map(change_json).collect::<Vec<_>>(),
            "configured": self.configured.iter().map(configured_json).collect::<Vec<_>>(),
            "refusals": self
                .refusals
                .iter()
                .map(|refusal| json!({"reason": refusal.to_string(), "hint": refusal.hint()}))
                .collect::<Vec<_>>(),
            "unmanaged": self
                .unmanaged
                .iter()
                .map(|object| json!({"kind": object.kind, "path": object.path}))
                .collect::<Vec<_>>(),
            "notes": self.notes,
            "selection": self.selected.as_ref().map(selection_json),
            "review": self.review.as_ref().map(crate::review::Environment::json),
        })
    }
}

fn selection_json(selected: &Selected) -> Value {
    let Selected { asked, left_out, along } = selected;
    let left_out =
        left_out.iter().map(|one| json!({"action": one.action.word(), "kind": one.kind.name, "path": one.path}));
    json!({
        "target": asked.target, "exclude": asked.exclude, "only_app": asked.only_app,
        "along": along.iter().map(|one| json!({"path": one.path, "with": one.with})).collect::<Vec<_>>(),
        "left_out": left_out.collect::<Vec<_>>(),
    })
}

fn configured_json(configured: &Configured) -> Value {
    let mut json = change_json(&configured.change);
    json["stanza"] = configured.stanza.as_str().into();
    json
}

pub(super) fn change_json(change: &Change) -> Value {
    let mut value = json!({
        "action": change.action.word(),
        "kind": change.kind.name,
        "path": change.path,
        "app": change.app,
        "taken_from": change.from,
        "declared": {"file": &*change.place.file, "line": change.place.line, "column": change.place.column},
        "fields": change.fields.iter().map(field_json).collect::<Vec<_>>(),
        "effects": change.told().collect::<Vec<_>>(),
        "leases": change.leases.as_ref().map(leases_json),
        "keys": change.keys.as_ref().map(|keys| json!({"fate": keys.fate.id(), "user": keys.user})),
        "live_fingerprint": change.live_fingerprint(),
    });
    // Not every change has these.
    match &change.renamed {
        Some(Renamed::From { path, .. }) => value["renamed_from"] = path.as_str().into(),
        Some(Renamed::To(path)) => value["renamed_to"] = path.as_str().into(),
        None => {}
    }
    if let Some(absence) = &change.absence {
        value["absent"] = absence.to_string().into();
    }
    if change.revokes {
        value["revokes_leases"] = true.into();
    }
    value
}

fn leases_json(outstanding: &Outstanding) -> Value {
    let folders = outstanding.folders.iter().flatten();
    let folders = folders
        .map(|(name, folder)| json!({"folder": name, "count": folder.leases, "at_most_seconds": folder.seconds_max}));
    json!({
        "prefix": outstanding.prefix,
        "fate": outstanding.fate.id(),
        "count": outstanding.count(),
        "at_most_seconds": outstanding.seconds_max(),
        "folders": folders.collect::<Vec<_>>(),
    })
}

fn impact_json(impact: &Impact) -> Value {
    let count = |number: Option<&usize>| Value::from(number.copied().unwrap_or_default());
    let leases = LeaseFate::ALL.map(|fate| (fate.id().to_owned(), count(impact.leases.get(&fate))));
    let keys = KeyFate::ALL.map(|fate| (fate.id().to_owned(), count(impact.keys.get(&fate))));
    json!({
        "leases": Value::Object(leases.into_iter().collect()),
        "not_counted": impact.not_counted,
        "keys": Value::Object(keys.into_iter().collect()),
    })
}

/// A field's change as JSON.
pub fn field_json(field: &FieldChange) -> Value {
    let side = |side: &Shown| match side {
        Shown::Value(value) => value.clone(),
        Shown::Absent | Shown::Sensitive | Shown::Unknown => Value::Null,
    };
    json!({
        "name": field.name,
        "before": side(&field.before),
        "after": side(&field.after),
        "sensitive": field.before == Shown::Sensitive || field.after == Shown::Sensitive,
        "unknown": field.before == Shown::Unknown,
    })
}
