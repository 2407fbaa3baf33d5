//! A login by name and password: `auth/<mount>/users/<name>`. Writes merge, so every field is sent; the password is
//! never read back, and a change of it is seen by its keyed digest in the ledger.
//!
//! Source: Vault API, "Userpass auth method: create/update user".

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::{Home, METHODS};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{LoginSecret, LoginWords, Reviewed, Said, UNBOUND};
use super::token_fields;
use super::wire::post;

static FIELDS: [Field; 1 + token_fields::FIELDS] = token_fields::after([Field {
    name: "password",
    shape: Shape::Secret,
    default: "\"\"",
    told: Told::WriteOnly,
    immutable: false,
    doc: "What a login needs beside the name; at most 72 bytes.",
}]);

/// `login "userpass" { ... }` in an app.
static LOGIN: Block = Block {
    word: "login",
    label: Some("The auth method, where `mount` does not say another."),
    doc: "A login with a name and a password.",
    keys: &token_fields::keys_after::<1, { 1 + token_fields::KEYS }>(&KIND, [Key::field(&KIND, "password")]),
    check,
};

fn check(login: &Declared<'_>) -> Vec<Objection> {
    let mut objections = token_fields::check(login);
    if !login.written.contains(&"password") {
        let what = "a login by name and password needs a password".to_owned();
        let hint = "password = \"secret:env:NAME\" or \"secret:file:PATH\"";
        objections.push(Objection { key: "password", what, hint });
    }
    objections
}

/// Users of userpass methods.
pub static KIND: Kind = Kind {
    name: "userpass user",
    class: Class::Login,
    home: Home::Below { table: &METHODS, mount_type: "userpass", folder: "users", witness: "token_policies" },
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

fn write(object: &Object, _live: Option<&Live>) -> Vec<Call> {
    if object.unresolved().next().is_some() {
        return Vec::new();
    }
    let readable = FIELDS.iter().filter(|field| field.told == Told::Readable);
    let readable = readable.map(|field| token_fields::sent(object, field));
    // An empty one would be refused, or taken for none.
    let password = object.secret("password").map(|secret| ("password", Value::from(secret.expose())));
    vec![post(object.path.clone(), readable.chain(password))]
}

/// What a review says of it.
static WORDS: LoginWords = LoginWords {
    method: |_| "name and password",
    way: |_| None,
    takes: |_| "a password is good until it is changed".to_owned(),
    secret: LoginSecret::Password,
    bindings: UNBOUND,
    alias,
    said: |field, _, _, _| {
        let now = || "it logs in with another password".to_owned();
        (field == "password").then(|| Said { now: now(), was: String::new(), gains: false, field })
    },
};

/// A user is called by its name.
fn alias(_login: &dyn super::review::Values, name: &str, field: &str) -> Option<String> {
    (field == "name").then(|| name.to_lowercase())
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) => None,
        Changed::Updated(_, fields) if fields.contains(&"password") => {
            Some("logins with the old password fail from now on".to_owned())
        }
        Changed::Updated(_, fields) => token_fields::effect(fields),
        Changed::Deleted(_) => Some("no new logins; tokens already issued live until they end".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
    use crate::object::testing::{calls, object};

    const PATH: &str = "auth/userpass/users/app-webapp";

    #[test]
    fn what_is_not_declared_is_sent_as_its_default_so_that_a_merge_clears_it() {
        let user = object(&KIND, PATH, &[("token_ttl", json!(3600)), ("token_bound_cidrs", json!(["10.0.0.1"]))]);
        let body = &calls(&user, None)[0][1];
        assert_eq!((&body["token_ttl"], &body["token_max_ttl"]), (&json!(3600), &json!(0)), "{body}");
        assert_eq!(body["token_bound_cidrs"], json!(["10.0.0.1/32"]));
    }

    #[test]
    fn a_read_tells_the_password_to_nobody_and_longer_words_are_the_same() {
        let data = json!({ "token_type": "default-service", "token_ttl": 60, "policies": ["a"], "password": "x" });
        let live = KIND.live(PATH, data.as_object().expect("a map")).expect("parses");
        assert_eq!(live.fields.get("token_type"), Some(&json!("service")));
        assert_eq!(live.fields.get("password"), None);
    }
}
