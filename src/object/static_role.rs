//! A static role of an AWS engine: `<mount>/static-roles/<name>`. An IAM user that is there already, whose access key the
//! engine makes anew in turn. Creating one makes a key, and deleting it deletes the user's keys.
//!
//! Source: Vault API, "AWS secrets engine: create/update static role". OpenBao's plugin has no list of them.

use serde_json::{Map, Value};

use super::access_key::{KeyChange, KeyFate};
use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::{ENGINES, Home};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{AccessFields, Reviewed, StandingFields, Values, Way};
use super::wire::{pick, post};
use crate::units::duration;

static FIELDS: &[Field] = &[
    Field {
        name: "username",
        shape: Shape::Text,
        default: "\"\"",
        told: Told::Readable,
        immutable: true,
        doc: "The IAM user, which is there already; its keys are the engine's from then on.",
    },
    Field {
        name: "rotation_period",
        shape: Shape::Seconds,
        default: "0",
        told: Told::Readable,
        immutable: false,
        doc: "How old its key gets before it is made anew; a minute at least.",
    },
];

/// `static_role "legacy" { ... }`.
static STATIC_ROLE: Block = Block {
    word: "static_role",
    label: Some("The role's name."),
    doc: "An IAM user whose key is made anew in turn, and read as it is.",
    keys: &[
        Key::own("mount", Shape::Text, "The engine that rotates it; the only one, where one is declared."),
        Key::field(&KIND, "username"),
        Key::field(&KIND, "rotation_period"),
        Key::life(),
    ],
    check,
};

/// The shortest time between two rotations, in seconds. Source: Vault API, as above.
const PERIOD_MIN: i64 = 60;

fn check(role: &Declared<'_>) -> Vec<Objection> {
    let mut objections = Vec::new();
    if role.text("username").is_empty() && (!role.written.contains(&"username") || role.fields.contains_key("username"))
    {
        let hint = "username = \"NAME\" of a user that is there already";
        objections.push(Objection { key: "username", what: format!("{} names no IAM user", role.name), hint });
    }
    let is_unread = role.written.contains(&"rotation_period") && !role.fields.contains_key("rotation_period");
    let period = role.number("rotation_period");
    if period < PERIOD_MIN && !is_unread {
        let what = match role.written.contains(&"rotation_period") {
            true => format!("no key is made anew every {}", duration::shown(period)),
            false => format!("{} does not say how old a key gets", role.name),
        };
        let hint = "rotation_period = \"24h\"; a minute at least";
        objections.push(Objection { key: "rotation_period", what, hint });
    }
    objections
}

/// What a review reads of it: whose key it is. What that user may do, only the account tells, or an `iam_user`.
static ACCESS: AccessFields = AccessFields {
    ways: &[("", Way::Standing)],
    standing: StandingFields { user: "username", period: "rotation_period" },
    ..AccessFields::NONE
};

/// Static roles of AWS engines.
pub static KIND: Kind = Kind {
    name: "aws static role",
    class: Class::Role,
    home: Home::Below { table: &ENGINES, mount_type: "aws", folder: "static-roles", witness: "username" },
    leases: Leases::Unleased(&["static-creds"]),
    reviewed: Reviewed::Access(&ACCESS),
    words: &STATIC_ROLE,
    fields: FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse,
    write,
    special: Special { keys, acted_in: &["rotate-role"], ..Special::NONE },
};

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    if !data.get("username").is_some_and(Value::is_string) {
        return Err(Lacks { what: "static role", part: "username" });
    }
    Ok(pick(data, &["username", "rotation_period"]))
}

fn write(object: &Object, _live: Option<&Live>) -> Vec<Call> {
    vec![post(object.path.clone(), FIELDS.iter().map(|field| (field.name, object.value(field.name))))]
}

fn keys(change: Changed<'_>) -> Option<KeyChange> {
    let user = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    Some(match change {
        Changed::Created(object) => KeyChange { fate: KeyFate::Minted, user: user(Some(&object.value("username"))) },
        Changed::Updated(object, _) => {
            KeyChange { fate: KeyFate::Rotated, user: user(Some(&object.value("username"))) }
        }
        Changed::Deleted(live) => KeyChange { fate: KeyFate::Destroyed, user: user(live.fields.get("username")) },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
    use crate::object::testing::{calls, object};

    const PATH: &str = "aws/static-roles/legacy";

    #[test]
    fn both_fields_are_sent_and_nothing_that_the_engine_adds_is_a_difference() {
        let fields = [("username", json!("legacy-app")), ("rotation_period", json!(86_400))];
        let sent = calls(&object(&KIND, PATH, &fields), None);
        assert_eq!(sent, json!([[PATH, {"username": "legacy-app", "rotation_period": 86_400}]]));
        let answer = json!({"name": "legacy", "id": "AIDA", "username": "legacy-app", "rotation_period": 86_400,
            "next_rotation": "2026-01-01T00:00:00Z"});
        let live = KIND.live(PATH, answer.as_object().expect("a map")).expect("parses");
        assert_eq!(live.fields.len(), 2, "{:?}", live.fields);
        assert!(live.others.is_empty());
        assert!(KIND.live(PATH, json!({}).as_object().expect("a map")).is_err());
    }
}
