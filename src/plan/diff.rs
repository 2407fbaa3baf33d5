//! (desired, live, ours) -> changes.
//!
//! All spelling is dealt with before: desired and live values are canonical, and defaults are filled in on
//! both sides. So comparison is equality, and a field that was removed from a file is a change back to its default.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::attached::{Attached, Attacher};
use super::change::{Change, ChangeAction, FieldChange, Shown};
use super::configured;
use super::fields::{Key, apart_change, differences, hidden_change, readable_change};
use super::input::Input;
use super::kept::{self, Kept};
use super::refusal::{PATHS_SHOWN_MAX, cut};
use super::value::Plan;
use super::{limit, obstacle, order, ownership, rename, revoke, select};
use crate::object::{
    Absent, Changed, Delete, FieldValue, Live, Object, OnChange, Owned, Progress, Shape, Shared, Taking, Told,
};
use crate::text::count;
use crate::units::day;

/// How many days before it ends a plan tells of it.
const ENDING_DAYS: i64 = 14;

impl Plan {
    /// Compares what is declared with what is live and what is ours, and judges the outcome. A secret that is not
    /// resolved is not compared; the notes say so.
    pub fn new(input: &Input<'_>) -> Self {
        let mut changes = Vec::new();
        let mut unchanged = 0;
        let is_selected = input.selection.chooser();
        let mut declared: HashSet<&str> = HashSet::with_capacity(input.desired.len());
        let mut attacher = Attacher::new(input.guardrails);
        let mut kept = Vec::new();
        let mut configured = Vec::new();
        for object in input.desired {
            declared.insert(&object.path);
            let live = input.live.get(&object.path);
            let ours = input.owned.get(&object.path).filter(|owned| owned.is_ours(live));
            let key = kept::of(object, live, ours, input.adopt);
            let change = declared_change(object, input, attacher.of(object), key.as_ref());
            kept.extend(key);
            let is_meant = is_selected(&object.path, object.app.as_deref());
            match configured::apart(change, object, input) {
                (Some(change), _) => changes.push(change),
                (None, Some(there)) => configured.extend(Some(there).filter(|_| is_meant)),
                (None, None) => unchanged += usize::from(is_meant),
            }
        }
        changes.extend(undeclared(input, &declared));
        ownership::settle(&mut changes, input);
        let renames = rename::pair(&mut changes, input);
        let (selected, alone) = select::select(&mut changes, input.selection);
        order::sort(&mut changes);
        let mut refusals = alone;
        refusals.extend(renames);
        refusals.extend(limit::check(&changes, |path| input.owned.get(path), input.max_deletes, input.limits));
        refusals.extend(obstacle::check(&changes, input.desired));
        refusals.extend(ownership::check(&changes, input));
        refusals.extend(limit::stranger(input));
        refusals.extend(limit::absent(input));
        refusals.extend(limit::beside_kept(&changes, &kept));
        let mut unmanaged = input.unmanaged.to_vec();
        unmanaged.sort_unstable();
        let notes = notes(input, &kept);
        Self {
            environment: input.environment.to_owned(),
            commit: input.commit.map(str::to_owned),
            changes,
            configured,
            unchanged,
            selected,
            kept,
            guardrails: input.guardrails.iter().map(|one| one.name.clone()).collect(),
            unmanaged,
            refusals,
            notes,
            review: None,
            review_digest: None,
            settled: None,
            put_back: None,
            left_there: 0,
        }
    }
}

/// What a plan tells beside its changes, of what is selected.
fn notes(input: &Input<'_>, kept: &[Kept]) -> Vec<String> {
    let is_selected = input.selection.chooser();
    let mut notes = input.notes.clone();
    let meant: Vec<&Object> =
        input.desired.iter().filter(|object| is_selected(&object.path, object.app.as_deref())).collect();
    notes.extend(unchecked(input, &meant, kept));
    notes.extend(meant.iter().flat_map(|object| staying(object, input)));
    notes.extend(ending(&meant, input.today));
    let is_meant = |kept: &&Kept| meant.iter().any(|object| object.path == kept.path);
    notes.extend(kept.iter().filter(is_meant).map(Kept::words));
    notes
}

