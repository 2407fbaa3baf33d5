//! A plan with what it means for access. Nothing else can be applied, so no guardrail is walked past.

use std::ops::Deref;

use super::refusal::Refusal;
use super::saved::Saved;
use super::value::Plan;
use crate::guardrail::{Violation, Violator};
use crate::review;

/// A plan that was reviewed.
#[derive(Debug)]
pub struct Reviewed(Plan);

impl Plan {
    /// Looks at what the plan means for access, unless it changes nothing. `look` answers that, and what else is to be
    /// noted. A violated guardrail that denies refuses the plan.
    pub fn reviewed(mut self, look: impl FnOnce(&Self) -> (review::Environment, Vec<String>)) -> Reviewed {
        if self.is_empty() {
            return Reviewed(self);
        }
        let (review, notes) = look(&self);
        let (mut violated, mut ended) = (Vec::new(), true);
        for Violation { guardrail, subject, what, .. } in review.stops().map(|judged| &judged.violation) {
            ended &= matches!(subject, Violator::Exception(_));
            violated.push(format!("{guardrail}: {subject}: {what}"));
        }
        if !violated.is_empty() {
            self.refusals.push(Refusal::Guardrail { violated, ended });
        }
        self.notes.extend(notes);
        self.review_digest = Some(review.digest());
        self.review = Some(review);
        self.settled = Some(self.digest());
        Reviewed(self)
    }
}

impl Plan {
    /// The same of a saved plan, which was reviewed when it was made: its digest, and that of its review, stay what was
    /// approved.
    pub fn approved(self, saved: &Saved, look: impl FnOnce(&Self) -> (review::Environment, Vec<String>)) -> Reviewed {
        let Reviewed(plan) = self.reviewed(look);
        let (settled, review_digest) = (Some(saved.digest.clone()), saved.review.clone());
        Reviewed(Self { settled, review_digest, left_there: saved.configured(), ..plan })
    }
}

impl Reviewed {
    /// The plan itself.
    pub fn into_plan(self) -> Plan {
        self.0
    }
}

impl Deref for Reviewed {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}
