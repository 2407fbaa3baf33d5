//! A login by a token that somebody else signed, or with a browser at whoever signs it: `auth/<mount>/role/<name>` of a JWT
//! method, and whom the method believes: `auth/<mount>/config`. Writes of roles merge, so every field is sent; a write of
//! the configuration replaces all of it, the client's secret included, which is never read back.
//!
//! Methods of the type `oidc` are the same, and have kinds of their own (`oidc_role.rs`): their roles are for browsers
//! where they don't say.
//!
//! Source: Vault API, "JWT/OIDC auth method: create role" and "configure". Claims of tokens: GitHub, "OpenID Connect
//! reference"; GitLab, "OpenID Connect (OIDC) authentication using ID tokens"; Kubernetes, "Service account tokens".

mod binding;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::{Home, METHODS};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Class, Delete, Kind, Leases, Special, Update};
use super::review::{LoginSecret, LoginWords, Remarks, Reviewed, UNTOLD, Values};
use super::token_fields::{self, field};
use super::wire::{post, with_others};
use crate::proof;

/// How many fields, and keys, are of this login alone.
const OWN: usize = 15;

/// The fields of a login, and the keys of its block.
pub(super) type Fields = [Field; OWN + token_fields::FIELDS];
pub(super) type Keys = [Key; OWN + token_fields::KEYS];

/// What a role's type can be: what somebody shows who logs in.
const JWT: &str = "jwt";
const OIDC: &str = "oidc";

static FIELDS: Fields = fields("\"jwt\"");

/// The fields of a login of this type where it says none, as JSON.
pub(super) const fn fields(role_type: &'static str) -> Fields {
    token_fields::after([
        field(
            "role_type",
            Shape::OneOf(&[JWT, OIDC]),
            role_type,
            "Whether a login shows a signed token (jwt), or takes place in a browser at the issuer (oidc).",
        ),
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
        field(REDIRECTS, Shape::Set, "[]", "Where browsers may come back to; of role_type oidc."),
        field(SCOPES, Shape::Set, "[]", "What the issuer is asked for besides openid; of role_type oidc."),
        field(MAX_AGE, Shape::Seconds, "0", "How long ago somebody may have logged in at the issuer; 0 is any time."),
    ])
}

const REDIRECTS: &str = "allowed_redirect_uris";
const SCOPES: &str = "oidc_scopes";
const MAX_AGE: &str = "max_age";
const CLIENT_SECRET: &str = "oidc_client_secret";

pub(super) static CONFIG_FIELDS: &[Field] = &[
    field("jwt_validation_pubkeys", Shape::Texts, "[]", "Public keys as PEM."),
    field("jwks_url", Shape::Text, "\"\"", "The address of the keys."),
    field("jwks_ca_pem", Shape::Text, "\"\"", "CA certificates as PEM for that address; empty is the system's."),
    field("oidc_discovery_url", Shape::Text, "\"\"", "The issuer, which says where its keys are."),
    field("oidc_discovery_ca_pem", Shape::Text, "\"\"", "CA certificates as PEM for that address."),
    field("bound_issuer", Shape::Text, "\"\"", "The issuer that tokens have to be of."),
    field("default_role", Shape::Text, "\"\"", "The role of logins that name none."),
    field("jwt_supported_algs", Shape::Set, "[]", "Algorithms that are taken; none is all that the engine has."),
    field("oidc_client_id", Shape::Text, "\"\"", "As whose client people log in with a browser."),
    Field {
        name: CLIENT_SECRET,
        shape: Shape::Secret,
        default: "\"\"",
        told: Told::WriteOnly,
        immutable: false,
        doc: "The secret of that client.",
    },
];

/// `login "jwt" { ... }` in an app.
static LOGIN: Block = Block {
    word: "login",
    label: Some("The auth method, where `mount` does not say another."),
    doc: "A login with a token that somebody else signed, or with a browser at whoever signs it.",
    keys: &KEYS,
    check,
};

static KEYS: Keys = keys(&KIND);

