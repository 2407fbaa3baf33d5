//! A password policy: `sys/policies/password/<name>`, by which engines make passwords. Its text is kept as it was sent.
//! Our own engine makes none.
//!
//! Source: OpenBao API, "/sys/policies/password"; a server of 2.6 answers 404 with `policy does not exist` for none.

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::Home;
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{ANYTHING, Block, Key};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{Remarks, Reviewed, Said, Values};
use super::wire::{post, with_others};

static FIELDS: &[Field] = &[Field {
    name: "policy",
    shape: Shape::Rules("rules for passwords in HCL"),
    default: "\"\"",
    told: Told::Readable,
    immutable: false,
    doc: "The length of passwords, and a `rule` for each set of characters, in the engine's language.",
}];

/// `password_policy "name" { ... }`.
pub static PASSWORD_POLICY: Block = Block {
    word: "password_policy",
    label: Some("The policy's name."),
    doc: "How an engine makes passwords.",
    keys: &[Key::written(&KIND, "policy"), Key::life()],
    check: ANYTHING,
};

/// Password policies.
pub static KIND: Kind = Kind {
    name: "password policy",
    class: Class::Other,
    home: Home::Named { path: "sys/policies/password" },
    leases: Leases::None,
    reviewed: Reviewed::Fields(&Remarks { guards, ..Remarks::NONE }),
    words: &PASSWORD_POLICY,
    fields: FIELDS,
    update: Update::Replace,
    delete: Delete::ByPath,
    parse,
    write,
    special: Special { effect, ..Special::NONE },
};

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    data.get("policy").ok_or(Lacks { what: "password policy", part: "policy" })?;
    Ok(data.clone())
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    vec![with_others(post(object.path.clone(), [("policy", object.value("policy"))]), live)]
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) => None,
        Changed::Updated(..) => {
            Some("passwords that are made from now on follow it; others stay as they are".to_owned())
        }
        Changed::Deleted(_) => Some("what names it can make no passwords any more".to_owned()),
    }
}

/// Nobody looks here whether another text makes weaker passwords, so it may.
fn guards(old: Option<&dyn Values>, new: Option<&dyn Values>) -> Vec<Said> {
    let Some((old, new)) = old.zip(new) else { return Vec::new() };
    let differs = old.text("policy") != new.text("policy");
    let now = "passwords are made by another text, which may make weaker ones".to_owned();
    differs.then(|| Said { now, was: String::new(), gains: true, field: "policy" }).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
    use crate::object::testing::{calls, object};

    #[test]
    fn the_text_is_written_as_it_stands() {
        let path = "sys/policies/password/db";
        let desired = object(&KIND, path, &[("policy", json!("length = 20"))]);
        assert_eq!(calls(&desired, None), json!([[path, {"policy": "length = 20"}]]));
        let live = KIND.live(path, json!({"policy": "length = 20\n"}).as_object().expect("a map")).expect("parses");
        assert_eq!(live.fields["policy"], desired.value("policy"));
        assert!(KIND.live(path, &serde_json::Map::new()).is_err());
    }
}
