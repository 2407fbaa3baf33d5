//! What may never be granted: rules over what a role or an app may do, exceptions with an end, and verdicts.
//!
//! Pure, and named by both halves: the reconciler judges plans and reviews, the engine judges each credential
//! just before it is issued.

/// How much a violation weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It is told and stops nothing.
    Warn,
    /// It stops a plan, a review and the issuing of credentials.
    Deny,
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
    pub witness: Option<crate::iam::request::Request>,
    /// What to do about it.
    pub fix: Option<String>,
    /// Where what breaks it is declared: `file:line`.
    pub place: Option<String>,
    /// The same key on both sides of a change means the same violation, so it was not introduced by the change.
    pub key: String,
}
