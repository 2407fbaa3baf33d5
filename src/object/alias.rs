//! Aliases: what auth methods call an entity or a group. Each is an object of the engine with an id of its own; here they
//! are a field of what they are of, by the method, since an entity has one at each method at most, and a group one.
//!
//! Source: Vault API, "Identity secrets engine: entity alias" and "group alias"; that an answer has the path of the
//! alias' mount (`mount_path`), OpenBao 2.6.

use serde_json::{Map, Value};

use super::call::{Call, Verb};
use super::home::METHODS;
use super::ids::{ID, NAME};
use super::kind::live::Live;
use super::kind::object::Object;
use super::named::{accessor, own_id};
use super::wire::post;

/// Where a kind's answers keep the ids of aliases, by their method: nobody declares them, and they are needed to take one
/// away.
const IDS: &str = "alias_ids";

/// The field of aliases and their ids, of those in an answer.
pub(super) fn parse<'a>(
    field: &'static str,
    aliases: impl Iterator<Item = &'a Map<String, Value>>,
) -> Map<String, Value> {
    let (mut names, mut ids) = (Map::new(), Map::new());
    for alias in aliases {
        let text = |part: &str| alias.get(part).and_then(Value::as_str);
        let (Some(name), Some(id)) = (text(NAME), text(ID)) else { continue };
        let below = METHODS.below.unwrap_or_default();
        let method =
            text("mount_path").and_then(|path| path.strip_prefix(below)).map(|path| path.trim_end_matches('/'));
        // Of a method that is gone only its accessor is left; two at one method are of before engines refused that.
        let method = method.or(text("mount_accessor")).unwrap_or_default();
        let key = if names.contains_key(method) { format!("{method} ({id})") } else { method.to_owned() };
        names.insert(key.clone(), Value::from(name));
        ids.insert(key, Value::from(id));
    }
    [(field.to_owned(), Value::Object(names)), (IDS.to_owned(), Value::Object(ids))].into_iter().collect()
}

/// The calls that make aliases as declared, at this path of the API. One that an engine has for somebody else by now,
/// who logged in before it was declared, becomes this one's.
pub(super) fn write(object: &Object, field: &'static str, live: Option<&Live>, at: &str) -> Vec<Call> {
    let (declared, none) = (object.value(field), Map::new());
    let declared = declared.as_object().unwrap_or(&none);
    let there = live.and_then(|live| live.fields.get(field)?.as_object()).unwrap_or(&none);
    let ids = live.and_then(|live| live.others.get(IDS)?.as_object()).unwrap_or(&none);
    let gone = there.iter().filter(|(method, name)| declared.get(*method) != Some(*name));
    let gone = gone.filter_map(|(method, _)| ids.get(method)?.as_str());
    let taken = gone.map(|id| Call {
        verb: Verb::Delete,
        path: format!("identity/{at}/id/{id}"),
        body: Map::new(),
        made: Vec::new(),
    });
    let comes = declared.iter().filter(|(method, name)| there.get(*method) != Some(*name));
    let made = comes.map(|(method, name)| Call {
        made: vec![accessor(method, "mount_accessor"), own_id(&object.path, "canonical_id")],
        ..post(format!("identity/{at}"), [(NAME, name.clone())])
    });
    taken.chain(made).collect()
}