/// What becomes of what is ours and no longer declared.
fn undeclared(input: &Input<'_>, declared: &HashSet<&str>) -> Vec<Change> {
    let mut changes = Vec::new();
    let absent: HashMap<&str, &Absent> = input.absent.iter().map(|absent| (absent.path.as_str(), absent)).collect();
    for (path, owned) in input.owned {
        if !declared.contains(path.as_str()) {
            if let Some(shared) = input.shared.iter().find(|shared| shared.has(path)) {
                changes.push(given_up(path, owned, input.live.get(path), shared));
                continue;
            }
            let mount_stays = owned.kind.mount_path(path).is_some_and(|mount| declared.contains(mount.as_str()));
            let mut change = undeclared_change(path, owned, input.live.get(path), mount_stays);
            if change.action == ChangeAction::Delete
                && Taking::of(&owned.kind.home, input.taking) == Taking::FromConfiguration
            {
                change = Change { action: ChangeAction::Forget, effects: vec![configured::STAYS.to_owned()], ..change };
            }
            let of_mount = owned.kind.mount_path(path).filter(|mount| mount != path && input.owned.contains_key(mount));
            if change.action == ChangeAction::Delete && of_mount.is_some() && !mount_stays {
                change.keys = None;
                change.revokes = false;
                change.effects = vec!["it goes with its mount, and what it issued ends with that".to_owned()];
            }
            changes.push(match absent.get(path.as_str()) {
                Some(Absent { place, absence, .. }) => {
                    Change { place: place.clone(), absence: Some(absence.clone()), ..change }
                }
                None => change,
            });
        }
    }
    changes
}

/// The secrets of which can't be told whether they are still the ones that were written.
fn unchecked(input: &Input<'_>, meant: &[&Object], kept: &[Kept]) -> Vec<String> {
    let stays = |object: &Object| kept.iter().any(|kept| kept.path == object.path);
    let there = || meant.iter().copied().filter(|object| input.live.contains_key(&object.path) && !stays(object));
    let mut notes: Vec<String> = there()
        .flat_map(|object| object.unresolved().map(move |(name, reference, place)| (object, name, reference, place)))
        .map(|(object, name, reference, place)| {
            let path = &object.path;
            format!("not checked: {name} of {path} ({place}), since the secret `{reference}` can't be read here")
        })
        .collect();
    let is_hidden = |object: &&Object| {
        object.fields.iter().any(|(name, leaf)| {
            object.kind.field(name).is_some_and(|field| field.told == Told::WriteOnly)
                && !matches!(leaf.value, FieldValue::Unresolved(_))
        })
    };
    let hidden = there().filter(is_hidden).filter(|_| input.key_hidden).count();
    if hidden > 0 {
        notes.push(format!(
            "not checked: whether the secrets of {hidden} {} changed, since this token may not read the ledger's key",
            if hidden == 1 { "object" } else { "objects" }
        ));
    }
    notes
}

/// What will count as absent before long, by the days on which it does.
fn ending(meant: &[&Object], today: &str) -> Vec<String> {
    let mut ends: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for object in meant {
        if let Some(expires) = object.expires.as_deref() {
            ends.entry(expires).or_default().push(&object.path);
        }
    }
    let soon = |(expires, paths): (&str, Vec<&str>)| {
        let days = day::from_to(today, expires).filter(|days| (0..=ENDING_DAYS).contains(days))?;
        let days = usize::try_from(days).ok()?;
        let named = cut(paths.iter().map(|path| (*path).to_owned()), PATHS_SHOWN_MAX, ", ");
        let ends = if paths.len() == 1 { "ends" } else { "end" };
        Some(format!(
            "{named} {ends} on {expires}, in {}: from then on it counts as absent, and an apply takes it away",
            count(days, "day")
        ))
    };
    ends.into_iter().filter_map(soon).collect()
}

/// What stays as it was declared once, though it is not declared any more.
fn staying<'a>(object: &'a Object, input: &Input<'a>) -> impl Iterator<Item = String> + 'a {
    let owned = input.owned.get(&object.path).filter(|_| input.live.contains_key(&object.path));
    owned.into_iter().flat_map(|owned| owned.no_longer_declared(object)).map(|name| {
        let (path, place) = (&object.path, &object.place);
        format!("{path} ({place}) keeps its {name}: it is no longer declared, and only another one would replace it")
    })
}

