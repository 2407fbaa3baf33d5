//! How mounts of either sort are tuned, beside their lease terms: what the trail has of their requests in clear, who is
//! shown that they are there, which headers pass; of auth methods the sort of their tokens, and when whoever fails has to
//! wait.
//!
//! A server tells what is at its default by leaving it out, and versions of servers know not all of it, so what is at its
//! default on both sides is not sent. Source: Vault API, "/sys/mounts/:path/tune" and "/sys/auth/:path/tune"; what a server
//! of OpenBao 2.6 answers: the fields of `user_lockout_config` are told by other names than they are written.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::field::{Field, Shape, table};
use super::kind::live::Live;
use super::kind::object::Object;
use super::review::{Said, Values};
use super::token_fields::field;
use crate::units;

/// How many fields every mount has.
pub(super) const FIELDS: usize = 5;

/// How many more an auth method has.
pub(super) const AUTH_FIELDS: usize = 5;

const ALL: [Field; FIELDS + AUTH_FIELDS] = [
    field("audit_non_hmac_request_keys", Shape::Set, "[]", "What the trail has of requests in clear, by parameter."),
    field("audit_non_hmac_response_keys", Shape::Set, "[]", "What the trail has of answers in clear, by key."),
    field(
        "listing_visibility",
        Shape::OneOf(&["hidden", "unauth"]),
        "\"hidden\"",
        "Who is shown that it is there: `unauth` is whoever asks, without a token.",
    ),
    field("passthrough_request_headers", Shape::Set, "[]", "The headers of requests that it gets."),
    field("allowed_response_headers", Shape::Set, "[]", "The headers that its answers may have."),
    field(
        "token_type",
        Shape::OneOf(&["default-service", "default-batch", "service", "batch"]),
        "\"default-service\"",
        "The sort of its tokens; with `default-`, where its roles don't say.",
    ),
    field(
        "lockout_threshold",
        Shape::Int,
        "0",
        "After how many failures one has to wait; 0 is the engine's own number.",
    ),
    field("lockout_duration", Shape::Seconds, "0", "How long one has to wait; 0 is the engine's own time."),
    field(
        "lockout_counter_reset",
        Shape::Seconds,
        "0",
        "After how long without a failure the count begins anew; 0 is the engine's own time.",
    ),
    field("lockout_disable", Shape::Bool, "false", "Whether nobody ever has to wait."),
];

/// What ledgers were kept without.
pub(super) const LATER: &[&str] = &[
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "listing_visibility",
    "passthrough_request_headers",
    "allowed_response_headers",
    "token_type",
    "lockout_threshold",
    "lockout_duration",
    "lockout_counter_reset",
    "lockout_disable",
];

/// What our own engine does not have: it gives no headers to backends.
pub(super) const NOT_OURS: [&str; 2] = ["passthrough_request_headers", "allowed_response_headers"];

/// The fields of `user_lockout_config`: ours, as a server takes it, and as it tells it.
const LOCKOUT: [(&str, &str, &str); 4] = [
    ("lockout_threshold", "lockout_threshold", "user_lockout_threshold"),
    ("lockout_duration", "lockout_duration", "user_lockout_duration"),
    ("lockout_counter_reset", "lockout_counter_reset_duration", "user_lockout_counter_reset_duration"),
    ("lockout_disable", "lockout_disable", "user_lockout_disable"),
];

/// The fields of a mount: its own, then as many of these.
pub(super) const fn after<const OWN: usize, const BOTH: usize>(own: [Field; OWN]) -> [Field; BOTH] {
    assert!(BOTH - OWN == FIELDS || BOTH - OWN == FIELDS + AUTH_FIELDS, "all of them, or those of every mount");
    table(own, &ALL)
}

/// What the settings of a mount say of them.
pub(super) fn parse(config: &Map<String, Value>, fields: &mut Map<String, Value>) {
    let lockout = config.get("user_lockout_config").and_then(Value::as_object);
    for field in &ALL {
        let told = LOCKOUT.iter().find(|(name, ..)| *name == field.name);
        let value = match told {
            Some((.., told)) => lockout.and_then(|lockout| lockout.get(*told)),
            None => config.get(field.name),
        };
        // What is left out, or empty, is at its default.
        if let Some(value) = value.filter(|value| !value.is_null() && **value != "") {
            fields.insert(field.name.to_owned(), value.clone());
        }
    }
}

