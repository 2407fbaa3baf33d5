//! What an AWS secrets engine signs with: `<mount>/config/root`.
//!
//! Every write replaces the whole: a field that is not sent goes back to its default, the secret key
//! included, so all of them are always sent, also those that this table lacks. An engine may have another key than the
//! one that was written: it rotated it (`config/rotate-root`), and AWS has deleted the old one. Nobody can read the
//! secret of that key, so an engine that has one can't be written at all without replacing it.
//! What came to servers later, and is at its default on both sides, is not sent: OpenBao's plugin takes none of it.
//! Source: Vault API, "AWS secrets engine: configure root" and "rotate root IAM credentials".

use serde_json::{Map, Value};

use super::access_key::{KeyChange, KeyFate};
use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::{ENGINES, Home};
use super::kind::key::RootKey;
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{ANYTHING, Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{Remarks, Reviewed, Values as _};
use super::token_fields::field;
use super::wire::{post, seconds_text, with_others};
use super::{aws_lease, mount};
use crate::iam::arn::{Arn, partition_of};

static FIELDS: &[Field] = &[
    text("access_key", "The access key id of the engine's own IAM user; empty is the engine's ambient credentials."),
    Field {
        name: "secret_key",
        shape: Shape::Secret,
        default: "\"\"",
        told: Told::WriteOnly,
        immutable: false,
        doc: "The secret access key that belongs to it.",
    },
    text("region", "The AWS region; empty is the engine's own."),
    text("iam_endpoint", "Another address of IAM."),
    text("sts_endpoint", "Another address of STS."),
    Field {
        name: "max_retries",
        shape: Shape::Int,
        default: "-1",
        told: Told::Readable,
        immutable: false,
        doc: "How often a call to AWS is repeated; -1 is the SDK's default.",
    },
    text("username_template", "The template for names of IAM users; empty is the engine's own."),
    text("sts_region", "The region of STS; empty is the other one."),
    field("sts_fallback_endpoints", Shape::List, "[]", "Addresses of STS that are asked in turn where that one fails."),
    field("sts_fallback_regions", Shape::List, "[]", "The region of each of these."),
    text("role_arn", "The IAM role that the engine assumes by tokens of its own, in place of a key."),
    text("identity_token_audience", "For whom these tokens are."),
    field("identity_token_ttl", Shape::Seconds, "0", "How long each is good; 0 is the engine's own time."),
    field("rotation_period", Shape::Seconds, "0", "After how long the engine makes its key anew; 0 is never."),
    text("rotation_schedule", "When it does, as a line of cron, in place of a period."),
    field("rotation_window", Shape::Seconds, "0", "How long after that it may; 0 is without an end."),
    field("disable_automated_rotation", Shape::Bool, "false", "Whether it does not, whatever the others say."),
];

/// What ledgers were kept without, and what not every server has.
const LATER: &[&str] = &[
    "sts_region",
    "sts_fallback_endpoints",
    "sts_fallback_regions",
    "role_arn",
    "identity_token_audience",
    "identity_token_ttl",
    "rotation_period",
    "rotation_schedule",
    "rotation_window",
    "disable_automated_rotation",
];

/// What our own engine refuses, or takes and does not do.
pub(super) const NOT_OURS: [&str; 8] = [
    "sts_fallback_endpoints",
    "sts_fallback_regions",
    "role_arn",
    "identity_token_audience",
    "identity_token_ttl",
    "rotation_period",
    "rotation_schedule",
    "rotation_window",
];

/// The shortest times that servers take, in seconds. Source: Vault API, "configure root": `rotation_period` and
/// `rotation_window`.
const PERIOD_MIN: i64 = 10;
const WINDOW_MIN: i64 = 3600;

const fn text(name: &'static str, doc: &'static str) -> Field {
    Field { name, shape: Shape::Text, default: "\"\"", told: Told::Readable, immutable: false, doc }
}

static REMARKS: Remarks = Remarks {
    account: &["access_key", "secret_key", "iam_endpoint", "sts_endpoint", "sts_fallback_endpoints", "role_arn"],
    user_names: Some("username_template"),
    ..Remarks::NONE
};

/// `aws "aws" { ... }`: the mount, what it signs with, its lease terms.
pub static AWS: Block = Block {
    word: "aws",
    label: Some("The path of the mount."),
    doc: "An AWS secrets engine.",
    keys: &[
        Key::all_of(&mount::MOUNT),
        Key::field(&mount::KIND, mount::EMERGENCY),
        Key::field(&KIND, "region"),
        Key::field(&KIND, "iam_endpoint"),
        Key::field(&KIND, "sts_endpoint"),
        Key::field(&KIND, "max_retries"),
        Key::field(&KIND, "username_template"),
        Key::field(&KIND, "sts_region"),
        Key::field(&KIND, "sts_fallback_endpoints"),
        Key::field(&KIND, "sts_fallback_regions"),
        Key::field(&KIND, "role_arn"),
        Key::field(&KIND, "identity_token_audience"),
        Key::field(&KIND, "identity_token_ttl"),
        Key::field(&KIND, "rotation_period"),
        Key::field(&KIND, "rotation_schedule"),
        Key::field(&KIND, "rotation_window"),
        Key::field(&KIND, "disable_automated_rotation"),
        Key::own("principal_arn", Shape::Text, "Whom AWS takes the engine for: the IAM user or role that it signs as."),
        Key::block(&ROOT),
        Key::block(&aws_lease::LEASE),
        Key::shared(),
        Key::life(),
    ],
    check,
};

/// The block is read twice: for the mount, of which all of these are at their defaults, and for its root.
fn check(aws: &Declared<'_>) -> Vec<Objection> {
    let mut objections = Vec::new();
    let mut object = |key, what: &str, hint| objections.push(Objection { key, what: what.to_owned(), hint });
    let is_written = |key| aws.written.contains(&key);
    let count = |name| aws.value(name).as_array().map_or(0, Vec::len);
    if count("sts_fallback_endpoints") != count("sts_fallback_regions") {
        let key = if is_written("sts_fallback_regions") { "sts_fallback_regions" } else { "sts_fallback_endpoints" };
        object(
            key,
            "each address of STS has its region",
            "name as many sts_fallback_regions as sts_fallback_endpoints",
        );
    }
    let (role, audience) = (aws.text("role_arn"), aws.text("identity_token_audience"));
    if !role.is_empty() && !Arn::parse(&role).is_some_and(|arn| arn.is_role()) {
        object("role_arn", "it is not the ARN of a role", "arn:aws:iam::ACCOUNT:role/NAME");
    }
    if !role.is_empty() && is_written("root") {
        object("role_arn", "an engine that assumes a role has no key of its own", "leave `role_arn` or `root` out");
    }
    if role.is_empty() != audience.is_empty() {
        let key = if role.is_empty() { "identity_token_audience" } else { "role_arn" };
        object(
            key,
            "a role is assumed by a token that is for somebody",
            "add role_arn and identity_token_audience both",
        );
    }
    if aws.number("identity_token_ttl") != 0 && audience.is_empty() {
        object(
            "identity_token_ttl",
            "there are no tokens that live so long",
            "add role_arn and identity_token_audience",
        );
    }
    let (period, window) = (aws.number("rotation_period"), aws.number("rotation_window"));
    let schedule = aws.text("rotation_schedule");
    if period != 0 && !schedule.is_empty() {
        object("rotation_schedule", "a key is made anew by a period or by a schedule", "leave one of them out");
    }
    if period != 0 && period < PERIOD_MIN {
        object("rotation_period", "no key is made anew that often", "rotation_period = \"720h\"; ten seconds at least");
    }
    if window != 0 && (schedule.is_empty() || window < WINDOW_MIN) {
        object("rotation_window", "a window is one of a schedule, and an hour at least", "add rotation_schedule");
    }
    objections
}

/// `root { ... }` in it.
pub static ROOT: Block = Block {
    word: "root",
    label: None,
    doc: "The key that the engine signs with.",
    keys: &[Key::written(&KIND, "access_key"), Key::field(&KIND, "secret_key"), Key::on_rotate()],
    check: ANYTHING,
};

/// Root configurations of AWS engines.
pub static KIND: Kind = Kind {
    name: "aws root",
    class: Class::Config,
    home: Home::Setting { table: &ENGINES, mount_type: "aws", path: "config/root" },
    leases: Leases::None,
    reviewed: Reviewed::Fields(&REMARKS),
    words: &AWS,
    fields: FIELDS,
    update: Update::Replace,
    delete: Delete::Forget("the engine has no call that removes it: the credentials stay until the mount goes"),
    parse,
    write,
    special: Special { key: Some(&KEY), later: LATER, keys, ..Special::NONE },
};

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    let mut fields = data.clone();
    // An engine answers its built-in template for an empty one.
    if fields.get("username_template").and_then(Value::as_str).is_some_and(is_default_template) {
        fields.insert("username_template".to_owned(), Value::from(""));
    }
    // Servers tell their own time of tokens that there are none of.
    if data.get("identity_token_audience").and_then(Value::as_str).is_none_or(str::is_empty) {
        fields.remove("identity_token_ttl");
    }
    Ok(fields)
}

