//! A login by a TLS certificate: `auth/<mount>/certs/<name>` of a cert method, and what the method asks of renewals:
//! `auth/<mount>/config`. Writes merge, so every field is sent.
//!
//! Source: Vault API, "TLS certificates auth method: create CA certificate role" and "configure TLS certificate method".
//! What servers look up elsewhere about a certificate (OCSP, lists of revoked ones) is not described: it only narrows.

use super::field::{Field, Shape};
use super::home::{Home, METHODS};
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Class, Delete, Kind, Leases, Special, Update};
use super::review::{Binding, LoginSecret, LoginWords, Remarks, Reviewed, Said, UNTOLD, Values};
use super::token_fields::{self, field};
use super::wire::{pick, post};
use crate::proof;

const CERTIFICATE: &str = "certificate";
const EXTENSIONS: &str = "required_extensions";
const TOLD: &str = "allowed_metadata_extensions";

/// The fields that bind it, with what each looks at.
const BOUND: [(&str, &str); 6] = [
    ("allowed_common_names", "common name"),
    ("allowed_dns_sans", "DNS name"),
    ("allowed_email_sans", "email address"),
    ("allowed_uri_sans", "URI"),
    ("allowed_organizational_units", "organizational unit"),
    ("allowed_names", "common, DNS or email name"),
];

static FIELDS: [Field; 10 + token_fields::FIELDS] = token_fields::after([
    field(CERTIFICATE, Shape::Text, "\"\"", "CAs whose certificates log in, or the one that does, as PEM."),
    field("allowed_common_names", Shape::Set, "[]", "Patterns of the common name; `*` is any text."),
    field("allowed_dns_sans", Shape::Set, "[]", "Patterns, one of which a DNS name is like."),
    field("allowed_email_sans", Shape::Set, "[]", "Patterns, one of which an email address is like."),
    field("allowed_uri_sans", Shape::Set, "[]", "Patterns, one of which a URI is like."),
    field("allowed_organizational_units", Shape::Set, "[]", "Patterns, one of which an organizational unit is like."),
    field("allowed_names", Shape::Set, "[]", "Patterns, one of which the common name, a DNS or an email name is like."),
    field(EXTENSIONS, Shape::Set, "[]", "OID:PATTERN, all of which the certificate's extensions are like."),
    field(TOLD, Shape::Set, "[]", "OIDs of extensions that become metadata of the tokens."),
    field("display_name", Shape::OwnName, "\"\"", "What tokens are called after the mount; empty is the role's name."),
]);

static CONFIG_FIELDS: [Field; 2] = [
    field("disable_binding", Shape::Bool, "false", "Whether a renewal does without the certificate of the login."),
    field("enable_identity_alias_metadata", Shape::Bool, "false", "Whether identity has the metadata of logins."),
];

/// `login "cert" { ... }` in an app.
static LOGIN: Block = Block {
    word: "login",
    label: Some("The auth method, where `mount` does not say another."),
    doc: "A login with a TLS certificate.",
    keys: &token_fields::keys_after::<10, { 10 + token_fields::KEYS }>(
        &KIND,
        [
            Key::field(&KIND, CERTIFICATE),
            Key::named("common_names", &KIND, "allowed_common_names"),
            Key::named("dns_names", &KIND, "allowed_dns_sans"),
            Key::named("email_addresses", &KIND, "allowed_email_sans"),
            Key::named("uris", &KIND, "allowed_uri_sans"),
            Key::named("organizational_units", &KIND, "allowed_organizational_units"),
            Key::named("names", &KIND, "allowed_names"),
            Key::field(&KIND, EXTENSIONS),
            Key::named("metadata_extensions", &KIND, TOLD),
            Key::field(&KIND, "display_name"),
        ],
    ),
    check,
};

/// `config { ... }` in the method's declaration.
static CONFIG_BLOCK: Block = Block {
    word: "config",
    label: None,
    doc: "What the method asks of renewals, and tells identity.",
    keys: &[Key::field(&CONFIG, "disable_binding"), Key::field(&CONFIG, "enable_identity_alias_metadata")],
    check: |_| Vec::new(),
};

