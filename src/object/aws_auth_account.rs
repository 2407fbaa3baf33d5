//! The role by which an AWS auth method asks about users and roles of another account: `auth/<mount>/config/sts/<account>`.
//!
//! Source: Vault API, "AWS auth method: create STS role". OpenBao's plugin has no `external_id`, so none is sent where there
//! is none on either side.

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape};
use super::home::{Home, METHODS};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{Remarks, Reviewed, Values as _};
use super::token_fields::{self, field};
use super::wire::{pick, post};
use crate::iam::arn::{Arn, is_account};

static FIELDS: [Field; 2] = [
    field("sts_role", Shape::Text, "\"\"", "The ARN of the role that is assumed to ask."),
    field("external_id", Shape::Text, "\"\"", "What the role's trust policy asks for."),
];

/// `account "111122223333" { ... }` in the method's declaration.
static ACCOUNT: Block = Block {
    word: "account",
    label: Some("The number of the account."),
    doc: "The role by which another account is asked.",
    keys: &[Key::field(&KIND, "sts_role"), Key::field(&KIND, "external_id")],
    check,
};

/// Other accounts of AWS methods.
pub static KIND: Kind = Kind {
    name: "aws auth account",
    class: Class::Config,
    home: Home::Below { table: &METHODS, mount_type: "aws", folder: "config/sts", witness: "sts_role" },
    leases: Leases::None,
    reviewed: Reviewed::Fields(&Remarks { vouching: &["sts_role"], ..Remarks::NONE }),
    words: &ACCOUNT,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse,
    write,
    special: Special { effect, ..Special::NONE },
};

fn check(account: &Declared<'_>) -> Vec<Objection> {
    let mut objections = Vec::new();
    let label = account.name.split('"').nth(1).unwrap_or_default();
    if !is_account(label) {
        let what = format!("`{label}` is not the number of an account");
        objections.push(Objection { key: "account", what, hint: "it has twelve digits" });
    }
    let role = account.text("sts_role");
    if !Arn::parse(&role).is_some_and(|arn| arn.is_role()) {
        let what = format!("{} says by no role how the account is asked", account.name);
        objections.push(Objection { key: "sts_role", what, hint: "sts_role = \"arn:aws:iam::ACCOUNT:role/NAME\"" });
    }
    objections
}

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    data.get("sts_role").ok_or(Lacks { what: "aws auth account", part: "sts_role" })?;
    Ok(pick(data, &FIELDS.map(|field| field.name)))
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let had = live.and_then(|live| live.fields.get("external_id")).is_some_and(|before| *before != "");
    let is_sent = |field: &&Field| field.name != "external_id" || had || object.value("external_id") != "";
    vec![post(object.path.clone(), FIELDS.iter().filter(is_sent).map(|field| (field.name, object.value(field.name))))]
}

fn effect(path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Deleted(_) => {
            Some("users and roles of the account can't be looked up any more, nor log in by id".to_owned())
        }
        other => token_fields::config_effect(path, other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
    use crate::object::testing::{calls, object};

    #[test]
    fn an_external_id_is_sent_where_there_is_one_or_was() {
        let path = "auth/aws/config/sts/111122223333";
        let role = "arn:aws:iam::111122223333:role/r";
        let desired = object(&KIND, path, &[("sts_role", json!(role))]);
        assert_eq!(calls(&desired, None), json!([[path, {"sts_role": role}]]));
        let answer = json!({"sts_role": role, "external_id": "x"});
        let live = KIND.live(path, answer.as_object().expect("a map")).expect("parses");
        assert_eq!(calls(&desired, Some(&live)), json!([[path, {"sts_role": role, "external_id": ""}]]));
    }
}
