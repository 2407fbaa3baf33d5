//! A role of an AWS engine: `<mount>/roles/<name>`. What a credential of it may do.
//!
//! Writes merge: a field that is not sent keeps its old value, so every field is sent, cleared ones as an
//! explicit empty value. Source: Vault API, "AWS secrets engine: create/update role".

use serde_json::{Map, Value, json};

use super::field::{pick, post};
use super::home::ENGINES;
use super::review::{AccessFields, Attribute};
use super::statement::STATEMENT;
use super::words::{Block, Declared, Key, Objection};
use super::{Access, Call, Changed, Class, Delete, Field, Home, Kind, Leases, Live, Object, Reviewed, Shape, Update};

static FIELDS: &[Field] = &[
    field("credential_type", Shape::OneOf(&["iam_user"]), "\"iam_user\"", "How credentials are made."),
    field("policy_document", Shape::PolicyDocument, "\"\"", "The inline policy of each IAM user."),
    field("policy_arns", Shape::PolicyArns, "[]", "Managed policies attached to each IAM user."),
    field("iam_groups", Shape::Set, "[]", "Groups that each IAM user joins."),
    field("iam_tags", Shape::Map, "{}", "Tags of each IAM user."),
    field("user_path", Shape::UserPath, "\"\"", "The IAM path of users; empty is the engine's own."),
    field("permissions_boundary_arn", Shape::PolicyArn, "\"\"", "The managed policy that bounds each IAM user."),
];

const fn field(name: &'static str, shape: Shape, default: &'static str, doc: &'static str) -> Field {
    Field { name, shape, default, access: Access::Readable, immutable: false, doc }
}

/// What a review reads of it. Source of the context keys: IAM User Guide, "AWS global condition context keys".
static ACCESS: AccessFields = AccessFields {
    document: "policy_document",
    policies: "policy_arns",
    groups: "iam_groups",
    boundary: "permissions_boundary_arn",
    tags: "iam_tags",
    path: "user_path",
    made: "credential_type",
    made_known: "iam_user",
    attributes: &[
        Attribute { field: "iam_tags", words: "tags", none: "none", keys: &["aws:principaltag/"] },
        Attribute {
            field: "user_path",
            words: "path",
            none: "the engine's own",
            keys: &["aws:principalarn", "aws:arn"],
        },
    ],
};

/// `role "reader" { ... }`.
pub static ROLE: Block = Block {
    word: "role",
    label: Some("The role's name."),
    doc: "What one sort of credential may do.",
    keys: &[
        Key::own("mount", Shape::Text, "The engine that issues it; the only one, where one is declared."),
        Key::field(&KIND, "credential_type"),
        Key::written(&KIND, "policy_document"),
        Key::block(&STATEMENT),
        Key::field(&KIND, "policy_arns"),
        Key::field(&KIND, "iam_groups"),
        Key::field(&KIND, "iam_tags"),
        Key::field(&KIND, "user_path"),
        Key::field(&KIND, "permissions_boundary_arn"),
        Key::protect(),
    ],
    check,
};

fn check(role: &Declared<'_>) -> Vec<Objection> {
    const GRANTS: [&str; 4] = ["policy_document", "statement", "policy_arns", "iam_groups"];
    let allows_nothing = || Objection {
        key: "policy_document",
        what: format!("{} allows nothing", role.name),
        hint: "add policy_document = \"file:...\", or policy_arns, or statement blocks",
    };
    let is_bare = GRANTS.iter().all(|key| !role.written.contains(key));
    is_bare.then(allows_nothing).into_iter().collect()
}

