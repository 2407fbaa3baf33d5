//! A login by the token of a service account: `auth/<mount>/role/<name>` of a Kubernetes method, and which cluster is
//! asked about tokens: `auth/<mount>/config`. Writes of roles merge, so every field is sent; a write of the configuration
//! replaces all of it, the reviewer's token included, which is never read back.
//!
//! Source: Vault API, "Kubernetes auth method: create role" and "configure method".

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::{Home, METHODS};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Class, Delete, Kind, Leases, Special, Update};
use super::review::{Binding, LoginSecret, LoginWords, Remarks, Reviewed, Said, UNTOLD, Values};
use super::token_fields::{self, field};
use super::wire::{post, with_others};
use crate::proof;

const NAMES: &str = "bound_service_account_names";
const NAMESPACES: &str = "bound_service_account_namespaces";
const SELECTOR: &str = "bound_service_account_namespace_selector";

static FIELDS: [Field; 5 + token_fields::FIELDS] = token_fields::after([
    field(NAMES, Shape::Set, "[]", "Names of service accounts; `*` is any text."),
    field(NAMESPACES, Shape::Set, "[]", "Their namespaces; `*` is any text."),
    field(SELECTOR, Shape::Text, "\"\"", "Labels of namespaces, any one of which will do; engines of others have it."),
    field("audience", Shape::Text, "\"\"", "For whom a token has to be; empty is the cluster itself."),
    field(
        "alias_name_source",
        Shape::OneOf(&["serviceaccount_uid", "serviceaccount_name"]),
        "\"serviceaccount_uid\"",
        "What identity knows an account by.",
    ),
]);

static CONFIG_FIELDS: &[Field] = &[
    field("kubernetes_host", Shape::Text, "\"\"", "The address of the API server."),
    field("kubernetes_ca_cert", Shape::Text, "\"\"", "CA certificates as PEM for it; empty is the engine's own pod's."),
    Field {
        name: "token_reviewer_jwt",
        shape: Shape::Secret,
        default: "\"\"",
        told: Told::WriteOnly,
        immutable: false,
        doc: "The token to ask with; without one the engine's own pod's, or the one that is asked about.",
    },
    field("pem_keys", Shape::Texts, "[]", "Public keys as PEM that tokens have to be signed by, besides."),
    field("issuer", Shape::Text, "\"\"", "The issuer that tokens have to be of, where that is looked at."),
    field("disable_iss_validation", Shape::Bool, "true", "Whether the issuer is not looked at."),
    field("disable_local_ca_jwt", Shape::Bool, "false", "Whether the pod's own certificates and token are not used."),
];

/// `login "kubernetes" { ... }` in an app.
static LOGIN: Block = Block {
    word: "login",
    label: Some("The auth method, where `mount` does not say another."),
    doc: "A login with the token of a service account.",
    keys: &token_fields::keys_after::<5, { 5 + token_fields::KEYS }>(
        &KIND,
        [
            Key::named("service_accounts", &KIND, NAMES),
            Key::named("namespaces", &KIND, NAMESPACES),
            Key::named("namespace_selector", &KIND, SELECTOR),
            Key::field(&KIND, "audience"),
            Key::field(&KIND, "alias_name_source"),
        ],
    ),
    check,
};

/// `config { ... }` in the method's declaration.
static CONFIG_BLOCK: Block = Block {
    word: "config",
    label: None,
    doc: "Which cluster is asked about tokens.",
    keys: &[
        Key::field(&CONFIG, "kubernetes_host"),
        Key::field(&CONFIG, "kubernetes_ca_cert"),
        Key::field(&CONFIG, "token_reviewer_jwt"),
        Key::field(&CONFIG, "pem_keys"),
        Key::field(&CONFIG, "issuer"),
        Key::field(&CONFIG, "disable_iss_validation"),
        Key::field(&CONFIG, "disable_local_ca_jwt"),
    ],
    check: check_config,
};

fn check(login: &Declared<'_>) -> Vec<Objection> {
    let mut objections = token_fields::check(login);
    let (names, namespaces) = (login.texts(NAMES), login.texts(NAMESPACES));
    if names.is_empty() {
        let what = "no service account could log in".to_owned();
        objections.push(Objection { key: NAMES, what, hint: "add service_accounts = [\"...\"]" });
    }
    if namespaces.is_empty() && login.text(SELECTOR).is_empty() {
        let what = "a service account of no namespace could log in".to_owned();
        objections.push(Objection { key: NAMESPACES, what, hint: "add namespaces = [\"...\"]" });
    }
    for (key, word, values) in [(NAMES, "service_accounts", names), (NAMESPACES, "namespaces", namespaces)] {
        if values.len() > 1 && values.contains("*") {
            let what = format!("`*` in {word} is all of them");
            objections.push(Objection { key, what, hint: "leave the others out" });
        }
    }
    objections
}

