//! What kinds say against the steps of a plan, by what is declared and what is live.

use std::collections::HashMap;

use super::change::{Change, ChangeAction};
use super::refusal::Refusal;
use crate::object::{Object, Step};

/// Asks the kind of each change.
pub(super) fn check(changes: &[Change], desired: &[Object]) -> Vec<Refusal> {
    let mut declared: Option<HashMap<&str, &Object>> = None;
    let mut refusals = Vec::new();
    for change in changes {
        let declared = declared
            .get_or_insert_with(|| desired.iter().map(|object| (object.path.as_str(), object)).collect())
            .get(change.path.as_str());
        let fields: Vec<&'static str> = change.fields.iter().map(|field| field.name).collect();
        let step = match (change.action, declared, &change.live) {
            (ChangeAction::Create, Some(object), _) => Step::Create(object),
            (ChangeAction::Update | ChangeAction::Adopt, Some(object), Some(live)) => {
                Step::Change { object, live, fields: &fields }
            }
            (ChangeAction::Delete, _, Some(live)) => Step::TakeAway(live),
            _ => continue,
        };
        if let Some(obstacle) = change.kind.obstacle(step) {
            let (path, place) = (change.path.clone(), change.place.clone());
            refusals.push(Refusal::Obstacle { path, place, obstacle });
        }
    }
    refusals
}
