//! What is of the engine itself: policies, audit devices, quotas, token roles.

use super::{COMMON, Id, Makes, ResourceType, To, nothing, place, refused, same, to, without};

/// The options of an audit device that have words.
const OPTIONS: &[&str] = &[
    "file_path",
    "path",
    "mode",
    "hmac_accessor",
    "elide_list_responses",
    "prefix",
    "address",
    "socket_type",
    "write_timeout",
    "facility",
    "tag",
];

pub(super) static SORTS: &[ResourceType] = &[
    ResourceType {
        name: "vault_policy",
        makes: Makes::Objects(&[&["acl policy"]]),
        id: Id::Field("name"),
        mount: "",
        name_field: "name",
        fields: &[COMMON, &[place("name", ""), same("policy"), nothing("allow_overwrite")]],
    },
    ResourceType {
        name: "vault_password_policy",
        makes: Makes::Objects(&[&["password policy"]]),
        id: Id::Field("name"),
        mount: "",
        name_field: "name",
        fields: &[COMMON, &[place("name", ""), same("policy"), without("entropy_source", "\"\"")]],
    },
    ResourceType {
        name: "vault_audit",
        makes: Makes::Objects(&[&["audit device"]]),
        id: Id::Field("path"),
        mount: "path",
        name_field: "",
        fields: &[
            COMMON,
            &[
                place("path", "=type"),
                same("type"),
                same("description"),
                same("local"),
                to("options", To::Options(0, "options", OPTIONS)),
            ],
        ],
    },
    ResourceType {
        name: "vault_quota_rate_limit",
        makes: Makes::Objects(&[&["rate limit"]]),
        id: Id::Field("name"),
        mount: "",
        name_field: "name",
        fields: &[
            COMMON,
            &[
                place("name", ""),
                same("rate"),
                same("interval"),
                same("block_interval"),
                same("path"),
                same("role"),
                same("inheritable"),
                refused("group_by", "\"ip\""),
                refused("secondary_rate", "0"),
            ],
        ],
    },
    ResourceType {
        name: "vault_token_auth_backend_role",
        makes: Makes::Objects(&[&["token role"]]),
        id: Id::Made,
        mount: "",
        name_field: "role_name",
        fields: &[
            COMMON,
            &[
                place("role_name", ""),
                same("allowed_policies"),
                same("allowed_policies_glob"),
                same("disallowed_policies"),
                same("disallowed_policies_glob"),
                same("allowed_entity_aliases"),
                same("orphan").or("false"),
                same("renewable").or("true"),
                same("path_suffix"),
                same("token_period"),
                same("token_explicit_max_ttl"),
                same("token_num_uses"),
                same("token_bound_cidrs"),
                same("token_no_default_policy"),
                same("token_type").or("\"default-service\""),
                refused("token_ttl", "0"),
                refused("token_max_ttl", "0"),
                refused("token_policies", "[]"),
                without("alias_metadata", "{}"),
            ],
        ],
    },
];
