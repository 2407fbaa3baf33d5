//! Renames: what comes under a new name and goes under its old one is one thing, and told as one.
//!
//! It stays two changes, since an engine knows no other way: the new object is written first, and the old one is deleted
//! only once that is proved (`order`). Nothing is lost by it but what hangs on the name, so it is not counted among
//! deletions; that the old object is ours, as it was written and not protected is asked as of any deletion.

use std::collections::HashMap;

use super::change::{Change, ChangeAction, Renamed};
use super::fields::differences;
use super::input::Input;
use super::refusal::Refusal;
use super::revoke;
use super::value::Plan;
use crate::object::{Changed, Live, Object, OnChange, Renames, RolePath};

/// Pairs what comes with what goes. What is to be renamed and is not ours is refused.
pub(super) fn pair(changes: &mut [Change], input: &Input<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    // Whether the leases of the old name go with it says the declaration, under its new one.
    let moved = |change: &mut Change, object: &Object| {
        let live = change.live.clone();
        let of_kind = || object.kind.effect(&object.path, Changed::Deleted(live.as_ref()?));
        revoke::with_deletion(change, object.on_change == OnChange::Revoke, of_kind);
        change.renamed = Some(Renamed::To(object.path.clone()));
        change.place = object.place.clone();
    };
    let renamed = || input.desired.iter().filter_map(|object| Some((object, object.renamed_from.as_ref()?)));
    if renamed().next().is_none() {
        return refusals;
    }
    let index: HashMap<String, usize> =
        changes.iter().enumerate().map(|(at, change)| (change.path.clone(), at)).collect();
    let is_selected = input.selection.chooser();
    for (object, old) in renamed() {
        let is_new = |change: &Change| change.action == ChangeAction::Create;
        let comes = index.get(&object.path).copied().filter(|at| is_new(&changes[*at]));
        let goes = index.get(old).copied().filter(|at| changes[*at].action == ChangeAction::Delete);
        let is_ours = || input.owned.get(&object.path).is_some_and(|owned| owned.is_ours(input.live.get(&object.path)));
        match (comes, goes) {
            (Some(comes), Some(goes)) => {
                let fields = changes[goes].live.as_ref().map(|live| differences(object, live)).unwrap_or_default();
                changes[comes].renamed = Some(Renamed::From { path: old.clone(), fields });
                let where_to = credentials(&changes[goes], &changes[comes]);
                changes[comes].effects.extend(where_to);
                moved(&mut changes[goes], object);
            }
            // It was written before, and an apply was stopped then.
            (None, Some(goes)) if is_ours() => {
                moved(&mut changes[goes], object);
            }
            (Some(_), None) if is_there(input, old) && is_selected(&object.path, object.app.as_deref()) => {
                let (path, old, place) = (object.path.clone(), old.clone(), object.place.clone());
                refusals.push(Refusal::RenameNotOurs { path, old, place });
            }
            _ => {}
        }
    }
    refusals
}

/// Whether something is at a path that is not ours.
fn is_there(input: &Input<'_>, path: &str) -> bool {
    let live: Option<&Live> = input.live.get(path).filter(|live| !live.is_unset());
    live.is_some() && !input.owned.get(path).is_some_and(|owned| owned.is_ours(live))
}

/// Where credentials are read from now on, of roles.
fn credentials(old: &Change, new: &Change) -> Option<String> {
    let [old, new] = [old, new].map(|change| RolePath::of(change.kind, &change.path).map(|role| role.credentials()));
    let (old, new) = old.zip(new)?;
    (!new.is_empty()).then(|| format!("its credentials are read at {new} from then on, and not at {old}"))
}

/// Which half of a rename a change is, where both are in the plan.
pub(super) enum Half<'p> {
    /// The new one; with the other.
    New(&'p Change),
    /// The old one.
    Old,
}

impl Plan {
    /// The names that objects get.
    pub fn renames(&self) -> Renames {
        Renames::new(self.changes.iter().filter_map(|change| match &change.renamed {
            Some(Renamed::From { path, .. }) => Some((change.kind, path.as_str(), change.path.as_str())),
            _ => None,
        }))
    }

    /// Which half of a rename a change is; `None` if it is none, or is alone.
    pub(super) fn renamed_of(&self, change: &Change) -> Option<Half<'_>> {
        let other = match change.renamed.as_ref()? {
            Renamed::From { path, .. } | Renamed::To(path) => self.changes.iter().find(|other| other.path == *path)?,
        };
        match (&change.renamed, &other.renamed) {
            (Some(Renamed::From { .. }), Some(Renamed::To(_))) => Some(Half::New(other)),
            (Some(Renamed::To(_)), Some(Renamed::From { .. })) => Some(Half::Old),
            _ => None,
        }
    }
}
