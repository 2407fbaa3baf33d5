//! What a key-value engine of version 2 begins its secrets with: `<mount>/config`. A server that has such a mount answers it
//! whether somebody made it or not.
//!
//! Source: Vault API, "KV secrets engine, version 2: configure"; what a server of OpenBao 2.6 answers.

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape};
use super::home::{ENGINES, Home};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::kv_version::{VERSION, VERSIONED};
use super::mount;
use super::review::{Remarks, Reviewed, Values as _};
use super::token_fields::field;
use super::wire::{post, seconds_text, with_others};

static FIELDS: [Field; 3] = [
    field("max_versions", Shape::Int, "0", "How many versions of a secret are kept; 0 is the engine's own number."),
    field("cas_required", Shape::Bool, "false", "Whether every write says which version it follows."),
    field("delete_version_after", Shape::Seconds, "0", "After how long a new version counts as deleted; 0 is never."),
];

/// `kv "secret" { ... }`: the mount, and its settings.
pub static KV: Block = Block {
    word: "kv",
    label: Some("The path of the mount."),
    doc: "A key-value engine.",
    keys: &[
        Key::written(&mount::KIND, VERSION),
        Key::all_of(&mount::MOUNT),
        Key::field(&KIND, "max_versions"),
        Key::field(&KIND, "cas_required"),
        Key::field(&KIND, "delete_version_after"),
        Key::shared(),
        Key::life(),
    ],
    check,
};

/// Settings of key-value engines of version 2.
pub static KIND: Kind = Kind {
    name: "kv config",
    class: Class::Config,
    home: Home::Setting { table: &ENGINES, mount_type: VERSIONED, path: "config" },
    leases: Leases::None,
    reviewed: Reviewed::Fields(&Remarks::NONE),
    words: &KV,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::Forget("the engine has no call that removes it: it stays until the mount goes"),
    parse,
    write,
    special: Special { effect, ..Special::NONE },
};

fn check(kv: &Declared<'_>) -> Vec<Objection> {
    let mut objections = Vec::new();
    if kv.number("max_versions") < 0 {
        let what = "max_versions is a count".to_owned();
        objections.push(Objection { key: "max_versions", what, hint: "0 is the engine's own number" });
    }
    if kv.number("delete_version_after") < 0 {
        let what = "versions are not deleted before they are there".to_owned();
        objections.push(Objection { key: "delete_version_after", what, hint: "leave it out: then they are kept" });
    }
    objections
}

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    data.get("max_versions").ok_or(Lacks { what: "kv config", part: "max_versions" })?;
    let mut fields = data.clone();
    // A server says with -1 that nothing of it is ever deleted, which is what it does anyway.
    if data.get("delete_version_after").and_then(Value::as_str).is_some_and(|after| after.starts_with('-')) {
        fields.insert("delete_version_after".to_owned(), Value::from(0));
    }
    Ok(fields)
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let fields = FIELDS.iter().map(|field| match field.shape {
        Shape::Seconds => (field.name, seconds_text(&object.value(field.name))),
        _ => (field.name, object.value(field.name)),
    });
    vec![with_others(post(object.path.clone(), fields), live)]
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Updated(_, fields) if fields.contains(&"max_versions") => {
            Some("secrets with more versions lose the oldest when they are written next".to_owned())
        }
        Changed::Created(object) if object.value("cas_required") == true => Some(CAS.to_owned()),
        Changed::Updated(object, fields)
            if fields.contains(&"cas_required") && object.value("cas_required") == true =>
        {
            Some(CAS.to_owned())
        }
        _ => None,
    }
}

const CAS: &str = "writes that don't say which version they follow are refused from now on";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
    use crate::object::testing::{calls, object};

    #[test]
    fn the_settings_read_as_they_are_written_and_keep_what_the_engine_has_besides() {
        let path = "secret/config";
        let answer = json!({"cas_required": true, "delete_version_after": "3h0m0s", "max_versions": 5,
            "metadata_cas_required": true});
        let live = KIND.live(path, answer.as_object().expect("a map")).expect("parses");
        let desired = object(
            &KIND,
            path,
            &[("max_versions", json!(5)), ("cas_required", json!(true)), ("delete_version_after", json!(10_800))],
        );
        for (name, value) in &live.fields {
            assert_eq!(*value, desired.value(name), "{name}");
        }
        let sent = json!([[path, {"max_versions": 5, "cas_required": true, "delete_version_after": "10800s",
            "metadata_cas_required": true}]]);
        assert_eq!(calls(&desired, Some(&live)), sent);
    }

    #[test]
    fn a_secret_of_version_1_is_no_setting_of_version_2() {
        assert!(KIND.live("plain/config", json!({"password": "x"}).as_object().expect("a map")).is_err());
    }
}
