//! A login by a key of AWS: `auth/<mount>/role/<name>` of an AWS method, and how AWS is asked whose key it is:
//! `auth/<mount>/config/client`. Writes merge, so every field is sent, but for a key that the engine has
//! without us: it may have made it (`config/rotate-root`). The secret key is never read back.
//!
//! Source: Vault API, "AWS auth method: create role" and "configure client".

use serde_json::Value;

use super::call::Call;
use super::field::{Field, Shape, Told};
use super::home::{Home, METHODS};
use super::kind::key::RootKey;
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Class, Delete, Kind, Leases, Special, Update};
use super::review::{Binding, LoginSecret, LoginWords, Remarks, Reviewed, Said, UNTOLD, Values};
use super::token_fields::{self, field};
use super::wire::{pick, post};
use crate::iam::arn::Arn;

const PRINCIPALS: &str = "bound_iam_principal_arn";
const RESOLVE: &str = "resolve_aws_unique_ids";

static FIELDS: [Field; 3 + token_fields::FIELDS] = token_fields::after([
    field("auth_type", Shape::OneOf(&["iam"]), "\"iam\"", "That a login shows a request that is signed for STS."),
    field(PRINCIPALS, Shape::Set, "[]", "ARNs of users and roles of AWS; `*` at the end is any text."),
    Field {
        name: RESOLVE,
        shape: Shape::Bool,
        default: "true",
        told: Told::Readable,
        immutable: true,
        doc: "Whether one that is made anew under its name is another.",
    },
]);

static CLIENT_FIELDS: &[Field] = &[
    field("access_key", Shape::Text, "\"\"", "The key to ask IAM with; without one what the engine's machine has."),
    Field {
        name: "secret_key",
        shape: Shape::Secret,
        default: "\"\"",
        told: Told::WriteOnly,
        immutable: false,
        doc: "Its secret.",
    },
    field("iam_endpoint", Shape::Text, "\"\"", "Another address of IAM."),
    field("sts_endpoint", Shape::Text, "\"\"", "Another address of STS, which logins are judged by."),
    field("sts_region", Shape::Text, "\"\"", "The region of that address."),
    field("use_sts_region_from_client", Shape::Bool, "false", "Whether STS is asked in the region of the signature."),
    field("iam_server_id_header_value", Shape::Text, "\"\"", "For which server requests have to be signed."),
    field("allowed_sts_header_values", Shape::Set, "[]", "Headers of AWS's that requests may have besides."),
    field("max_retries", Shape::Int, "-1", "How often AWS is asked again; below 0 is the engine's own."),
];

/// `login "aws" { ... }` in an app.
static LOGIN: Block = Block {
    word: "login",
    label: Some("The auth method, where `mount` does not say another."),
    doc: "A login with a key of AWS.",
    keys: &token_fields::keys_after::<3, { 3 + token_fields::KEYS }>(
        &KIND,
        [
            Key::field(&KIND, "auth_type"),
            Key::named("principals", &KIND, PRINCIPALS),
            Key::named("resolve_unique_ids", &KIND, RESOLVE),
        ],
    ),
    check,
};

/// `config { ... }` in the method's declaration.
static CLIENT_BLOCK: Block = Block {
    word: "config",
    label: None,
    doc: "How AWS is asked.",
    keys: &[
        Key::written(&CLIENT, "access_key"),
        Key::field(&CLIENT, "secret_key"),
        Key::on_rotate(),
        Key::field(&CLIENT, "iam_endpoint"),
        Key::field(&CLIENT, "sts_endpoint"),
        Key::field(&CLIENT, "sts_region"),
        Key::field(&CLIENT, "use_sts_region_from_client"),
        Key::field(&CLIENT, "iam_server_id_header_value"),
        Key::field(&CLIENT, "allowed_sts_header_values"),
        Key::field(&CLIENT, "max_retries"),
    ],
    check: check_client,
};

/// The part of an ARN behind the account: `role/app/web`.
fn resource(arn: &str) -> Option<&str> {
    Arn::parse(arn).filter(|arn| arn.service == "iam" && !arn.account.is_empty()).map(|arn| arn.resource)
}

