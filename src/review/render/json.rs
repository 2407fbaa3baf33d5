//! The review for machines: stable keys, documented for OPA and conftest.
//!
//! `format_version` changes its first number when a key goes or changes its meaning; keys may be added.

use serde_json::{Map, Value, json};

use crate::guardrail::Judged;
use crate::iam::request::Request;
use crate::object::Place;
use crate::review::finding::{self, Finding};
use crate::review::report::{Environment, Presence, Review, Revision};

/// The version of the format.
const FORMAT_VERSION: &str = "1.0";

impl Review {
    /// The review as JSON.
    pub fn json(&self) -> Value {
        let gains: usize = self.environments.iter().map(|environment| environment.gains().count()).sum();
        let stops: usize = self.environments.iter().map(|environment| environment.stops().count()).sum();
        json!({
            "format_version": FORMAT_VERSION,
            "before": revision(&self.before),
            "after": revision(&self.after),
            "directory": self.directory,
            "catalogue": self.catalogue,
            "files_changed": self.files,
            "digest": self.digest(),
            "exit_code": self.exit_code(),
            "gains": gains,
            "guardrails_violated": stops,
            "environments": self.environments.iter().map(environment).collect::<Vec<_>>(),
        })
    }
}

fn revision(revision: &Revision) -> Value {
    json!({ "name": revision.name, "commit": revision.commit })
}

impl Environment {
    /// What is found here as JSON: part of a plan.
    pub fn json(&self) -> Value {
        let mut value = environment(self);
        value["gained"] = json!(self.gains().next().is_some());
        value
    }
}

fn environment(environment: &Environment) -> Value {
    json!({
        "name": environment.name,
        "declared": match environment.presence {
            Presence::Both => "both",
            Presence::Before => "before",
            Presence::After => "after",
        },
        "digest": environment.digest(),
        "apps": environment.apps,
        "roles": environment.roles,
        "findings": environment.findings.iter().map(finding).collect::<Vec<_>>(),
        "violations": environment.violations.iter().map(violation).collect::<Vec<_>>(),
        "not_evaluated": environment.not_evaluated,
    })
}

fn finding(finding: &Finding) -> Value {
    let mut value = finding::fact(finding);
    value["cannot_tell"] = json!(finding.cannot_tell);
    value["witness"] = finding.witness.as_ref().map_or(Value::Null, request);
    value["notes"] = json!(finding.notes);
    value["place"] = finding.place.as_ref().map_or(Value::Null, place);
    value["also"] = finding
        .also
        .iter()
        .map(|(what, at)| {
            let mut at = place(at);
            at["what"] = json!(what);
            at
        })
        .collect();
    if let Some(access) = &finding.access {
        value["access"]["count"] = json!(access.count);
        value["access"]["possible"] = json!(access.possible);
        let levels: Map<String, Value> =
            access.levels.iter().map(|(level, count)| ((*level).replace(' ', "_"), json!(count))).collect();
        value["access"]["levels"] = Value::Object(levels);
        value["access"]["manage_permissions"] = json!(access.risky);
        value["access"]["return_credentials"] = json!(access.credentials);
    }
    value
}

fn violation(judged: &Judged) -> Value {
    let violation = &judged.violation;
    json!({
        "guardrail": violation.guardrail,
        "severity": violation.severity.name(),
        "introduced": judged.introduced,
        "subject": violation.subject.to_string(),
        "what": violation.what,
        "witness": violation.witness.as_ref().map_or(Value::Null, request),
        "fix": violation.fix,
        "place": violation.place,
        "key": violation.key,
    })
}

fn request(request: &Request) -> Value {
    json!({ "action": request.action, "resource": request.resource, "context": request.context })
}

fn place(place: &Place) -> Value {
    match place.line {
        0 => json!({ "engine": &*place.file }),
        line => json!({ "file": &*place.file, "line": line, "column": place.column }),
    }
}
