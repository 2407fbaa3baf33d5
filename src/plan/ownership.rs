//! Whose an object is, and what that allows.
//!
//! An object is ours if our ledger proves it (`Owned::is_ours`), another's if theirs does, and else nobody's. What is
//! ours is changed and deleted. What is nobody's is taken over with `--adopt`, what is another's only when they are
//! named, and fields that nobody declared stay as they are. A mount goes only if nothing lies below it that is not
//! ours: unmounting would take it along.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::change::{Change, ChangeAction};
use super::input::{Claim, Input, Others};
use super::refusal::Refusal;
use crate::object::{FieldValue, Leaf, Live, Object, Origin, Owned, Shape, Taking, Told, field};

/// Fills in the fields that nobody declared and that stay as they were when an object was taken over: those that the
/// ledger remembers, and those of objects that are taken over now. What a server takes from its configuration alone nobody
/// takes over.
pub fn adopt_fields(
    desired: &mut [Object],
    live: &HashMap<String, Live>,
    owned: &BTreeMap<String, Owned>,
    taking: &BTreeMap<&'static str, Taking>,
) {
    let is_taken_over = |object: &&mut Object| Taking::of(&object.kind.home, taking) != Taking::FromConfiguration;
    for object in desired.iter_mut().filter(is_taken_over) {
        let live = live.get(&object.path);
        match (owned.get(&object.path).filter(|owned| owned.is_ours(live)), live) {
            (Some(owned), _) => adopt_all(object, owned),
            (None, Some(live)) if !live.is_unset() => {
                live.fields.iter().for_each(|(name, value)| adopt_field(object, name, value));
            }
            (None, _) => {}
        }
    }
}

/// An object with the fields that nobody declared and that stayed as they were, as the ledger remembers them.
pub fn with_adopted(object: &Object, owned: &Owned) -> Object {
    let mut object = object.clone();
    adopt_all(&mut object, owned);
    object
}

fn adopt_all(object: &mut Object, owned: &Owned) {
    owned.adopted.iter().for_each(|(name, value)| adopt_field(object, name, value));
}

fn adopt_field(object: &mut Object, name: &str, value: &Value) {
    let Some(field) = object.kind.field(name) else { return };
    let may_be = match field.shape {
        Shape::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        _ => true,
    };
    // Of keys `kept` says what becomes of them.
    if field.told != Told::Readable
        || object.kind.is_of_key(name)
        || object.declares(name)
        || !may_be
        || field::equal(field.shape, value, &object.value(name))
    {
        return;
    }
    let leaf = Leaf { origin: Origin::Adopted, ..Leaf::new(FieldValue::Data(value.clone()), object.place.clone()) };
    object.fields.insert(field.name, leaf);
}

/// Who else has an object, by what their ledger proves.
pub(super) fn claim<'a>(input: &Input<'a>, path: &str) -> Option<&'a Claim> {
    let live = input.live.get(path);
    input.others.claims()?.get(path)?.iter().find(|claim| claim.owned.is_ours(live))
}

/// Settles what changes mean for others: who is named gives theirs up, and what another has too is not deleted.
pub(super) fn settle(changes: &mut [Change], input: &Input<'_>) {
    for change in changes {
        match (claim(input, &change.path), change.action) {
            (Some(claim), ChangeAction::Delete) => {
                change.action = ChangeAction::Forget;
                change.fields.clear();
                change.keys = None;
                change.effects = vec![format!("{} has it too: it stays", claim.whose)];
            }
            (_, ChangeAction::Delete | ChangeAction::Forget) => {}
            (Some(claim), _) if is_named(input, &change.path, &claim.owner) => {
                change.from = Some(claim.owner.clone());
                let (whose, place) = (&claim.whose, &claim.owned.place);
                let taken = match change.live {
                    Some(_) => format!("taken over from {whose} ({place})"),
                    None => format!("declared here from now on, and not by {whose} ({place})"),
                };
                change.effects.push(format!("{taken}: their ledger forgets it"));
            }
            (None, ChangeAction::Adopt) if input.others.claims().is_some() => {
                change.effects.push("no ledger on this engine has it".to_owned());
            }
            _ => {}
        }
    }
}

/// Whether an object may be taken over from an owner: somebody says so now, or said so to an apply that was stopped.
fn is_named(input: &Input<'_>, path: &str, owner: &String) -> bool {
    let begun = input.owned.get(path).filter(|owned| owned.is_ours(input.live.get(path)));
    input.adopt_from.contains(owner) || begun.is_some_and(|owned| owned.from.as_ref() == Some(owner))
}

/// Judges what changes would take from others, and from nobody without being asked to.
pub(super) fn check(changes: &[Change], input: &Input<'_>) -> Vec<Refusal> {
    let taken = || changes.iter().filter(|change| !change.takes_away() && change.from.is_none());
    let claims = || taken().filter_map(|change| Some((change, claim(input, &change.path)?)));
    let mut refusals = Vec::new();
    if claims().next().is_some() {
        let owners: HashSet<&str> = claims().map(|(_, claim)| claim.owner.as_str()).collect();
        let mut owners: Vec<String> = owners.into_iter().map(str::to_owned).collect();
        owners.sort_unstable();
        // They may be about to make it, or somebody took it away: that it is theirs is all that is known.
        let whose = |change: &Change, claim: &Claim| match change.live {
            Some(_) => claim.whose.clone(),
            None => format!("{}; nothing is there now", claim.whose),
        };
        let objects = claims().map(|(change, claim)| (change.path.clone(), whose(change, claim))).collect();
        refusals.push(Refusal::Anothers { objects, owners });
    }
    let nobodys: Vec<_> = taken()
        .filter(|change| change.action == ChangeAction::Adopt && !input.adopt.takes(&change.path))
        .filter(|change| claim(input, &change.path).is_none())
        .map(|change| (change.path.clone(), change.place.clone()))
        .collect();
    if !nobodys.is_empty() {
        refusals.push(Refusal::NotOurs { objects: nobodys });
    }
    let adopted = || taken().filter(|change| change.action == ChangeAction::Adopt && input.adopt.takes(&change.path));
    if matches!(input.others, Others::Hidden) && adopted().next().is_some() {
        refusals.push(Refusal::Untold { paths: adopted().map(|change| change.path.clone()).collect() });
    }
    refusals.extend(changes.iter().filter_map(|change| below(change, input)));
    refusals
}

/// What unmounting would take along that is not ours.
fn below(change: &Change, input: &Input<'_>) -> Option<Refusal> {
    let folder = change.kind.below(&change.path).filter(|_| change.action == ChangeAction::Delete)?;
    let unlisted: Vec<String> = input.unlisted.iter().filter(|path| path.starts_with(&folder)).cloned().collect();
    let claims = input.others.claims().into_iter().flat_map(|claims| claims.range(folder.clone()..));
    let claimed = claims
        .take_while(|(path, _)| path.starts_with(&folder))
        .filter_map(|(path, _)| Some((path.as_str(), claim(input, path)?)));
    let mut objects: BTreeMap<&str, Option<&str>> = input
        .unmanaged
        .iter()
        .filter(|object| object.path.starts_with(&folder))
        .map(|object| (object.path.as_str(), None))
        .collect();
    objects.extend(claimed.map(|(path, claim)| (path, Some(claim.whose.as_str()))));
    if objects.is_empty() && unlisted.is_empty() {
        return None;
    }
    let objects = objects.into_iter().map(|(path, whose)| (path.to_owned(), whose.map(str::to_owned))).collect();
    Some(Refusal::Below { path: change.path.clone(), place: change.place.clone(), objects, unlisted })
}