/// The keys of a login's block.
pub(super) const fn keys(kind: &'static Kind) -> Keys {
    token_fields::keys_after::<OWN, { OWN + token_fields::KEYS }>(
        kind,
        [
            Key::field(kind, "role_type"),
            Key::field(kind, "bound_audiences"),
            Key::field(kind, "bound_subject"),
            Key::field(kind, "bound_claims"),
            Key::field(kind, "bound_claims_type"),
            Key::field(kind, "claim_mappings"),
            Key::field(kind, "user_claim"),
            Key::field(kind, "user_claim_json_pointer"),
            Key::field(kind, "groups_claim"),
            Key::field(kind, "expiration_leeway"),
            Key::field(kind, "not_before_leeway"),
            Key::field(kind, "clock_skew_leeway"),
            Key::field(kind, REDIRECTS),
            Key::field(kind, SCOPES),
            Key::field(kind, MAX_AGE),
        ],
    )
}

/// `config { ... }` in the method's declaration.
static CONFIG_BLOCK: Block = config_block(&CONFIG_KEYS);

static CONFIG_KEYS: ConfigKeys = config_keys(&CONFIG);

/// The keys of a method's settings.
pub(super) type ConfigKeys = [Key; 10];

/// The block of a method's settings.
pub(super) const fn config_block(keys: &'static ConfigKeys) -> Block {
    let doc = "Whose tokens the method believes, and as whose client people log in.";
    Block { word: "config", label: None, doc, keys, check: check_config }
}

/// The keys of a method's settings.
pub(super) const fn config_keys(kind: &'static Kind) -> ConfigKeys {
    [
        Key::field(kind, "jwt_validation_pubkeys"),
        Key::field(kind, "jwks_url"),
        Key::field(kind, "jwks_ca_pem"),
        Key::field(kind, "oidc_discovery_url"),
        Key::field(kind, "oidc_discovery_ca_pem"),
        Key::field(kind, "bound_issuer"),
        Key::field(kind, "default_role"),
        Key::field(kind, "jwt_supported_algs"),
        Key::field(kind, "oidc_client_id"),
        Key::field(kind, CLIENT_SECRET),
    ]
}

