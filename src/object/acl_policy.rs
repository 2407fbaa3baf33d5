//! An ACL policy: `sys/policies/acl/<name>`. The engine keeps its text as it was sent.
//!
//! OpenBao's policies may end, need check-and-set, and widen what templates take; a write that does not say so takes that
//! back, so it is sent back. Source: Vault API and OpenBao API, "/sys/policies/acl".

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::Home;
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{ANYTHING, Block, Key};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::Reviewed;
use super::wire::{post, with_others};

static FIELDS: &[Field] = &[Field {
    name: "policy",
    shape: Shape::Rules("ACL rules in HCL"),
    default: "\"\"",
    told: Told::Readable,
    immutable: false,
    doc: "The rules, in the engine's policy language.",
}];

/// `policy "name" { ... }`.
pub static POLICY: Block = Block {
    word: "policy",
    label: Some("The policy's name."),
    doc: "What tokens that have it may do in the engine.",
    keys: &[Key::block(&PATH), Key::own("file", Shape::Text, "A file with the rules, instead of blocks."), Key::life()],
    check: ANYTHING,
};

/// `path "..." { ... }` in it. Source: Vault documentation, "Policies".
pub static PATH: Block = Block {
    word: "path",
    label: Some("A path of the API, in which `+` is any one segment and `*` at the end any rest."),
    doc: "What is allowed on a path.",
    keys: &[
        Key::own("capabilities", Shape::List, "What may be done there."),
        Key::own("allowed_parameters", Shape::Map, "The parameters that a write may have, with their values."),
        Key::own("denied_parameters", Shape::Map, "The parameters that a write may not have, with their values."),
        Key::own("required_parameters", Shape::List, "The parameters that a write must have."),
        Key::own("min_wrapping_ttl", Shape::Seconds, "How long a wrapped response lives at least."),
        Key::own("max_wrapping_ttl", Shape::Seconds, "How long a wrapped response lives at most."),
    ],
    check: ANYTHING,
};

/// ACL policies.
pub static KIND: Kind = Kind {
    name: "acl policy",
    class: Class::Policy,
    home: Home::Folder { path: "sys/policies/acl", witness: "policy" },
    leases: Leases::None,
    reviewed: Reviewed::Rules("policy"),
    words: &POLICY,
    fields: FIELDS,
    update: Update::Replace,
    delete: Delete::ByPath,
    parse,
    write,
    special: Special {
        any_case: true,
        effect,
        built_in: |path| {
            matches!(
                path.strip_prefix("sys/policies/acl/").unwrap_or(path),
                "root" | "default" | "response-wrapping" | "control-group"
            )
        },
        ..Special::NONE
    },
};

/// What is told of a policy and can't be written.
const TOLD_ONLY: &[&str] = &["name", "policy", "rules", "version", "modified"];

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    let rules = data.get("policy").or_else(|| data.get("rules")).ok_or(Lacks { what: "policy", part: "rules" })?;
    let mut fields = Map::from_iter([("policy".to_owned(), rules.clone())]);
    let others =
        data.iter().filter(|(name, value)| !TOLD_ONLY.contains(&name.as_str()) && **value != Value::Bool(false));
    fields.extend(others.map(|(name, value)| (name.clone(), value.clone())));
    if let Some(version) = data.get("version").filter(|_| data.get("cas_required") == Some(&Value::Bool(true))) {
        fields.insert("cas".to_owned(), version.clone());
    }
    Ok(fields)
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    vec![with_others(post(object.path.clone(), [("policy", object.value("policy"))]), live)]
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) => None,
        Changed::Updated(..) => Some("takes effect at once, also for tokens already issued".to_owned()),
        Changed::Deleted(_) => Some("tokens that carry it lose what it allowed, at once".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
    use crate::object::testing::{calls, object};

    #[test]
    fn the_whole_text_is_written_and_a_trailing_newline_is_no_difference() {
        let path = "sys/policies/acl/app-webapp";
        let desired = object(&KIND, path, &[("policy", json!("path \"a\" {}"))]);
        let live =
            KIND.live(path, json!({"name": "app-webapp", "policy": "path \"a\" {}\n"}).as_object().expect("map"));
        let live = live.expect("parses");
        assert_eq!(live.fields["policy"], desired.value("policy"));
        assert_eq!(calls(&desired, Some(&live)), json!([[path, {"policy": "path \"a\" {}"}]]));
    }

    #[test]
    fn what_openbao_would_take_back_is_sent_back() {
        let path = "sys/policies/acl/app-webapp";
        let answer = json!({
            "name": "app-webapp", "policy": "path \"a\" {}", "version": 7, "modified": "2026-01-01T00:00:00Z",
            "cas_required": true, "expiration": "2027-01-01T00:00:00Z", "allow_slashes_in_identity_templates": false,
        });
        let live = KIND.live(path, answer.as_object().expect("a map")).expect("parses");
        let desired = object(&KIND, path, &[("policy", json!("path \"b\" {}"))]);
        let expected = json!([[path, {
            "policy": "path \"b\" {}", "cas": 7, "cas_required": true, "expiration": "2027-01-01T00:00:00Z",
        }]]);
        assert_eq!(calls(&desired, Some(&live)), expected);
    }
}
