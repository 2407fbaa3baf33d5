//! A role of an AWS engine: `<mount>/roles/<name>`. What a credential of it may do.
//!
//! Writes merge: a field that is not sent keeps its old value, so every field of the role's type is sent, cleared ones
//! as an explicit empty value. What belongs to other types is sent only to clear it: an engine merges before it
//! checks, and refuses what is left of another type. Source: Vault API, "AWS secrets engine: create/update role".

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::{ENGINES, Home};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{AccessFields, Attribute, Reviewed, SessionFields, Terms, Values, Way};
use super::statement::STATEMENT;
use super::wire::{pick, post};
use crate::iam::quota;

static FIELDS: &[Field] = &[
    field(
        "credential_type",
        Shape::OneOf(&[USER, SESSION, FEDERATED, OWN]),
        "\"iam_user\"",
        "How credentials are made.",
    ),
    field("policy_document", Shape::PolicyDocument, "\"\"", "The inline policy of each IAM user, or of each session."),
    field("policy_arns", Shape::PolicyArns, "[]", "Managed policies of each IAM user, or of each session."),
    field("iam_groups", Shape::Set, "[]", "Groups that each IAM user joins, or whose policies each session has."),
    field("iam_tags", Shape::Map, "{}", "Tags of each IAM user."),
    field("user_path", Shape::UserPath, "\"\"", "The IAM path of users; empty is the engine's own."),
    field("permissions_boundary_arn", Shape::PolicyArn, "\"\"", "The managed policy that bounds each IAM user."),
    field("role_arns", Shape::RoleArns, "[]", "The roles of the account of which a session can be."),
    field("default_sts_ttl", Shape::Seconds, "0", "How long a session lives; 0 is what the engine has."),
    field("max_sts_ttl", Shape::Seconds, "0", "How long a session lives at most; 0 is what the engine has."),
    field("session_tags", Shape::Map, "{}", "Tags of each session."),
    field("external_id", Shape::Text, "\"\"", "What the roles' trust policies ask for as `sts:ExternalId`."),
    field("mfa_serial_number", Shape::Text, "\"\"", "The device of the engine's own user whose codes are asked for."),
];

/// A user of its own for each credential.
const USER: &str = "iam_user";

/// A session of a role of the account for each credential.
const SESSION: &str = "assumed_role";

/// A session of the engine's own user for each credential, within policies that go with it.
const FEDERATED: &str = "federation_token";

/// A session of the engine's own user for each credential, as it is.
const OWN: &str = "session_token";

/// What only users have.
const OF_USERS: &[&str] = &["iam_tags", "user_path", "permissions_boundary_arn"];

/// What only sessions have.
const OF_SESSIONS: &[&str] = &["role_arns", "default_sts_ttl", "max_sts_ttl", "session_tags", "external_id"];

/// What only sessions of the engine's own user as it is have.
const OF_OWN: &[&str] = &["default_sts_ttl", "max_sts_ttl", "mfa_serial_number"];

/// Of those, what sessions within policies have.
const OF_FEDERATED: &[&str] = &["default_sts_ttl", "max_sts_ttl"];

/// What ledgers were kept without.
const LATER: &[&str] =
    &["role_arns", "default_sts_ttl", "max_sts_ttl", "session_tags", "external_id", "mfa_serial_number"];

/// What says what credentials may do, and nothing of which goes with a session of the engine's own user as it is.
const POLICIES: &[&str] = &["policy_document", "policy_arns", "iam_groups"];

/// What not every engine knows (OpenBao's does not), so that it is sent only where it says something.
const NOT_EVERYWHERE: &[&str] = &["session_tags", "external_id", "mfa_serial_number"];

/// Whether a role whose credentials are made in this way may say anything of a field.
fn takes(made: &str, name: &str) -> bool {
    let own = match made {
        SESSION => OF_SESSIONS,
        FEDERATED => OF_FEDERATED,
        OWN => OF_OWN,
        _ => OF_USERS,
    };
    let is_of_some = OF_USERS.contains(&name) || LATER.contains(&name);
    let is_refused = is_of_some || made == OWN && POLICIES.contains(&name);
    own.contains(&name) || !is_refused
}

