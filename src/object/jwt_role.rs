//! A login by a token that somebody else signed: `auth/<mount>/role/<name>` of a JWT method, and whom the method
//! believes: `auth/<mount>/config`. Writes of roles merge, so every field is sent; a write of the configuration replaces
//! all of it.
//!
//! Source: Vault API, "JWT/OIDC auth method: create role" and "configure". Claims of tokens: GitHub, "OpenID Connect
//! reference"; GitLab, "OpenID Connect (OIDC) authentication using ID tokens"; Kubernetes, "Service account tokens".

mod binding;

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape};
use super::home::{Home, METHODS};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Class, Delete, Kind, Leases, Special, Update};
use super::review::{LoginSecret, LoginWords, Remarks, Reviewed, UNTOLD, Values as _};
use super::token_fields::{self, field};
use super::wire::{post, with_others};
use crate::proof;

static FIELDS: [Field; 12 + token_fields::FIELDS] = token_fields::after([
    field("role_type", Shape::OneOf(&["jwt"]), "\"jwt\"", "That a login shows a signed token."),
    field("bound_audiences", Shape::Set, "[]", "Audiences, one of which a token has to be for."),
    field("bound_subject", Shape::Text, "\"\"", "The subject that a token has to be of."),
    field("bound_claims", Shape::Claims, "{}", "Claims that a token has to have, each with one of these values."),
    field(
        "bound_claims_type",
        Shape::OneOf(&["string", "glob"]),
        "\"string\"",
        "Whether `*` in the values of bound_claims is any text.",
    ),
    field("claim_mappings", Shape::Map, "{}", "Claims that become metadata of tokens, under these names."),
    field("user_claim", Shape::Text, "\"sub\"", "The claim that says who it is."),
    field("user_claim_json_pointer", Shape::Bool, "false", "Whether user_claim is a JSON pointer."),
    field("groups_claim", Shape::Text, "\"\"", "The claim that says in which groups somebody is."),
    field("expiration_leeway", Shape::Int, "0", "Seconds that a token without an end lives; 0 is 150, -1 is none."),
    field("not_before_leeway", Shape::Int, "0", "Seconds that a token without a start begins before its end."),
    field("clock_skew_leeway", Shape::Int, "0", "Seconds that clocks may differ; 0 is 60, -1 is none."),
]);

static CONFIG_FIELDS: &[Field] = &[
    field("jwt_validation_pubkeys", Shape::Texts, "[]", "Public keys as PEM."),
    field("jwks_url", Shape::Text, "\"\"", "The address of the keys."),
    field("jwks_ca_pem", Shape::Text, "\"\"", "CA certificates as PEM for that address; empty is the system's."),
    field("oidc_discovery_url", Shape::Text, "\"\"", "The issuer, which says where its keys are."),
    field("oidc_discovery_ca_pem", Shape::Text, "\"\"", "CA certificates as PEM for that address."),
    field("bound_issuer", Shape::Text, "\"\"", "The issuer that tokens have to be of."),
    field("default_role", Shape::Text, "\"\"", "The role of logins that name none."),
    field("jwt_supported_algs", Shape::Set, "[]", "Algorithms that are taken; none is all that the engine has."),
];

/// `login "jwt" { ... }` in an app.
static LOGIN: Block = Block {
    word: "login",
    label: Some("The auth method, where `mount` does not say another."),
    doc: "A login with a token that somebody else signed.",
    keys: &token_fields::keys_after::<12, { 12 + token_fields::KEYS }>(
        &KIND,
        [
            Key::field(&KIND, "role_type"),
            Key::field(&KIND, "bound_audiences"),
            Key::field(&KIND, "bound_subject"),
            Key::field(&KIND, "bound_claims"),
            Key::field(&KIND, "bound_claims_type"),
            Key::field(&KIND, "claim_mappings"),
            Key::field(&KIND, "user_claim"),
            Key::field(&KIND, "user_claim_json_pointer"),
            Key::field(&KIND, "groups_claim"),
            Key::field(&KIND, "expiration_leeway"),
            Key::field(&KIND, "not_before_leeway"),
            Key::field(&KIND, "clock_skew_leeway"),
        ],
    ),
    check,
};

