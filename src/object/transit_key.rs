//! A key of a transit engine: `<mount>/keys/<name>`. Made there, changed at its `config`. What it is made as never changes,
//! two of its switches go one way, and what it encrypted is lost with it: so a plan refuses what would need another key, and
//! deletes one only where it says itself that it may be.
//!
//! Source: Vault API, "Transit secrets engine: create key" and "update key configuration"; what a server of OpenBao 2.6
//! answers, which takes the way back of a switch with success and does nothing.

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape};
use super::home::{ENGINES, Home};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::obstacle::{Obstacle, Step};
use super::kind::words::{ANYTHING, Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::mount;
use super::review::{Remarks, Reviewed, Said, Values};
use super::token_fields::field;
use super::wire::{pick, post, seconds_text};
use crate::units;

/// The type of the engines.
pub const TYPE: &str = "transit";

const TYPES: &[&str] = &[
    "aes256-gcm96",
    "aes128-gcm96",
    "chacha20-poly1305",
    "xchacha20-poly1305",
    "ed25519",
    "ecdsa-p256",
    "ecdsa-p384",
    "ecdsa-p521",
    "rsa-2048",
    "rsa-3072",
    "rsa-4096",
    "hmac",
];

/// Those of which a key for each context can be derived, and those whose derived keys may encrypt the same to the same.
/// Source: OpenBao, `sdk/helper/keysutil/lock_manager.go`.
const DERIVED: &[&str] = &["aes256-gcm96", "aes128-gcm96", "chacha20-poly1305", "xchacha20-poly1305", "ed25519"];
const CONVERGENT: &[&str] = &["aes256-gcm96", "aes128-gcm96", "chacha20-poly1305", "xchacha20-poly1305"];

/// The shortest time after which a key is rotated by itself, in seconds, and how large the key of an HMAC may be, in bytes.
const ROTATION_MIN: i64 = 3600;
const KEY_SIZES: std::ops::RangeInclusive<i64> = 32..=512;

static FIELDS: [Field; 10] = [
    made(field("type", Shape::OneOf(TYPES), "\"aes256-gcm96\"", "The sort of key.")),
    made(field("derived", Shape::Bool, "false", "Whether each context has a key of its own, made from it.")),
    made(field(
        "convergent_encryption",
        Shape::Bool,
        "false",
        "Whether the same text in the same context encrypts to the same.",
    )),
    made(field("key_size", Shape::Int, "0", "How many bytes the key of an HMAC has.")),
    field("exportable", Shape::Bool, "false", "Whether the key may be taken out; it can't be taken back."),
    field(
        "allow_plaintext_backup",
        Shape::Bool,
        "false",
        "Whether a backup in clear may be taken; it can't be taken back.",
    ),
    field("auto_rotate_period", Shape::Seconds, "0", "After how long a new version is made by itself; 0 is never."),
    field("min_decryption_version", Shape::Int, "1", "The oldest version whose texts are still decrypted."),
    field("min_encryption_version", Shape::Int, "0", "The oldest version that encrypts; 0 is the latest alone."),
    field(
        "deletion_allowed",
        Shape::Bool,
        "false",
        "Whether the key may be deleted, and all that it encrypted with it.",
    ),
];

/// A field that can be given when a key is made, and not changed later.
const fn made(field: Field) -> Field {
    Field { immutable: true, ..field }
}

/// The switches that go one way: what each is, once it is on.
const ONE_WAY: [(&str, &str); 2] =
    [("exportable", "may be taken out"), ("allow_plaintext_backup", "may be backed up in clear")];

/// What a key can't begin with.
const VERSIONS: [&str; 2] = ["min_decryption_version", "min_encryption_version"];

/// How many versions a key has, as a server tells.
const LATEST: &str = "latest_version";

/// `transit "transit" { ... }`: the mount, and its keys.
pub static TRANSIT: Block = Block {
    word: "transit",
    label: Some("The path of the mount."),
    doc: "An engine that encrypts and signs for others.",
    keys: &[Key::all_of(&mount::MOUNT), Key::block(&KEY), Key::shared(), Key::life()],
    check: ANYTHING,
};

/// `key "orders" { ... }` in it.
pub static KEY: Block = Block {
    word: "key",
    label: Some("The key's name."),
    doc: "A key of the engine.",
    keys: &[
        Key::field(&KIND, "type"),
        Key::field(&KIND, "derived"),
        Key::field(&KIND, "convergent_encryption"),
        Key::field(&KIND, "key_size"),
        Key::field(&KIND, "exportable"),
        Key::field(&KIND, "allow_plaintext_backup"),
        Key::field(&KIND, "auto_rotate_period"),
        Key::field(&KIND, "min_decryption_version"),
        Key::field(&KIND, "min_encryption_version"),
        Key::field(&KIND, "deletion_allowed"),
        Key::life(),
    ],
    check,
};

/// Keys of transit engines.
pub static KIND: Kind = Kind {
    name: "transit key",
    class: Class::Config,
    home: Home::Below { table: &ENGINES, mount_type: TYPE, folder: "keys", witness: "type" },
    leases: Leases::None,
    reviewed: Reviewed::Fields(&Remarks { guards, ..Remarks::NONE }),
    words: &TRANSIT,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse,
    write,
    special: Special { effect, obstacle, ..Special::NONE },
};

fn check(key: &Declared<'_>) -> Vec<Objection> {
    let mut objections = Vec::new();
    let mut object = |key, what, hint| objections.push(Objection { key, what, hint });
    let (of_type, size) = (key.text("type"), key.number("key_size"));
    let (derived, convergent) = (key.flag("derived"), key.flag("convergent_encryption"));
    if derived && !DERIVED.contains(&&*of_type) {
        object("derived", format!("no keys are derived of one of the type {of_type}"), "leave it out");
    }
    if convergent && !CONVERGENT.contains(&&*of_type) {
        let what = format!("a key of the type {of_type} does not encrypt the same to the same");
        object("convergent_encryption", what, "leave it out");
    } else if convergent && !derived {
        let what = "only derived keys encrypt the same to the same".to_owned();
        object("convergent_encryption", what, "add derived = true");
    }
    match of_type.as_str() {
        "hmac" if !KEY_SIZES.contains(&size) => {
            let what = "the key of an HMAC has 32 to 512 bytes".to_owned();
            object("key_size", what, "add key_size = 32, or more");
        }
        "hmac" => {}
        _ if size != 0 => {
            object("key_size", format!("a key of the type {of_type} has the size of its type"), "leave it out");
        }
        _ => {}
    }
    if !(key.number("auto_rotate_period") == 0 || key.number("auto_rotate_period") >= ROTATION_MIN) {
        let what = "no key is rotated more than once an hour".to_owned();
        object("auto_rotate_period", what, "auto_rotate_period = \"720h\"; as left out, it is not");
    }
    let [decrypts, encrypts] = VERSIONS.map(|name| key.number(name));
    if decrypts < 1 {
        object("min_decryption_version", "versions begin with 1".to_owned(), "leave it out to decrypt all");
    }
    if encrypts < 0 || (encrypts > 0 && encrypts < decrypts) {
        let what = "what a version encrypts has to be decrypted".to_owned();
        object(
            "min_encryption_version",
            what,
            "min_decryption_version, or more; 0, as left out, is the latest version",
        );
    }
    objections
}

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    data.get("type").ok_or(Lacks { what: "transit key", part: "type" })?;
    let names: Vec<&str> = FIELDS.iter().map(|field| field.name).chain([LATEST]).collect();
    Ok(pick(data, &names))
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let value = |name: &'static str| match name {
        "auto_rotate_period" => (name, seconds_text(&object.value(name))),
        _ => (name, object.value(name)),
    };
    let config = format!("{}/config", object.path);
    let settings = ["min_decryption_version", "min_encryption_version", "deletion_allowed"];
    let is_set = |name: &&str| object.kind.field(name).is_some_and(|field| object.value(name) != field.default_value());
    if live.is_some() {
        let on = ONE_WAY.iter().map(|(name, _)| *name).filter(|name| object.value(name) == true);
        let sent = settings.into_iter().chain(["auto_rotate_period"]).chain(on);
        return vec![post(config, sent.map(value))];
    }
    let made =
        ["type", "derived", "convergent_encryption", "exportable", "allow_plaintext_backup", "auto_rotate_period"];
    let made = made.into_iter().chain(Some("key_size").filter(is_set));
    let mut calls = vec![post(object.path.clone(), made.map(value))];
    if settings.iter().any(is_set) {
        calls.push(post(config, settings.map(value)));
    }
    calls
}

