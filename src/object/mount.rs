//! A secrets engine: `sys/mounts/<path>`. Created there, changed through its `tune` path.
//!
//! Source: Vault API, "/sys/mounts". Reads come from the list of mounts, because `tune` answers effective
//! TTLs, which hide whether one is set.

use serde_json::{Map, Value};

use super::call::{Call, Lacks, Verb};
use super::field::{Field, Shape, Told};
use super::home::{ENGINES, Home, key};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::obstacle::{Obstacle, Step};
use super::kind::words::{ANYTHING, Block, Key};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::kv_version::{self, VERSION};
use super::review::{Remarks, Reviewed, Terms};
use super::token_fields::field;
use super::tuning;
use super::wire::{post, seconds_text};

/// The fields of a mount of either sort, beside how it is tuned.
pub(super) const OWN: [Field; 4] = [
    Field {
        name: "type",
        shape: Shape::Text,
        default: "\"\"",
        told: Told::Readable,
        immutable: true,
        doc: "What is mounted: `aws`, `approle`.",
    },
    Field {
        name: "description",
        shape: Shape::Text,
        default: "\"\"",
        told: Told::Readable,
        immutable: false,
        doc: "What people read in the list of mounts.",
    },
    Field {
        name: "default_lease_ttl",
        shape: Shape::Seconds,
        default: "0",
        told: Told::Readable,
        immutable: false,
        doc: "How long leases live when nothing else says; 0 is the engine's own default.",
    },
    Field {
        name: "max_lease_ttl",
        shape: Shape::Seconds,
        default: "0",
        told: Told::Readable,
        immutable: false,
        doc: "How long leases live at most; 0 is the engine's own maximum.",
    },
];

/// The option of an AWS engine by which `lease revoke -force` may cut its sessions off. Leasehold's engine has it; other
/// servers keep it and do nothing.
pub(super) const EMERGENCY: &str = "emergency_revocation";

static FIELDS: [Field; 6 + tuning::FIELDS] = tuning::after([
    OWN[0],
    OWN[1],
    OWN[2],
    OWN[3],
    field(
        EMERGENCY,
        Shape::Bool,
        "false",
        "Whether a forced revocation of a role's leases denies everything to the sessions of its IAM role.",
    ),
    field(VERSION, Shape::Int, "0", "The version of a key-value engine: 1, or 2, where each write is a version."),
]);

/// What ledgers were kept without.
static LATER: [&str; 2 + tuning::LATER.len()] = later();

const fn later() -> [&'static str; 2 + tuning::LATER.len()] {
    let mut later = [EMERGENCY; 2 + tuning::LATER.len()];
    later[1] = VERSION;
    let mut at = 0;
    while at < tuning::LATER.len() {
        later[at + 2] = tuning::LATER[at];
        at += 1;
    }
    later
}

/// The lease terms of a mount are told with those of its settings.
pub(super) static REMARKS: Remarks = Remarks {
    terms: Some(Terms { default: "default_lease_ttl", max: "max_lease_ttl" }),
    guards: tuning::guards,
    ..Remarks::NONE
};

/// What every secrets engine takes, in the block of its type. What one type alone has stands there.
pub(super) static MOUNT: Block = Block {
    word: "aws",
    label: Some("The path of the mount."),
    doc: "A secrets engine.",
    keys: &[
        Key::field(&KIND, "description"),
        Key::field(&KIND, "default_lease_ttl"),
        Key::field(&KIND, "max_lease_ttl"),
        Key::field(&KIND, "audit_non_hmac_request_keys"),
        Key::field(&KIND, "audit_non_hmac_response_keys"),
        Key::field(&KIND, "listing_visibility"),
        Key::field(&KIND, "passthrough_request_headers"),
        Key::field(&KIND, "allowed_response_headers"),
    ],
    check: ANYTHING,
};

/// Secrets engines.
pub static KIND: Kind = Kind {
    name: "secrets engine",
    class: Class::Mount,
    home: Home::Entry(&ENGINES),
    leases: Leases::OfMount,
    reviewed: Reviewed::Fields(&REMARKS),
    words: &MOUNT,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse,
    write,
    special: Special { later: &LATER, effect, obstacle, built_in, ..Special::NONE },
};

