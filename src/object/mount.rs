//! A secrets engine: `sys/mounts/<path>`. Created there, changed through its `tune` path.
//!
//! Source: Vault API, "/sys/mounts". Reads come from the list of mounts, because `tune` answers effective
//! TTLs, which hide whether one is set.

use serde_json::{Map, Value, json};

use super::call::{Call, Lacks, Verb};
use super::field::{Field, Shape, Told};
use super::home::{ENGINES, Home, key};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{ANYTHING, Block, Key};
use super::kind::{Changed, Class, Delete, Kind, Leases, Update};
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
const EMERGENCY: &str = "emergency_revocation";

static FIELDS: [Field; 5 + tuning::FIELDS] = tuning::after([
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
]);

/// What ledgers were kept without.
static LATER: [&str; 1 + tuning::LATER.len()] = later();

const fn later() -> [&'static str; 1 + tuning::LATER.len()] {
    let mut later = [EMERGENCY; 1 + tuning::LATER.len()];
    let mut at = 0;
    while at < tuning::LATER.len() {
        later[at + 1] = tuning::LATER[at];
        at += 1;
    }
    later
}

/// The lease terms of a mount are told with those of its settings.
pub(super) static REMARKS: Remarks =
    Remarks { terms: Some(Terms { default: "default_lease_ttl", max: "max_lease_ttl" }), ..Remarks::NONE };

/// What every secrets engine takes, in the block of its type.
pub(super) static MOUNT: Block = Block {
    word: "aws",
    label: Some("The path of the mount."),
    doc: "A secrets engine.",
    keys: &[
        Key::field(&KIND, "description"),
        Key::field(&KIND, "default_lease_ttl"),
        Key::field(&KIND, "max_lease_ttl"),
        Key::field(&KIND, EMERGENCY),
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
    key: None,
    fields: &FIELDS,
    later: &LATER,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse,
    write,
    effect,
    built_in,
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
        call.body.extend(options(object, live));
        return vec![call];
    }
    let config: Map<String, Value> = ["default_lease_ttl", "max_lease_ttl"]
        .into_iter()
        .filter(|name| object.value(name) != 0)
        .map(|name| (name.to_owned(), ttl(name, "")))
        .collect();
    let call =
        post(object.path.clone(), [("type", object.value("type")), description, ("config", Value::Object(config))]);
    // Not every server takes all of it when it mounts.
    let mut tuned = tuning::sent(object, None);
    tuned.extend(options(object, None));
    let tune = (!tuned.is_empty()).then(|| Call {
        verb: Verb::Write,
        path: format!("{}/tune", object.path),
        body: tuned,
        made: Vec::new(),
    });
    [call].into_iter().chain(tune).collect()
}

/// The options that are sent: those that are not at their default, or were not. Servers keep the others.
fn options(object: &Object, live: Option<&Live>) -> Option<(String, Value)> {
    object.kind.field(EMERGENCY)?;
    let on = object.value(EMERGENCY) == true;
    let was_on = live.and_then(|live| live.fields.get(EMERGENCY)).is_some_and(|value| *value == true);
    (on || was_on).then(|| ("options".to_owned(), json!({ EMERGENCY: on.to_string() })))
}

fn effect(path: &str, change: Changed<'_>) -> Option<String> {
    let mount = key(&ENGINES, path);
    match change {
        Changed::Created(_) => None,
        Changed::Updated(_, fields) if fields.contains(&"type") => {
            Some(format!("mounts {mount} anew: every lease under it is revoked and every IAM user it made is deleted"))
        }
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
        Changed::Deleted => {
            Some(format!("unmounts {mount}: every lease under it is revoked and every IAM user it made is deleted"))
        }
    }
}

fn built_in(path: &str) -> bool {
    let name = path.strip_prefix("sys/mounts/").unwrap_or(path).trim_end_matches('/');
    matches!(name, "sys" | "cubbyhole" | "identity" | "leasehold")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
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
    fn a_mount_without_a_type_is_odd() {
        assert!(KIND.live("sys/mounts/x", &serde_json::Map::new()).is_err());
    }
}