/// What may be done with a key that could not be done with it before. A new one has nothing that it could let out.
fn guards(old: Option<&dyn Values>, new: Option<&dyn Values>) -> Vec<Said> {
    let Some((old, new)) = old.zip(new) else { return Vec::new() };
    let switches = [
        ("exportable", ["the key stays inside", "the key may be taken out"]),
        ("allow_plaintext_backup", ["no backup in clear is taken", "the key may be backed up in clear"]),
        ("deletion_allowed", ["the key can't be deleted", "the key may be deleted, and all that it encrypted with it"]),
    ];
    let mut all: Vec<Said> =
        switches.into_iter().filter_map(|(field, words)| Said::switch(field, (old, new), words, true)).collect();
    for (field, does) in [("min_decryption_version", "decrypt"), ("min_encryption_version", "encrypt")] {
        let [was, is] = [old.number(field), new.number(field)];
        if was != is {
            let since = |version: i64| if version == 0 { "the latest alone".to_owned() } else { version.to_string() };
            let gains = is != 0 && (was == 0 || is < was);
            let now = format!("the oldest version to {does} with is {}", since(is));
            all.push(Said { now, was: since(was), gains, field });
        }
    }
    let [was, is] = [old.number("auto_rotate_period"), new.number("auto_rotate_period")];
    if was != is {
        let often = |period: i64| match period {
            0 => "no new version is made by itself".to_owned(),
            _ => format!("a new version is made every {}", units::duration::shown(period)),
        };
        let gains = was != 0 && (is == 0 || is > was);
        let before =
            if was == 0 { "none by itself".to_owned() } else { format!("every {}", units::duration::shown(was)) };
        all.push(Said { now: often(is), was: before, gains, field: "auto_rotate_period" });
    }
    all
}

