//! What an AWS auth method calls who logs in, and what it tells of them: `auth/<mount>/config/identity`. A server answers it
//! whether somebody set it or not.
//!
//! Source: Vault API, "AWS auth method: configure identity integration". Our own engine keeps what it says of instances of
//! EC2, which log in nowhere.

use super::field::{Field, Shape};
use super::home::{Home, METHODS};
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Class, Delete, Kind, Leases, Special, Update};
use super::review::{Remarks, Reviewed, Values as _};
use super::token_fields::{self, field};
use super::wire::{pick, post};

static FIELDS: [Field; 4] = [
    field(
        "iam_alias",
        Shape::OneOf(&["role_id", "unique_id", "canonical_arn", "full_arn"]),
        "\"role_id\"",
        "By what somebody is known: by default all who log in by one role are one.",
    ),
    field("iam_metadata", Shape::Set, DEFAULT, "What is told of somebody who logs in."),
    field(
        "ec2_alias",
        Shape::OneOf(&["role_id", "instance_id", "image_id"]),
        "\"role_id\"",
        "By what an instance of EC2 is known.",
    ),
    field("ec2_metadata", Shape::Set, DEFAULT, "What is told of an instance of EC2."),
];

const DEFAULT: &str = "[\"account_id\",\"auth_type\"]";

/// What can be told of either, and of each besides. Source: OpenBao's AWS auth plugin, `path_config_identity.go`.
const BOTH: [&str; 2] = ["account_id", "auth_type"];
const OF_IAM: [&str; 6] = [
    "canonical_arn",
    "client_arn",
    "client_user_id",
    "inferred_aws_region",
    "inferred_entity_id",
    "inferred_entity_type",
];
const OF_EC2: [&str; 3] = ["ami_id", "instance_id", "region"];

/// `identity { ... }` in the method's declaration.
static IDENTITY: Block = Block {
    word: "identity",
    label: None,
    doc: "What the method calls who logs in, and what it tells of them.",
    keys: &[
        Key::field(&KIND, "iam_alias"),
        Key::field(&KIND, "iam_metadata"),
        Key::field(&KIND, "ec2_alias"),
        Key::field(&KIND, "ec2_metadata"),
    ],
    check,
};

/// What AWS methods call whom.
pub static KIND: Kind = Kind {
    name: "aws auth identity",
    class: Class::Config,
    home: Home::Setting { table: &METHODS, mount_type: "aws", path: "config/identity" },
    leases: Leases::None,
    reviewed: Reviewed::Fields(&Remarks { vouching: &["iam_alias", "iam_metadata"], ..Remarks::NONE }),
    words: &IDENTITY,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::Forget("the method has no call that removes it: it stays until the mount goes"),
    parse: |data| Ok(pick(data, &FIELDS.map(|field| field.name))),
    write: |object, _| {
        vec![post(object.path.clone(), FIELDS.iter().map(|field| (field.name, object.value(field.name))))]
    },
    special: Special { effect: token_fields::config_effect, ..Special::NONE },
};

fn check(identity: &Declared<'_>) -> Vec<Objection> {
    let mut objections = Vec::new();
    for (key, also, hint) in [
        (
            "iam_metadata",
            &OF_IAM[..],
            "known are account_id, auth_type, canonical_arn, client_arn, client_user_id and inferred_...",
        ),
        ("ec2_metadata", &OF_EC2, "known are account_id, auth_type, ami_id, instance_id and region"),
    ] {
        for name in identity.texts(key) {
            if !BOTH.contains(&&*name) && !also.contains(&&*name) {
                objections.push(Objection { key, what: format!("`{name}` is not told of anybody"), hint });
            }
        }
    }
    objections
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;

    #[test]
    fn what_a_method_answers_that_nobody_configured_is_unset() {
        let answer = json!({"iam_alias": "role_id", "iam_metadata": ["auth_type", "account_id"], "ec2_alias": "role_id",
            "ec2_metadata": ["account_id", "auth_type"]});
        let live = KIND.live("auth/aws/config/identity", answer.as_object().expect("a map")).expect("parses");
        assert!(live.is_unset(), "{live:?}");
    }
}