/// Whether this is the template that Vault and OpenBao use when none is given. White space between its
/// actions differs between versions.
fn is_default_template(template: &str) -> bool {
    let squeezed: String = template.chars().filter(|c| !c.is_whitespace()).collect();
    squeezed
        == "{{if(eq.Type\"STS\")}}{{printf\"vault-%s-%s\"(unix_time)(random20)|truncate32}}{{else}}\
            {{printf\"vault-%s-%s-%s\"(printf\"%s-%s\"(.DisplayName)(.PolicyName)|truncate42)(unix_time)(random20)\
            |truncate64}}{{end}}"
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    if object.unresolved().next().is_some() {
        return Vec::new();
    }
    let secret_key = object.secret("secret_key").map_or("", |secret| secret.expose());
    let is_said = |field: &&Field| {
        let before = live.and_then(|live| live.fields.get(field.name));
        let default = field.default_value();
        !LATER.contains(&field.name) || object.value(field.name) != default || before.is_some_and(|was| *was != default)
    };
    let fields = FIELDS
        .iter()
        .filter(|field| field.told == Told::Readable)
        .filter(is_said)
        .map(|field| match field.shape {
            Shape::Seconds => (field.name, seconds_text(&object.value(field.name))),
            _ => (field.name, object.value(field.name)),
        })
        .chain([("secret_key", Value::from(secret_key))]);
    vec![with_others(post(object.path.clone(), fields), live)]
}

