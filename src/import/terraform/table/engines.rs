//! Secrets engines, and what is in them.

use serde_json::Value;

use super::super::resource::Resource;
use super::{COMMON, ENGINE, Id, Makes, ResourceType, Row, To, at, nothing, place, refused, same, second, to, without};
use crate::object::{Shape, field};

/// The options of a mount that have words.
const OPTIONS: &[&str] = &["version", "emergency_revocation"];

/// Of keys that are made anew by themselves. Source: provider documentation, "Automated root rotation".
const ROTATED: &[Row] = &[
    second("rotation_period"),
    second("rotation_schedule"),
    second("rotation_window"),
    second("disable_automated_rotation"),
];

pub(super) static SORTS: &[ResourceType] = &[
    ResourceType {
        name: "vault_mount",
        makes: Makes::Objects(&[&["secrets engine"]]),
        id: Id::Field("path"),
        mount: "path",
        name_field: "",
        fields: &[
            COMMON,
            ENGINE,
            &[place("path", ""), same("type"), to("options", To::Options(0, "options", OPTIONS))],
        ],
    },
    ResourceType {
        name: "vault_aws_secret_backend",
        makes: Makes::Objects(&[&["secrets engine"], &["aws root"]]),
        id: Id::Field("path"),
        mount: "path",
        name_field: "",
        fields: &[
            COMMON,
            ENGINE,
            ROTATED,
            &[
                place("path", "\"aws\""),
                // Not the provider's: every one of these is mounted so.
                at("type", "type").or("\"aws\""),
                to("options", To::Options(0, "options", OPTIONS)),
                to("access_key", To::Key(1, "access_key")),
                to("secret_key", To::Key(1, "access_key")),
                to("secret_key_wo", To::Key(1, "access_key")),
                nothing("secret_key_wo_version"),
                second("region"),
                second("iam_endpoint"),
                second("sts_endpoint"),
                second("sts_region"),
                second("sts_fallback_endpoints"),
                second("sts_fallback_regions"),
                second("username_template"),
                second("max_retries").or("-1"),
                second("role_arn"),
                second("identity_token_audience"),
                second("identity_token_ttl"),
            ],
        ],
    },
    ResourceType {
        name: "vault_aws_secret_backend_role",
        makes: Makes::Objects(&[&["aws role"]]),
        id: Id::Made,
        mount: "backend",
        name_field: "name",
        fields: &[
            COMMON,
            &[
                place("backend", ""),
                place("name", ""),
                same("credential_type"),
                to("policy_document", To::Shaped(0, "policy_document", document)),
                same("policy_arns"),
                same("role_arns"),
                same("iam_groups"),
                same("iam_tags"),
                same("session_tags"),
                same("external_id"),
                same("default_sts_ttl"),
                same("max_sts_ttl"),
                same("permissions_boundary_arn"),
                same("user_path"),
                same("mfa_serial_number"),
            ],
        ],
    },
    ResourceType {
        name: "vault_aws_secret_backend_static_role",
        makes: Makes::Objects(&[&["aws static role"]]),
        id: Id::Made,
        mount: "backend",
        name_field: "name",
        fields: &[
            COMMON,
            &[
                place("backend", "\"aws\""),
                place("name", ""),
                same("username"),
                same("rotation_period"),
                refused("assume_role_arn", "\"\""),
                refused("assume_role_session_name", "\"\""),
                refused("external_id", "\"\""),
            ],
        ],
    },
    ResourceType {
        name: "vault_kv_secret_backend_v2",
        makes: Makes::Objects(&[&["kv config"]]),
        id: Id::Made,
        mount: "mount",
        name_field: "",
        fields: &[
            COMMON,
            &[place("mount", ""), same("max_versions").or("0"), same("cas_required"), same("delete_version_after")],
        ],
    },
    ResourceType {
        name: "vault_transit_secret_backend_key",
        makes: Makes::Objects(&[&["transit key"]]),
        id: Id::Made,
        mount: "backend",
        name_field: "name",
        fields: &[
            COMMON,
            &[
                place("backend", ""),
                place("name", ""),
                same("type").or("\"aes256-gcm96\""),
                same("derived"),
                same("convergent_encryption"),
                same("key_size"),
                same("exportable"),
                same("allow_plaintext_backup"),
                same("auto_rotate_period"),
                same("min_decryption_version").or("1"),
                same("min_encryption_version"),
                same("deletion_allowed"),
                refused("parameter_set", "\"\""),
                refused("hybrid_key_type_pqc", "\"\""),
                refused("hybrid_key_type_ec", "\"\""),
                refused("managed_key_name", "\"\""),
                refused("managed_key_id", "\"\""),
                without("context", "\"\""),
                nothing("keys"),
                nothing("latest_version"),
                nothing("min_available_version"),
                nothing("supports_encryption"),
                nothing("supports_decryption"),
                nothing("supports_derivation"),
                nothing("supports_signing"),
            ],
        ],
    },
];

/// A policy as it is written, where it is one: of keys that stand twice IAM takes none, and a reader of JSON the last.
fn document(_: &Resource, value: &Value) -> Result<Value, String> {
    match field::normalise(Shape::PolicyDocument, value) {
        Ok(_) => Ok(value.clone()),
        Err(misfit) => Err(misfit.to_string()),
    }
}