fn check(login: &Declared<'_>) -> Vec<Objection> {
    let mut objections = token_fields::check(login);
    let mut object = |what: String, hint| objections.push(Objection { key: PRINCIPALS, what, hint });
    let principals = login.texts(PRINCIPALS);
    if principals.is_empty() {
        object("no user or role of AWS could log in".to_owned(), "add principals = [\"arn:aws:iam::...:role/...\"]");
    }
    for arn in &principals {
        let exact = arn.strip_suffix('*').unwrap_or(arn);
        if exact.trim_start_matches('*').contains('*') {
            let what = format!("`*` within {arn} is a star, and not any text");
            object(what, "a star at the end is any text");
        } else if exact.len() == arn.len() {
            let resource = resource(arn).filter(|it| it.starts_with("role/") || it.starts_with("user/"));
            let has_path = resource.is_some_and(|resource| resource.matches('/').count() > 1);
            if resource.is_none() {
                object(format!("{arn} is not the ARN of a user or a role"), "arn:aws:iam::ACCOUNT:role/NAME");
            } else if has_path && !login.flag(RESOLVE) {
                let what = format!("{arn} has a path, which is not looked at without resolve_unique_ids");
                object(what, "leave the path out, or resolve_unique_ids");
            }
        }
    }
    objections
}

fn check_client(config: &Declared<'_>) -> Vec<Objection> {
    let has = |key| config.written.contains(&key);
    let objection = |key, what: &str, hint| Objection { key, what: what.to_owned(), hint };
    match (has("access_key"), has("secret_key")) {
        (true, false) => vec![objection("access_key", "a key without its secret", "add secret_key = \"secret:...\"")],
        (false, true) => vec![objection("secret_key", "a secret without its key", "add access_key")],
        _ => Vec::new(),
    }
}

/// Roles of AWS methods.
pub static KIND: Kind = Kind {
    name: "aws auth role",
    class: Class::Login,
    home: Home::Below { table: &METHODS, mount_type: "aws", folder: "role", witness: "token_policies" },
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

/// How AWS methods ask.
pub static CLIENT: Kind = Kind {
    name: "aws auth config",
    class: Class::Config,
    home: Home::Setting { table: &METHODS, mount_type: "aws", path: "config/client" },
    leases: Leases::None,
    reviewed: Reviewed::Fields(&Remarks {
        vouching: &[
            "iam_endpoint",
            "sts_endpoint",
            "use_sts_region_from_client",
            "iam_server_id_header_value",
            "allowed_sts_header_values",
        ],
        ..Remarks::NONE
    }),
    words: &CLIENT_BLOCK,
    fields: CLIENT_FIELDS,
    update: Update::Merge,
    delete: Delete::Forget("without a configuration the method asks AWS as usual"),
    parse: |data| Ok(pick(data, &names(CLIENT_FIELDS))),
    write: write_client,
    special: Special { key: Some(&KEY), effect: token_fields::config_effect, ..Special::NONE },
};

/// The key. What it issues is in the engine alone, so whichever account it is of, nothing is left behind.
static KEY: RootKey = RootKey { id: "access_key", secret: "secret_key", block: "config", is_same_account: |_, _| true };

fn names(fields: &[Field]) -> Vec<&'static str> {
    fields.iter().filter(|field| field.told == Told::Readable).map(|field| field.name).collect()
}

fn write_client(object: &Object, _live: Option<&Live>) -> Vec<Call> {
    if object.unresolved().next().is_some() {
        return Vec::new();
    }
    let fields = names(CLIENT_FIELDS).into_iter().map(|name| (name, object.value(name)));
    if object.fields.contains_key(KEY.id) && !object.fields.contains_key(KEY.secret) {
        // A key that the engine has without us stays, for what is not sent stays.
        return vec![post(object.path.clone(), fields.filter(|(name, _)| *name != KEY.id))];
    }
    let secret = object.secret(KEY.secret).map_or("", |secret| secret.expose());
    vec![post(object.path.clone(), fields.chain([(KEY.secret, Value::from(secret))]))]
}

/// What a review says of it.
static WORDS: LoginWords = LoginWords {
    method: |_| "a key of AWS",
    way: |_| None,
    takes: |_| "a signed request is good for 15 minutes".to_owned(),
    secret: LoginSecret::None,
    bindings,
    alias: UNTOLD,
    said,
};

fn bindings(login: &dyn Values) -> Vec<Binding> {
    let principals = login.texts(PRINCIPALS).into_iter().collect();
    vec![Binding {
        wide: &[
            (":role/*", "role of the account"),
            (":user/*", "user of the account"),
            (":*", "user or role of the account"),
        ],
        ..Binding::new("user or role of AWS", PRINCIPALS, principals, true)
    }]
}

fn said(field: &'static str, _old: &dyn Values, new: &dyn Values, _from: &str) -> Option<Said> {
    let gains = !new.flag(field);
    let now = match gains {
        true => "a user or role of AWS that is made anew under its name may log in, too",
        false => "a user or role of AWS that is made anew under its name is another, and may not log in",
    };
    (field == RESOLVE).then(|| Said { now: now.to_owned(), was: String::new(), gains, field })
}
