//! A login by AppRole: `auth/<mount>/role/<name>`. Writes merge, so every field is sent. A role's answer lacks its role
//! id, which is read below it.
//!
//! Source: Vault API, "AppRole auth method: create/update AppRole" and "read AppRole role ID".

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::{Home, METHODS};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{LoginSecret, LoginWords, Reviewed, Said, SecretFields, UNBOUND, Values};
use super::token_fields;
use super::wire::post;
use crate::text::count;
use crate::units::duration;

static FIELDS: [Field; 6 + token_fields::FIELDS] = token_fields::after([
    field("bind_secret_id", Shape::Bool, "true", "Whether a login needs a secret id."),
    field("secret_id_bound_cidrs", Shape::Cidrs, "[]", "Networks from which secret ids may be used."),
    field("secret_id_num_uses", Shape::Int, "0", "How many logins one secret id is good for; 0 is any number."),
    field("secret_id_ttl", Shape::Seconds, "0", "How long a secret id is valid; 0 is for ever."),
    Field {
        name: "local_secret_ids",
        shape: Shape::Bool,
        default: "false",
        told: Told::Readable,
        immutable: true,
        doc: "Whether secret ids stay in this cluster.",
    },
    Field {
        name: "role_id",
        shape: Shape::Text,
        default: "null",
        told: Told::Apart("role-id"),
        immutable: false,
        doc: "A role id of one's own; the engine makes one otherwise.",
    },
]);

const fn field(name: &'static str, shape: Shape, default: &'static str, doc: &'static str) -> Field {
    Field { name, shape, default, told: Told::Readable, immutable: false, doc }
}

/// `login "approle" { ... }` in an app.
pub static LOGIN: Block = Block {
    word: "login",
    label: Some("The auth method, where `mount` does not say another."),
    doc: "A login with a role id and a secret id.",
    keys: &token_fields::keys_after::<6, { 6 + token_fields::KEYS }>(
        &KIND,
        [
            Key::field(&KIND, "bind_secret_id"),
            Key::field(&KIND, "secret_id_bound_cidrs"),
            Key::field(&KIND, "secret_id_num_uses"),
            Key::field(&KIND, "secret_id_ttl"),
            Key::field(&KIND, "local_secret_ids"),
            Key::field(&KIND, "role_id"),
        ],
    ),
    check,
};

fn check(login: &Declared<'_>) -> Vec<Objection> {
    let mut objections = Vec::new();
    let bound = ["secret_id_bound_cidrs", "token_bound_cidrs"].iter().any(|name| !login.texts(name).is_empty());
    if !login.flag("bind_secret_id") && !bound {
        objections.push(Objection {
            key: "bind_secret_id",
            what: "without a secret id, anyone with the role id could log in".to_owned(),
            hint: "bind it to networks: token_bound_cidrs = [\"10.0.0.0/8\"]",
        });
    }
    objections.extend(token_fields::count(login, "secret_id_num_uses"));
    objections.extend(token_fields::check(login));
    let role_id = login.value("role_id");
    if role_id.as_str().is_some_and(|id| id.is_empty() || id.len() > 128 || id.contains(char::is_whitespace)) {
        let what = "this can't be a role id".to_owned();
        objections.push(Objection { key: "role_id", what, hint: "leave it out: the engine makes one" });
    }
    objections
}

/// Logins by AppRole.
pub static KIND: Kind = Kind {
    name: "approle role",
    class: Class::Login,
    home: Home::Below { table: &METHODS, mount_type: "approle", folder: "role", witness: "token_policies" },
    leases: Leases::None,
    reviewed: Reviewed::Login(&WORDS),
    words: &LOGIN,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse,
    write,
    // Source: OpenBao, `vault/request_handling.go`, `isUserLockoutDisabled`: mounts of others refuse to be tuned so.
    special: Special { effect, locks_out: true, any_case: true, ..Special::NONE },
};

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    Ok(token_fields::parse(&FIELDS, data))
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let fields = FIELDS
        .iter()
        // Only the first write may name it.
        .filter(|field| field.name != "local_secret_ids" || live.is_none())
        // Without one declared, the engine's own role id stays.
        .filter(|field| field.name != "role_id" || object.fields.contains_key("role_id"))
        .map(|field| token_fields::sent(object, field));
    vec![post(object.path.clone(), fields)]
}

/// What a review says of it.
static WORDS: LoginWords = LoginWords {
    method: |_| "AppRole",
    way: |_| None,
    takes,
    secret: LoginSecret::Id(SecretFields {
        bind: "bind_secret_id",
        ttl: "secret_id_ttl",
        networks: "secret_id_bound_cidrs",
    }),
    bindings: UNBOUND,
    alias,
    said,
};

/// The role id, where it is declared, and the metadata that all of its logins have.
fn alias(login: &dyn Values, name: &str, field: &str) -> Option<String> {
    match field {
        "name" => Some(login.text("role_id")).filter(|id| !id.is_empty()),
        "metadata.role_name" => Some(name.to_lowercase()),
        _ => None,
    }
}

