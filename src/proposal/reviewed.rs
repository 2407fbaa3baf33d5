//! Two sides of one environment as a review, with the verdicts of its guardrails. All that is proposed, reviewed or
//! validated is judged here.

use crate::estate::Estate;
use crate::guardrail::Judged;
use crate::review;
use crate::review::judgement::{self, Scope};
use crate::review::state::Side;

/// Compares two sides of one environment and judges what is after by its guardrails. `today` is a day as `2026-11-25`.
pub(super) fn reviewed(
    name: &str,
    before: Option<&Side<'_>>,
    after: Option<(&Side<'_>, &Estate)>,
    files: &[String],
    scope: Scope,
    today: &str,
) -> review::Environment {
    let judged = after.map(|(side, estate)| judged(before, side, estate, scope, today));
    review::Environment::new(name, before, after.map(|(side, _)| side), files, judged.unwrap_or_default())
}

/// What an estate's guardrails say of a side of it, beside what was there before.
pub(super) fn judged(
    before: Option<&Side<'_>>,
    after: &Side<'_>,
    estate: &Estate,
    scope: Scope,
    today: &str,
) -> Vec<Judged> {
    judgement::judge(before, after, &estate.guardrails, scope, today)
}
