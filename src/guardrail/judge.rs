//! Roles and apps judged by guardrails.
//!
//! Each role answers for itself; an app answers for its logins, and for what only its roles together can do. A
//! violation is introduced by a change if the access that breaks the rule is gained by it, or, where a rule is not
//! about access, if it was kept before.

use super::declared::{Exception, Guardrail};
use super::rule::Hearing;
use super::subject::Subject;
use super::violation::Judged;

/// Judges a subject by all guardrails. `before` is the same subject before the change, if it was there. `today` is
/// a day as `2026-11-25`; `place` says where a statement stands.
pub fn judge<S: Clone>(
    guardrails: &[Guardrail],
    before: Option<&Subject<'_, S>>,
    after: &Subject<'_, S>,
    today: &str,
    place: &dyn Fn(&S) -> Option<String>,
) -> Vec<Judged> {
    let mut judged = Vec::new();
    for guardrail in guardrails.iter().filter(|guardrail| guardrail.binds(after, today)) {
        let hearing = Hearing { guardrail: &guardrail.name, severity: guardrail.severity, before, after, place };
        for rule in guardrail.all_rules() {
            rule.judge(&hearing, &mut judged);
        }
    }
    judged
}

/// The exceptions that have ended: each with its guardrail.
pub fn expired<'g>(guardrails: &'g [Guardrail], today: &str) -> Vec<(&'g Guardrail, &'g Exception)> {
    let all = guardrails.iter().flat_map(|one| one.exceptions.iter().map(move |exception| (one, exception)));
    all.filter(|(_, exception)| today >= exception.expires.as_str()).collect()
}