fn takes(login: &dyn Values) -> String {
    if !login.flag("bind_secret_id") {
        return "no secret id is needed".to_owned();
    }
    let uses = match login.number("secret_id_num_uses") {
        0 => "any number of logins".to_owned(),
        uses => count(uses as usize, "login"),
    };
    let ttl = match login.number("secret_id_ttl") {
        ttl if ttl > 0 => duration::shown(ttl),
        _ => "for ever".to_owned(),
    };
    format!("a secret id is good for {uses}, {ttl}")
}

fn said(field: &'static str, old: &dyn Values, new: &dyn Values, from: &str) -> Option<Said> {
    let bind = new.flag("bind_secret_id");
    let (now, was, gains) = match field {
        "bind_secret_id" if bind => ("a login needs a secret id now".to_owned(), "the role id alone was enough", false),
        "bind_secret_id" => {
            let now = format!("anyone who knows the role id may now log in from {from}: no secret id is needed");
            (now, "only with a secret id", true)
        }
        "secret_id_num_uses" => {
            let text = ["a secret id is good for", "any number of logins"];
            return Some(Said::limit(field, (old, new), text, |uses| count(uses as usize, "login")));
        }
        "secret_id_ttl" => {
            return Some(Said::limit(field, (old, new), ["a secret id lives", "for ever"], duration::shown));
        }
        // Without a secret id, the role id is all that it takes.
        "role_id" => ("it logs in with another role id".to_owned(), "", !bind),
        "local_secret_ids" => {
            let stay = if new.flag(field) { "stay" } else { "do not stay" };
            (format!("its secret ids {stay} in this cluster"), "", false)
        }
        _ => return None,
    };
    Some(Said { now, was: was.to_owned(), gains, field })
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) => None,
        Changed::Updated(_, fields) if fields.contains(&"role_id") => {
            Some("logins with the old role id fail from now on".to_owned())
        }
        Changed::Updated(_, fields) if fields.contains(&"local_secret_ids") => {
            Some("makes the login anew: its secret ids are gone and the app needs a new one".to_owned())
        }
        Changed::Updated(_, fields) => token_fields::effect(fields),
        Changed::Deleted(_) => {
            Some("no new logins, and its secret ids are gone; tokens already issued live until they end".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{FIELDS, KIND};
    use crate::object::testing::{calls, object};

    const PATH: &str = "auth/approle/role/app-webapp";

    fn body(fields: &[(&'static str, Value)], live: Option<Value>) -> Value {
        let live = live.map(|data| KIND.live(PATH, data.as_object().expect("a map")).expect("parses"));
        calls(&object(&KIND, PATH, fields), live.as_ref())[0][1].clone()
    }

    #[test]
    fn every_field_is_sent_when_set_and_when_cleared() {
        for (name, value) in [
            ("bind_secret_id", json!(false)),
            ("secret_id_bound_cidrs", json!(["10.0.0.0/8"])),
            ("secret_id_num_uses", json!(3)),
            ("secret_id_ttl", json!(60)),
            ("token_policies", json!(["app-webapp"])),
            ("token_ttl", json!(7200)),
            ("token_max_ttl", json!(7200)),
            ("token_explicit_max_ttl", json!(7200)),
            ("token_period", json!(60)),
            ("token_num_uses", json!(9)),
            ("token_bound_cidrs", json!(["10.0.0.0/30"])),
            ("token_no_default_policy", json!(true)),
            ("token_type", json!("service")),
        ] {
            assert_eq!(body(&[(name, value.clone())], None)[name], value);
            let cleared = &body(&[], Some(json!({name: value})))[name];
            assert_eq!(Some(cleared), KIND.field(name).map(|field| field.default_value()).as_ref());
        }
        assert_eq!(body(&[], None).as_object().map(serde_json::Map::len), Some(FIELDS.len() - 1));
    }

    #[test]
    fn create_only_and_server_made_fields_are_sent_only_when_they_may() {
        assert_eq!(body(&[("local_secret_ids", json!(true))], None)["local_secret_ids"], json!(true));
        assert_eq!(body(&[], Some(json!({}))).get("local_secret_ids"), None);
        assert_eq!(body(&[("role_id", json!("webapp"))], Some(json!({})))["role_id"], json!("webapp"));
        assert_eq!(body(&[], None).get("role_id"), None);
    }

    #[test]
    fn null_lists_and_an_empty_type_read_as_defaults() {
        let answer = json!({"secret_id_bound_cidrs": null, "token_type": "", "bind_secret_id": true});
        let live = KIND.live(PATH, answer.as_object().expect("a map")).expect("parses");
        assert_eq!(live.fields["secret_id_bound_cidrs"], json!([]));
        assert_eq!(live.fields["token_type"], json!("default"));
    }
}