/// One entry of the list of mounts, as fields.
pub(super) fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    let kind = data.get("type").and_then(Value::as_str).ok_or(Lacks { what: "mount", part: "type" })?;
    let mut fields = Map::new();
    fields.insert("type".to_owned(), Value::from(kind));
    fields.insert("description".to_owned(), data.get("description").cloned().unwrap_or_default());
    for name in ["default_lease_ttl", "max_lease_ttl"] {
        let value = data.get("config").and_then(|config| config.get(name)).cloned().unwrap_or_default();
        fields.insert(name.to_owned(), value);
    }
    if let Some(config) = data.get("config").and_then(Value::as_object) {
        tuning::parse(config, &mut fields);
    }
    if let Some(version) = kv_version::version_told(data) {
        fields.insert(VERSION.to_owned(), Value::from(version));
    }
    if let Some(option) = data.get("options").and_then(|options| options.get(EMERGENCY)).and_then(Value::as_str) {
        fields.insert(EMERGENCY.to_owned(), Value::from(option == "true"));
    }
    Ok(fields)
}

/// The call that mounts, or that tunes what is mounted.
pub(super) fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let ttl = |name: &str, unset: &str| match object.value(name) {
        zero if zero == 0 => Value::from(unset),
        set => seconds_text(&set),
    };
    let description = ("description", object.value("description"));
    if live.is_some() {
        // "system" is the word that takes a tuned TTL back; 0 is not understood by every version.
        let body = ["default_lease_ttl", "max_lease_ttl"].map(|name| (name, ttl(name, "system")));
        let mut call = post(format!("{}/tune", object.path), [description].into_iter().chain(body));
        call.body.extend(tuning::sent(object, live));
        let before = live.and_then(|live| live.fields.get(VERSION));
        let another = version(object).filter(|_| before != Some(&object.value(VERSION)));
        call.body.extend(another.or_else(|| emergency(object, live)).map(options));
        return vec![call];
    }
    let config: Map<String, Value> = ["default_lease_ttl", "max_lease_ttl"]
        .into_iter()
        .filter(|name| object.value(name) != 0)
        .map(|name| (name.to_owned(), ttl(name, "")))
        .collect();
    let mut call =
        post(object.path.clone(), [("type", object.value("type")), description, ("config", Value::Object(config))]);
    call.body.extend(version(object).map(options));
    // Not every server takes all of it when it mounts.
    let mut tuned = tuning::sent(object, None);
    tuned.extend(emergency(object, None).map(options));
    let tune = (!tuned.is_empty()).then(|| Call {
        verb: Verb::Write,
        path: format!("{}/tune", object.path),
        body: tuned,
        made: Vec::new(),
    });
    [call].into_iter().chain(tune).collect()
}

/// Options of a mount, which are texts, as a part of what is sent. Servers keep those that are not.
fn options(options: Map<String, Value>) -> (String, Value) {
    ("options".to_owned(), Value::Object(options))
}

/// That of an AWS engine, if it is not at its default, or was not.
fn emergency(object: &Object, live: Option<&Live>) -> Option<Map<String, Value>> {
    object.kind.field(EMERGENCY)?;
    let on = object.value(EMERGENCY) == true;
    let was_on = live.and_then(|live| live.fields.get(EMERGENCY)).is_some_and(|value| *value == true);
    (on || was_on).then(|| Map::from_iter([(EMERGENCY.to_owned(), Value::from(on.to_string()))]))
}

/// That of a key-value engine.
fn version(object: &Object) -> Option<Map<String, Value>> {
    let version = object.value(VERSION).as_i64().filter(|version| *version > 0)?;
    Some(Map::from_iter([(VERSION.to_owned(), Value::from(version.to_string()))]))
}

/// The versions of a key-value engine go up alone. Source: what a server of OpenBao 2.6 answers to the other way.
fn obstacle(step: Step<'_>) -> Option<Obstacle> {
    let Step::Change { object, live, fields } = step else { return None };
    let version = |value: Option<&Value>| value.and_then(Value::as_i64).unwrap_or_default();
    let (from, to) = (version(live.fields.get(VERSION)), version(Some(&object.value(VERSION))));
    let goes_back = fields.contains(&VERSION) && !fields.contains(&"type") && to < from;
    goes_back.then(|| Obstacle {
        what: format!("has version {from}, and no server takes a key-value engine back to version {to}"),
        hint: format!("declare version = {from}; or another mount with version = {to}, and copy the secrets there"),
    })
}

