//! What may never be granted: rules over what a role or an app may do, exceptions with an end, and verdicts.
//!
//! Pure, and named by both halves: the reconciler judges plans and reviews, the engine judges each credential
//! just before it is issued. Guardrails travel to the engine as JSON.

mod escalation;
mod judge;
mod pack;

use serde::{Deserialize, Serialize};

pub use self::escalation::{Path, check_paths, paths};
pub use self::judge::{Judged, Login, Subject, Terms, expired, judge};
pub use self::pack::{PACKS, pack};

use crate::iam::request::Request;

/// The name of the guardrail that is there without being declared.
pub const DEFAULT: &str = "escalation";

/// How much a violation weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It depends on what else the account holds.
    Low,
    /// It is told and stops nothing.
    Warn,
    /// It stops a plan, a review and the issuing of credentials.
    Deny,
}

impl Severity {
    /// As files spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

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
    pub rules: Vec<Rule>,
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

    /// The one that is there without being declared: the escalation paths that need no target.
    pub fn default_one() -> Self {
        Self {
            name: DEFAULT.to_owned(),
            severity: Severity::Deny,
            roles: Vec::new(),
            apps: Vec::new(),
            rules: vec![Rule::Escalation(Escalation::default())],
            exceptions: Vec::new(),
            place: "built in".to_owned(),
        }
    }
}

/// One thing that a guardrail forbids or demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Access that nobody may have.
    Deny(Deny),
    /// What every role, or every login of an app, has to have.
    Require(Require),
    /// The catalogue of privilege escalation.
    Escalation(Escalation),
}

/// Access that nobody may have: a request that meets all of it and is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deny {
    /// Actions, with wildcards; empty is all.
    pub actions: Vec<String>,
    /// Access levels; empty is all.
    pub levels: Vec<Level>,
    /// Resources, with wildcards; empty is all.
    pub resources: Vec<String>,
    /// Only by statements that are written this widely, in all of these ways.
    pub wildcards: Vec<Wildcard>,
    /// Unless the statement wants one of these condition keys to be there.
    pub unless: Vec<String>,
}

/// An access level, as files spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is a level of the catalogue")]
pub enum Level {
    List,
    Read,
    Write,
    Tagging,
    PermissionsManagement,
}

impl From<Level> for crate::iam::catalogue::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::List => Self::List,
            Level::Read => Self::Read,
            Level::Write => Self::Write,
            Level::Tagging => Self::Tagging,
            Level::PermissionsManagement => Self::PermissionsManagement,
        }
    }
}

/// A way in which a statement can be written too widely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wildcard {
    /// An action is `*` or `service:*`.
    Action,
    /// A resource is `*`.
    Resource,
    /// It has `NotAction`.
    NotAction,
    /// It has `NotResource`.
    NotResource,
}

/// What every role, or every login of an app, has to have. Times are in seconds; `None` and `false` demand
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Require {
    /// The ARN of a role's permissions boundary, with wildcards.
    pub permissions_boundary: Option<String>,
    /// How the IAM path of a role's users begins.
    pub path_prefix: Option<String>,
    /// How long a credential may live, renewals included.
    pub max_ttl: Option<i64>,
    /// The credential types that a role may have; empty is any.
    pub credential_types: Vec<String>,
    /// How long a login's token may live, renewals included.
    pub max_token_ttl: Option<i64>,
    /// How long a login's secret id may live.
    pub max_secret_id_ttl: Option<i64>,
    /// Logins take place from named networks only.
    pub bound_cidrs: bool,
    /// Logins need a secret id.
    pub bind_secret_id: bool,
}

/// The catalogue of privilege escalation, or a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Escalation {
    /// Only these paths, by id; empty is all.
    pub paths: Vec<String>,
    /// Not these.
    pub except_paths: Vec<String>,
}

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
    /// The last day on which it holds: `2027-02-01`.
    pub expires: String,
}

/// One rule broken by one role or app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The guardrail's name.
    pub guardrail: String,
    /// Its severity.
    pub severity: Severity,
    /// Who breaks it: `role aws/deploy`, `app webapp`.
    pub subject: String,
    /// What is broken, in a line: `iam:PassRole and lambda:CreateFunction are both allowed`.
    pub what: String,
    /// A request that shows it, if one can: action and resource.
    pub witness: Option<Request>,
    /// What to do about it.
    pub fix: Option<String>,
    /// Where what breaks it is declared: `file:line`.
    pub place: Option<String>,
    /// The same key on both sides of a change means the same violation, so it was not introduced by the change.
    pub key: String,
}

/// Whether a name is one that `patterns` name, as it is or behind its mount.
pub(crate) fn names(patterns: &[String], name: &str) -> bool {
    use crate::iam::pattern::{Pattern, Syntax};
    let nothing = Request::default();
    let syntax = Syntax { wildcards: true, variables: false };
    let bare = name.rsplit('/').next().unwrap_or(name);
    patterns.iter().map(|pattern| Pattern::new(pattern, syntax)).any(|pattern| {
        pattern.matches(name, &nothing) || (!pattern.text.contains('/') && pattern.matches(bare, &nothing))
    })
}

#[cfg(test)]
mod tests;
