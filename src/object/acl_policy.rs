//! An ACL policy: `sys/policies/acl/<name>`. The engine keeps its text as it was sent.
//!
//! Source: Vault API, "/sys/policies/acl".

use serde_json::{Map, Value};

use super::field::post;
use super::{Access, Call, Changed, Delete, Field, Kind, Level, Live, Object, Read, Shape, Update};

static FIELDS: &[Field] = &[Field {
    name: "policy",
    shape: Shape::AclRules,
    default: "\"\"",
    access: Access::Readable,
    immutable: false,
    doc: "The rules, in the engine's policy language.",
}];

/// ACL policies.
pub static KIND: Kind = Kind {
    name: "acl policy",
    level: Level::Policy,
    fields: FIELDS,
    update: Update::Replace,
    delete: Delete::ByPath,
    read: |path| Read::At(path.to_owned()),
    parse,
    write,
    effect,
    built_in: |path| {
        matches!(
            path.strip_prefix("sys/policies/acl/").unwrap_or(path),
            "root" | "default" | "response-wrapping" | "control-group"
        )
    },
};

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let rules = data.get("policy").or_else(|| data.get("rules")).ok_or("the policy has no rules")?;
    Ok(Map::from_iter([("policy".to_owned(), rules.clone())]))
}

fn write(object: &Object, _live: Option<&Live>) -> Vec<Call> {
    vec![post(object.path.clone(), [("policy", object.value("policy"))])]
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) => None,
        Changed::Updated(..) => Some("takes effect at once, also for tokens already issued".to_owned()),
        Changed::Deleted => Some("tokens that carry it lose what it allowed, at once".to_owned()),
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
}
