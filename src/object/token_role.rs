//! A token role: `auth/token/roles/<name>`. Who may update `auth/token/create/<name>` makes tokens with the policies that
//! it allows, also those that they lack. Writes merge, so every field is sent.
//!
//! Source: Vault API, "Token auth method: create/update token role".

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape};
use super::home::Home;
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{BATCH, Reviewed, Rights, Said, Values};
use super::token_fields::{self, field};
use super::wire::pick;
use crate::text::count;
use crate::units::duration;

static FIELDS: &[Field] = &[
    field("allowed_policies", Shape::Set, "[]", "Policies that its tokens may have; none: those of who makes them."),
    field("allowed_policies_glob", Shape::Set, "[]", "The same, with `*` for any text."),
    field("disallowed_policies", Shape::Set, "[]", "Policies that no token of it may have."),
    field("disallowed_policies_glob", Shape::Set, "[]", "The same, with `*` for any text."),
    field("allowed_entity_aliases", Shape::Set, "[]", "By which names a token may have an entity; `*` is any text."),
    field("orphan", Shape::Bool, "false", "Whether its tokens outlive the token that made them."),
    field("renewable", Shape::Bool, "true", "Whether its tokens can be renewed."),
    field(
        "path_suffix",
        Shape::Text,
        "\"\"",
        "What stands behind the path of its tokens, by which they can be revoked.",
    ),
    field("token_period", Shape::Seconds, "0", "A token that may be renewed for ever, by this much each time."),
    field("token_explicit_max_ttl", Shape::Seconds, "0", "How long a token lives at most, with all renewals."),
    field("token_num_uses", Shape::Int, "0", "How many requests a token is good for; 0 is any number."),
    field("token_bound_cidrs", Shape::Cidrs, "[]", "Networks from which a token may be used."),
    field("token_no_default_policy", Shape::Bool, "false", "Whether a token goes without the policy `default`."),
    field(
        "token_type",
        Shape::OneOf(&["default-service", "service", "default-batch", "batch"]),
        "\"default-service\"",
        "The type of token.",
    ),
];

/// `token_role "name" { ... }`.
pub static TOKEN_ROLE: Block = Block {
    word: "token_role",
    label: Some("The role's name."),
    doc: "Which tokens somebody may make who may update auth/token/create with its name.",
    keys: &[
        Key::field(&KIND, "allowed_policies"),
        Key::field(&KIND, "allowed_policies_glob"),
        Key::field(&KIND, "disallowed_policies"),
        Key::field(&KIND, "disallowed_policies_glob"),
        Key::field(&KIND, "allowed_entity_aliases"),
        Key::field(&KIND, "orphan"),
        Key::field(&KIND, "renewable"),
        Key::field(&KIND, "path_suffix"),
        Key::field(&KIND, "token_period"),
        Key::field(&KIND, "token_explicit_max_ttl"),
        Key::field(&KIND, "token_num_uses"),
        Key::field(&KIND, "token_bound_cidrs"),
        Key::field(&KIND, "token_no_default_policy"),
        Key::field(&KIND, "token_type"),
        Key::life(),
    ],
    check,
};

/// The role itself, and where tokens are made by it.
fn written_at(path: &str) -> Vec<String> {
    let name = path.rsplit('/').next().unwrap_or_default();
    vec![path.to_owned(), format!("auth/token/create/{name}")]
}

/// The fields that hold names, which engines keep in lower case.
const NAMES: [&str; 5] = [
    "allowed_policies",
    "allowed_policies_glob",
    "disallowed_policies",
    "disallowed_policies_glob",
    "allowed_entity_aliases",
];

fn check(role: &Declared<'_>) -> Vec<Objection> {
    let mut objections: Vec<Objection> = token_fields::count(role, "token_num_uses").into_iter().collect();
    for key in NAMES {
        let odd = |name: &String| name.to_lowercase() != *name || name.trim() != name || name.is_empty();
        if let Some(name) = role.texts(key).iter().find(|name| odd(name)) {
            let what = format!("{key} can't have {name:?}: engines keep such names in lower case, without blanks");
            objections.push(Objection { key, what, hint: "write it in lower case" });
        }
    }
    let batch = role.text("token_type") == "batch";
    for (is_set, key, what, hint) in [
        (!role.flag("orphan"), "orphan", "has to be for orphans", "write orphan = true"),
        (role.flag("renewable"), "renewable", "can't let them be renewed", "write renewable = false"),
        (role.number("token_period") > 0, "token_period", "can't give them a period", "leave it out"),
        (
            role.number("token_explicit_max_ttl") > 0,
            "token_explicit_max_ttl",
            "can't give them a hard end",
            "leave it out",
        ),
        (role.number("token_num_uses") > 0, "token_num_uses", "can't count their uses", "leave it out"),
    ] {
        if batch && is_set {
            objections.push(Objection { key, what: format!("a role for batch tokens alone {what}"), hint });
        }
    }
    if role.texts("allowed_policies").contains("root") {
        let what = "tokens of a role with the policy root may do everything, and only root may make them".to_owned();
        objections.push(Objection { key: "allowed_policies", what, hint: "name the policies that are meant" });
    }
    objections
}