/// The key; the secret belongs to the id.
static KEY: RootKey = RootKey { id: "access_key", secret: "secret_key", block: "root", is_same_account };

/// Whether two root configurations surely sign for one AWS account: with the same key, or with two keys that say so,
/// at the same address and in the same partition.
fn is_same_account(before: &Live, after: &Object) -> bool {
    let live = |name: &str| before.fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let declared = |name: &str| after.value(name).as_str().unwrap_or_default().to_owned();
    if live("iam_endpoint") != declared("iam_endpoint")
        || partition_of(&live("region")) != partition_of(&declared("region"))
    {
        return false;
    }
    let (was, role) = (live("role_arn"), declared("role_arn"));
    if was != role {
        return Arn::account_of(&was).is_some() && Arn::account_of(&was) == Arn::account_of(&role);
    }
    let (old, new) = (live("access_key"), declared("access_key"));
    old == new || (account_of_key(&old).is_some() && account_of_key(&old) == account_of_key(&new))
}

/// The account number that an access key id holds, in its first ten characters after the prefix, as base 32. Keys
/// from before 2019, which begin with `AKIAI` or `AKIAJ`, hold none. Source: T. Be'ery, "A short note on AWS KEY ID",
/// 2023, with an example; AWS answers the same to `sts:GetAccessKeyInfo`, without saying how.
fn account_of_key(id: &str) -> Option<u64> {
    const CHARACTERS: usize = 10;
    let coded = id.strip_prefix("AKIA").or_else(|| id.strip_prefix("ASIA")).filter(|coded| coded.len() == 16)?;
    if coded.starts_with(['I', 'J']) {
        return None;
    }
    let bits = coded.bytes().take(CHARACTERS).try_fold(0_u64, |bits, byte| {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        Some((bits << 5) | u64::from(digit))
    })?;
    // Of the 48 bits of six bytes, the number is all but the first and the last seven.
    Some((bits >> 2 & 0x7fff_ffff_ff80) >> 7)
}

