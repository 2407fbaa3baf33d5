//! How the fields of an object differ.
//!
//! What an engine never tells is compared by the keyed digest in the ledger.

use std::collections::BTreeMap;

use super::change::{FieldChange, Shown};
use super::input::Input;
use crate::object::{Field, FieldValue, Live, Object, Owned, Progress, Shape, Told, field, fingerprint};
use crate::secret::Secret;

/// What secrets are compared by.
#[derive(Clone, Copy)]
pub(super) enum Key<'a> {
    /// This.
    Known(&'a Secret),
    /// This token may not read it.
    Hidden,
    /// There is none.
    None,
}

impl<'a> Key<'a> {
    /// What there is for a plan.
    pub(super) fn of(input: &Input<'a>) -> Self {
        match input.key {
            Some(key) => Self::Known(key),
            None if input.key_hidden => Self::Hidden,
            None => Self::None,
        }
    }
}

/// The change of a field that an engine tells with the others.
pub(super) fn readable_change(object: &Object, table: &Field, live: Option<&Live>) -> Option<FieldChange> {
    if object.is_unresolved(table.name) {
        // What it is to be is not known here; that there is nothing yet is.
        let (before, after) = (Shown::Absent, Shown::Sensitive);
        return live.is_none().then_some(FieldChange { name: table.name, shape: table.shape, before, after });
    }
    let after = object.value(table.name);
    let change = |before| {
        // What nobody knows the shape of is shown as it is written.
        let after = if table.shape == Shape::Any { object.wording(table.name) } else { after.clone() };
        FieldChange { name: table.name, shape: table.shape, before, after: Shown::Value(after) }
    };
    match live {
        // A new object shows what is set; the rest is as the table of fields says.
        None => (after != table.default_value()).then(|| change(Shown::Absent)),
        Some(live) => {
            let before = live.fields.get(table.name).cloned().unwrap_or_else(|| table.default_value());
            // The cheap comparison first: nearly all fields of a large estate are equal as they stand.
            let equal = before == after || field::equal(table.shape, &before, &after);
            (!equal).then(|| change(Shown::Value(before)))
        }
    }
}

/// How a live object differs from its declaration, in the fields that an engine tells.
pub fn differences(object: &Object, live: &Live) -> Vec<FieldChange> {
    let change = |field: &'static Field| match field.told {
        Told::Readable => readable_change(object, field, Some(live)),
        Told::Apart(_) => told_change(object, field, live),
        Told::WriteOnly => None,
    };
    object.kind.fields.iter().filter_map(change).collect()
}

/// The change of a field that an engine tells apart from the others and that is declared. Where it was not read, the
/// ledger says whether the files changed it.
pub(super) fn apart_change(
    object: &Object,
    table: &Field,
    live: Option<&Live>,
    owned: Option<&Owned>,
    key: Key<'_>,
) -> Option<FieldChange> {
    let written = owned.and_then(|owned| Some((owned.state, owned.apart.get(table.name)?)));
    match (live, written) {
        (Some(live), _) if live.apart.contains_key(table.name) => told_change(object, table, live),
        (Some(_), Some((Progress::Applied, written))) if object.apart_digests().get(table.name) == Some(written) => {
            None
        }
        _ => hidden_change(object, table, live, owned, key),
    }
}

/// The change of such a field that was read.
fn told_change(object: &Object, table: &Field, live: &Live) -> Option<FieldChange> {
    let before = live.apart.get(table.name).filter(|_| object.fields.contains_key(table.name))?;
    let after = object.value(table.name);
    (!object.is_unresolved(table.name) && !field::equal(table.shape, before, &after)).then(|| FieldChange {
        name: table.name,
        shape: table.shape,
        before: Shown::Value(before.clone()),
        after: Shown::Value(after),
    })
}

/// The change of a field that an engine never tells, by its keyed digest in the ledger.
pub(super) fn hidden_change(
    object: &Object,
    table: &Field,
    live: Option<&Live>,
    owned: Option<&Owned>,
    key: Key<'_>,
) -> Option<FieldChange> {
    let written = owned.and_then(|owned| owned.secrets.get(table.name));
    let before = match (live, written) {
        (None, _) => Shown::Absent,
        (Some(_), _) => Shown::Sensitive,
    };
    let change = |after| FieldChange { name: table.name, shape: table.shape, before: before.clone(), after };
    let Some(leaf) = object.fields.get(table.name) else {
        // Nobody declared it, then or now, and nobody set it by hand as far as the engine tells; or the engine makes one of its
        // own and keeps it.
        let by_hand = live.is_some_and(|live| live.hidden.contains(table.name));
        if live.is_none() || (written.is_none() && !by_hand) || table.default == "null" {
            return None;
        }
        return Some(change(Shown::Value(table.default_value())));
    };
    let settled = live.is_some() && owned.is_some_and(|owned| owned.state == Progress::Applied);
    let same = match key {
        _ if object.is_unresolved(table.name) => true,
        Key::Known(key) => digest(object, table.name, key).is_some_and(|digest| Some(&digest) == written),
        Key::Hidden => written.is_some(),
        Key::None => false,
    };
    if settled && same {
        return None;
    }
    Some(change(match &leaf.value {
        FieldValue::Data(value) if table.shape != Shape::Secret => Shown::Value(value.clone()),
        _ => Shown::Sensitive,
    }))
}

/// The keyed digests of an object's declared write-only fields, for the ledger.
pub fn secret_digests(object: &Object, key: &Secret) -> BTreeMap<String, String> {
    object
        .kind
        .fields
        .iter()
        .filter(|field| field.told == Told::WriteOnly)
        .filter_map(|field| Some((field.name.to_owned(), digest(object, field.name, key)?)))
        .collect()
}

fn digest(object: &Object, name: &str, key: &Secret) -> Option<String> {
    let text = match &object.fields.get(name)?.value {
        FieldValue::Secret(secret) => secret.clone(),
        FieldValue::Data(value) => Secret::new(value.to_string()),
        FieldValue::Unresolved(_) => return None,
    };
    Some(fingerprint::of_secret(key.expose().as_bytes(), &object.path, name, &text))
}