/// Token roles.
pub static KIND: Kind = Kind {
    name: "token role",
    class: Class::Config,
    home: Home::Folder { path: "auth/token/roles", witness: "orphan" },
    leases: Leases::None,
    reviewed: Reviewed::Rights(&Rights { said, gone: "nobody makes tokens by it any more", person: None }),
    words: &TOKEN_ROLE,
    fields: FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse,
    write,
    special: Special { effect, written_at, ..Special::NONE },
};

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    Ok(pick(data, &names))
}

fn write(object: &Object, _live: Option<&Live>) -> Vec<Call> {
    token_fields::written(object, FIELDS)
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) => None,
        Changed::Updated(..) => {
            Some("tokens already issued keep their policies; renewals go by it from now on".to_owned())
        }
        Changed::Deleted(_) => Some("no new tokens of it; those already issued can't be renewed".to_owned()),
    }
}

/// What it is that tokens of a role may have, in words.
fn policies(role: &dyn Values) -> String {
    let globs = role.texts("allowed_policies_glob");
    let is_any = globs.contains("*");
    let named = role.texts("allowed_policies").into_iter();
    let like = globs.into_iter().map(|glob| format!("any like {glob}"));
    let allowed: Vec<String> = named.chain(like).collect();
    let not: Vec<String> =
        ["disallowed_policies", "disallowed_policies_glob"].iter().flat_map(|field| role.texts(field)).collect();
    let what = match (allowed.is_empty(), not.is_empty()) {
        _ if is_any => "any policy".to_owned(),
        (false, _) => format!("the policies {}", allowed.join(", ")),
        (true, true) => return "the policies of who makes them".to_owned(),
        (true, false) => "any policy".to_owned(),
    };
    if not.is_empty() { what } else { format!("{what}, but not {}", not.join(", ")) }
}

/// How long a token of a role lives, in words.
fn life(role: &dyn Values) -> String {
    let max = role.number("token_explicit_max_ttl");
    let limit = if max > 0 { format!("for {} at most", duration::shown(max)) } else { String::new() };
    match (role.flag("renewable"), role.number("token_period"), max) {
        (true, 1.., 0) => "for ever, while they are renewed".to_owned(),
        (_, _, 1..) => limit,
        (true, 0, 0) => "as long as the engine renews them".to_owned(),
        _ => "until they end, for they can't be renewed".to_owned(),
    }
}

fn said(name: &str, old: Option<&dyn Values>, new: &dyn Values) -> Vec<Said> {
    let Some(old) = old else {
        let from = match new.texts("token_bound_cidrs").is_empty() {
            true => "from anywhere".to_owned(),
            false => format!("from {}", joined(&new.texts("token_bound_cidrs"))),
        };
        let orphan = if new.flag("orphan") { ", and outlive who made them" } else { "" };
        let now = format!(
            "who may update auth/token/create/{name} may now make tokens with {}: they work {}, {from}{orphan}",
            policies(new),
            life(new)
        );
        let field = NAMES[..4].iter().find(|field| !new.texts(field).is_empty()).copied();
        return vec![Said { now, was: String::new(), gains: true, field: field.unwrap_or("allowed_policies") }];
    };
    let mut all = Vec::new();
    if policies(old) != policies(new) {
        let gains = !Lists::of(old).covers(&Lists::of(new));
        let field = NAMES[..4].iter().find(|field| old.texts(field) != new.texts(field)).copied();
        let now = format!("its tokens may have {}", policies(new));
        all.push(Said { now, was: policies(old), gains, field: field.unwrap_or("allowed_policies") });
    }
    if life(old) != life(new) || old.number("token_period") != new.number("token_period") {
        let [before, after] = [old, new].map(|side| side.number("token_explicit_max_ttl"));
        let is_shorter = before == after || after != 0 && (before == 0 || after < before);
        let is_renewed_less = old.flag("renewable") >= new.flag("renewable");
        let [before, after] = [old, new].map(|side| side.number("token_period"));
        let gains = !(is_shorter && is_renewed_less && after <= before);
        let field = ["token_period", "token_explicit_max_ttl", "renewable"];
        let field = field.into_iter().find(|field| old.value(field) != new.value(field)).unwrap_or("renewable");
        all.push(Said { now: format!("its tokens work {}", life(new)), was: life(old), gains, field });
    }
    all.extend(of_fields(old, new));
    all
}

