//! An entity: `identity/entity/name/<name>`. Somebody, however they log in, and which policies they have besides those of
//! their login. Writes merge, so every field is sent.
//!
//! Engines make entities of their own for whoever logs in and has none, so what is there and not declared is nobody's
//! business. Source: Vault API, "Identity secrets engine: entity".

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::alias;
use super::call::{Call, Lacks};
use super::field::{Field, Shape};
use super::home::Home;
use super::ids::{ENTITIES, ID};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{Person, Reviewed, Rights, Said, Values};
use super::token_fields::field;
use super::wire::{pick, post};
use crate::text::metadata::{Odd, PAIRS_MAX, VALUE_BYTES_MAX};

static FIELDS: [Field; 4] = [
    field("policies", Shape::Set, "[]", "ACL policies that all of its tokens have, besides those of the login."),
    field("metadata", Shape::Map, "{}", "What policies may know of it, by name."),
    field("disabled", Shape::Bool, "false", "Whether its tokens open nothing."),
    field("aliases", Shape::ByMethod, "{}", "What auth methods call it, by the path of each."),
];

/// The fields whose whole value goes with a write.
const SENT: [&str; 3] = ["policies", "metadata", "disabled"];

/// `user "name" { ... }`.
pub static USER: Block = Block {
    word: "user",
    label: Some("The name of the entity."),
    doc: "Somebody, however they log in, and which policies that gives them.",
    keys: &[
        Key::field(&KIND, "policies"),
        Key::field(&KIND, "metadata"),
        Key::field(&KIND, "disabled"),
        Key::field(&KIND, "aliases"),
        Key::shared(),
        Key::life(),
    ],
    check,
};

fn check(user: &Declared<'_>) -> Vec<Objection> {
    odd_policies(user).into_iter().chain(odd_metadata(user)).collect()
}

/// Where who may write makes somebody another, or puts them into a group: an engine of identity has more, such as the
/// providers that its own policy `default` lets everybody ask.
pub(super) fn people() -> Vec<String> {
    ["entity", "entity-alias", "group", "group-alias", "alias", "persona"]
        .map(|part| format!("identity/{part}"))
        .to_vec()
}

/// What is wrong with what policies may know of somebody.
pub(super) fn odd_metadata(declared: &Declared<'_>) -> Option<Objection> {
    let metadata = declared.value("metadata");
    let pairs = metadata.as_object()?;
    let odd =
        Odd::of(pairs.len(), pairs.iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default())))?;
    let (what, hint) = match odd {
        Odd::TooMany(count) => {
            (format!("{count} is too much metadata: engines keep {PAIRS_MAX} at most"), "leave some out")
        }
        Odd::Blank | Odd::LongKey(_) | Odd::Key(_) => {
            let key = if let Odd::LongKey(key) | Odd::Key(key) = odd { key } else { "" };
            let hint = "engines take 1 to 128 of letters, digits, `=`, `/`, `+`, `_` and `-`";
            (format!("metadata can't be called {key:?}"), hint)
        }
        Odd::LongValue(key) => {
            let what = format!("the metadata {key} is longer than the {VALUE_BYTES_MAX} bytes that engines keep");
            (what, "make it shorter")
        }
    };
    Some(Objection { key: "metadata", what, hint })
}

/// What is wrong with the names of policies that somebody gets.
pub(super) fn odd_policies(declared: &Declared<'_>) -> Option<Objection> {
    let names = declared.texts("policies");
    if names.contains("root") {
        // Source: OpenBao, `vault/identity_store_entities.go`, "policies cannot contain root".
        let what = "nobody gets the policy root by who they are: engines refuse it".to_owned();
        return Some(Objection { key: "policies", what, hint: "name the policies that are meant" });
    }
    let name = names.iter().find(|name| name.to_lowercase() != **name || name.trim() != *name || name.is_empty())?;
    let what = format!("policies can't have {name:?}: engines keep such names in lower case, without blanks");
    Some(Objection { key: "policies", what, hint: "write it in lower case" })
}

