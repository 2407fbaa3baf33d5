//! Reasons not to apply a plan, whoever asks: bounded deletion, protection, what cannot be changed in place,
//! and objects that are not ours. Safety belongs to the plan, not to the command that shows it.

use super::change::{Change, ChangeAction};
use super::input::Input;
use super::kept::Kept;
use super::refusal::Refusal;
use crate::estate::Limit;
pub use crate::estate::MAX_DELETES_DEFAULT;
use crate::object::{Absent, Class, Delete, Live, Object, Owned, Progress, Update};

/// Judges changes. `owned` answers for the objects that changes delete.
pub(super) fn check<'a>(
    changes: &[Change],
    owned: impl Fn(&str) -> Option<&'a Owned>,
    max_deletes: u32,
    limits: &[(Limit, usize)],
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let deletes = || changes.iter().filter(|change| change.action == ChangeAction::Delete);
    for change in deletes() {
        if owned(&change.path).is_some_and(|owned| owned.protect) {
            refusals.push(Refusal::Protected { path: change.path.clone(), place: change.place.clone() });
        }
        let written = |live: &Live| owned(&change.path).is_some_and(|owned| owned.is_as_written(live));
        if change.kind.delete == Delete::ByPath && change.live.as_ref().is_some_and(|live| !written(live)) {
            let unsettled = owned(&change.path).is_some_and(|owned| owned.state != Progress::Applied);
            let (path, place) = (change.path.clone(), change.place.clone());
            refusals.push(Refusal::NotAsWritten { path, place, unsettled });
        }
    }
    // What goes under one name and comes under another is not lost.
    let losses = || deletes().filter(|change| !change.is_moved_away());
    let paths: Vec<String> = losses().map(|change| change.path.clone()).collect();
    if paths.len() > usize::try_from(max_deletes).unwrap_or(usize::MAX) {
        refusals.push(Refusal::TooManyDeletes { paths, allowed: max_deletes });
    }
    for (Limit { kind, deletes: allowed, place }, of) in limits {
        let paths: Vec<String> =
            losses().filter(|change| change.kind == *kind).map(|change| change.path.clone()).collect();
        if !allowed.allows(paths.len(), *of) {
            let (allowed, place) = (*allowed, place.clone());
            refusals.push(Refusal::TooManyOfKind { kind, paths, of: *of, allowed, place });
        }
    }
    for change in changes.iter().filter(|change| matches!(change.action, ChangeAction::Update | ChangeAction::Adopt)) {
        let fields: Vec<&'static str> = change
            .fields
            .iter()
            .filter(|field| change.kind.field(field.name).is_some_and(|field| field.immutable))
            .map(|field| field.name)
            .collect();
        if !fields.is_empty() && change.kind.update != Update::Recreate {
            let (path, place) = (change.path.clone(), change.place.clone());
            refusals.push(Refusal::Immutable { path, fields, place });
        }
    }
    refusals
}

/// Refuses changes beside a key that stays.
pub(super) fn beside_kept<'a>(changes: &'a [Change], kept: &'a [Kept]) -> impl Iterator<Item = Refusal> + 'a {
    kept.iter().filter_map(|kept| {
        let beside = |change: &&Change| change.path == kept.path && !change.takes_away() && !change.kind.spares_key();
        let change = changes.iter().find(beside)?;
        let fields: Vec<&str> = change.fields.iter().map(|field| field.name).collect();
        (!fields.is_empty()).then(|| Refusal::KeyKept { what: kept.obstacle(&fields) })
    })
}

/// Judges whether a ledger belongs to these files at all, where only the environment's name says so. Two estates
/// may well declare the same mounts; but if nothing that stands on mounts is common, then these are not the
/// files that the ledger was written from.
pub(super) fn stranger(input: &Input<'_>) -> Option<Refusal> {
    let stands_on = |class: Class| matches!(class, Class::Policy | Class::Role | Class::Login);
    let mut remembered = input.owned.iter().filter(|(_, owned)| stands_on(owned.kind.class));
    let (path, owned) = remembered.clone().next().filter(|_| input.nameless)?;
    let mut declared = input.desired.iter().filter(|object| stands_on(object.kind.class)).peekable();
    declared.peek()?;
    let common = declared.any(|object| input.owned.contains_key(&object.path));
    let gone = remembered.all(|(path, _)| !input.live.contains_key(path));
    (!common && !gone).then(|| Refusal::Stranger {
        environment: input.environment.to_owned(),
        example: (path.clone(), owned.place.clone()),
    })
}

/// Refuses to leave what is to be absent where it is and not ours: who declares it has to know that it stays.
pub(super) fn absent(input: &Input<'_>) -> Option<Refusal> {
    let is_selected = input.selection.chooser();
    let is_anothers = |absent: &&Absent| {
        let live = input.live.get(&absent.path).filter(|live| !live.is_unset());
        let is_ours = input.owned.get(&absent.path).is_some_and(|owned| owned.is_ours(live));
        live.is_some() && !is_ours && is_selected(&absent.path, absent.app.as_deref())
    };
    let objects: Vec<_> =
        input.absent.iter().filter(is_anothers).map(|absent| (absent.path.clone(), absent.place.clone())).collect();
    (!objects.is_empty()).then_some(Refusal::AbsentNotOurs { objects })
}

/// Whether what is remembered of an object no longer says what its declaration says, though the object itself
/// is as declared: an interrupted write that arrived, a moved declaration, or protection given or taken.
pub(crate) fn is_outdated(owned: &Owned, object: &Object) -> bool {
    let is_adopted = |(name, value): (&str, &serde_json::Value)| owned.adopted.get(name) == Some(value);
    owned.state != crate::object::Progress::Applied
        || owned.from.is_some()
        || owned.is_described_otherwise(object)
        || owned.no_longer_declared(object).next().is_some()
        || (object.unresolved().next().is_none() && object.apart_digests() != owned.apart)
        || object.adopted().count() != owned.adopted.len()
        || !object.adopted().all(is_adopted)
        || owned.protect != object.protect
        || owned.on_change != object.on_change
        || owned.place != object.place
        || owned.app != object.app
}