fn declared_change(
    object: &Object,
    input: &Input<'_>,
    guardrails: Option<Attached>,
    kept: Option<&Kept>,
) -> Option<Change> {
    let live = input.live.get(&object.path);
    let owned = input.owned.get(&object.path).filter(|owned| owned.is_ours(live));
    // Settings that can't be deleted and stand at their defaults are nobody's: there is nothing to take over.
    let unset = owned.is_none() && live.is_some_and(Live::is_unset);
    let there = live.filter(|_| !unset);
    let mut fields: Vec<FieldChange> = object
        .kind
        .fields
        .iter()
        .filter(|field| kept.is_none() || !object.kind.is_of_key(field.name))
        .filter_map(|field| match field.told {
            Told::Readable => readable_change(object, field, there),
            Told::WriteOnly => hidden_change(object, field, there, owned, Key::of(input)),
            Told::Apart(_) => apart_change(object, field, there, owned, Key::of(input)),
        })
        .collect();
    let fields_unchanged = object.kind.fields.len() - fields.len();
    let changes_itself = !fields.is_empty();
    let revokes = there.is_some_and(|live| revokes(object, owned, live, changes_itself));
    if let (Some(_), Some(owned)) = (there, owned) {
        fields.extend(guardrails_change(owned, guardrails.as_ref()));
    }
    let again = owned.zip(there).and_then(|(owned, live)| again(object, owned, live, &fields));
    let is_owed = revokes && !changes_itself;
    let again = if is_owed { Some(revoke::OWED) } else { again };
    let action = match (there, owned) {
        (None, _) => ChangeAction::Create,
        (Some(_), None) => ChangeAction::Adopt,
        (Some(_), Some(_)) if fields.is_empty() && again.is_none() => return None,
        (Some(_), Some(_)) => ChangeAction::Update,
    };
    let names: Vec<&'static str> = fields.iter().map(|field| field.name).collect();
    let changed = match action {
        ChangeAction::Create => Some(Changed::Created(object)),
        _ if names.is_empty() => None,
        _ => Some(Changed::Updated(object, &names)),
    };
    // What a kind says of a change is about leases that stay.
    let of_kind = || changed.and_then(|changed| object.kind.effect(&object.path, changed));
    let effect = if revokes { Some(revoke::REVOKES.to_owned()) } else { of_kind() };
    let mut effects: Vec<String> = effect.into_iter().collect();
    let kept: Vec<&str> = object.adopted().map(|(name, _)| name).filter(|_| action == ChangeAction::Adopt).collect();
    if !kept.is_empty() {
        effects.push(format!("as it is, since nobody declares it: {}", kept.join(", ")));
    }
    effects.extend(again.map(str::to_owned));
    let keys = changed.and_then(|changed| object.kind.key_change(changed));
    Some(Change {
        action,
        kind: object.kind,
        path: object.path.clone(),
        app: object.app.clone(),
        place: object.place.clone(),
        fields_unchanged,
        fields,
        effects,
        keys,
        revokes,
        leases: None,
        live: live.cloned(),
        policies: object.policies(),
        names: object.named(),
        guardrails,
        from: None,
        absence: None,
        renamed: None,
    })
}

/// Whether leases that are out are revoked: what they may changes, or has changed in an apply that did not come to that. A
/// change that did not arrive owes nothing.
fn revokes(object: &Object, owned: Option<&Owned>, live: &Live, changes_itself: bool) -> bool {
    let is_owed = |owned: &Owned| owned.revokes && owned.state != Progress::Applied && !owned.differs(live);
    let is_owed = owned.is_some_and(is_owed);
    object.on_change == OnChange::Revoke && (changes_itself || is_owed)
}

/// Why an object of ours is written that is as declared in all that can be compared: what the files say since it was
/// written somebody did by hand, and an engine knows neither commit nor guardrails of that; or a write was cut off, and
/// nobody knows whether it arrived. What has something that no engine tells is not written for the first alone.
fn again(object: &Object, owned: &Owned, live: &Live, fields: &[FieldChange]) -> Option<&'static str> {
    let is_done_by_hand = || !object.kind.has_hidden() && owned.differs(live) && !owned.is_of(object);
    match owned.state {
        Progress::Applied if fields.is_empty() && is_done_by_hand() => {
            Some("somebody else made it as it is declared: it is written again, so that it comes from this commit")
        }
        Progress::Intended | Progress::Changing if !fields.is_empty() => fields
            .iter()
            .all(|field| matches!(field.before, Shown::Unknown | Shown::Sensitive))
            .then_some("an apply was stopped while it was written: it is written again"),
        _ => None,
    }
}