/// Entities.
pub static KIND: Kind = Kind {
    name: "entity",
    class: Class::Person,
    home: Home::Named { path: ENTITIES.by_name },
    leases: Leases::None,
    reviewed: Reviewed::Rights(&Rights {
        said,
        gone: "whoever it was has none of its policies and groups any more",
        person: Some(&Person {
            policies: "policies",
            metadata: "metadata",
            aliases: Some("aliases"),
            disabled: Some("disabled"),
            members: &[],
        }),
    }),
    words: &USER,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse,
    write,
    special: Special { effect, written_at: |_| people(), ..Special::NONE },
};

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    let mut fields = pick(data, &[ID]);
    fields.extend(pick(data, &SENT));
    let aliases = data.get("aliases").and_then(Value::as_array).into_iter().flatten();
    fields.extend(alias::parse("aliases", aliases.filter_map(Value::as_object)));
    Ok(fields)
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let entity = post(object.path.clone(), SENT.map(|name| (name, object.value(name))));
    [entity].into_iter().chain(alias::write(object, "aliases", live, "entity-alias")).collect()
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(object) => {
            let has_alias = object.value("aliases").as_object().is_some_and(|aliases| !aliases.is_empty());
            has_alias.then(|| "whoever logged in by one of its aliases before is it from now on".to_owned())
        }
        Changed::Updated(_, fields) if fields.contains(&"aliases") => {
            Some("whom the methods call so are it from now on, and whom they called so before are not".to_owned())
        }
        Changed::Updated(..) => Some("tokens already issued follow at once".to_owned()),
        Changed::Deleted(_) => Some("its tokens open nothing any more; who logs in again is somebody new".to_owned()),
    }
}

/// The pairs of a map, each in words.
fn aliases(user: &dyn Values) -> BTreeSet<String> {
    let aliases = user.value("aliases");
    let pairs = aliases.as_object().into_iter().flatten();
    pairs.map(|(method, name)| format!("{} at {method}", name.as_str().unwrap_or_default())).collect()
}

fn said(name: &str, old: Option<&dyn Values>, new: &dyn Values) -> Vec<Said> {
    let [had, has] = [old, Some(new)].map(|side| side.map(aliases).unwrap_or_default());
    let [before, after] = [old, Some(new)].map(|side| side.map(|side| side.texts("policies")).unwrap_or_default());
    let mut all = Vec::new();
    all.extend(told(has.difference(&had), true, "aliases", |come| {
        format!("whoever is {come} is {name}, and has the policies of {name} and of the groups that {name} is in")
    }));
    all.extend(told(had.difference(&has), false, "aliases", |gone| {
        format!("whoever is {gone} is not {name} any more")
    }));
    all.extend(told(after.difference(&before), true, "policies", |come| {
        format!("{name} has the policies {come}, however they log in")
    }));
    all.extend(told(before.difference(&after), false, "policies", |gone| {
        format!("{name} has the policies {gone} only by a login or a group, if at all")
    }));
    let Some(old) = old else { return all };
    if old.flag("disabled") != new.flag("disabled") {
        let now = if new.flag("disabled") { "tokens of it open nothing" } else { "tokens of it open what they may" };
        all.push(Said { now: now.to_owned(), was: String::new(), gains: old.flag("disabled"), field: "disabled" });
    }
    all.extend(of_metadata(old, new));
    all
}

/// What it means that other metadata is there.
pub(super) fn of_metadata(old: &dyn Values, new: &dyn Values) -> Option<Said> {
    (old.value("metadata") != new.value("metadata")).then(|| {
        let now = "its metadata is another: policies with templates may allow something else".to_owned();
        Said { now, was: String::new(), gains: true, field: "metadata" }
    })
}

/// What is said of names that come or go, if there are any.
pub(super) fn told<'a>(
    names: impl Iterator<Item = &'a String>,
    gains: bool,
    field: &'static str,
    words: impl FnOnce(String) -> String,
) -> Option<Said> {
    let names = joined(names);
    (!names.is_empty()).then(|| Said { now: words(names), was: String::new(), gains, field })
}

/// Names in a sentence.
pub(super) fn joined<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}
