//! One request judged: allowed, denied explicitly or denied implicitly, and by which statements.

use super::policy::{PolicySet, Statement};
use super::request::{Reading, Request};

/// What the policies say to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Each set that is there allows it, and nothing denies it.
    Allowed,
    /// A `Deny` statement matches it.
    ExplicitlyDenied,
    /// Nothing denies it, and some set does not allow it.
    ImplicitlyDenied,
}

/// A decision, with what decided.
#[derive(Clone, Debug)]
pub struct Verdict<'a, S> {
    /// The decision.
    pub decision: Decision,
    /// The statements that decided: those that deny, or those that allow; none for an implicit denial by the
    /// identity policies.
    pub by: Vec<&'a Statement<S>>,
}

impl<S> Statement<S> {
    /// Whether action, resource and conditions all match.
    pub fn matches(&self, request: &Request, reading: Reading) -> bool {
        let _ = (request, reading);
        unimplemented!()
    }
}

impl<S> PolicySet<S> {
    /// Judges a request. Source: IAM User Guide, "Policy evaluation logic".
    pub fn evaluate(&self, request: &Request, reading: Reading) -> Verdict<'_, S> {
        let _ = (request, reading);
        unimplemented!()
    }

    /// Whether a request is allowed.
    pub fn allows(&self, request: &Request, reading: Reading) -> bool {
        self.evaluate(request, reading).decision == Decision::Allowed
    }
}