const fn field(name: &'static str, shape: Shape, default: &'static str, doc: &'static str) -> Field {
    Field { name, shape, default, told: Told::Readable, immutable: false, doc }
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
    ways: &[(USER, Way::User), (SESSION, Way::RoleSession), (FEDERATED, Way::Federated), (OWN, Way::OwnSession)],
    standing: AccessFields::NONE.standing,
    sessions: SessionFields {
        roles: "role_arns",
        tags: "session_tags",
        external_id: "external_id",
        factor: "mfa_serial_number",
        terms: Terms { default: "default_sts_ttl", max: "max_sts_ttl" },
    },
    attributes: &[
        Attribute { field: "iam_tags", words: "tags", whose: "IAM users", none: "none", keys: &["aws:principaltag/"] },
        Attribute {
            field: "session_tags",
            words: "tags",
            whose: "sessions",
            none: "none",
            keys: &["aws:principaltag/"],
        },
        Attribute {
            field: "user_path",
            words: "path",
            whose: "IAM users",
            none: "the engine's own",
            keys: &["aws:principalarn", "aws:arn"],
        },
        Attribute { field: "external_id", words: "external id", whose: "sessions", none: "none", keys: &[] },
    ],
};

/// `role "reader" { ... }`.
pub static ROLE: Block = Block {
    word: "role",
    label: Some("The role's name."),
    doc: "What one type of credential may do.",
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
        Key::field(&KIND, "role_arns"),
        Key::field(&KIND, "default_sts_ttl"),
        Key::field(&KIND, "max_sts_ttl"),
        Key::field(&KIND, "session_tags"),
        Key::field(&KIND, "external_id"),
        Key::field(&KIND, "mfa_serial_number"),
        Key::on_change(),
        Key::life(),
    ],
    check,
};

fn check(role: &Declared<'_>) -> Vec<Objection> {
    let is_written = role.written.contains(&"credential_type");
    if is_written && !role.fields.contains_key("credential_type") {
        // What it is, nobody knows: that is told of the word.
        return Vec::new();
    }
    let written = role.text("credential_type");
    match (is_written, role.written.contains(&"role_arns")) {
        (true, _) if written != USER => check_session(role, &written),
        (false, true) => check_session(role, SESSION),
        _ => check_user(role),
    }
}

fn check_user(role: &Declared<'_>) -> Vec<Objection> {
    let allows_nothing = || Objection {
        key: "policy_document",
        what: format!("{} allows nothing", role.name),
        hint: "add policy_document = \"file:...\", or policy_arns, or statement blocks",
    };
    let is_bare = GRANTS.iter().all(|key| !role.written.contains(key));
    let foreign = said(role, LATER).map(|key| Objection {
        key,
        what: format!("{key} is for sessions, and {} makes IAM users", role.name),
        hint: "write credential_type = \"assumed_role\" with role_arns, or leave it out",
    });
    foreign.chain(is_bare.then(allows_nothing)).collect()
}

/// What grants something.
const GRANTS: [&str; 4] = ["policy_document", "statement", "policy_arns", "iam_groups"];

/// What sessions of one way say of others, or lack.
fn check_way(role: &Declared<'_>, made: &str) -> Vec<Objection> {
    let foreign = said(role, LATER).filter(|key| !takes(made, key));
    let mut objections: Vec<Objection> = foreign
        .map(|key| Objection {
            key,
            what: format!("{key} is not of {made}, as {} is", role.name),
            hint: "leave it out",
        })
        .collect();
    let granting = GRANTS.into_iter().find(|key| role.written.contains(key));
    match (made, granting) {
        (OWN, Some(key)) => objections.push(Objection {
            key,
            what: format!("{key} narrows no {OWN}: it may do what the engine's own user may"),
            hint: "write credential_type = \"federation_token\", whose policies narrow it",
        }),
        (FEDERATED, None) => objections.push(Objection {
            key: "policy_document",
            what: format!("{} allows nothing: a {FEDERATED} may do no more than its policies say", role.name),
            hint: "add policy_document = \"file:...\", or policy_arns, or statement blocks",
        }),
        _ => {}
    }
    objections
}