fn effect(path: &str, change: Changed<'_>) -> Option<String> {
    let mount = key(&ENGINES, path);
    match change {
        Changed::Created(_) => None,
        Changed::Updated(_, fields) if fields.contains(&"type") => {
            Some(format!("mounts {mount} anew: everything below it is deleted, and every lease under it is revoked"))
        }
        Changed::Updated(object, fields) if fields.contains(&VERSION) && object.value(VERSION) == 2 => Some(format!(
            "upgrades {mount} for good: its secrets are read and written at {mount}data/ from now on, which policies and \
             apps have to know, and nobody gets one while it is upgraded"
        )),
        Changed::Updated(object, fields) if fields.contains(&EMERGENCY) => {
            Some(match object.value(EMERGENCY) == true {
                true => {
                    format!("`lease revoke -force` below {mount} may cut off every session of an IAM role from now on")
                }
                false => format!("`lease revoke -force` below {mount} cuts off no session any more"),
            })
        }
        Changed::Updated(_, fields) => fields
            .iter()
            .any(|field| field.ends_with("_ttl"))
            .then(|| format!("leases under {mount} take the new limits when they are issued or renewed next")),
        Changed::Deleted(live) => Some(match live.fields.get("type").and_then(Value::as_str) {
            Some("aws") => {
                format!("unmounts {mount}: every lease under it is revoked and every IAM user it made is deleted")
            }
            _ => format!("unmounts {mount}: everything below it is deleted for good"),
        }),
    }
}

fn built_in(path: &str) -> bool {
    let name = path.strip_prefix("sys/mounts/").unwrap_or(path).trim_end_matches('/');
    matches!(name, "sys" | "cubbyhole" | "identity" | "leasehold")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{KIND, Step};
    use crate::object::testing::{calls, object};

    #[test]
    fn a_mount_is_created_tuned_and_untuned() {
        let path = "sys/mounts/aws";
        let plain = object(&KIND, path, &[("type", json!("aws"))]);
        let tuned = object(&KIND, path, &[("type", json!("aws")), ("max_lease_ttl", json!(7200))]);
        let live = |ttl: i64| {
            KIND.live(path, json!({"type": "aws", "config": {"max_lease_ttl": ttl}}).as_object().expect("a map"))
                .expect("parses")
        };
        for (desired, live, expected) in [
            (&plain, None, json!([["sys/mounts/aws", {"type": "aws", "description": "", "config": {}}]])),
            (
                &tuned,
                None,
                json!([["sys/mounts/aws", {"type": "aws", "description": "", "config": {"max_lease_ttl": "7200s"}}]]),
            ),
            (
                &tuned,
                Some(live(0)),
                json!([["sys/mounts/aws/tune",
                    {"description": "", "default_lease_ttl": "system", "max_lease_ttl": "7200s"}]]),
            ),
            (
                &plain,
                Some(live(7200)),
                json!([["sys/mounts/aws/tune",
                    {"description": "", "default_lease_ttl": "system", "max_lease_ttl": "system"}]]),
            ),
        ] {
            assert_eq!(calls(desired, live.as_ref()), expected);
        }
    }

    #[test]
    fn the_version_of_a_key_value_engine_is_sent_when_it_is_made_and_when_it_is_another() {
        let path = "sys/mounts/secret";
        let of = |version: i64| object(&KIND, path, &[("type", json!("kv")), ("version", json!(version))]);
        let live = |version: &str| {
            let entry = json!({"type": "kv", "options": {"version": version}});
            KIND.live(path, entry.as_object().expect("a map")).expect("parses")
        };
        let options = |calls: serde_json::Value| calls[0][1]["options"].clone();
        assert_eq!(options(calls(&of(2), None)), json!({"version": "2"}));
        assert_eq!(options(calls(&of(2), Some(&live("2")))), json!(null));
        assert_eq!(options(calls(&of(2), Some(&live("1")))), json!({"version": "2"}));
        for (from, to, fields, is_refused) in
            [("2", 1, &["version"][..], true), ("1", 2, &["version"], false), ("2", 2, &["description"], false)]
        {
            let (object, live) = (of(to), live(from));
            let obstacle = KIND.obstacle(Step::Change { object: &object, live: &live, fields });
            assert_eq!(obstacle.is_some(), is_refused, "{from} to {to}");
        }
    }

    #[test]
    fn a_mount_without_a_type_is_odd() {
        assert!(KIND.live("sys/mounts/x", &serde_json::Map::new()).is_err());
    }
}