fn obstacle(step: Step<'_>) -> Option<Obstacle> {
    match step {
        Step::Create(object) => above(object, 1).map(|(name, version)| Obstacle {
            what: format!("would be made, with version 1 alone, and has {name} = {version}"),
            hint: format!("apply it without {name}, rotate it, and raise {name} then"),
        }),
        Step::Change { object, live, fields } => {
            let goes_back = |(name, _): &&(&str, &str)| fields.contains(name) && object.value(name) == false;
            if let Some((name, what)) = ONE_WAY.iter().find(goes_back) {
                return Some(Obstacle {
                    what: format!("{what}, and no server takes {name} back"),
                    hint: format!("declare {name} = true, or a key under another name and encrypt with that"),
                });
            }
            let latest = live.others.get(LATEST).and_then(Value::as_i64)?;
            above(object, latest).map(|(name, version)| Obstacle {
                what: format!("has {latest} for its latest version, and {name} = {version} is declared"),
                hint: format!("rotate it first (a write to {}/rotate), or declare {latest} at most", object.path),
            })
        }
        Step::TakeAway(live) => (live.fields.get("deletion_allowed") != Some(&Value::from(true))).then(|| Obstacle {
            what: "may not be deleted: it does not allow it, and nothing that it encrypted could ever be read again"
                .to_owned(),
            hint: format!(
                "declare it with deletion_allowed = true, apply, and remove it then; or let it be, and \
                 `leasehold forget {}`",
                live.path
            ),
        }),
    }
}

/// The first of its versions that is above the latest.
fn above(object: &Object, latest: i64) -> Option<(&'static str, i64)> {
    let versions = VERSIONS.map(|name| (name, object.value(name).as_i64().unwrap_or_default()));
    versions.into_iter().find(|(_, version)| *version > latest)
}