/// What is sent of them to a mount that is to be made, or that is there: what is not at its default, or was not.
pub(super) fn sent(object: &Object, live: Option<&Live>) -> Map<String, Value> {
    let is_set = |name: &str| {
        let default = object.kind.field(name).map(Field::default_value).unwrap_or_default();
        let before =
            live.and_then(|live| live.fields.get(name)).map_or_else(|| Cow::Owned(default.clone()), Cow::Borrowed);
        object.value(name) != default || *before != default
    };
    let of_kind = ALL.iter().filter(|field| object.kind.field(field.name).is_some());
    let (mut body, mut lockout) = (Map::new(), Map::new());
    for field in of_kind.filter(|field| is_set(field.name)) {
        if !LOCKOUT.iter().any(|(name, ..)| *name == field.name) {
            body.insert(field.name.to_owned(), object.value(field.name));
            continue;
        }
        for (name, taken, _) in LOCKOUT {
            let value = match object.value(name) {
                // Whole numbers and times go as text: a server of OpenBao takes no others here.
                Value::Number(number) => Value::from(number.to_string()),
                other => other,
            };
            lockout.insert(taken.to_owned(), value);
        }
    }
    if !lockout.is_empty() {
        body.insert("user_lockout_config".to_owned(), Value::Object(lockout));
    }
    body
}

/// What more people see of its requests, and who may try again sooner. What comes begins at the defaults.
pub(super) fn guards(old: Option<&dyn Values>, new: Option<&dyn Values>) -> Vec<Said> {
    let Some(new) = new else { return Vec::new() };
    let before = Before(old);
    let mut all = Vec::new();
    for (field, what) in IN_CLEAR {
        let [was, is] = [before.texts(field), new.texts(field)];
        for key in is.difference(&was) {
            let now = format!("audit logs have {key} of its {what} in clear");
            all.push(Said { now, was: String::new(), gains: true, field });
        }
        for key in was.difference(&is) {
            let now = format!("audit logs have {key} of its {what} hashed");
            all.push(Said { now, was: "in clear".to_owned(), gains: false, field });
        }
    }
    let [was, is] = [before.text(SHOWN), new.text(SHOWN)];
    if was != is {
        let whom = |word: &str| if word == "unauth" { "to whoever asks, without a token" } else { "to tokens alone" };
        let now = format!("that it is there is shown {}", whom(&is));
        all.push(Said { now, was: whom(&was).to_owned(), gains: is == "unauth", field: SHOWN });
    }
    // Secrets engines have no lockout.
    if LOCKOUT.iter().all(|(name, ..)| new.value(name).is_null()) {
        return all;
    }
    let waits = ["whoever fails too often has to wait", "whoever fails may try again at once, as often as they like"];
    all.extend(Said::switch("lockout_disable", (&before, new), waits, true));
    for (field, own, [text, unit]) in LIMITS {
        let [was, is] = [before.number(field), new.number(field)];
        if was == is {
            continue;
        }
        let shown = |number: i64| match (number, unit) {
            (0, _) => "as the engine has it".to_owned(),
            (_, "") => units::duration::shown(number),
            _ => format!("{number}{unit}"),
        };
        let [before, after] = [was, is].map(|number| if number == 0 { own } else { number });
        let gains = if field == "lockout_threshold" { after > before } else { after < before };
        all.push(Said { now: format!("{text} {}", shown(is)), was: shown(was), gains, field });
    }
    all
}

/// What stands in audit logs as it is, by where it is from.
const IN_CLEAR: [(&str, &str); 2] =
    [("audit_non_hmac_request_keys", "requests"), ("audit_non_hmac_response_keys", "answers")];

/// Who is shown that a mount is there.
const SHOWN: &str = "listing_visibility";

/// The limits of a lockout, what they are where nobody says, and their words. Source: Vault API, "/sys/auth/:path/tune":
/// five failures, 15 minutes and 15 minutes.
const LIMITS: [(&str, i64, [&str; 2]); 3] = [
    ("lockout_threshold", 5, ["one has to wait after", " failures"]),
    ("lockout_duration", 900, ["one has to wait for", ""]),
    ("lockout_counter_reset", 900, ["failures are forgotten after", ""]),
];

/// What a mount was like: nothing but defaults before it was there.
struct Before<'a>(Option<&'a dyn Values>);

impl Values for Before<'_> {
    fn value(&self, name: &str) -> Cow<'_, Value> {
        let default = || ALL.iter().find(|field| field.name == name).map_or(Value::Null, Field::default_value);
        self.0.map_or_else(|| Cow::Owned(default()), |old| old.value(name))
    }
}