fn check_config(config: &Declared<'_>) -> Vec<Objection> {
    let objection = |key, what: &str, hint| Objection { key, what: what.to_owned(), hint };
    let mut objections = Vec::new();
    if config.text("kubernetes_host").is_empty() {
        let hint = "kubernetes_host = \"https://kubernetes.default.svc\"";
        objections.push(objection("kubernetes_host", "no cluster is asked", hint));
    }
    let told = |key, what: String, hint| Objection { key, what, hint };
    let host = config.text("kubernetes_host");
    if let Some(what) = proof::address(&host).err().filter(|_| !host.is_empty()) {
        let hint = "an address is written https://kubernetes.default.svc";
        objections.push(told("kubernetes_host", format!("`{host}` can't be asked: {what}"), hint));
    }
    let ca = config.text("kubernetes_ca_cert");
    if let Some(what) = proof::certificates(&ca).err().filter(|_| !ca.trim().is_empty()) {
        objections.push(told("kubernetes_ca_cert", what, proof::CERTIFICATES_HINT));
    }
    let keys = config.value("pem_keys");
    if let Err((at, what)) = proof::keys_of_pem(keys.as_array().into_iter().flatten().filter_map(Value::as_str)) {
        let what = format!("public key {at} is none: {what}");
        objections.push(told("pem_keys", what, proof::KEYS_HINT));
    }
    if config.flag("disable_local_ca_jwt") && config.text("kubernetes_ca_cert").is_empty() {
        let hint = "add kubernetes_ca_cert";
        objections.push(objection(
            "disable_local_ca_jwt",
            "without the pod's own certificates others are needed",
            hint,
        ));
    }
    objections
}

/// Roles of Kubernetes methods.
pub static KIND: Kind = Kind {
    name: "kubernetes role",
    class: Class::Login,
    home: Home::Below { table: &METHODS, mount_type: "kubernetes", folder: "role", witness: "token_policies" },
    leases: Leases::None,
    reviewed: Reviewed::Login(&WORDS),
    words: &LOGIN,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse: |data| Ok(token_fields::parse(&FIELDS, data)),
    write: |object, _| token_fields::written(object, &FIELDS),
    special: Special { effect: token_fields::role_effect, ..Special::NONE },
};

/// Which clusters Kubernetes methods ask.
pub static CONFIG: Kind = Kind {
    name: "kubernetes config",
    class: Class::Config,
    home: Home::Setting { table: &METHODS, mount_type: "kubernetes", path: "config" },
    leases: Leases::None,
    reviewed: Reviewed::Fields(&Remarks {
        vouching: &["kubernetes_host", "kubernetes_ca_cert", "pem_keys", "issuer", "disable_iss_validation"],
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

/// What Vault and OpenBao answer besides is kept with a write.
fn parse_config(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    Ok(data.clone())
}

fn write_config(object: &Object, live: Option<&Live>) -> Vec<Call> {
    if object.unresolved().next().is_some() {
        return Vec::new();
    }
    let readable = CONFIG_FIELDS.iter().filter(|field| field.told == Told::Readable);
    let readable = readable.map(|field| (field.name, object.value(field.name)));
    let reviewer = object.secret("token_reviewer_jwt").map_or("", |secret| secret.expose());
    let fields = readable.chain([("token_reviewer_jwt", Value::from(reviewer))]);
    vec![with_others(post(object.path.clone(), fields), live)]
}

/// What a review says of it.
static WORDS: LoginWords = LoginWords {
    method: |_| "a service account of Kubernetes",
    way: |_| None,
    takes: |_| "its token is good until it ends or its pod does".to_owned(),
    secret: LoginSecret::None,
    bindings,
    alias: UNTOLD,
    said,
};

fn bindings(login: &dyn Values) -> Vec<Binding> {
    let set = |field| login.texts(field).into_iter().collect::<Vec<_>>();
    let audience = Some(login.text("audience")).filter(|audience| !audience.is_empty());
    let mut bindings = vec![
        Binding::new("service account", NAMES, set(NAMES), true),
        Binding {
            before: Some("a token for"),
            any: "a token for the cluster itself",
            ..Binding::new("audience", "audience", audience.into_iter().collect(), false)
        },
    ];
    // Whoever may label a namespace may let it in.
    let selector = login.text(SELECTOR);
    let mut namespaces = set(NAMESPACES);
    if !selector.is_empty() {
        namespaces.push(format!("* with the labels {selector}"));
    }
    bindings.insert(0, Binding::new("namespace", NAMESPACES, namespaces, true));
    bindings
}

fn said(field: &'static str, _old: &dyn Values, new: &dyn Values, _from: &str) -> Option<Said> {
    let now = || format!("identity knows its accounts by {}", new.text(field));
    // Whoever is called by it what another was called before is taken for that one, policies included.
    (field == "alias_name_source").then(|| Said { now: now(), was: String::new(), gains: true, field })
}