fn effect(path: &str, change: Changed<'_>) -> Option<String> {
    Some(match change {
        Changed::Created(_) => return None,
        Changed::Updated(object, fields) => {
            let comes = |name: &&str| fields.contains(name) && object.value(name) == true;
            match ["exportable", "allow_plaintext_backup", "deletion_allowed"].iter().find(|name| comes(name)) {
                Some(&"deletion_allowed") => {
                    format!("whoever may delete {path} may do so from now on, and with it all that it encrypted")
                }
                Some(_) => "whoever may export or back it up has the key from now on, for good".to_owned(),
                None if fields.contains(&"min_decryption_version") => {
                    "what older versions encrypted or signed is not taken while that stands".to_owned()
                }
                None => return None,
            }
        }
        Changed::Deleted(_) => "nothing that it encrypted is ever read again".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{KIND, Step};
    use crate::object::testing::{calls, object};
    use crate::object::{Live, Object};

    const PATH: &str = "transit/keys/orders";

    fn key(fields: &[(&'static str, Value)]) -> Object {
        object(&KIND, PATH, fields)
    }

    fn live(fields: &Value) -> Live {
        let mut answer = json!({"type": "aes256-gcm96", "derived": false, "exportable": false, "latest_version": 2,
            "allow_plaintext_backup": false, "auto_rotate_period": 0, "deletion_allowed": false, "imported_key": false,
            "min_available_version": 0, "min_decryption_version": 1, "min_encryption_version": 0, "name": "orders",
            "keys": {"1": 1, "2": 2}, "supports_encryption": true});
        answer.as_object_mut().expect("a map").extend(fields.as_object().expect("a map").clone());
        KIND.live(PATH, answer.as_object().expect("a map")).expect("parses")
    }

    #[test]
    fn a_key_reads_as_it_was_made_and_rotation_is_no_difference() {
        for (name, value) in live(&json!({})).fields {
            assert_eq!(value, key(&[]).value(name), "{name}");
        }
        let made = json!({"type": "aes256-gcm96", "derived": false, "convergent_encryption": false, "exportable": false,
            "allow_plaintext_backup": false, "auto_rotate_period": "0s"});
        assert_eq!(calls(&key(&[]), None), json!([[PATH, made]]));
        let sent = calls(&key(&[("type", json!("hmac")), ("key_size", json!(64))]), None);
        assert_eq!(sent[0][1]["key_size"], 64);
    }

    #[test]
    fn what_is_set_after_a_key_is_made_goes_to_its_config() {
        let desired = key(&[("deletion_allowed", json!(true)), ("exportable", json!(true))]);
        let settings = json!({"min_decryption_version": 1, "min_encryption_version": 0, "deletion_allowed": true});
        let sent = calls(&desired, None);
        assert_eq!((&sent[0][1]["exportable"], &sent[1]), (&json!(true), &json!([format!("{PATH}/config"), settings])));
        let mut changed = settings;
        changed["auto_rotate_period"] = json!("0s");
        changed["exportable"] = json!(true);
        assert_eq!(calls(&desired, Some(&live(&json!({})))), json!([[format!("{PATH}/config"), changed]]));
    }

    #[test]
    fn what_no_server_does_stands_in_the_way() {
        let of = |step| KIND.obstacle(step).map(|obstacle| obstacle.what).unwrap_or_default();
        let plain = key(&[]);
        let newer = key(&[("min_decryption_version", json!(3))]);
        let older = key(&[("min_decryption_version", json!(2))]);
        let (there, open) = (live(&json!({})), live(&json!({"exportable": true, "deletion_allowed": true})));
        for (step, expected) in [
            (Step::Create(&plain), ""),
            (Step::Create(&older), "with version 1 alone, and has min_decryption_version = 2"),
            (Step::Change { object: &older, live: &there, fields: &["min_decryption_version"] }, ""),
            (
                Step::Change { object: &newer, live: &there, fields: &["min_decryption_version"] },
                "has 2 for its latest",
            ),
            (Step::Change { object: &plain, live: &open, fields: &["exportable"] }, "no server takes exportable back"),
            (Step::Change { object: &plain, live: &open, fields: &["deletion_allowed"] }, ""),
            (Step::TakeAway(&there), "may not be deleted"),
            (Step::TakeAway(&open), ""),
        ] {
            let what = of(step);
            assert!(what.contains(expected) && what.is_empty() == expected.is_empty(), "{step:?}: {what}");
        }
    }
}