fn check(login: &Declared<'_>) -> Vec<Objection> {
    let mut objections = token_fields::check(login);
    let text = login.text(CERTIFICATE);
    let hint = proof::CERTIFICATES_HINT;
    if text.trim().is_empty() {
        let what = "nobody vouches for the certificates that log in".to_owned();
        objections.push(Objection { key: CERTIFICATE, what, hint: "add certificate: a CA's, or the one that logs in" });
    } else if text.contains("PRIVATE KEY-----") {
        let what = "there is a private key in it, which whoever reads the estate or the engine would have".to_owned();
        objections.push(Objection { key: CERTIFICATE, what, hint: "take it out, and make a new one" });
    } else if let Err(what) = proof::certificates(&text) {
        objections.push(Objection { key: CERTIFICATE, what, hint });
    }
    for required in login.texts(EXTENSIONS) {
        if !required.split_once(':').is_some_and(|(id, _)| is_id(id)) {
            let what = format!("`{required}` names no extension and what it has to be");
            objections.push(Objection { key: EXTENSIONS, what, hint: "required_extensions = [\"1.2.840.1:VALUE\"]" });
        }
    }
    for id in login.texts(TOLD) {
        if !is_id(&id) {
            let what = format!("`{id}` is no id of an extension");
            objections.push(Objection { key: TOLD, what, hint: "it is written 1.2.840.1" });
        }
    }
    objections
}

/// Whether a text is the id of an extension.
fn is_id(text: &str) -> bool {
    text.contains('.') && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Roles of cert methods.
pub static KIND: Kind = Kind {
    name: "cert role",
    class: Class::Login,
    home: Home::Below { table: &METHODS, mount_type: "cert", folder: "certs", witness: CERTIFICATE },
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

/// What cert methods ask of renewals.
pub static CONFIG: Kind = Kind {
    name: "cert config",
    class: Class::Config,
    home: Home::Setting { table: &METHODS, mount_type: "cert", path: "config" },
    leases: Leases::None,
    reviewed: Reviewed::Fields(&Remarks { vouching: &["disable_binding"], ..Remarks::NONE }),
    words: &CONFIG_BLOCK,
    fields: &CONFIG_FIELDS,
    update: Update::Merge,
    delete: Delete::Forget("the method has no call that removes it: it stays until the mount goes"),
    parse: |data| Ok(pick(data, &CONFIG_FIELDS.map(|field| field.name))),
    write: |object, _| {
        vec![post(object.path.clone(), CONFIG_FIELDS.iter().map(|field| (field.name, object.value(field.name))))]
    },
    special: Special::NONE,
};

/// What a review says of it.
static WORDS: LoginWords = LoginWords {
    method: |_| "a TLS certificate",
    way: |_| None,
    takes: |_| "its certificate is good until it ends: no engine here asks whether it was revoked".to_owned(),
    secret: LoginSecret::None,
    bindings,
    alias: UNTOLD,
    said,
};

/// What a certificate has to say, and whose it is: a role that names a CA alone takes whatever that signs.
fn bindings(login: &dyn Values) -> Vec<Binding> {
    let set = |field| login.texts(field).into_iter().collect::<Vec<_>>();
    let bound = BOUND.into_iter().filter(|(field, _)| *field == BOUND[0].0 || !login.texts(field).is_empty());
    let mut bindings: Vec<Binding> = bound.map(|(field, what)| Binding::new(what, field, set(field), true)).collect();
    for required in login.texts(EXTENSIONS) {
        let (id, value) = required.split_once(':').unwrap_or((&required, ""));
        bindings.push(Binding {
            looks_at: format!("{EXTENSIONS}:{id}").into(),
            ..Binding::new(format!("extension {id}"), EXTENSIONS, vec![value.to_owned()], true)
        });
    }
    bindings
}

fn said(field: &'static str, _old: &dyn Values, new: &dyn Values, _from: &str) -> Option<Said> {
    let plain = |now: &str| Some(Said { now: now.to_owned(), was: String::new(), gains: false, field });
    match field {
        CERTIFICATE => {
            let now = "certificates that others vouch for may log in: what the new ones signed, or they themselves";
            Some(Said { gains: true, ..plain(now)? })
        }
        TOLD if new.texts(field).is_empty() => plain("no extensions of certificates become metadata of its tokens"),
        TOLD => plain("other extensions of certificates become metadata of its tokens"),
        "display_name" => plain("its tokens are called something else"),
        _ => None,
    }
}
