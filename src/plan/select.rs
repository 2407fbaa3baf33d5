//! Leaving of the changes those that are selected.
//!
//! What a selected change needs to be there and isn't (a mount, a policy) comes along, and so does what stands on
//! something that is taken away: the one could not be made, the other would be left with nothing below it. Each says so.
//! What was left out by name does not come along against that word: then the plan is refused.

use std::collections::HashMap;

use super::change::{Change, ChangeAction, Renamed};
use super::order;
use super::refusal::{Bond, Refusal};
use super::selection::{Along, Asked, Grants, LeftOut, Selected, Selection};
use crate::guardrail::Names;
use crate::object::Class;

/// Leaves of the changes those that are made. `None` if all are; else also why they can't be made alone.
pub(super) fn select(changes: &mut Vec<Change>, selection: Selection<'_>) -> (Option<Selected>, Vec<Refusal>) {
    let is_meant = selection.chooser();
    let mut chosen: Vec<bool> = changes.iter().map(|change| is_meant(&change.path, change.app.as_deref())).collect();
    let (asked, along, refusals) = match selection {
        Selection::All => return (None, Vec::new()),
        Selection::Just(_) => (Asked::default(), Vec::new(), Vec::new()),
        Selection::Asked { asked, grants } => {
            let (along, refusals) = complete(changes, &mut chosen, &Names::new(&asked.exclude), grants);
            (asked.clone(), along, refusals)
        }
    };
    let mut left_out = Vec::new();
    let mut chosen = chosen.into_iter();
    changes.retain(|change| {
        let stays = chosen.next().unwrap_or_default();
        if !stays {
            left_out.push(LeftOut { action: change.action, kind: change.kind, path: change.path.clone() });
        }
        stays
    });
    if left_out.is_empty() && matches!(selection, Selection::Just(_)) {
        return (None, refusals);
    }
    left_out.sort_by(|one, other| one.path.cmp(&other.path));
    for Along { path, with } in &along {
        if let Some(change) = changes.iter_mut().find(|change| change.path == *path) {
            let why = match () {
                () if renamed(change) == Some(with.as_str()) => "it is one rename with",
                () if change.takes_away() => "it stands on",
                () => "it is needed by",
            };
            change.effects.push(format!("not selected, and done all the same: {why} {with}"));
        }
    }
    (Some(Selected { asked, left_out, along }), refusals)
}

/// Adds what the chosen changes can't be made without, one after another, but for what was left out by name.
fn complete(changes: &[Change], chosen: &mut [bool], excluded: &Names, grants: &Grants) -> (Vec<Along>, Vec<Refusal>) {
    let bonds = Bonds::new(changes, grants);
    let (mut along, mut refusals) = (Vec::new(), Vec::new());
    let mut open: Vec<usize> = (0..changes.len()).filter(|at| chosen[*at]).collect();
    open.reverse();
    while let Some(at) = open.pop() {
        let change = &changes[at];
        for other in bonds.of(at) {
            if chosen[other] {
                continue;
            }
            let needed = &changes[other];
            if excluded.has(&needed.path) {
                let bond = match () {
                    () if renamed(change) == Some(needed.path.as_str()) => Bond::Renamed,
                    () if change.takes_away() => Bond::StandsOn,
                    () => Bond::Needs,
                };
                let (path, place, other) = (change.path.clone(), change.place.clone(), needed.path.clone());
                refusals.push(Refusal::LeftOut { path, place, other, bond });
                continue;
            }
            chosen[other] = true;
            along.push(Along { path: needed.path.clone(), with: change.path.clone() });
            open.push(other);
        }
    }
    (along, refusals)
}

/// The path of the other half of a rename.
fn renamed(change: &Change) -> Option<&str> {
    match change.renamed.as_ref()? {
        Renamed::From { path, .. } | Renamed::To(path) => Some(path),
    }
}

/// Which changes can't be made without which others.
struct Bonds<'c> {
    changes: &'c [Change],
    grants: &'c Grants,
    by_path: HashMap<&'c str, usize>,
    /// What goes, or lets go, by the paths of what it stands on or names until then.
    held: HashMap<String, Vec<usize>>,
}

impl<'c> Bonds<'c> {
    fn new(changes: &'c [Change], grants: &'c Grants) -> Self {
        let by_path = changes.iter().enumerate().map(|(at, change)| (change.path.as_str(), at)).collect();
        let mut held: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, change) in changes.iter().enumerate() {
            let holds = match change.action {
                ChangeAction::Delete | ChangeAction::Forget => order::needs(change),
                ChangeAction::Update => order::still_named(change),
                ChangeAction::Create | ChangeAction::Adopt => Vec::new(),
            };
            for path in holds {
                held.entry(path).or_default().push(at);
            }
        }
        Self { changes, grants, by_path, held }
    }

    /// The changes that one can't be made without.
    fn of(&self, at: usize) -> Vec<usize> {
        let change = &self.changes[at];
        let other_half = renamed(change).and_then(|path| self.by_path.get(path)).copied();
        if change.takes_away() {
            let held = self.held.get(&change.path).into_iter().flatten().copied();
            return held.chain(other_half).collect();
        }
        let lets_in = matches!(change.kind.class, Class::Policy | Class::Login);
        let app = change.app.as_ref().filter(|_| lets_in);
        let granted = app.and_then(|app| self.grants.get(app)).into_iter().flatten().cloned();
        let needs = order::needs(change).into_iter().chain(granted);
        let is_new = |at: &usize| self.changes[*at].action == ChangeAction::Create;
        needs.filter_map(|path| self.by_path.get(path.as_str()).copied()).filter(is_new).chain(other_half).collect()
    }
}
