//! Verdicts: which rule is broken by whom, and how much that weighs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::iam::request::Request;

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

/// Who breaks a rule. In the order in which violations of one weight are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Violator {
    /// An app, by its name.
    App(String),
    /// An exception that has ended: for whom it was.
    Exception(String),
    /// A group, by its path.
    Group(String),
    /// A login that is no app's, by its path.
    Login(String),
    /// A role, as `mount/role`.
    Role(String),
    /// A user, by its path.
    User(String),
}

impl fmt::Display for Violator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(name) => write!(f, "app {name}"),
            Self::Login(path) => write!(f, "login {path}"),
            Self::User(path) => write!(f, "user {path}"),
            Self::Group(path) => write!(f, "group {path}"),
            Self::Exception(names) => write!(f, "exception for {names}"),
            Self::Role(label) => write!(f, "role {label}"),
        }
    }
}

/// One rule broken by one role or app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The guardrail's name.
    pub guardrail: String,
    /// Its severity.
    pub severity: Severity,
    /// Who breaks it.
    pub subject: Violator,
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

/// A violation, and whether it was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What is violated.
    pub violation: Violation,
    /// Whether it was not violated in this way before.
    pub introduced: bool,
}
