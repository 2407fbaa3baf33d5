//! An object that is no longer as it was planned: what differs, field by field.

use crate::object::{Kind, Live, Object};
use crate::plan;

/// What a field is in three places, for an object that moved between plan and apply.
pub(super) fn three_ways(
    kind: &'static Kind,
    then: Option<&Live>,
    now: Option<&Live>,
    object: Option<&Object>,
) -> Vec<String> {
    let show = |live, name: &str, shape| {
        told(live, name).map_or_else(|| "(none)".to_owned(), |value| plan::show(shape, value))
    };
    kind.fields
        .iter()
        .filter(|field| told(then, field.name) != told(now, field.name))
        .map(|field| {
            let declared =
                object.map_or_else(|| "(none)".to_owned(), |object| plan::show(field.shape, &object.value(field.name)));
            format!(
                "{}: {} when planned, {} now, {declared} declared",
                field.name,
                show(then, field.name, field.shape),
                show(now, field.name, field.shape)
            )
        })
        .collect()
}

/// What an engine told of a field, with its object or apart from it.
fn told<'a>(live: Option<&'a Live>, name: &str) -> Option<&'a serde_json::Value> {
    live.and_then(|live| live.fields.get(name).or_else(|| live.apart.get(name)))
}