/// `config { ... }` in the method's declaration.
static CONFIG_BLOCK: Block = Block {
    word: "config",
    label: None,
    doc: "Whose tokens the method believes.",
    keys: &[
        Key::field(&CONFIG, "jwt_validation_pubkeys"),
        Key::field(&CONFIG, "jwks_url"),
        Key::field(&CONFIG, "jwks_ca_pem"),
        Key::field(&CONFIG, "oidc_discovery_url"),
        Key::field(&CONFIG, "oidc_discovery_ca_pem"),
        Key::field(&CONFIG, "bound_issuer"),
        Key::field(&CONFIG, "default_role"),
        Key::field(&CONFIG, "jwt_supported_algs"),
    ],
    check: check_config,
};

fn check(login: &Declared<'_>) -> Vec<Objection> {
    let mut objections = token_fields::check(login);
    let claims = login.value("bound_claims");
    let claims = claims.as_object();
    let is_bound = !login.texts("bound_audiences").is_empty()
        || !login.text("bound_subject").is_empty()
        || claims.is_some_and(|claims| !claims.is_empty());
    if !is_bound {
        objections.push(Objection {
            key: "bound_claims",
            what: "any token of the issuer could log in".to_owned(),
            hint: "bind it: bound_audiences, bound_subject or bound_claims",
        });
    }
    let is_glob = login.text("bound_claims_type") == "glob";
    for (name, values) in claims.into_iter().flatten() {
        let mut values = values.as_array().into_iter().flatten();
        if is_glob && values.clone().any(|value| !value.is_string()) {
            let what = format!("a value of the claim {name} is no text, and can't be a pattern");
            objections.push(Objection { key: "bound_claims", what, hint: "leave bound_claims_type out" });
        } else if !is_glob && values.any(|value| value.as_str().is_some_and(|text| text.contains('*'))) {
            let what = format!("`*` in a value of the claim {name} is a star, and not any text");
            objections.push(Objection { key: "bound_claims", what, hint: "add bound_claims_type = \"glob\"" });
        }
    }
    for key in ["expiration_leeway", "not_before_leeway", "clock_skew_leeway"] {
        if login.number(key) < -1 {
            let what = format!("{key} is a number of seconds");
            objections.push(Objection { key, what, hint: "0 is the engine's own, and -1 none" });
        }
    }
    if login.text("user_claim").is_empty() {
        let what = "no claim says who logs in".to_owned();
        objections.push(Objection { key: "user_claim", what, hint: "leave user_claim out for `sub`" });
    }
    let mappings = login.value("claim_mappings");
    if mappings.as_object().is_some_and(|map| map.values().any(|name| name == "role")) {
        let what = "the metadata `role` is the role's name".to_owned();
        objections.push(Objection { key: "claim_mappings", what, hint: "take another name" });
    }
    objections
}

