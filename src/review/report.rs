//! What a change means, whole: its environments, verdict and digest.

use serde_json::Value;

use super::finding::{self, Finding, Topic};
use super::{comparison, state};
use crate::guardrail::{self, Judged};
use crate::object::fingerprint;

/// A change, reviewed.
#[derive(Clone, Debug)]
pub struct Review {
    /// What it is compared with.
    pub before: Revision,
    /// What is reviewed.
    pub after: Revision,
    /// The estate's directory in its repository, with forward slashes; empty for the root.
    pub directory: String,
    /// The day of the action catalogue.
    pub catalogue: String,
    /// How many files differ; `None` where no files are compared.
    pub files: Option<usize>,
    /// Each environment, in the order of their declaration.
    pub environments: Vec<Environment>,
}

/// A state of the world, by name.
#[derive(Clone, Debug)]
pub struct Revision {
    /// As it was asked for: `main`, `live`.
    pub name: String,
    /// The commit that it is, if it is one.
    pub commit: Option<String>,
}

/// What a change means in one environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// On which side it is declared.
    pub presence: Presence,
    /// How many apps there are after the change.
    pub apps: usize,
    /// How many roles there are after the change.
    pub roles: usize,
    /// What the change does.
    pub findings: Vec<Finding>,
    /// What was not looked at, and may matter.
    pub not_evaluated: Vec<String>,
    /// Guardrails that are violated after the change.
    pub violations: Vec<Judged>,
}

/// On which side something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// On both.
    Both,
    /// Only before: it is taken away.
    Before,
    /// Only after: it is new.
    After,
}

impl Revision {
    /// A name, with the commit in short where it says more: `main (4f1c2ab)`.
    pub fn label(&self) -> String {
        match &self.commit {
            Some(commit) if !commit.starts_with(&self.name) || self.name.is_empty() => {
                format!("{} ({})", self.name, commit.get(..7).unwrap_or(commit))
            }
            Some(commit) => commit.get(..7).unwrap_or(commit).to_owned(),
            None => self.name.clone(),
        }
    }
}

impl Environment {
    /// Compares two states of one environment; a side that does not declare it is `None`. `files` are those that
    /// differ.
    pub fn new(
        name: &str,
        before: Option<&state::Side<'_>>,
        after: Option<&state::Side<'_>>,
        files: &[String],
        violations: Vec<Judged>,
    ) -> Self {
        let nothing = state::Side::default();
        let presence = match (before, after) {
            (None, Some(_)) => Presence::After,
            (Some(_), None) => Presence::Before,
            _ => Presence::Both,
        };
        let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
        let (mut findings, not_evaluated) = comparison::findings(before, after);
        comparison::untouched(files, &mut findings);
        Self {
            name: name.to_owned(),
            presence,
            apps: after.apps().filter(|app| app.who() == guardrail::Who::App).count(),
            roles: after.roles().count(),
            findings,
            not_evaluated,
            violations,
        }
    }

    /// The findings that somebody gains by.
    pub fn gains(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.gains)
    }

    /// The violations that the change introduces and that stop it.
    pub fn stops(&self) -> impl Iterator<Item = &Judged> {
        self.violations
            .iter()
            .filter(|judged| judged.introduced && judged.violation.severity == guardrail::Severity::Deny)
    }

    /// The SHA-256 of what is found here, in hexadecimal digits: without places, files and commits, so that
    /// the same change has the same digest when commits are compared and when an engine is compared with files.
    pub fn digest(&self) -> String {
        fingerprint::of_value(&self.facts())
    }

    /// What is found, in an order that does not depend on files.
    fn facts(&self) -> Value {
        let mut findings: Vec<(String, Value)> = self
            .findings
            .iter()
            // How a text is written is not seen of a live object, nor what it was guarded by.
            .filter(|finding| {
                !matches!(
                    finding.topic,
                    Topic::TextOnly
                        | Topic::PolicySize
                        | Topic::Guardrail
                        | Topic::Checks
                        | Topic::Environment
                        | Topic::End
                )
            })
            .map(|finding| {
                let value = finding::fact(finding);
                (value.to_string(), value)
            })
            .collect();
        findings.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut violations: Vec<String> = self
            .violations
            .iter()
            .filter(|judged| judged.introduced)
            .map(|judged| {
                format!("{}\n{}\n{}", judged.violation.guardrail, judged.violation.subject, judged.violation.key)
            })
            .collect();
        violations.sort_unstable();
        serde_json::json!({
            "findings": findings.into_iter().map(|(_, value)| value).collect::<Vec<_>>(),
            "violations": violations,
        })
    }
}

impl Review {
    /// Leaves what guardrails said of the side before too: only what is new counts.
    pub fn leave_old(&mut self) {
        let violations = self.environments.iter_mut().map(|environment| &mut environment.violations);
        violations.for_each(|violations| violations.retain(|judged| judged.introduced));
    }

    /// The digest of its environment, which a plan of the same change has too; of several, one over all of theirs.
    pub fn digest(&self) -> String {
        if let [environment] = self.environments.as_slice() {
            return environment.digest();
        }
        let digests =
            self.environments.iter().map(|environment| (environment.name.clone(), environment.digest().into()));
        fingerprint::of_value(&Value::Object(digests.collect()))
    }

    /// 3 if the change introduces the violation of a guardrail that denies, else 2 if anybody gains anything,
    /// else 0.
    pub fn exit_code(&self) -> u8 {
        if self.environments.iter().any(|environment| environment.stops().next().is_some()) {
            3
        } else if self.environments.iter().any(|environment| environment.gains().next().is_some()) {
            2
        } else {
            0
        }
    }
}