fn keys(change: Changed<'_>) -> Option<KeyChange> {
    match change {
        Changed::Updated(_, fields) if fields.contains(&"access_key") || fields.contains(&"secret_key") => {
            Some(KeyChange { fate: KeyFate::Replaced, user: None })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
    use crate::object::testing::{calls, leaf, object};
    use crate::object::{FieldValue, Object};
    use crate::secret::Secret;

    fn root(secret: FieldValue, region: &str) -> Object {
        let mut object = object(&KIND, "aws/config/root", &[("access_key", json!("AKIA1")), ("region", json!(region))]);
        object.fields.insert("secret_key", leaf(secret));
        object
    }

    #[test]
    fn a_write_always_sends_everything() {
        let desired = root(FieldValue::Secret(Secret::new("s3cr3t")), "eu-west-1");
        let expected = json!([["aws/config/root", {
            "access_key": "AKIA1", "secret_key": "s3cr3t", "region": "eu-west-1", "iam_endpoint": "",
            "sts_endpoint": "", "max_retries": -1, "username_template": "",
        }]]);
        let live = KIND.live("aws/config/root", json!({"access_key": "AKIA1"}).as_object().expect("a map"));
        assert_eq!(calls(&desired, None), expected);
        assert_eq!(calls(&desired, live.ok().as_ref()), expected);
    }

    #[test]
    fn nothing_is_sent_while_a_reference_is_unresolved() {
        assert_eq!(calls(&root(FieldValue::Unresolved("env:X".to_owned()), ""), None), json!([]));
    }

    #[test]
    fn what_not_every_server_has_is_sent_where_it_is_said_or_was() {
        let path = "aws/config/root";
        let sent = |fields: &[(&'static str, serde_json::Value)], live: &serde_json::Value| {
            let live = KIND.live(path, live.as_object().expect("a map")).expect("parses");
            calls(&object(&KIND, path, fields), Some(&live))[0][1].clone()
        };
        let federated = json!({"role_arn": "arn:aws:iam::111122223333:role/engine", "identity_token_audience": "aws",
            "identity_token_ttl": 900, "sts_fallback_endpoints": ["https://sts.eu-west-2.amazonaws.com"],
            "sts_fallback_regions": ["eu-west-2"], "rotation_period": 86_400});
        let fields = [
            ("role_arn", federated["role_arn"].clone()),
            ("identity_token_audience", json!("aws")),
            ("identity_token_ttl", json!(900)),
            ("sts_fallback_endpoints", federated["sts_fallback_endpoints"].clone()),
            ("sts_fallback_regions", json!(["eu-west-2"])),
            ("rotation_period", json!(86_400)),
        ];
        let live = KIND.live(path, federated.as_object().expect("a map")).expect("parses");
        let desired = object(&KIND, path, &fields);
        for (name, value) in &live.fields {
            assert_eq!(*value, desired.value(name), "{name}");
        }
        let body = sent(&fields, &json!({}));
        assert_eq!((&body["identity_token_ttl"], &body["rotation_period"]), (&json!("900s"), &json!("86400s")));
        assert_eq!(body["sts_fallback_regions"], json!(["eu-west-2"]));
        assert_eq!(body.get("sts_region"), None);
        let cleared = sent(&[], &federated);
        assert_eq!((&cleared["role_arn"], &cleared["sts_fallback_regions"]), (&json!(""), &json!([])));
        // A server's own time of tokens that there are none of.
        let untouched = json!({"identity_token_ttl": 3600, "identity_token_audience": ""});
        assert_eq!(sent(&[], &untouched).get("identity_token_ttl"), None);
    }

    #[test]
    fn a_role_of_another_account_is_another_account() {
        let role = |account: &str| json!({ "role_arn": format!("arn:aws:iam::{account}:role/engine") });
        let before = KIND.live("aws/config/root", role("111122223333").as_object().expect("a map")).expect("parses");
        for (account, same) in [("111122223333", true), ("444455556666", false)] {
            let renamed = format!("arn:aws:iam::{account}:role/other");
            let after = object(&KIND, "aws/config/root", &[("role_arn", json!(renamed))]);
            assert_eq!(super::is_same_account(&before, &after), same, "{account}");
        }
        assert!(!super::is_same_account(&before, &object(&KIND, "aws/config/root", &[])));
    }

    #[test]
    fn a_resolved_access_key_is_data_and_a_secret_key_is_not() {
        let mut desired = root(FieldValue::Unresolved("env:X".to_owned()), "");
        desired.fields.insert("access_key", leaf(FieldValue::Unresolved("env:Y".to_owned())));
        desired.resolve("access_key", Secret::new("AKIA2")).expect("resolves");
        desired.resolve("secret_key", Secret::new("s")).expect("resolves");
        assert_eq!(desired.value("access_key"), json!("AKIA2"));
        assert!(desired.secret("secret_key").is_some_and(|secret| secret.expose() == "s"));
    }

    #[test]
    fn one_account_is_told_by_its_keys_address_and_partition() {
        // The published example, and others of the same account.
        assert_eq!(super::account_of_key("ASIAQNZGKIQY56JQ7WML"), Some(29_608_264_753));
        assert_eq!(super::account_of_key("AKIAQNZGKIQYZZZZZZZZ"), Some(29_608_264_753));
        assert_eq!(super::account_of_key("AKIAIOSFODNN7EXAMPLE"), None);
        assert_eq!(super::account_of_key("AKIAQNZGKIQY1"), None);
        let at = |key: &str, region: &str, endpoint: &str| json!({ "access_key": key, "region": region, "iam_endpoint": endpoint });
        let old = "AKIAQNZGKIQY56JQ7WML";
        let before = KIND.live("aws/config/root", at(old, "", "").as_object().expect("a map")).expect("parses");
        for (key, region, endpoint, same) in [
            (old, "eu-west-1", "", true),
            ("AKIAQNZGKIQYZZZZZZZZ", "", "", true),
            ("AKIAQNZGKJQYZZZZZZZZ", "", "", false),
            ("AKIAIOSFODNN7EXAMPLE", "", "", false),
            ("", "", "", false),
            (old, "cn-north-1", "", false),
            (old, "", "https://iam.example.com", false),
        ] {
            let fields = [("access_key", json!(key)), ("region", json!(region)), ("iam_endpoint", json!(endpoint))];
            let after = object(&KIND, "aws/config/root", &fields);
            assert_eq!(super::is_same_account(&before, &after), same, "{key} {region} {endpoint}");
        }
    }

    #[test]
    fn the_built_in_template_counts_as_none() {
        let template = r#"{{ if (eq .Type "STS") }}{{ printf "vault-%s-%s"  (unix_time) (random 20) | truncate 32 }}{{ else }}{{ printf "vault-%s-%s-%s" (printf "%s-%s" (.DisplayName) (.PolicyName) | truncate 42) (unix_time) (random 20) | truncate 64 }}{{ end }}"#;
        let answer = json!({"username_template": template, "max_retries": -1});
        let live = KIND.live("aws/config/root", answer.as_object().expect("a map")).expect("parses");
        assert_eq!(live.fields["username_template"], json!(""));
    }
}
