//! One request judged: allowed, denied explicitly or denied implicitly, and by which statements.
//!
//! Source: IAM User Guide, "Policy evaluation logic". What others decide (resource policies, SCPs, RCPs) is not
//! part of it.

use std::borrow::Cow;
use std::sync::Arc;

use super::pattern::Pattern;
use super::policy::{Effect, Policy, PolicySet, Statement};
use super::reading::{Doubt, Reading, Truth, Unresolved};
use super::request::Request;
use super::scope::Scope;

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
    /// The statements that decided: those that deny, or those of all sets that allow. Of an implicit denial, the
    /// identity statements that would allow, if it is the boundary or the session policies that do not.
    pub by: Vec<&'a Statement<S>>,
}

/// The action that nothing can deny. Source: STS API reference, GetCallerIdentity.
const ALWAYS_ALLOWED: &str = "sts:getcalleridentity";

/// A request with its action in lower case: done once for all statements.
struct Asked<'r> {
    request: &'r Request,
    action: Cow<'r, str>,
    reading: Reading,
}

impl<'r> Asked<'r> {
    fn new(request: &'r Request, reading: Reading) -> Self {
        let upper = request.action.bytes().any(|byte| byte.is_ascii_uppercase());
        let action = match upper {
            true => Cow::Owned(request.action.to_ascii_lowercase()),
            false => Cow::Borrowed(request.action.as_str()),
        };
        Self { request, action, reading }
    }

    fn is_matched_by<S>(&self, statement: &Statement<S>) -> Truth {
        let actions = &statement.actions;
        if actions.patterns.iter().any(|pattern| pattern.matches(&self.action, self.request)) == actions.negated {
            return Truth::No;
        }
        let conditions = statement.conditions.iter().map(|condition| condition.holds(self.request, self.reading));
        Truth::all([self.is_covered_by(&statement.resources)].into_iter().chain(conditions))
    }

    /// Whether its resource is one of a statement's.
    fn is_covered_by(&self, resources: &Scope) -> Truth {
        let (request, reading) = (self.request, self.reading);
        let odd = |pattern: &Pattern| pattern.is_odd_resource() || pattern.is_manifold(request);
        if resources.patterns.iter().any(odd) {
            return Truth::Unknown;
        }
        let spoils = reading.unresolved != Unresolved::MatchesNothing;
        if spoils && resources.patterns.iter().any(|pattern| pattern.is_unresolved(request, reading)) {
            return Truth::No;
        }
        (resources.patterns.iter().any(|pattern| pattern.matches_resource(request, reading)) != resources.negated)
            .into()
    }

    fn matching<'a, S>(&self, policies: &'a [Arc<Policy<S>>], effect: Effect) -> Vec<&'a Statement<S>> {
        let counts = match (effect, self.reading.doubt) {
            (Effect::Allow, Doubt::Grants) | (Effect::Deny, Doubt::Withholds) => |truth| truth != Truth::No,
            (Effect::Allow, Doubt::Withholds) | (Effect::Deny, Doubt::Grants) => |truth| truth == Truth::Yes,
        };
        let statements = policies.iter().flat_map(|policy| &policy.statements);
        statements.filter(|one| one.effect == effect && counts(self.is_matched_by(one))).collect()
    }
}

impl<S> Statement<S> {
    /// Whether action, resource and conditions all match.
    pub fn matches(&self, request: &Request, reading: Reading) -> Truth {
        Asked::new(request, reading).is_matched_by(self)
    }
}

impl<S> PolicySet<S> {
    /// Judges a request.
    pub fn evaluate(&self, request: &Request, reading: Reading) -> Verdict<'_, S> {
        let asked = Asked::new(request, reading);
        let limits = [self.boundary.as_deref(), self.session.as_deref()].into_iter().flatten();
        if asked.action == ALWAYS_ALLOWED {
            return Verdict { decision: Decision::Allowed, by: asked.matching(&self.identity, Effect::Allow) };
        }
        let mut denies = asked.matching(&self.identity, Effect::Deny);
        limits.clone().for_each(|policies| denies.append(&mut asked.matching(policies, Effect::Deny)));
        if !denies.is_empty() {
            return Verdict { decision: Decision::ExplicitlyDenied, by: denies };
        }
        let mut allows = asked.matching(&self.identity, Effect::Allow);
        if allows.is_empty() {
            return Verdict { decision: Decision::ImplicitlyDenied, by: allows };
        }
        let mut by_limits = Vec::new();
        for policies in limits {
            let mut matching = asked.matching(policies, Effect::Allow);
            if matching.is_empty() {
                return Verdict { decision: Decision::ImplicitlyDenied, by: allows };
            }
            by_limits.append(&mut matching);
        }
        allows.append(&mut by_limits);
        Verdict { decision: Decision::Allowed, by: allows }
    }

    /// Whether a request is allowed.
    pub fn allows(&self, request: &Request, reading: Reading) -> bool {
        self.evaluate(request, reading).decision == Decision::Allowed
    }
}

#[cfg(test)]
mod tests;
