//! An object that is no longer as it was planned: what differs, field by field.

use serde_json::Value;

use super::text::show as shown;
use crate::object::{Field, Kind, Live, Object};

/// What a field is in three places, for an object that moved between plan and apply.
pub fn three_ways(
    kind: &'static Kind,
    then: Option<&Live>,
    now: Option<&Live>,
    object: Option<&Object>,
) -> Vec<String> {
    let show =
        |live, name: &str, shape| told(live, name).map_or_else(|| "(none)".to_owned(), |value| shown(shape, value));
    kind.fields
        .iter()
        .filter(|field| held(then, field) != held(now, field))
        .map(|field| {
            let declared =
                object.map_or_else(|| "(none)".to_owned(), |object| shown(field.shape, &object.value(field.name)));
            format!(
                "{}: {} when planned, {} now, {declared} declared",
                field.name,
                show(then, field.name, field.shape),
                show(now, field.name, field.shape)
            )
        })
        .collect()
}

/// The same to compare it: a field at its default says nothing of an object that is not there.
fn held(live: Option<&Live>, field: &Field) -> Option<Value> {
    match live {
        Some(_) => told(live, field.name).cloned(),
        None => Some(field.default_value()),
    }
}

/// What an engine told of a field, with its object or apart from it.
fn told<'a>(live: Option<&'a Live>, name: &str) -> Option<&'a Value> {
    live.and_then(|live| live.fields.get(name).or_else(|| live.apart.get(name)))
}