/// Which policies tokens may have, to be compared.
struct Lists {
    allowed: BTreeSet<String>,
    disallowed: BTreeSet<String>,
}

impl Lists {
    fn of(role: &dyn Values) -> Self {
        let both = |fields: &[&str]| fields.iter().flat_map(|field| role.texts(field)).collect();
        Self { allowed: both(&NAMES[..2]), disallowed: both(&NAMES[2..4]) }
    }

    /// Whether it surely allows all that the other one does.
    fn covers(&self, other: &Self) -> bool {
        let any = self.allowed.is_empty() && !self.disallowed.is_empty() || self.allowed.contains("*");
        let same_kind = self.allowed.is_empty() == other.allowed.is_empty()
            && (!self.allowed.is_empty() || self.disallowed.is_empty() == other.disallowed.is_empty());
        (same_kind && other.allowed.is_subset(&self.allowed) || any) && self.disallowed.is_subset(&other.disallowed)
    }
}

/// What the other fields mean, where they differ.
fn of_fields(old: &dyn Values, new: &dyn Values) -> Vec<Said> {
    let plain = |field: &'static str, now: String, was: String, gains: bool| {
        (old.value(field) != new.value(field)).then_some(Said { now, was, gains, field })
    };
    let orphan = |role: &dyn Values| match role.flag("orphan") {
        true => "its tokens outlive who made them".to_owned(),
        false => "its tokens end with who made them".to_owned(),
    };
    let default = |role: &dyn Values| match role.flag("token_no_default_policy") {
        true => "its tokens go without the policy default".to_owned(),
        false => "its tokens have the policy default too".to_owned(),
    };
    let networks = |role: &dyn Values| match joined(&role.texts("token_bound_cidrs")) {
        none if none.is_empty() => "its tokens work from anywhere".to_owned(),
        some => format!("its tokens work from {some}"),
    };
    let names = |role: &dyn Values| match joined(&role.texts("allowed_entity_aliases")) {
        none if none.is_empty() => "its tokens may be given no entity".to_owned(),
        some => format!("its tokens may be given the entities {some}"),
    };
    let [old_cidrs, new_cidrs] = [old, new].map(|role| role.texts("token_bound_cidrs"));
    let wider = new_cidrs.is_empty() || !old_cidrs.is_empty() && !new_cidrs.is_subset(&old_cidrs);
    let [old_names, new_names] = [old, new].map(|role| role.texts("allowed_entity_aliases"));
    let uses = |number: i64| count(usize::try_from(number).unwrap_or(0), "request");
    let uses = Said::limit("token_num_uses", (old, new), ["a token is good for", "any number of requests"], uses);
    [
        plain("orphan", orphan(new), orphan(old), new.flag("orphan")),
        plain("token_bound_cidrs", networks(new), networks(old), wider),
        plain("token_no_default_policy", default(new), default(old), !new.flag("token_no_default_policy")),
        plain("allowed_entity_aliases", names(new), names(old), !new_names.is_subset(&old_names)),
        (old.number("token_num_uses") != new.number("token_num_uses")).then_some(uses),
        plain("path_suffix", "its tokens are made at another path".to_owned(), String::new(), false),
        plain("token_type", token_words(new), token_words(old), can_be_batch(new) && !can_be_batch(old)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether somebody can make batch tokens by a role.
fn can_be_batch(role: &dyn Values) -> bool {
    role.text("token_type") != "service"
}

/// What is said of a role's tokens: who asks may say what they are where it does not.
fn token_words(role: &dyn Values) -> String {
    match role.text("token_type").as_str() {
        "batch" => BATCH.to_owned(),
        "default-batch" => format!("{BATCH}, unless one is asked for that can be"),
        "default-service" => format!("{KEPT}, unless a batch token is asked for"),
        _ => KEPT.to_owned(),
    }
}

/// Of service tokens.
const KEPT: &str = "its tokens can be revoked";

fn joined(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