pub(super) fn check(login: &Declared<'_>) -> Vec<Objection> {
    let mut objections = token_fields::check(login);
    let claims = login.value("bound_claims");
    let claims = claims.as_object();
    let is_bound = !login.texts("bound_audiences").is_empty()
        || !login.text("bound_subject").is_empty()
        || claims.is_some_and(|claims| !claims.is_empty());
    if login.text("role_type") == OIDC {
        objections.extend(check_redirects(&login.texts(REDIRECTS)));
    } else if let Some(key) = [REDIRECTS, SCOPES].into_iter().find(|key| !login.texts(key).is_empty()) {
        objections.push(of_browsers(key));
    } else if login.number(MAX_AGE) != 0 {
        objections.push(of_browsers(MAX_AGE));
    } else if !is_bound {
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

fn of_browsers(key: &'static str) -> Objection {
    let what = format!("{key} is of logins with a browser");
    Objection { key, what, hint: "add role_type = \"oidc\", or leave it out" }
}

/// What is wrong with where browsers come back to.
fn check_redirects(uris: &BTreeSet<String>) -> Vec<Objection> {
    let objection = |what, hint| Objection { key: REDIRECTS, what, hint };
    if uris.is_empty() {
        let hint = "add allowed_redirect_uris = [\"http://localhost:8250/oidc/callback\"] for `leasehold login`";
        return vec![objection("no browser could come back".to_owned(), hint)];
    }
    let wrong = |uri: &String| {
        let whole = "an address is written whole: https://engine.example.com/callback";
        if let Err(what) = proof::address(uri) {
            return Some(objection(format!("no browser can come back to `{uri}`: {what}"), whole));
        }
        uri.contains(['#', '*']).then(|| {
            objection(format!("`{uri}` is compared as it stands there: it has no `#`, and `*` is a star"), whole)
        })
    };
    uris.iter().filter_map(wrong).collect()
}

pub(super) fn check_config(config: &Declared<'_>) -> Vec<Objection> {
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
    let has_client = !config.text("oidc_client_id").is_empty();
    if has_client && config.text("oidc_discovery_url").is_empty() {
        let what = "whose client it is says the issuer's address alone".to_owned();
        told("oidc_client_id", what, "set oidc_discovery_url");
    }
    if has_client != config.fields.contains_key(CLIENT_SECRET) {
        let what = if has_client {
            "a client shows its secret where a code becomes a token"
        } else {
            "a secret of no client opens nothing"
        };
        told(
            CLIENT_SECRET,
            what.to_owned(),
            "set both, oidc_client_id and oidc_client_secret = \"secret:...\", or neither",
        );
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
    parse: |data| Ok(token_fields::parse(&FIELDS, data)),
    write: |object, _| token_fields::written(object, &FIELDS),
    ..role("jwt role", "jwt", &LOGIN, &FIELDS)
};

/// Whom JWT methods believe.
pub static CONFIG: Kind = config("jwt config", "jwt", &CONFIG_BLOCK);

/// The kind of the logins of a method of this type.
pub(super) const fn role(
    name: &'static str,
    mount_type: &'static str,
    words: &'static Block,
    fields: &'static Fields,
) -> Kind {
    Kind {
        name,
        class: Class::Login,
        home: Home::Below { table: &METHODS, mount_type, folder: "role", witness: "token_policies" },
        leases: Leases::None,
        reviewed: Reviewed::Login(&WORDS),
        words,
        fields,
        update: Update::Merge,
        delete: Delete::ByPath,
        parse: |data| Ok(token_fields::parse(&FIELDS, data)),
        write: |object, _| token_fields::written(object, &FIELDS),
        special: Special {
            later: &["groups_claim", REDIRECTS, SCOPES, MAX_AGE],
            effect: token_fields::role_effect,
            ..Special::NONE
        },
    }
}

/// The kind of the settings of a method of this type.
pub(super) const fn config(name: &'static str, mount_type: &'static str, words: &'static Block) -> Kind {
    Kind {
        name,
        class: Class::Config,
        home: Home::Setting { table: &METHODS, mount_type, path: "config" },
        leases: Leases::None,
        reviewed: Reviewed::Fields(&REMARKS),
        words,
        fields: CONFIG_FIELDS,
        update: Update::Replace,
        delete: Delete::Keep("it stays as it is until the method goes: engines have no call that removes it"),
        parse: parse_config,
        write: write_config,
        special: Special {
            later: &["oidc_client_id", CLIENT_SECRET],
            effect: token_fields::config_effect,
            ..Special::NONE
        },
    }
}

static REMARKS: Remarks = Remarks {
    vouching: &[
        "jwt_validation_pubkeys",
        "jwks_url",
        "jwks_ca_pem",
        "oidc_discovery_url",
        "oidc_discovery_ca_pem",
        "bound_issuer",
        "jwt_supported_algs",
        "oidc_client_id",
    ],
    limiting: &["bound_issuer", "jwt_supported_algs"],
    ..Remarks::NONE
};

/// What Vault and OpenBao answer besides is kept with a write, but for what they only tell.
fn parse_config(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    let mut fields = data.clone();
    fields.remove("status");
    Ok(fields)
}

fn write_config(object: &Object, live: Option<&Live>) -> Vec<Call> {
    if object.unresolved().next().is_some() {
        return Vec::new();
    }
    let readable = CONFIG_FIELDS.iter().filter(|field| field.told == Told::Readable);
    let readable = readable.map(|field| (field.name, object.value(field.name)));
    let secret = object.secret(CLIENT_SECRET).map_or("", |secret| secret.expose());
    vec![with_others(post(object.path.clone(), readable.chain([(CLIENT_SECRET, Value::from(secret))])), live)]
}

/// What a review says of it.
static WORDS: LoginWords = LoginWords {
    method: |login| if login.text("role_type") == OIDC { "a browser (OIDC)" } else { "a signed token (JWT)" },
    way: |login| Some(if login.text("role_type") == OIDC { OIDC } else { JWT }),
    takes: binding::takes,
    secret: LoginSecret::None,
    bindings: binding::of,
    alias: UNTOLD,
    said: binding::said,
};
