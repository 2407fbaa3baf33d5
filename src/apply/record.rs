//! What the ledger says of a change: before it is made, and once it is known what became of it.
//!
//! **Why no crash makes ours look like somebody's, nor somebody's like ours.** Before anything is written the ledger has
//! the digest of what is to be there. What is there if it is not, for an engine may not have got a write, or only the first
//! of several, or gets it later: what we wrote before ([`Owned::besides`]), what the first calls of a creation make
//! ([`Owned::partly`]), or what was found ([`Owned::found`]). All else is somebody's work. The same of keys, which no
//! digest tells apart: [`Owned::keys`] are ours, and [`Owned::replaces`] is not.

use super::report::{Acted, Outcome};
use crate::object::{Object, Owned, Progress, Update, fingerprint, partial};
use crate::plan::{self, Change, ChangeAction, Plan};
use crate::secret::Secret;

/// How many writes without an outcome the ledger knows of one object: any of them may still arrive.
const BESIDES_MAX: usize = 8;

/// Whether the ledger must know of a change before it is made. What is only forgotten is not written to the engine; of
/// everything else the ledger says what it is to be, or an apply that is stopped before its end leaves what looks like
/// somebody else's work.
pub(super) fn needs_intent(change: &Change) -> bool {
    change.action != ChangeAction::Forget
}

/// What the ledger shall say after a change. `None` leaves it as it is now.
pub(super) fn record(
    change: &Change,
    outcome: &Outcome,
    object: Option<&Object>,
    before: Option<&Owned>,
    plan: &Plan,
    key: &Secret,
) -> Option<Option<Owned>> {
    match outcome {
        Outcome::Applied { .. } if change.takes_away() => Some(None),
        Outcome::Applied { .. } => object.map(|object| {
            let guardrails = change.guardrails.as_ref().map(|attached| attached.text.clone());
            Some(Owned { guardrails, ..entry(object, plan, key, Progress::Applied) })
        }),
        // Nothing was done, so an object that is there now is somebody else's: the intent must not claim it.
        Outcome::Moved { .. }
        | Outcome::Lost { .. }
        | Outcome::Skipped { .. }
        | Outcome::Configured { .. }
        | Outcome::Interrupted
        | Outcome::Unlocked { .. }
        | Outcome::Failed { acted: Acted::No, .. } => needs_intent(change).then(|| before.cloned()),
        Outcome::Failed { acted: Acted::Unknown, .. } => None,
        // It is not as declared. Where a part of it was written, nobody but us made it so.
        Outcome::Failed { acted: Acted::Yes | Acted::Whole { .. }, .. } => {
            object.filter(|_| needs_intent(change)).map(|object| {
                let mut intent = Owned { state: Progress::Changing, ..intent(object, change, before, plan, key) };
                match outcome {
                    // Beside what somebody changed before, nothing tells what an engine left out from what was put back.
                    Outcome::Failed { acted: Acted::Whole { made }, .. } if !is_anothers(before, change) => {
                        intent.besides.iter_mut().for_each(|besides| besides.extend(made.clone()));
                    }
                    Outcome::Failed { acted: Acted::Whole { .. }, .. } => {}
                    _ => intent.besides = None,
                }
                Some(intent)
            })
        }
    }
}

/// What the ledger says before a change.
pub(super) fn intent(object: &Object, change: &Change, before: Option<&Owned>, plan: &Plan, key: &Secret) -> Owned {
    let was_ours = before.is_some_and(|before| before.is_ours(change.live.as_ref()) && change.live.is_some());
    // Whether this or what was before is with the engine is not known until it is written for certain.
    let had = before.and_then(|owned| owned.guardrails.clone());
    // Where it was gone nothing of ours is there, in however many calls it is made again.
    let is_told_apart = was_ours && is_at_once(object, change) || change.live.is_none();
    let mut intent = Owned {
        found: change.live_fingerprint(),
        revokes: change.revokes,
        besides: before.filter(|_| is_told_apart).and_then(besides),
        partly: if change.live.is_none() { partial(object) } else { Vec::new() },
        from: change.from.clone(),
        guardrails: change.guardrails.as_ref().map(|attached| attached.text.clone()).or(had),
        ..entry(object, plan, key, if was_ours { Progress::Changing } else { Progress::Intended })
    };
    plan::add_keys_before(&mut intent, before, change, plan.kept(&object.path).is_some());
    intent
}

/// Whether an object is written by one call.
fn is_at_once(object: &Object, change: &Change) -> bool {
    object.kind.update != Update::Recreate && (object.kind.write)(object, change.live.as_ref()).len() == 1
}

/// Whether somebody else surely made what was there before a change.
fn is_anothers(before: Option<&Owned>, change: &Change) -> bool {
    before.is_some_and(|before| before.was_changed(change.live.as_ref()))
}

/// What an engine may hold from us when the next change begins, whatever it was seen to hold: that may be somebody's.
fn besides(before: &Owned) -> Option<Vec<String>> {
    if before.kind.key().is_some() && before.keys.is_none() && before.key_last.is_none() {
        // Of which key an engine had then an older ledger does not know.
        return None;
    }
    let earlier = match before.state {
        Progress::Applied => Vec::new(),
        Progress::Intended | Progress::Changing => before.besides.clone()?,
    };
    let others = earlier.into_iter().filter(|digest| *digest != before.fingerprint);
    let mut known: Vec<String> = others.chain([before.fingerprint.clone()]).collect();
    if known.len() > BESIDES_MAX {
        // The oldest is what was settled, and the likeliest to be there still.
        known.drain(1..=known.len() - BESIDES_MAX);
    }
    Some(known)
}

pub(super) fn entry(object: &Object, plan: &Plan, key: &Secret, state: Progress) -> Owned {
    Owned {
        kind: object.kind,
        app: object.app.clone(),
        place: object.place.clone(),
        commit: plan.commit_of(&object.path).map(str::to_owned),
        fingerprint: fingerprint::of(object),
        secrets: plan::secret_digests(object, key),
        apart: object.apart_digests(),
        state,
        protect: object.protect,
        guardrails: None,
        review: plan.review_digest.clone(),
        plan: plan.settled.clone(),
        found: None,
        besides: None,
        partly: Vec::new(),
        adopted: object.adopted().map(|(name, value)| (name.to_owned(), value.clone())).collect(),
        from: None,
        keys: plan.keys_of(object),
        key_last: plan.key_of(object).filter(|_| state == Progress::Applied),
        replaces: None,
        revokes: false,
        on_change: object.on_change,
    }
}
