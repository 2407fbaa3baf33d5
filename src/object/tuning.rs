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
use super::token_fields::field;

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