fn check_session(role: &Declared<'_>, made: &str) -> Vec<Objection> {
    let mut objections: Vec<Objection> = said(role, OF_USERS)
        .map(|key| Objection {
            key,
            what: format!("{key} is of IAM users, and {} opens sessions", role.name),
            hint: match key {
                "iam_tags" if made == SESSION => "sessions have session_tags",
                "permissions_boundary_arn" if made == SESSION => {
                    "the role that is assumed has its own; policy_document narrows a session"
                }
                _ => "leave it out",
            },
        })
        .collect();
    objections.extend(check_way(role, made));
    // Of one that is written and not well-formed, that is told.
    let is_unread = role.written.contains(&"role_arns") && !role.fields.contains_key("role_arns");
    if made == SESSION && role.texts("role_arns").is_empty() && !is_unread {
        let what = format!("{} names no role to assume", role.name);
        let hint = "add role_arns = [\"arn:aws:iam::ACCOUNT:role/NAME\"]";
        objections.push(Objection { key: "role_arns", what, hint });
    }
    let [default, max] = ["default_sts_ttl", "max_sts_ttl"].map(|key| role.number(key));
    for (key, seconds) in [("default_sts_ttl", default), ("max_sts_ttl", max)] {
        let (range, hint) = match made {
            SESSION => (quota::ROLE_SESSION_SECONDS, "AWS takes 15 minutes to 12 hours"),
            _ => (quota::USER_SESSION_SECONDS, "AWS takes 15 minutes to 36 hours"),
        };
        if seconds != 0 && !range.contains(&seconds) {
            let what = format!("{key}: no session lives {seconds} seconds");
            objections.push(Objection { key, what, hint });
        }
    }
    if max != 0 && default > max {
        let what = "default_sts_ttl is longer than max_sts_ttl".to_owned();
        objections.push(Objection { key: "default_sts_ttl", what, hint: "shorten it, or raise max_sts_ttl" });
    }
    let id = role.text("external_id");
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if !id.is_empty() && (!(2..=1224).contains(&id.len()) || !id.chars().all(allowed)) {
        let hint = "STS takes 2 to 1,224 letters, digits and _+=,.@:/-";
        objections.push(Objection { key: "external_id", what: format!("`{id}` can't be an external id"), hint });
    }
    objections
}

/// Those of these fields that say something.
fn said(role: &Declared<'_>, fields: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    let is_said = |name: &str| KIND.field(name).is_some_and(|field| *role.value(name) != field.default_value());
    fields.iter().copied().filter(move |name| is_said(name))
}

/// Roles of AWS engines.
pub static KIND: Kind = Kind {
    name: "aws role",
    class: Class::Role,
    home: Home::Below { table: &ENGINES, mount_type: "aws", folder: "roles", witness: "credential_type" },
    leases: Leases::Issued(&["creds", "sts"]),
    reviewed: Reviewed::Access(&ACCESS),
    words: &ROLE,
    fields: FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse,
    write,
    special: Special { later: LATER, effect, ..Special::NONE },
};

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    if !data.get("credential_type").is_some_and(Value::is_string) {
        return Err(Lacks { what: "role", part: "credential_type" });
    }
    let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    Ok(pick(data, &names))
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let credential_type = object.value("credential_type");
    let turns = live.is_some_and(|live| live.fields.get("credential_type") != Some(&credential_type));
    let made = credential_type.as_str().unwrap_or_default();
    let is_sent = |field: &&Field| {
        let says = |value: Option<&Value>| value.is_some_and(|value| *value != field.default_value());
        let is_known = !NOT_EVERYWHERE.contains(&field.name);
        let is_due = turns || takes(made, field.name);
        is_known && is_due
            || says(Some(&object.value(field.name)))
            || says(live.and_then(|live| live.fields.get(field.name)))
    };
    let sent = FIELDS.iter().filter(is_sent);
    let mut call = post(object.path.clone(), sent.map(|field| (field.name, object.wording(field.name))));
    // For a user an empty path fails the engine's pattern when it is sent, and "/" says the same. For a session any other
    // than an empty one fails.
    if made == USER && call.body["user_path"] == "" {
        call.body.insert("user_path".to_owned(), Value::from("/"));
    }
    vec![call]
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) => None,
        Changed::Updated(..) => Some("credentials already issued keep what they had until their lease ends".to_owned()),
        Changed::Deleted(_) => Some("no new credentials; those already issued work until their lease ends".to_owned()),
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
        assert!(body.get("session_tags").is_none(), "{body}");
    }

    #[test]
    fn a_role_that_becomes_one_of_sessions_is_cleared_of_what_users_had() {
        let arns = json!(["arn:aws:iam::111122223333:role/x"]);
        let session = [("credential_type", json!("assumed_role")), ("role_arns", arns.clone())];
        let of_sessions = json!({
            "credential_type": "assumed_role", "policy_document": "", "policy_arns": [], "iam_groups": [],
            "role_arns": arns, "default_sts_ttl": 0, "max_sts_ttl": 0,
        });
        assert_eq!(body(&session, None), of_sessions);
        let turned = body(&session, Some(json!({"credential_type": "iam_user", "user_path": "/x/"})));
        let of_users = (&turned["user_path"], &turned["permissions_boundary_arn"], &turned["iam_tags"]);
        assert_eq!(of_users, (&json!(""), &json!(""), &json!({})));
        // Cleared where an engine that knows them has some.
        let live = json!({"credential_type": "assumed_role", "session_tags": {"a": "1"}, "external_id": "id"});
        let cleared = body(&session, Some(live));
        assert_eq!((&cleared["session_tags"], &cleared["external_id"]), (&json!({}), &json!("")));
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
