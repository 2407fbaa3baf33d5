//! What every login says of the tokens that it gives: fields, the keys of its block, and what they mean.
//!
//! Vault's auth methods share these parameters, so a kind of login takes them in as a whole. Source: Vault API, "Tokens:
//! parameters of roles" (`tokenutil`).

use serde_json::{Map, Value};

use super::call::Call;
use super::field::{Field, Shape, Told, table};
use super::kind::object::Object;
use super::kind::words::{Declared, Key, Objection};
use super::kind::{Changed, Kind};
use super::review::Values as _;
use super::wire::{pick, post, with_prefixes};

/// How many fields there are.
pub(super) const FIELDS: usize = 9;

/// How many keys a block of a login has besides its own.
pub(super) const KEYS: usize = 10;

const ALL: [Field; FIELDS] = [
    field("token_policies", Shape::Set, "[]", "ACL policies of the login's token."),
    field("token_ttl", Shape::Seconds, "0", "How long a token lives; leases end with their token."),
    field("token_max_ttl", Shape::Seconds, "0", "How long a token lives at most, with all renewals."),
    field("token_explicit_max_ttl", Shape::Seconds, "0", "A limit that not even the mount's settings move."),
    field("token_period", Shape::Seconds, "0", "A token that may be renewed for ever, by this much each time."),
    field("token_num_uses", Shape::Int, "0", "How many requests a token is good for; 0 is any number."),
    field("token_bound_cidrs", Shape::Cidrs, "[]", "Networks from which a token may be used."),
    field("token_no_default_policy", Shape::Bool, "false", "Whether a token goes without the policy `default`."),
    field("token_type", Shape::OneOf(&["default", "service", "batch"]), "\"default\"", "The type of token."),
];

/// A field that engines tell and that can be changed.
pub(super) const fn field(name: &'static str, shape: Shape, default: &'static str, doc: &'static str) -> Field {
    Field { name, shape, default, told: Told::Readable, immutable: false, doc }
}

/// The fields of a login: its own, then those of its tokens.
pub(super) const fn after<const OWN: usize, const BOTH: usize>(own: [Field; OWN]) -> [Field; BOTH] {
    assert!(OWN + FIELDS == BOTH, "a login has its own fields and those of its tokens");
    table(own, &ALL)
}

/// The keys of a login's block: its own, then those of its tokens and of where it is. Its policies are the app's.
pub(super) const fn keys_after<const OWN: usize, const BOTH: usize>(
    kind: &'static Kind,
    own: [Key; OWN],
) -> [Key; BOTH] {
    assert!(OWN + KEYS == BOTH, "a block has its own keys and those of every login");
    let all: [Key; KEYS] = [
        Key::field(kind, "token_ttl"),
        Key::field(kind, "token_max_ttl"),
        Key::field(kind, "token_explicit_max_ttl"),
        Key::field(kind, "token_period"),
        Key::field(kind, "token_num_uses"),
        Key::field(kind, "token_bound_cidrs"),
        Key::field(kind, "token_no_default_policy"),
        Key::field(kind, "token_type"),
        Key::own("mount", Shape::Text, "The auth method."),
        Key::own("name", Shape::Text, "The role's name at the method; `app-` and the app's, where none is written."),
    ];
    table(own, &all)
}

/// What is wrong with those of a block.
pub(super) fn check(login: &Declared<'_>) -> Vec<Objection> {
    let batch = [("token_period", "periodic"), ("token_num_uses", "counted")];
    let is_batch = login.text("token_type") == "batch";
    let in_batch = batch.into_iter().filter(|(key, _)| is_batch && login.number(key) > 0);
    let no_batch = in_batch.map(|(key, what)| Objection {
        key,
        what: format!("batch tokens are not {what}"),
        hint: "leave it out, or give it another token_type",
    });
    count(login, "token_num_uses").into_iter().chain(no_batch).collect()
}

/// What is wrong with a field that counts.
pub(super) fn count(login: &Declared<'_>, key: &'static str) -> Option<Objection> {
    let is_count = login.number(key) >= 0;
    (!is_count).then(|| Objection { key, what: format!("{key} is a count"), hint: "0 is any number" })
}

/// What an engine tells of a login with these fields, its words for those of tokens in one form: engines keep or replace
/// the longer ones, which say the same of a role.
pub(super) fn parse(fields: &[Field], data: &Map<String, Value>) -> Map<String, Value> {
    let told = fields.iter().filter(|field| field.told == Told::Readable).map(|field| field.name);
    let mut fields = pick(data, &told.collect::<Vec<_>>());
    let token_type = match fields.get("token_type").and_then(Value::as_str) {
        Some("") => Some("default"),
        Some("default-service") => Some("service"),
        Some("default-batch") => Some("batch"),
        _ => None,
    };
    if let Some(token_type) = token_type {
        fields.insert("token_type".to_owned(), Value::from(token_type));
    }
    fields
}

/// A field of a login as every engine takes it.
pub(super) fn sent(object: &Object, field: &Field) -> (&'static str, Value) {
    let value = object.value(field.name);
    (field.name, if field.shape == Shape::Cidrs { with_prefixes(&value) } else { value })
}

/// The call that writes a login whose fields are all told: writes merge, so each is sent.
pub(super) fn written(object: &Object, fields: &[Field]) -> Vec<Call> {
    vec![post(object.path.clone(), fields.iter().map(|field| sent(object, field)))]
}

/// What a change of a login for which somebody vouches does to people.
pub(super) fn role_effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) => None,
        Changed::Updated(_, fields) => effect(fields),
        Changed::Deleted(_) => Some("no new logins; tokens already issued live until they end".to_owned()),
    }
}

/// What a change of whom a method believes does to people.
pub(super) fn config_effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) | Changed::Deleted(_) => None,
        Changed::Updated(..) => {
            Some("logins are judged anew from now on; tokens already issued live until they end".to_owned())
        }
    }
}

/// What a change of these fields does to people.
pub(super) fn effect(fields: &[&str]) -> Option<String> {
    let is_of_tokens = fields.iter().any(|name| ALL.iter().any(|field| field.name == *name));
    is_of_tokens.then(|| "tokens already issued keep their terms until they end".to_owned())
}