fn check_config(config: &Declared<'_>) -> Vec<Objection> {
    let sources = [
        !config.texts("jwt_validation_pubkeys").is_empty(),
        !config.text("jwks_url").is_empty(),
        !config.text("oidc_discovery_url").is_empty(),
    ];
    let has = sources.iter().filter(|has| **has).count();
    let what = if has == 0 { "nobody's tokens are believed" } else { "tokens are believed for two reasons" };
    let objection = Objection {
        key: "oidc_discovery_url",
        what: what.to_owned(),
        hint: "set one of jwt_validation_pubkeys, jwks_url and oidc_discovery_url",
    };
    let mut objections: Vec<Objection> = (has != 1).then_some(objection).into_iter().collect();
    let mut told = |key, what: String, hint| objections.push(Objection { key, what, hint });
    for (key, ca_key) in [("jwks_url", "jwks_ca_pem"), ("oidc_discovery_url", "oidc_discovery_ca_pem")] {
        let (url, ca) = (config.text(key), config.text(ca_key));
        if let Some(what) = proof::address(&url).err().filter(|_| !url.is_empty()) {
            told(key, format!("`{url}` can't be asked: {what}"), "an address is written https://issuer.example.com");
        }
        if let Some(what) = proof::certificates(&ca).err().filter(|_| !ca.trim().is_empty()) {
            told(ca_key, what, proof::CERTIFICATES_HINT);
        }
    }
    if config.text("oidc_discovery_url").contains(".well-known/openid-configuration") {
        let what = "the issuer's address is what comes before /.well-known/openid-configuration".to_owned();
        told("oidc_discovery_url", what, "leave the rest out");
    }
    let keys = config.value("jwt_validation_pubkeys");
    if let Err((at, what)) = proof::keys_of_pem(keys.as_array().into_iter().flatten().filter_map(Value::as_str)) {
        let what = format!("public key {at} is none: {what}");
        told("jwt_validation_pubkeys", what, proof::KEYS_HINT);
    }
    if let Some(name) = proof::unknown_algorithm(config.texts("jwt_supported_algs").iter().map(String::as_str)) {
        let what = format!("`{name}` is no algorithm that tokens can be signed by here");
        told("jwt_supported_algs", what, ALGORITHMS_HINT);
    }
    objections
}

/// Source: RFC 7518, 3.1, and RFC 8037: those with a pair of keys.
const ALGORITHMS_HINT: &str =
    "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA are; leave it out for all of them";

/// Roles of JWT methods.
pub static KIND: Kind = Kind {
    name: "jwt role",
    class: Class::Login,
    home: Home::Below { table: &METHODS, mount_type: "jwt", folder: "role", witness: "token_policies" },
    leases: Leases::None,
    reviewed: Reviewed::Login(&WORDS),
    words: &LOGIN,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse: |data| Ok(token_fields::parse(&FIELDS, data)),
    write: |object, _| token_fields::written(object, &FIELDS),
    special: Special { later: &["groups_claim"], effect: token_fields::role_effect, ..Special::NONE },
};

/// Whom JWT methods believe.
pub static CONFIG: Kind = Kind {
    name: "jwt config",
    class: Class::Config,
    home: Home::Setting { table: &METHODS, mount_type: "jwt", path: "config" },
    leases: Leases::None,
    reviewed: Reviewed::Fields(&Remarks {
        vouching: &[
            "jwt_validation_pubkeys",
            "jwks_url",
            "jwks_ca_pem",
            "oidc_discovery_url",
            "oidc_discovery_ca_pem",
            "bound_issuer",
            "jwt_supported_algs",
        ],
        limiting: &["bound_issuer", "jwt_supported_algs"],
        ..Remarks::NONE
    }),
    words: &CONFIG_BLOCK,
    fields: CONFIG_FIELDS,
    update: Update::Replace,
    delete: Delete::Keep("it stays as it is until the method goes: engines have no call that removes it"),
    parse: parse_config,
    write: write_config,
    special: Special { effect: token_fields::config_effect, ..Special::NONE },
};

/// What Vault and OpenBao answer besides is kept with a write, but for what they only tell.
fn parse_config(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    let mut fields = data.clone();
    fields.remove("status");
    Ok(fields)
}

fn write_config(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let fields = CONFIG_FIELDS.iter().map(|field| (field.name, object.value(field.name)));
    vec![with_others(post(object.path.clone(), fields), live)]
}

/// What a review says of it.
static WORDS: LoginWords = LoginWords {
    method: "a signed token (JWT)",
    takes: binding::takes,
    secret: LoginSecret::None,
    bindings: binding::of,
    alias: UNTOLD,
    said: binding::said,
};
