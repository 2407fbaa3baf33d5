//! The review as SARIF 2.1.0, for code scanning: gains as warnings, guardrails as errors, the rest as
//! information.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".

use serde_json::{Value, json};

use crate::guardrail::Judged;
use crate::guardrail::Severity;
use crate::object::{Place, fingerprint};
use crate::review::finding::{Finding, Topic, fact};
use crate::review::report::{Environment, Review};
use crate::text::percent::encode_in_reference;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The rule of violated guardrails.
const GUARDRAIL: &str = "guardrail-violated";

impl Review {
    /// The review as SARIF.
    pub fn sarif(&self) -> Value {
        let mut rules: Vec<Value> = Topic::ALL.iter().map(|kind| rule(kind.id(), kind.describe(), "warning")).collect();
        rules.push(rule(GUARDRAIL, "A guardrail is violated", "error"));
        let mut results = Vec::new();
        for environment in &self.environments {
            results.extend(environment.findings.iter().map(|finding| self.finding(environment, finding)));
            results.extend(environment.violations.iter().map(|judged| self.violation(environment, judged)));
        }
        let mut log = log("review", rules, results);
        log["runs"][0]["properties"] = json!({ "digest": self.digest() });
        log
    }

    fn finding(&self, environment: &Environment, finding: &Finding) -> Value {
        let mut text = format!("{}: {}", super::text::title(finding), finding.what);
        for detail in finding.details() {
            text.push_str(&format!("\n{detail}"));
        }
        text.push_str(&format!("\nEnvironment {}.", environment.name));
        let (kind, level) = if finding.gains { ("fail", "warning") } else { ("informational", "none") };
        let related: Vec<Value> = finding
            .also
            .iter()
            .enumerate()
            .filter_map(|(id, (what, place))| {
                let mut location = self.location(place)?;
                location["id"] = json!(id);
                location["message"] = json!({ "text": what });
                Some(location)
            })
            .collect();
        let mut result = json!({
            "ruleId": finding.topic.id(),
            "kind": kind,
            "level": level,
            "message": { "text": text },
            "locations": finding.place.as_ref().and_then(|place| self.location(place)).into_iter().collect::<Vec<_>>(),
            "partialFingerprints": { "leaseholdFinding/v1": self.fingerprint(environment, &fact(finding)) },
        });
        if !related.is_empty() {
            result["relatedLocations"] = Value::from(related);
        }
        result
    }

    fn violation(&self, environment: &Environment, judged: &Judged) -> Value {
        let violation = &judged.violation;
        let mut text = format!("{}: {}: {}", violation.guardrail, violation.subject, violation.what);
        if let Some(fix) = &violation.fix {
            text.push_str(&format!("\n{fix}"));
        }
        text.push_str(&format!("\nEnvironment {}.", environment.name));
        let level = match violation.severity {
            Severity::Deny => "error",
            Severity::Warn => "warning",
            Severity::Low => "note",
        };
        let place = violation.place.as_deref().and_then(|place| {
            let (file, line) = place.rsplit_once(':')?;
            Some(Place { file: file.into(), line: line.parse().ok()?, column: 1 })
        });
        json!({
            "ruleId": GUARDRAIL,
            "kind": "fail",
            "level": level,
            "message": { "text": text },
            "baselineState": if judged.introduced { "new" } else { "unchanged" },
            "locations": place.as_ref().and_then(|place| self.location(place)).into_iter().collect::<Vec<_>>(),
            "partialFingerprints": {
                "leaseholdFinding/v1": self.fingerprint(environment, &json!([violation.guardrail, violation.key])),
            },
        })
    }

    fn location(&self, place: &Place) -> Option<Value> {
        location(&self.directory, place)
    }

    fn fingerprint(&self, environment: &Environment, fact: &Value) -> String {
        fingerprint::of_value(&json!([environment.name, fact]))
    }
}

/// A log of one run of `leasehold`, by the name of its command.
pub fn log(command: &str, rules: Vec<Value>, results: Vec<Value>) -> Value {
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "leasehold",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "automationDetails": { "id": format!("leasehold/{command}/") },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A place in the repository of which the estate is this directory; `None` for what no file declares.
pub fn location(directory: &str, place: &Place) -> Option<Value> {
    if place.line == 0 {
        return None;
    }
    let file = match directory {
        "" => place.file.to_string(),
        directory => format!("{directory}/{}", place.file),
    };
    Some(json!({ "physicalLocation": {
        "artifactLocation": { "uri": encode_in_reference(&file) },
        "region": { "startLine": place.line, "startColumn": place.column.max(1) },
    } }))
}

/// A rule that results are of.
pub fn rule(id: &str, text: &str, level: &str) -> Value {
    json!({ "id": id, "shortDescription": { "text": text }, "defaultConfiguration": { "level": level } })
}