/// A change of the guardrails that go with an object. An engine never tells them, so the ledger says what it was
/// told; of a write that may not have arrived that is not known, and they are written again.
fn guardrails_change(owned: &Owned, after: Option<&Attached>) -> Option<FieldChange> {
    let (before, after) = (owned.guardrails.as_deref(), after.map(|attached| attached.text.as_str()));
    let side = |text: Option<&str>| text.map_or(Shown::Absent, |text| Shown::Value(Value::from(text)));
    let before = match owned.state {
        Progress::Applied if before == after => return None,
        Progress::Applied => side(before),
        Progress::Intended | Progress::Changing if before.is_none() && after.is_none() => return None,
        Progress::Intended | Progress::Changing => Shown::Unknown,
    };
    Some(FieldChange { name: "guardrails", shape: Shape::Text, before, after: side(after) })
}

/// What was ours and is somebody else's from now on.
fn given_up(path: &str, owned: &Owned, live: Option<&Live>, shared: &Shared) -> Change {
    let gone = undeclared_change(path, owned, None, true);
    let place = &shared.place;
    let effects = vec![format!("it is somebody else's from now on ({place}): it stays as it is")];
    Change { effects, revokes: false, live: live.cloned(), ..gone }
}

fn undeclared_change(path: &str, owned: &Owned, live: Option<&Live>, mount_stays: bool) -> Change {
    let defaults = Object::at_defaults(owned.kind, path, owned.app.as_deref(), &owned.place);
    let mut fields = Vec::new();
    let mut keys = None;
    // An apply that took it away may not have come to its leases.
    let is_owed = live.is_none() && owned.revokes && owned.state != Progress::Applied;
    let (action, effect) = match (live, owned.kind.delete) {
        (None, _) if is_owed => (ChangeAction::Forget, Some(revoke::OWED.to_owned())),
        (None, _) => (ChangeAction::Forget, Some("it is gone from the engine already".to_owned())),
        (live, _) if !owned.is_ours(live) => {
            (ChangeAction::Forget, Some("what is there now is not ours: that stays".to_owned()))
        }
        (Some(live), Delete::ByPath) => {
            keys = owned.kind.key_change(Changed::Deleted(live));
            (ChangeAction::Delete, owned.kind.effect(path, Changed::Deleted(live)))
        }
        (Some(_), Delete::Keep(stays)) => (ChangeAction::Forget, Some(stays.to_owned())),
        // Settings that can't be deleted must not live on under a mount that goes on living.
        (Some(live), Delete::Forget(stays)) => {
            fields = differences(&defaults, live);
            fields.extend(owned.kind.fields.iter().filter_map(|field| match field.told {
                // What is told apart stays as the engine has it: it is gone with the object.
                Told::Readable | Told::Apart(_) => None,
                Told::WriteOnly => hidden_change(&defaults, field, Some(live), Some(owned), Key::None),
            }));
            let names: Vec<&'static str> = fields.iter().map(|field| field.name).collect();
            // Of a kind that leaves its key to the engine, ours goes with the rest.
            let stays_with = |key: &&str| !(owned.kind.spares_key() && owned.wrote_key(key, live));
            if let Some(key) = live.key().filter(|_| mount_stays).filter(stays_with) {
                fields.clear();
                (
                    ChangeAction::Forget,
                    Some(format!("it stays as it is: a write of it would take the access key {key} away")),
                )
            } else if mount_stays && !names.is_empty() {
                keys = owned.kind.key_change(Changed::Updated(&defaults, &names));
                (ChangeAction::Delete, owned.kind.effect(path, Changed::Updated(&defaults, &names)))
            } else if mount_stays {
                (ChangeAction::Forget, Some("it has the engine's defaults already".to_owned()))
            } else {
                fields.clear();
                (ChangeAction::Forget, Some(stays.to_owned()))
            }
        }
    };
    let is_revoking = action == ChangeAction::Delete && owned.on_change == OnChange::Revoke;
    let mut change = Change {
        action,
        kind: owned.kind,
        path: path.to_owned(),
        app: owned.app.clone(),
        place: owned.place.clone(),
        fields_unchanged: owned.kind.fields.len() - fields.len(),
        fields,
        effects: effect.into_iter().collect(),
        keys,
        revokes: is_owed,
        leases: None,
        live: live.cloned(),
        policies: live.map(Live::policies).unwrap_or_default(),
        names: live.map(Live::named).unwrap_or_default(),
        guardrails: None,
        from: None,
        absence: None,
        renamed: None,
    };
    revoke::with_deletion(&mut change, is_revoking, || owned.kind.effect(path, Changed::Deleted(live?)));
    change
}

#[cfg(test)]
mod tests;