/// Roles of AWS engines.
pub static KIND: Kind = Kind {
    name: "aws role",
    class: Class::Role,
    home: Home::Below { table: &ENGINES, sort: "aws", folder: "roles", witness: "credential_type" },
    leases: Leases::Issued(&["creds", "sts"]),
    reviewed: Reviewed::Access(&ACCESS),
    words: &ROLE,
    key: None,
    fields: FIELDS,
    later: &[],
    update: Update::Merge,
    delete: Delete::ByPath,
    parse,
    write,
    effect,
    built_in: |_| false,
};

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    if !data.get("credential_type").is_some_and(Value::is_string) {
        return Err("the role has no credential_type".to_owned());
    }
    let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    Ok(pick(data, &names))
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let mut call = post(object.path.clone(), FIELDS.iter().map(|field| (field.name, object.wording(field.name))));
    // An empty path fails the engine's pattern when it is sent; "/" says the same.
    if call.body["user_path"] == "" {
        call.body.insert("user_path".to_owned(), Value::from("/"));
    }
    // The engine merges before it checks, so what the old type left behind would make the new one invalid.
    if live.is_some_and(|live| live.fields.get("credential_type") != Some(&object.value("credential_type"))) {
        for (name, empty) in [("role_arns", json!([])), ("default_sts_ttl", json!(0)), ("max_sts_ttl", json!(0))] {
            call.body.insert(name.to_owned(), empty);
        }
    }
    vec![call]
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) => None,
        Changed::Updated(..) => Some("credentials already issued keep what they had until their lease ends".to_owned()),
        Changed::Deleted => Some("no new credentials; those already issued work until their lease ends".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::KIND;
    use crate::object::testing::{calls, object};
    use crate::object::{Document, Leaf};

    const PATH: &str = "aws/roles/webapp";

    fn body(fields: &[(&'static str, Value)], live: Option<Value>) -> Value {
        let live = live.map(|data| KIND.live(PATH, data.as_object().expect("a map")).expect("parses"));
        calls(&object(&KIND, PATH, fields), live.as_ref())[0][1].clone()
    }

    #[test]
    fn every_field_is_sent_when_set_changed_and_cleared() {
        let empty = json!({
            "credential_type": "iam_user", "policy_document": "", "policy_arns": [], "iam_groups": [],
            "iam_tags": {}, "user_path": "/", "permissions_boundary_arn": "",
        });
        assert_eq!(body(&[], None), empty);
        for (name, value) in [
            ("policy_document", json!("{}")),
            ("policy_arns", json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"])),
            ("iam_groups", json!(["g"])),
            ("iam_tags", json!({"team": "web"})),
            ("user_path", json!("/apps/")),
            ("permissions_boundary_arn", json!("arn:aws:iam::111122223333:policy/b")),
        ] {
            let mut set = empty.clone();
            set[name] = value.clone();
            let live = json!({"credential_type": "iam_user", name: value});
            assert_eq!(body(&[(name, value.clone())], None), set, "set {name}");
            assert_eq!(body(&[(name, value.clone())], Some(json!({"credential_type": "iam_user"}))), set);
            assert_eq!(body(&[], Some(live)), empty, "clear {name}");
        }
    }

    #[test]
    fn a_document_goes_out_as_its_author_wrote_it() {
        let (canonical, written) = (r#"{"Statement":["a"]}"#, r#"{"Statement":"a"}"#);
        let mut role = object(&KIND, PATH, &[]);
        let place = role.place.clone();
        let leaf = Leaf::of_document(Document::read(written).expect("a document"), place);
        role.fields.insert("policy_document", leaf);
        assert_eq!(role.value("policy_document"), canonical);
        assert_eq!(calls(&role, None)[0][1]["policy_document"], written);
    }

    #[test]
    fn a_role_of_another_type_is_cleared_of_what_belongs_to_it() {
        let live = json!({"credential_type": "assumed_role", "role_arns": ["arn:aws:iam::1:role/x"]});
        let body = body(&[], Some(live));
        assert_eq!((&body["role_arns"], &body["max_sts_ttl"]), (&json!([]), &json!(0)));
    }

    #[test]
    fn a_fresh_role_reads_as_its_defaults() {
        let answer = json!({"credential_type": "iam_user", "policy_arns": null, "iam_tags": null, "user_path": "/",
            "role_arns": null, "default_sts_ttl": 0});
        let live = KIND.live(PATH, answer.as_object().expect("a map")).expect("parses");
        for field in KIND.fields {
            assert_eq!(live.fields[field.name], field.default_value(), "{}", field.name);
        }
    }
}
