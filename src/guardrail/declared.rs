//! Guardrails as they are declared: their rules, whom they are about, and who is exempt until when.

use serde::{Deserialize, Serialize};

use super::rule::{Clause, Escalation, Rule};
use super::subject::Subject;
use super::violation::Severity;
use crate::iam::pattern::{Pattern, Syntax};
use crate::iam::request::Request;

/// The name of the guardrail that is there without being declared.
pub const DEFAULT: &str = "escalation";

/// A guardrail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardrail {
    /// Its name.
    pub name: String,
    /// How much breaking it weighs.
    pub severity: Severity,
    /// The roles it is about, as `mount/role` with wildcards; empty is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The apps it is about, with wildcards; empty is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<String>,
    /// What it forbids and demands.
    pub rules: Vec<Clause>,
    /// Who is exempt, and until when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
    /// Where it is declared: `file:line`.
    pub place: String,
}

impl Guardrail {
    /// Whether it is about a role, as far as the role's name says: `mount/role`.
    pub fn is_about_role(&self, label: &str) -> bool {
        self.roles.is_empty() || names(&self.roles, label)
    }

    /// All its rules.
    pub fn all_rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().flat_map(Clause::rules)
    }

    /// Whether it goes to the engine with the roles that it is about: a single role can break one of its rules, and it
    /// stops what breaks it.
    pub fn goes_to_engines(&self) -> bool {
        self.severity == Severity::Deny && self.all_rules().any(|rule| rule.scope().is_about_roles())
    }

    /// Whether one of its rules asks what somebody may do.
    pub fn asks_access(&self) -> bool {
        self.all_rules().any(|rule| rule.scope().asks_access())
    }

    /// The same with those rules only that need to know nobody's access.
    pub fn without_access(mut self) -> Self {
        self.rules.iter_mut().for_each(|clause| clause.retain(|rule| !rule.scope().asks_access()));
        self
    }

    /// Whether it is about a subject and no exception frees that from it `today`.
    pub fn binds<S>(&self, subject: &Subject<'_, S>, today: &str) -> bool {
        self.selects(subject) && !self.exceptions.iter().any(|exception| exception.frees(subject, today))
    }

    fn selects<S>(&self, subject: &Subject<'_, S>) -> bool {
        let any =
            |patterns: &[String], own: &[String]| patterns.is_empty() || own.iter().any(|name| names(patterns, name));
        any(&self.roles, &subject.roles) && any(&self.apps, &subject.apps)
    }

    /// The one that is there without being declared: the escalation paths that need no target.
    pub fn default_one() -> Self {
        Self {
            name: DEFAULT.to_owned(),
            severity: Severity::Deny,
            roles: Vec::new(),
            apps: Vec::new(),
            rules: vec![Clause::of(Rule::Escalation(Escalation::default()))],
            exceptions: Vec::new(),
            place: "built in".to_owned(),
        }
    }
}

/// What to do about an exception that has ended.
pub const ENDED_FIX: &str = "remove it, or agree on a later day";

/// Who is exempt from a guardrail, why, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Roles, as `mount/role` or `role` with wildcards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Apps, with wildcards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The first day on which it does not hold any more: `2027-02-01`.
    pub expires: String,
    /// Where it is declared: `file:line`. It does not go to an engine.
    #[serde(skip)]
    pub place: String,
}

impl Exception {
    fn frees<S>(&self, subject: &Subject<'_, S>, today: &str) -> bool {
        // Days in this form have the order of their texts.
        today < self.expires.as_str() && {
            let roles = !self.roles.is_empty() && subject.roles.iter().all(|role| names(&self.roles, role));
            let apps = !self.apps.is_empty() && subject.apps.iter().any(|app| names(&self.apps, app));
            match (self.roles.is_empty(), self.apps.is_empty()) {
                (false, false) => roles && apps,
                _ => roles || apps,
            }
        }
    }
}

/// Whether a name is one that `patterns` name, as it is or behind its mount.
pub(crate) fn names(patterns: &[String], name: &str) -> bool {
    Names::new(patterns).has(name)
}

/// Names of things, with wildcards. One without a slash is also about what has it behind its mount or folder.
#[derive(Clone, Debug)]
pub(crate) struct Names(Vec<Pattern>);

impl Names {
    /// Reads patterns.
    pub(crate) fn new(patterns: &[String]) -> Self {
        let syntax = Syntax { wildcards: true, variables: false };
        Self(patterns.iter().map(|pattern| Pattern::new(pattern, syntax)).collect())
    }

    /// Whether one of them is about a name.
    pub(crate) fn has(&self, name: &str) -> bool {
        let nothing = Request::default();
        let bare = name.rsplit('/').next().unwrap_or(name);
        self.0.iter().any(|pattern| {
            pattern.matches(name, &nothing) || (!pattern.text.contains('/') && pattern.matches(bare, &nothing))
        })
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
