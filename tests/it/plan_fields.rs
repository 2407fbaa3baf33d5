//! Each field of each kind: set, changed, unset and set again, edited by hand and deleted by hand; a plan says
//! exactly that, and is empty once applied. The cases are held against the tables of the kinds, so that a new
//! field needs a case here.
//!
//! They run on the embedded engine, and on another engine where `LEASEHOLD_TEST_ADDR` and
//! `LEASEHOLD_TEST_TOKEN` name one: they use mounts and policies named `fields-...` there and leave none behind.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
use leasehold::api::{Addresses, Client, Options as ClientOptions, Target, TlsOptions};
use leasehold::apply::{self, Options};
use leasehold::clock::Clock;
use leasehold::engine::{Auditing, AwsTransport, Config, Storage};
use leasehold::estate;
use leasehold::object::{Class, Delete, KINDS, Kind, Object, Read, Told, Update, Verb, aws_root};
use leasehold::plan::{Adopt, ChangeAction, Plan, Refusal, Selection, Shown, show};
use leasehold::proposal::{Prepared, Wish, prepare};
use leasehold::review::Colour;
use leasehold::sandbox;
use leasehold::secret::Secret;
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};

use crate::env::{InTestEngine, TestEnv};
use crate::issuer::Issuer;

/// How a field is tried.
enum Case {
    /// What stands in the declaration when it is unset, set, and changed. `LOG` is a folder.
    Texts([&'static str; 3]),
    /// It can only be given when the object is made.
    AtCreation(&'static str),
    /// The language has one value for it, or other fields come and go with it.
    One,
    /// It goes one way: `engines.rs`.
    OneWay,
}

use Case::{AtCreation, One, OneWay, Texts};

const STATEMENT: &str = r#"statement "Read" { actions = ["s3:GetObject"]
 resources = ["arn:aws:s3:::b/*"] }"#;
const STATEMENTS: &str = r#"statement "Read" { actions = ["s3:GetObject", "s3:PutObject"]
 resources = ["arn:aws:s3:::b/*"]
 condition = { Bool = { "aws:SecureTransport" = true } } }"#;

const CASES: &[(&str, &str, Case)] = &[
    ("audit device", "type", One),
    ("audit device", "description", Texts(["", "description = \"one\"", "description = \"two\""])),
    ("audit device", "file_path", Texts(["file_path = \"LOG/a\"", "file_path = \"LOG/b\"", "file_path = \"LOG/c\""])),
    ("audit device", "mode", Texts(["", "mode = \"0640\"", "mode = \"0604\""])),
    ("audit device", "hmac_accessor", Texts(["", "hmac_accessor = false", "hmac_accessor = true"])),
    (
        "audit device",
        "elide_list_responses",
        Texts(["", "elide_list_responses = true", "elide_list_responses = false"]),
    ),
    ("audit device", "prefix", Texts(["", "prefix = \"one\"", "prefix = \"two\""])),
    ("audit device", "local", Texts(["", "local = true", "local = false"])),
    ("audit device", "rotate_bytes", Texts(["", "rotate_bytes = 100000", "rotate_bytes = 200000"])),
    ("audit device", "rotate_duration", Texts(["", "rotate_duration = \"1h\"", "rotate_duration = \"2h\""])),
    ("audit device", "rotate_max_files", Texts(["", "rotate_max_files = 1", "rotate_max_files = 2"])),
    ("audit device", "address", Texts(["address = \"LOG/s1\"", "address = \"LOG/s2\"", "address = \"LOG/s3\""])),
    ("audit device", "socket_type", One),
    ("audit device", "write_timeout", Texts(["", "write_timeout = \"1s\"", "write_timeout = \"1m\""])),
    ("audit device", "facility", Texts(["", "facility = \"LOCAL0\"", "facility = \"daemon\""])),
    ("audit device", "tag", Texts(["", "tag = \"one\"", "tag = \"two\""])),
    ("secrets engine", "type", One),
    ("secrets engine", "description", Texts(["", "description = \"one\"", "description = \"two\""])),
    ("secrets engine", "default_lease_ttl", Texts(["", "default_lease_ttl = \"30m\"", "default_lease_ttl = \"31m\""])),
    ("secrets engine", "max_lease_ttl", Texts(["", "max_lease_ttl = \"3h\"", "max_lease_ttl = \"4h\""])),
    (
        "secrets engine",
        "emergency_revocation",
        Texts(["", "emergency_revocation = true", "emergency_revocation = false"]),
    ),
    ("secrets engine", "version", OneWay),
    ("auth method", "type", One),
    ("auth method", "description", Texts(["", "description = \"one\"", "description = \"two\""])),
    ("auth method", "default_lease_ttl", Texts(["", "default_lease_ttl = \"30m\"", "default_lease_ttl = \"31m\""])),
    ("auth method", "max_lease_ttl", Texts(["", "max_lease_ttl = \"3h\"", "max_lease_ttl = \"4h\""])),
    (
        "secrets engine",
        "audit_non_hmac_request_keys",
        Texts(["", "audit_non_hmac_request_keys = [\"a\"]", "audit_non_hmac_request_keys = [\"c\", \"b\"]"]),
    ),
    (
        "secrets engine",
        "audit_non_hmac_response_keys",
        Texts(["", "audit_non_hmac_response_keys = [\"a\"]", "audit_non_hmac_response_keys = [\"c\", \"b\"]"]),
    ),
    (
        "secrets engine",
        "listing_visibility",
        Texts(["", "listing_visibility = \"unauth\"", "listing_visibility = \"hidden\""]),
    ),
    (
        "secrets engine",
        "passthrough_request_headers",
        Texts(["", "passthrough_request_headers = [\"X-A\"]", "passthrough_request_headers = [\"X-C\", \"X-B\"]"]),
    ),
    (
        "secrets engine",
        "allowed_response_headers",
        Texts(["", "allowed_response_headers = [\"X-A\"]", "allowed_response_headers = [\"X-C\", \"X-B\"]"]),
    ),
    (
        "auth method",
        "audit_non_hmac_request_keys",
        Texts(["", "audit_non_hmac_request_keys = [\"a\"]", "audit_non_hmac_request_keys = [\"c\", \"b\"]"]),
    ),
    (
        "auth method",
        "audit_non_hmac_response_keys",
        Texts(["", "audit_non_hmac_response_keys = [\"a\"]", "audit_non_hmac_response_keys = [\"c\", \"b\"]"]),
    ),
    (
        "auth method",
        "listing_visibility",
        Texts(["", "listing_visibility = \"unauth\"", "listing_visibility = \"hidden\""]),
    ),
    (
        "auth method",
        "passthrough_request_headers",
        Texts(["", "passthrough_request_headers = [\"X-A\"]", "passthrough_request_headers = [\"X-C\", \"X-B\"]"]),
    ),
    (
        "auth method",
        "allowed_response_headers",
        Texts(["", "allowed_response_headers = [\"X-A\"]", "allowed_response_headers = [\"X-C\", \"X-B\"]"]),
    ),
    ("auth method", "token_type", Texts(["", "token_type = \"batch\"", "token_type = \"default-service\""])),
    ("auth method", "lockout_threshold", Texts(["", "lockout { threshold = 3 }", "lockout { threshold = 4 }"])),
    ("auth method", "lockout_duration", Texts(["", "lockout { duration = \"5m\" }", "lockout { duration = \"6m\" }"])),
    (
        "auth method",
        "lockout_counter_reset",
        Texts(["", "lockout { counter_reset = \"5m\" }", "lockout { counter_reset = \"6m\" }"]),
    ),
    ("auth method", "lockout_disable", Texts(["", "lockout { disable = true }", "lockout { disable = false }"])),
    (
        "aws root",
        "access_key",
        Texts([
            "",
            "root { access_key = \"secret:env:AKIAIOSFODNN7EXAMPLE\"\n secret_key = \"secret:env:ONE\" }",
            "root { access_key = \"AKIAIOSFODNN7EXAMPL2\"\n secret_key = \"secret:env:ONE\" }",
        ]),
    ),
    (
        "aws root",
        "secret_key",
        Texts([
            "",
            "root { access_key = \"AKIAIOSFODNN7EXAMPLE\"\n secret_key = \"secret:env:ONE\" }",
            "root { access_key = \"AKIAIOSFODNN7EXAMPLE\"\n secret_key = \"secret:env:TWO\" }",
        ]),
    ),
    ("aws root", "region", Texts(["", "region = \"eu-west-1\"", "region = \"eu-west-2\""])),
    (
        "aws root",
        "iam_endpoint",
        Texts(["", "iam_endpoint = \"https://iam.example.com\"", "iam_endpoint = \"https://iam2.example.com\""]),
    ),
    (
        "aws root",
        "sts_endpoint",
        Texts(["", "sts_endpoint = \"https://sts.example.com\"", "sts_endpoint = \"https://sts2.example.com\""]),
    ),
    ("aws root", "max_retries", Texts(["", "max_retries = 0", "max_retries = 4"])),
    (
        "aws root",
        "username_template",
        Texts([
            "",
            "username_template = \"a-{{ .PolicyName }}-{{ random 20 }}\"",
            "username_template = \"b-{{ .PolicyName }}-{{ random 20 }}\"",
        ]),
    ),
    ("aws root", "sts_region", Texts(["", "sts_region = \"eu-west-1\"", "sts_region = \"eu-west-2\""])),
    // Neither our own engine nor OpenBao has these: `aws_root.rs`, and `engines.rs` for what a plan says.
    ("aws root", "sts_fallback_endpoints", One),
    ("aws root", "sts_fallback_regions", One),
    ("aws root", "role_arn", One),
    ("aws root", "identity_token_audience", One),
    ("aws root", "identity_token_ttl", One),
    ("aws root", "rotation_period", One),
    ("aws root", "rotation_schedule", One),
    ("aws root", "rotation_window", One),
    ("aws root", "disable_automated_rotation", One),
    (
        "aws lease",
        "lease",
        Texts(["", "lease { default = \"1h\"\n max = \"4h\" }", "lease { default = \"2h\"\n max = \"4h\" }"]),
    ),
    (
        "aws lease",
        "lease_max",
        Texts(["", "lease { default = \"1h\"\n max = \"4h\" }", "lease { default = \"1h\"\n max = \"5h\" }"]),
    ),
    ("kv config", "max_versions", Texts(["", "max_versions = 3", "max_versions = 4"])),
    ("kv config", "cas_required", Texts(["", "cas_required = true", "cas_required = false"])),
    (
        "kv config",
        "delete_version_after",
        Texts(["", "delete_version_after = \"1h\"", "delete_version_after = \"2h\""]),
    ),
    ("transit key", "type", AtCreation("type = \"ed25519\"")),
    ("transit key", "derived", AtCreation("derived = true")),
    ("transit key", "convergent_encryption", AtCreation("convergent_encryption = true")),
    ("transit key", "key_size", AtCreation("key_size = 64")),
    ("transit key", "exportable", OneWay),
    ("transit key", "allow_plaintext_backup", OneWay),
    ("transit key", "auto_rotate_period", Texts(["", "auto_rotate_period = \"24h\"", "auto_rotate_period = \"25h\""])),
    ("transit key", "min_decryption_version", Texts(["", "min_decryption_version = 2", "min_decryption_version = 3"])),
    ("transit key", "min_encryption_version", Texts(["", "min_encryption_version = 2", "min_encryption_version = 3"])),
    ("transit key", "deletion_allowed", OneWay),
    ("token role", "allowed_policies", Texts(["", "allowed_policies = [\"a\"]", "allowed_policies = [\"b\", \"a\"]"])),
    (
        "token role",
        "allowed_policies_glob",
        Texts(["", "allowed_policies_glob = [\"a-*\"]", "allowed_policies_glob = [\"b-*\", \"a-*\"]"]),
    ),
    (
        "token role",
        "disallowed_policies",
        Texts(["", "disallowed_policies = [\"a\"]", "disallowed_policies = [\"b\", \"a\"]"]),
    ),
    (
        "token role",
        "disallowed_policies_glob",
        Texts(["", "disallowed_policies_glob = [\"a-*\"]", "disallowed_policies_glob = [\"b-*\", \"a-*\"]"]),
    ),
    (
        "token role",
        "allowed_entity_aliases",
        Texts(["", "allowed_entity_aliases = [\"a\"]", "allowed_entity_aliases = [\"b\", \"a-*\"]"]),
    ),
    ("token role", "orphan", Texts(["", "orphan = true", "orphan = false"])),
    ("token role", "renewable", Texts(["", "renewable = false", "renewable = true"])),
    ("token role", "path_suffix", Texts(["", "path_suffix = \"one\"", "path_suffix = \"two\""])),
    ("token role", "token_period", Texts(["", "token_period = \"1h\"", "token_period = \"2h\""])),
    (
        "token role",
        "token_explicit_max_ttl",
        Texts(["", "token_explicit_max_ttl = \"2h\"", "token_explicit_max_ttl = \"3h\""]),
    ),
    ("token role", "token_num_uses", Texts(["", "token_num_uses = 5", "token_num_uses = 6"])),
    (
        "token role",
        "token_bound_cidrs",
        Texts([
            "",
            "token_bound_cidrs = [\"::ffff:10.0.0.1\"]",
            "token_bound_cidrs = [\"::ffff:10.0.0.0/126\", \"::1\"]",
        ]),
    ),
    (
        "token role",
        "token_no_default_policy",
        Texts(["", "token_no_default_policy = false", "token_no_default_policy = true"]),
    ),
    ("token role", "token_type", Texts(["", "token_type = \"default-batch\"", "token_type = \"default-service\""])),
    (
        "acl policy",
        "policy",
        Texts([
            "path \"secret/*\" { capabilities = [\"read\"] }",
            "path \"secret/*\" { capabilities = [\"read\", \"list\"] }",
            "path \"secret/*\" { capabilities = [\"list\"]\n required_parameters = [\"x\"] }",
        ]),
    ),
    (
        "password policy",
        "policy",
        Texts([
            "policy = \"length = 20\\nrule \\\"charset\\\" {\\n  charset = \\\"abc\\\"\\n}\"",
            "policy = \"length = 21\\nrule \\\"charset\\\" {\\n  charset = \\\"abc\\\"\\n}\"",
            "policy = \"length = 22\\nrule \\\"charset\\\" {\\n  charset = \\\"abc\\\"\\n}\"",
        ]),
    ),
    ("rate limit", "rate", Texts(["rate = 100000", "rate = 100001.5", "rate = 100002"])),
    ("rate limit", "interval", Texts(["", "interval = \"2s\"", "interval = \"3s\""])),
    ("rate limit", "block_interval", Texts(["", "block_interval = \"2s\"", "block_interval = \"3s\""])),
    ("rate limit", "path", Texts(["", "path = \"auth/fields-approle\"", "path = \"fields-aws\""])),
    ("rate limit", "role", AtCreation("path = \"auth/fields-approle\"\n role = \"app-fields\"")),
    (
        "rate limit",
        "inheritable",
        Texts([
            "path = \"fields-aws\"",
            "path = \"fields-aws\"\n inheritable = true",
            "path = \"fields-aws\"\n inheritable = false",
        ]),
    ),
    (
        "aws role",
        "credential_type",
        Texts([
            "credential_type = \"iam_user\"",
            "credential_type = \"assumed_role\"\n role_arns = [\"arn:aws:iam::111122223333:role/one\"]",
            "role_arns = [\"arn:aws:iam::111122223333:role/one\"]",
        ]),
    ),
    ("aws role", "policy_document", Texts(["", STATEMENT, STATEMENTS])),
    (
        "aws role",
        "policy_arns",
        Texts([
            "",
            "policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]",
            "policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\", \"arn:aws:iam::aws:policy/AmazonS3FullAccess\"]",
        ]),
    ),
    ("aws role", "iam_groups", Texts(["", "iam_groups = [\"a\"]", "iam_groups = [\"b\", \"a\"]"])),
    ("aws role", "iam_tags", Texts(["", "iam_tags = { a = \"1\" }", "iam_tags = { a = \"2\", b = \"3\" }"])),
    ("aws role", "user_path", Texts(["", "user_path = \"/one/\"", "user_path = \"/two/\""])),
    (
        "aws role",
        "permissions_boundary_arn",
        Texts([
            "",
            "permissions_boundary_arn = \"arn:aws:iam::111122223333:policy/one\"",
            "permissions_boundary_arn = \"arn:aws:iam::111122223333:policy/two\"",
        ]),
    ),
    (
        "aws role",
        "role_arns",
        Texts([
            "role_arns = [\"arn:aws:iam::111122223333:role/one\"]",
            "role_arns = [\"arn:aws:iam::111122223333:role/two\"]",
            "role_arns = [\"arn:aws:iam::111122223333:role/two\", \"arn:aws:iam::111122223333:role/one\"]",
        ]),
    ),
    ("aws role", "default_sts_ttl", Texts(["", "default_sts_ttl = \"15m\"", "default_sts_ttl = \"1h\""])),
    ("aws role", "max_sts_ttl", Texts(["", "max_sts_ttl = \"15m\"", "max_sts_ttl = \"12h\""])),
    (
        "aws role",
        "session_tags",
        Texts(["", "session_tags = { a = \"1\" }", "session_tags = { a = \"2\", b = \"3\" }"]),
    ),
    ("aws role", "external_id", Texts(["", "external_id = \"one\"", "external_id = \"two\""])),
    ("aws role", "mfa_serial_number", Texts(["", "mfa_serial_number = \"one\"", "mfa_serial_number = \"two\""])),
    (
        "approle role",
        "bind_secret_id",
        Texts([
            "token_bound_cidrs = [\"10.0.0.0/8\"]",
            "token_bound_cidrs = [\"10.0.0.0/8\"]\n bind_secret_id = false",
            "token_bound_cidrs = [\"10.0.0.0/8\"]\n bind_secret_id = true",
        ]),
    ),
    (
        "approle role",
        "secret_id_bound_cidrs",
        Texts([
            "",
            "secret_id_bound_cidrs = [\"10.0.0.0/8\", \"127.0.0.1\"]",
            "secret_id_bound_cidrs = [\"10.0.0.0/8\"]",
        ]),
    ),
    ("approle role", "secret_id_num_uses", Texts(["", "secret_id_num_uses = 1", "secret_id_num_uses = 2"])),
    ("approle role", "secret_id_ttl", Texts(["", "secret_id_ttl = \"1h\"", "secret_id_ttl = \"7d\""])),
    ("approle role", "local_secret_ids", AtCreation("local_secret_ids = true")),
    ("approle role", "role_id", Texts(["", "role_id = \"one\"", "role_id = \"two\""])),
    (
        "approle role",
        "token_policies",
        Texts(["", "policies = [\"fields-extra\"]", "policies = [\"default\", \"fields-extra\"]"]),
    ),
    ("approle role", "token_ttl", Texts(["", "token_ttl = \"20m\"", "token_ttl = \"21m\""])),
    ("approle role", "token_max_ttl", Texts(["", "token_max_ttl = \"2h\"", "token_max_ttl = \"3h\""])),
    (
        "approle role",
        "token_explicit_max_ttl",
        Texts(["", "token_explicit_max_ttl = \"2h\"", "token_explicit_max_ttl = \"3h\""]),
    ),
    ("approle role", "token_period", Texts(["", "token_period = \"1h\"", "token_period = \"2h\""])),
    ("approle role", "token_num_uses", Texts(["", "token_num_uses = 5", "token_num_uses = 6"])),
    (
        "approle role",
        "token_bound_cidrs",
        Texts(["", "token_bound_cidrs = [\"10.0.0.1/32\"]", "token_bound_cidrs = [\"10.0.0.0/30\", \"::1\"]"]),
    ),
    (
        "approle role",
        "token_no_default_policy",
        Texts(["", "token_no_default_policy = false", "token_no_default_policy = true"]),
    ),
    ("approle role", "token_type", Texts(["", "token_type = \"batch\"", "token_type = \"default\""])),
    ("aws static role", "username", AtCreation("username = \"robot\"")),
    (
        "aws static role",
        "rotation_period",
        Texts(["rotation_period = \"24h\"", "rotation_period = \"1h\"", "rotation_period = \"2h\""]),
    ),
    (
        "userpass user",
        "password",
        Texts(["password = \"secret:env:ONE\"", "password = \"secret:env:TWO\"", "password = \"secret:env:THREE\""]),
    ),
    (
        "userpass user",
        "token_policies",
        Texts(["", "policies = [\"fields-extra\"]", "policies = [\"default\", \"fields-extra\"]"]),
    ),
    ("userpass user", "token_ttl", Texts(["", "token_ttl = \"20m\"", "token_ttl = \"21m\""])),
    ("userpass user", "token_max_ttl", Texts(["", "token_max_ttl = \"2h\"", "token_max_ttl = \"3h\""])),
    (
        "userpass user",
        "token_explicit_max_ttl",
        Texts(["", "token_explicit_max_ttl = \"2h\"", "token_explicit_max_ttl = \"3h\""]),
    ),
    ("userpass user", "token_period", Texts(["", "token_period = \"1h\"", "token_period = \"2h\""])),
    ("userpass user", "token_num_uses", Texts(["", "token_num_uses = 5", "token_num_uses = 6"])),
    (
        "userpass user",
        "token_bound_cidrs",
        Texts(["", "token_bound_cidrs = [\"10.0.0.1/32\"]", "token_bound_cidrs = [\"10.0.0.0/30\", \"::1\"]"]),
    ),
    (
        "userpass user",
        "token_no_default_policy",
        Texts(["", "token_no_default_policy = false", "token_no_default_policy = true"]),
    ),
    ("userpass user", "token_type", Texts(["", "token_type = \"service\"", "token_type = \"default\""])),
    (
        "jwt config",
        "jwt_validation_pubkeys",
        Texts([
            "jwks_url = \"ISSUER/keys\"",
            "jwt_validation_pubkeys = [\"PUBLIC1\"]",
            "jwt_validation_pubkeys = [\"PUBLIC2\", \"PUBLIC1\"]",
        ]),
    ),
    (
        "jwt config",
        "jwks_url",
        Texts(["oidc_discovery_url = \"ISSUER\"", "jwks_url = \"ISSUER/keys\"", "jwks_url = \"ISSUER/others\""]),
    ),
    (
        "jwt config",
        "jwks_ca_pem",
        Texts([
            "jwks_url = \"ISSUER/keys\"",
            "jwks_url = \"ISSUER/keys\"\n jwks_ca_pem = \"CA1\"",
            "jwks_url = \"ISSUER/keys\"\n jwks_ca_pem = \"CA2\"",
        ]),
    ),
    (
        "jwt config",
        "oidc_discovery_url",
        Texts([
            "jwks_url = \"ISSUER/keys\"",
            "oidc_discovery_url = \"ISSUER\"",
            "oidc_discovery_url = \"ISSUER/other\"",
        ]),
    ),
    (
        "jwt config",
        "oidc_discovery_ca_pem",
        Texts([
            "oidc_discovery_url = \"ISSUER\"",
            "oidc_discovery_url = \"ISSUER\"\n oidc_discovery_ca_pem = \"CA1\"",
            "oidc_discovery_url = \"ISSUER\"\n oidc_discovery_ca_pem = \"CA2\"",
        ]),
    ),
    ("jwt config", "bound_issuer", Texts(["", "bound_issuer = \"one\"", "bound_issuer = \"two\""])),
    ("jwt config", "default_role", Texts(["", "default_role = \"one\"", "default_role = \"two\""])),
    (
        "jwt config",
        "jwt_supported_algs",
        Texts(["", "jwt_supported_algs = [\"RS256\"]", "jwt_supported_algs = [\"RS256\", \"ES256\"]"]),
    ),
    (
        "jwt config",
        "oidc_client_id",
        Texts([
            "oidc_discovery_url = \"ISSUER\"",
            "oidc_discovery_url = \"ISSUER\"\n oidc_client_id = \"one\"\n oidc_client_secret = \"secret:env:ONE\"",
            "oidc_discovery_url = \"ISSUER\"\n oidc_client_id = \"two\"\n oidc_client_secret = \"secret:env:ONE\"",
        ]),
    ),
    (
        "jwt config",
        "oidc_client_secret",
        Texts([
            "oidc_discovery_url = \"ISSUER\"",
            "oidc_discovery_url = \"ISSUER\"\n oidc_client_id = \"one\"\n oidc_client_secret = \"secret:env:ONE\"",
            "oidc_discovery_url = \"ISSUER\"\n oidc_client_id = \"one\"\n oidc_client_secret = \"secret:env:TWO\"",
        ]),
    ),
    (
        "jwt role",
        "role_type",
        Texts(["", "role_type = \"oidc\"\n allowed_redirect_uris = [\"https://a.example\"]", "role_type = \"jwt\""]),
    ),
    (
        "oidc role",
        "role_type",
        Texts(["", "role_type = \"jwt\"", "role_type = \"oidc\"\nallowed_redirect_uris = [\"https://a.example\"]"]),
    ),
    (
        "jwt role",
        "allowed_redirect_uris",
        Texts([
            "",
            "role_type = \"oidc\"\n allowed_redirect_uris = [\"https://a.example\"]",
            "role_type = \"oidc\"\n allowed_redirect_uris = [\"https://b.example\", \"https://a.example\"]",
        ]),
    ),
    (
        "oidc role",
        "allowed_redirect_uris",
        Texts([
            "role_type = \"jwt\"",
            "allowed_redirect_uris = [\"https://a.example\"]",
            "allowed_redirect_uris = [\"https://b.example\", \"https://a.example\"]",
        ]),
    ),
    (
        "jwt role",
        "oidc_scopes",
        Texts([
            "",
            "role_type = \"oidc\"\n allowed_redirect_uris = [\"https://a.example\"]\n oidc_scopes = [\"email\"]",
            "role_type = \"oidc\"\n allowed_redirect_uris = [\"https://a.example\"]\n oidc_scopes = [\"groups\", \"email\"]",
        ]),
    ),
    ("oidc role", "oidc_scopes", Texts(["", "oidc_scopes = [\"email\"]", "oidc_scopes = [\"groups\", \"email\"]"])),
    (
        "jwt role",
        "max_age",
        Texts([
            "",
            "role_type = \"oidc\"\n allowed_redirect_uris = [\"https://a.example\"]\n max_age = \"1h\"",
            "role_type = \"oidc\"\n allowed_redirect_uris = [\"https://a.example\"]\n max_age = \"2h\"",
        ]),
    ),
    ("oidc role", "max_age", Texts(["", "max_age = \"1h\"", "max_age = \"2h\""])),
    ("jwt role", "bound_audiences", Texts(["", "bound_audiences = [\"a\"]", "bound_audiences = [\"b\", \"a\"]"])),
    (
        "jwt role",
        "bound_subject",
        Texts([
            "bound_audiences = [\"a\"]",
            "bound_audiences = [\"a\"]\n bound_subject = \"one\"",
            "bound_audiences = [\"a\"]\n bound_subject = \"two\"",
        ]),
    ),
    (
        "jwt role",
        "bound_claims",
        Texts([
            "",
            "bound_claims = { ref = \"main\", run = 7 }",
            "bound_claims = { ref = [\"next\", \"main\"], trusted = true }",
        ]),
    ),
    ("jwt role", "bound_claims_type", Texts(["", "bound_claims_type = \"glob\"", "bound_claims_type = \"string\""])),
    ("jwt role", "groups_claim", Texts(["", "groups_claim = \"groups\"", "groups_claim = \"/realm/groups\""])),
    (
        "jwt role",
        "claim_mappings",
        Texts(["", "claim_mappings = { a = \"1\" }", "claim_mappings = { a = \"2\", b = \"3\" }"]),
    ),
    ("jwt role", "user_claim", Texts(["", "user_claim = \"email\"", "user_claim = \"login\""])),
    (
        "jwt role",
        "user_claim_json_pointer",
        Texts(["", "user_claim_json_pointer = true", "user_claim_json_pointer = false"]),
    ),
    ("jwt role", "expiration_leeway", Texts(["", "expiration_leeway = 30", "expiration_leeway = -1"])),
    ("jwt role", "not_before_leeway", Texts(["", "not_before_leeway = 30", "not_before_leeway = -1"])),
    ("jwt role", "clock_skew_leeway", Texts(["", "clock_skew_leeway = 30", "clock_skew_leeway = -1"])),
    (
        "jwt role",
        "token_policies",
        Texts(["", "policies = [\"fields-extra\"]", "policies = [\"default\", \"fields-extra\"]"]),
    ),
    ("jwt role", "token_ttl", Texts(["", "token_ttl = \"20m\"", "token_ttl = \"21m\""])),
    ("jwt role", "token_max_ttl", Texts(["", "token_max_ttl = \"2h\"", "token_max_ttl = \"3h\""])),
    (
        "jwt role",
        "token_explicit_max_ttl",
        Texts(["", "token_explicit_max_ttl = \"2h\"", "token_explicit_max_ttl = \"3h\""]),
    ),
    ("jwt role", "token_period", Texts(["", "token_period = \"1h\"", "token_period = \"2h\""])),
    ("jwt role", "token_num_uses", Texts(["", "token_num_uses = 5", "token_num_uses = 6"])),
    (
        "jwt role",
        "token_bound_cidrs",
        Texts(["", "token_bound_cidrs = [\"10.0.0.1/32\"]", "token_bound_cidrs = [\"10.0.0.0/30\", \"::1\"]"]),
    ),
    (
        "jwt role",
        "token_no_default_policy",
        Texts(["", "token_no_default_policy = false", "token_no_default_policy = true"]),
    ),
    ("jwt role", "token_type", Texts(["", "token_type = \"batch\"", "token_type = \"default\""])),
    (
        "kubernetes config",
        "kubernetes_host",
        Texts([
            "kubernetes_host = \"http://one.example\"",
            "kubernetes_host = \"http://two.example\"",
            "kubernetes_host = \"http://three.example\"",
        ]),
    ),
    (
        "kubernetes config",
        "kubernetes_ca_cert",
        Texts(["", "kubernetes_ca_cert = \"CA1\"", "kubernetes_ca_cert = \"CA2\""]),
    ),
    (
        "kubernetes config",
        "token_reviewer_jwt",
        Texts(["", "token_reviewer_jwt = \"secret:env:ONE\"", "token_reviewer_jwt = \"secret:env:TWO\""]),
    ),
    ("kubernetes config", "pem_keys", Texts(["", "pem_keys = [\"PUBLIC1\"]", "pem_keys = [\"PUBLIC2\", \"PUBLIC1\"]"])),
    ("kubernetes config", "issuer", Texts(["", "issuer = \"one\"", "issuer = \"two\""])),
    (
        "kubernetes config",
        "disable_iss_validation",
        Texts(["", "disable_iss_validation = false", "disable_iss_validation = true"]),
    ),
    (
        "kubernetes config",
        "disable_local_ca_jwt",
        Texts([
            "kubernetes_ca_cert = \"CA1\"",
            "kubernetes_ca_cert = \"CA1\"\n disable_local_ca_jwt = true",
            "kubernetes_ca_cert = \"CA1\"\n disable_local_ca_jwt = false",
        ]),
    ),
    (
        "kubernetes role",
        "bound_service_account_names",
        Texts(["service_accounts = [\"a\"]", "service_accounts = [\"b\", \"c\"]", "service_accounts = [\"*\"]"]),
    ),
    (
        "kubernetes role",
        "bound_service_account_namespaces",
        Texts(["namespaces = [\"a\"]", "namespaces = [\"b\", \"c\"]", "namespaces = [\"*\"]"]),
    ),
    // Our own engine has none.
    ("kubernetes role", "bound_service_account_namespace_selector", One),
    ("kubernetes role", "audience", Texts(["", "audience = \"one\"", "audience = \"two\""])),
    (
        "kubernetes role",
        "alias_name_source",
        Texts(["", "alias_name_source = \"serviceaccount_name\"", "alias_name_source = \"serviceaccount_uid\""]),
    ),
    (
        "kubernetes role",
        "token_policies",
        Texts(["", "policies = [\"fields-extra\"]", "policies = [\"default\", \"fields-extra\"]"]),
    ),
    ("kubernetes role", "token_ttl", Texts(["", "token_ttl = \"20m\"", "token_ttl = \"21m\""])),
    ("kubernetes role", "token_max_ttl", Texts(["", "token_max_ttl = \"2h\"", "token_max_ttl = \"3h\""])),
    (
        "kubernetes role",
        "token_explicit_max_ttl",
        Texts(["", "token_explicit_max_ttl = \"2h\"", "token_explicit_max_ttl = \"3h\""]),
    ),
    ("kubernetes role", "token_period", Texts(["", "token_period = \"1h\"", "token_period = \"2h\""])),
    ("kubernetes role", "token_num_uses", Texts(["", "token_num_uses = 5", "token_num_uses = 6"])),
    (
        "kubernetes role",
        "token_bound_cidrs",
        Texts(["", "token_bound_cidrs = [\"10.0.0.1/32\"]", "token_bound_cidrs = [\"10.0.0.0/30\", \"::1\"]"]),
    ),
    (
        "kubernetes role",
        "token_no_default_policy",
        Texts(["", "token_no_default_policy = false", "token_no_default_policy = true"]),
    ),
    ("kubernetes role", "token_type", Texts(["", "token_type = \"batch\"", "token_type = \"default\""])),
    ("cert config", "disable_binding", Texts(["", "disable_binding = true", "disable_binding = false"])),
    (
        "cert config",
        "enable_identity_alias_metadata",
        Texts(["", "enable_identity_alias_metadata = true", "enable_identity_alias_metadata = false"]),
    ),
    ("cert role", "certificate", Texts(["certificate = \"CA1\"", "certificate = \"CA2\"", "certificate = \"CA1CA2\""])),
    (
        "cert role",
        "allowed_common_names",
        Texts(["", "common_names = [\"app-*\"]", "common_names = [\"app-*\", \"two\"]"]),
    ),
    (
        "cert role",
        "allowed_dns_sans",
        Texts(["", "dns_names = [\"*.example\"]", "dns_names = [\"*.example\", \"two\"]"]),
    ),
    (
        "cert role",
        "allowed_email_sans",
        Texts(["", "email_addresses = [\"*@one.example\"]", "email_addresses = [\"*@one.example\", \"two\"]"]),
    ),
    (
        "cert role",
        "allowed_uri_sans",
        Texts(["", "uris = [\"spiffe://one.example/*\"]", "uris = [\"spiffe://one.example/*\", \"two\"]"]),
    ),
    (
        "cert role",
        "allowed_organizational_units",
        Texts(["", "organizational_units = [\"team *\"]", "organizational_units = [\"team *\", \"two\"]"]),
    ),
    ("cert role", "allowed_names", Texts(["", "names = [\"any*\"]", "names = [\"any*\", \"two\"]"])),
    (
        "cert role",
        "required_extensions",
        Texts([
            "",
            "required_extensions = [\"1.2.840.1:one*\"]",
            "required_extensions = [\"1.2.840.1:one*\", \"1.2.840.2:two\"]",
        ]),
    ),
    (
        "cert role",
        "allowed_metadata_extensions",
        Texts(["", "metadata_extensions = [\"1.2.840.1\"]", "metadata_extensions = [\"1.2.840.1\", \"1.2.840.2\"]"]),
    ),
    ("cert role", "display_name", Texts(["", "display_name = \"one\"", "display_name = \"app-fields\""])),
    (
        "cert role",
        "token_policies",
        Texts(["", "policies = [\"fields-extra\"]", "policies = [\"default\", \"fields-extra\"]"]),
    ),
    ("cert role", "token_ttl", Texts(["", "token_ttl = \"20m\"", "token_ttl = \"21m\""])),
    ("cert role", "token_max_ttl", Texts(["", "token_max_ttl = \"2h\"", "token_max_ttl = \"3h\""])),
    (
        "cert role",
        "token_explicit_max_ttl",
        Texts(["", "token_explicit_max_ttl = \"2h\"", "token_explicit_max_ttl = \"3h\""]),
    ),
    ("cert role", "token_period", Texts(["", "token_period = \"1h\"", "token_period = \"2h\""])),
    ("cert role", "token_num_uses", Texts(["", "token_num_uses = 5", "token_num_uses = 6"])),
    (
        "cert role",
        "token_bound_cidrs",
        Texts(["", "token_bound_cidrs = [\"10.0.0.1/32\"]", "token_bound_cidrs = [\"10.0.0.0/30\", \"::1\"]"]),
    ),
    (
        "cert role",
        "token_no_default_policy",
        Texts(["", "token_no_default_policy = false", "token_no_default_policy = true"]),
    ),
    ("cert role", "token_type", Texts(["", "token_type = \"batch\"", "token_type = \"default\""])),
    (
        "aws auth config",
        "access_key",
        Texts([
            "",
            "access_key = \"AKIAIOSFODNN7EXAMPLE\"\n secret_key = \"secret:env:ONE\"",
            "access_key = \"AKIAIOSFODNN7EXAMPL2\"\n secret_key = \"secret:env:ONE\"",
        ]),
    ),
    (
        "aws auth config",
        "secret_key",
        Texts([
            "access_key = \"AKIAIOSFODNN7EXAMPLE\"\n secret_key = \"secret:env:ONE\"",
            "access_key = \"AKIAIOSFODNN7EXAMPLE\"\n secret_key = \"secret:env:TWO\"",
            "access_key = \"AKIAIOSFODNN7EXAMPLE\"\n secret_key = \"secret:env:ONE\"",
        ]),
    ),
    (
        "aws auth config",
        "iam_endpoint",
        Texts(["", "iam_endpoint = \"https://iam.one.example\"", "iam_endpoint = \"https://iam.two.example\""]),
    ),
    (
        "aws auth config",
        "sts_endpoint",
        Texts(["", "sts_endpoint = \"https://sts.one.example\"", "sts_endpoint = \"https://sts.two.example\""]),
    ),
    ("aws auth config", "sts_region", Texts(["", "sts_region = \"eu-west-1\"", "sts_region = \"eu-west-2\""])),
    (
        "aws auth config",
        "use_sts_region_from_client",
        Texts(["", "use_sts_region_from_client = true", "use_sts_region_from_client = false"]),
    ),
    (
        "aws auth config",
        "iam_server_id_header_value",
        Texts(["", "iam_server_id_header_value = \"one\"", "iam_server_id_header_value = \"two\""]),
    ),
    (
        "aws auth config",
        "allowed_sts_header_values",
        Texts([
            "",
            "allowed_sts_header_values = [\"X-Amz-One\"]",
            "allowed_sts_header_values = [\"X-Amz-Two\", \"X-Amz-One\"]",
        ]),
    ),
    ("aws auth config", "max_retries", Texts(["", "max_retries = 1", "max_retries = 2"])),
    ("aws auth identity", "iam_alias", Texts(["", "iam_alias = \"unique_id\"", "iam_alias = \"full_arn\""])),
    (
        "aws auth identity",
        "iam_metadata",
        Texts(["", "iam_metadata = [\"client_arn\"]", "iam_metadata = [\"client_arn\", \"account_id\"]"]),
    ),
    ("aws auth identity", "ec2_alias", Texts(["", "ec2_alias = \"instance_id\"", "ec2_alias = \"image_id\""])),
    (
        "aws auth identity",
        "ec2_metadata",
        Texts(["", "ec2_metadata = [\"region\"]", "ec2_metadata = [\"region\", \"account_id\"]"]),
    ),
    (
        "aws auth account",
        "sts_role",
        Texts([
            "sts_role = \"arn:aws:iam::111122223333:role/a\"",
            "sts_role = \"arn:aws:iam::111122223333:role/b\"",
            "sts_role = \"arn:aws:iam::111122223333:role/c\"",
        ]),
    ),
    ("aws auth account", "external_id", Texts(["", "external_id = \"one\"", "external_id = \"two\""])),
    ("aws auth role", "auth_type", One),
    (
        "aws auth role",
        "bound_iam_principal_arn",
        Texts([
            "principals = [\"arn:aws:iam::111122223333:role/a\"]",
            "principals = [\"arn:aws:iam::111122223333:role/b\", \"arn:aws:iam::111122223333:user/c\"]",
            "principals = [\"arn:aws:iam::111122223333:role/*\"]",
        ]),
    ),
    ("aws auth role", "resolve_aws_unique_ids", AtCreation("resolve_unique_ids = false")),
    (
        "aws auth role",
        "token_policies",
        Texts(["", "policies = [\"fields-extra\"]", "policies = [\"default\", \"fields-extra\"]"]),
    ),
    ("aws auth role", "token_ttl", Texts(["", "token_ttl = \"20m\"", "token_ttl = \"21m\""])),
    ("aws auth role", "token_max_ttl", Texts(["", "token_max_ttl = \"2h\"", "token_max_ttl = \"3h\""])),
    (
        "aws auth role",
        "token_explicit_max_ttl",
        Texts(["", "token_explicit_max_ttl = \"2h\"", "token_explicit_max_ttl = \"3h\""]),
    ),
    ("aws auth role", "token_period", Texts(["", "token_period = \"1h\"", "token_period = \"2h\""])),
    ("aws auth role", "token_num_uses", Texts(["", "token_num_uses = 5", "token_num_uses = 6"])),
    (
        "aws auth role",
        "token_bound_cidrs",
        Texts(["", "token_bound_cidrs = [\"10.0.0.1/32\"]", "token_bound_cidrs = [\"10.0.0.0/30\", \"::1\"]"]),
    ),
    (
        "aws auth role",
        "token_no_default_policy",
        Texts(["", "token_no_default_policy = false", "token_no_default_policy = true"]),
    ),
    ("aws auth role", "token_type", Texts(["", "token_type = \"batch\"", "token_type = \"default\""])),
    ("entity", "policies", Texts(["", "policies = [\"fields-extra\"]", "policies = [\"default\", \"fields-extra\"]"])),
    ("entity", "metadata", Texts(["", "metadata = { a = \"1\" }", "metadata = { a = \"2\", b = \"3\" }"])),
    ("entity", "disabled", Texts(["", "disabled = true", "disabled = false"])),
    (
        "entity",
        "aliases",
        Texts([
            "",
            "aliases = { fields-userpass = \"one\" }",
            "aliases = { fields-userpass = \"two\", fields-jwt = \"Three\" }",
        ]),
    ),
    ("group", "type", AtCreation("alias = { fields-jwt = \"one\" }")),
    ("group", "policies", Texts(["", "policies = [\"fields-extra\"]", "policies = [\"default\", \"fields-extra\"]"])),
    ("group", "metadata", Texts(["", "metadata = { a = \"1\" }", "metadata = { a = \"2\", b = \"3\" }"])),
    ("group", "members", Texts(["", "members = [\"fields-ann\"]", "members = [\"fields-bob\", \"fields-ann\"]"])),
    (
        "group",
        "member_groups",
        Texts(["", "groups = [\"fields-inner\"]", "groups = [\"fields-other\", \"fields-inner\"]"]),
    ),
    // The last of a group, for its type can't be changed: see `World::make_room`.
    (
        "group",
        "alias",
        Texts([
            "alias = { fields-jwt = \"one\" }",
            "alias = { fields-jwt = \"two\" }",
            "alias = { fields-userpass = \"two\" }",
        ]),
    ),
];

/// What only roles have whose credentials are sessions.
const OF_SESSIONS: &[&str] =
    &["credential_type", "role_arns", "default_sts_ttl", "max_sts_ttl", "session_tags", "external_id"];

/// What says whose tokens a method believes: one of them has to be there.
const OF_SOURCES: &[&str] = &[
    "jwt_validation_pubkeys",
    "jwks_url",
    "jwks_ca_pem",
    "oidc_discovery_url",
    "oidc_discovery_ca_pem",
    "oidc_client_id",
    "oidc_client_secret",
];

/// All cases: what is not said of `oidc` is as with `jwt`, which is the same by another name.
fn all_cases() -> impl Iterator<Item = (&'static str, &'static str, &'static Case)> {
    let alike = |kind: &str| match kind {
        "jwt config" => Some("oidc config"),
        "jwt role" => Some("oidc role"),
        _ => None,
    };
    let has_own = |kind: &str, field: &str| CASES.iter().any(|(of, name, _)| *of == kind && *name == field);
    let other = move |(kind, field, case): &'static (&'static str, &'static str, Case)| {
        alike(kind).filter(|other| !has_own(other, field)).map(|other| (other, *field, case))
    };
    let own = CASES.iter().map(|(kind, field, case)| (*kind, *field, case));
    // The last of all has to be the last.
    let split = CASES.iter().position(|(kind, ..)| *kind == "entity").expect("people are there");
    own.clone().take(split).chain(CASES.iter().filter_map(other)).chain(own.skip(split))
}

/// What stands for addresses and for text that is made.
fn filled(text: &str) -> String {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    let issuer = ISSUER.get_or_init(|| {
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let issuer = Issuer::start(&json!({ "keys": [key] }));
        issuer.show("/others", 200, &json!({ "keys": [key] }).to_string());
        let other = format!("{}/other", issuer.address);
        let described = json!({ "issuer": other, "jwks_uri": format!("{other}s") });
        issuer.show("/other/.well-known/openid-configuration", 200, &described.to_string());
        issuer
    });
    let quoted = |file: &str| file.replace('\n', "\\n");
    text.replace("ISSUER", &issuer.address)
        .replace("PUBLIC1", &quoted(include_str!("../data/keys/public-1.pem")))
        .replace("PUBLIC2", &quoted(include_str!("../data/keys/public-2.pem")))
        .replace("CA1", &quoted(include_str!("../data/keys/ca-1.pem")))
        .replace("CA2", &quoted(include_str!("../data/keys/ca-2.pem")))
}

/// An estate with something of each kind, and `text` where the field belongs.
/// `log` is a folder of an engine that is ours; another is in no cluster, and has the logins by keys of AWS or not.
fn declarations(kind: &str, field: &str, text: &str, log: Option<&str>, has_aws_login: bool) -> String {
    let at = |here: &str| if here == kind { text } else { "" };
    let app = if field == "token_policies" { text } else { "" };
    let login = if field == "token_policies" { "" } else { at("approle role") };
    let signed = if field == "token_policies" { "" } else { at("jwt role") };
    let browser = if field == "token_policies" { "" } else { at("oidc role") };
    let back = match field {
        "role_type" | "allowed_redirect_uris" if kind == "oidc role" && !text.is_empty() => "",
        _ => "allowed_redirect_uris = [\"https://base.example\"]",
    };
    let bound = |of: &str| if kind == of && field == "bound_subject" { "" } else { "bound_subject = \"base\"" };
    let (bound, bound_browser) = (bound("jwt role"), bound("oidc role"));
    let account = if field == "token_policies" { "" } else { at("kubernetes role") };
    let names = if field == "bound_service_account_names" { "" } else { "service_accounts = [\"base\"]" };
    let namespaces = if field == "bound_service_account_namespaces" { "" } else { "namespaces = [\"base\"]" };
    let principal = if field == "token_policies" { "" } else { at("aws auth role") };
    let shown = if field == "token_policies" { "" } else { at("cert role") };
    let certificate = if field == "certificate" { "" } else { "certificate = \"CA1\"" };
    let principals = match field {
        "bound_iam_principal_arn" => "",
        _ => "principals = [\"arn:aws:iam::111122223333:role/base\"]",
    };
    let by_name = if field == "resolve_aws_unique_ids" { "" } else { "resolve_unique_ids = false" };
    let host = if field == "kubernetes_host" { "" } else { "kubernetes_host = \"http://one.example\"" };
    let cluster = if log.is_none() { "kubernetes_ca_cert = \"CA1\"\ndisable_local_ca_jwt = true" } else { "" };
    let sts_role = match field {
        "sts_role" => "",
        _ => "sts_role = \"arn:aws:iam::111122223333:role/base\"",
    };
    let (keys, login_by_keys) = match has_aws_login {
        true => (
            format!(
                "auth \"fields-keys\" {{\ntype = \"aws\"\nconfig {{\n{}\n}}\nidentity {{\n{}\n}}\n\
                 account \"111122223333\" {{\n{sts_role}\n{}\n}}\n}}",
                at("aws auth config"),
                at("aws auth identity"),
                at("aws auth account")
            ),
            format!("login \"fields-keys\" {{\n{principals}\n{by_name}\n{principal}\n}}"),
        ),
        false => (String::new(), String::new()),
    };
    let key = |of: &str| match kind == of && OF_SOURCES.contains(&field) {
        true => "",
        false => "jwt_validation_pubkeys = [\"PUBLIC1\"]",
    };
    let (key, other_key) = (key("jwt config"), key("oidc config"));
    let user = if field == "token_policies" { "" } else { at("userpass user") };
    let password = if field == "password" { "" } else { "password = \"secret:env:ONE\"" };
    let log_file = match field {
        "file_path" => "",
        "address" => "type = \"socket\"\nsocket_type = \"unix\"",
        "write_timeout" => "type = \"socket\"\nsocket_type = \"unix\"\naddress = \"LOG/s1\"",
        "facility" | "tag" => "type = \"syslog\"",
        "rotate_max_files" => "file_path = \"LOG/audit\"\nrotate_bytes = 100000",
        _ => "file_path = \"LOG/audit\"",
    };
    let audit = match log {
        Some(log) => format!("audit \"file\" {{\n{log_file}\n{}\n}}", at("audit device")).replace("LOG", log),
        None => String::new(),
    };
    let grants = match field {
        "policy_arns" => "iam_groups = [\"base\"]",
        "mfa_serial_number" => "",
        _ => "policy_arns = [\"arn:aws:iam::aws:policy/Base\"]",
    };
    let session = "credential_type = \"assumed_role\"\nrole_arns = [\"arn:aws:iam::111122223333:role/one\"]";
    let made = match field {
        "credential_type" => "",
        "mfa_serial_number" => "credential_type = \"session_token\"",
        "role_arns" => "credential_type = \"assumed_role\"",
        _ if OF_SESSIONS.contains(&field) => session,
        _ => "credential_type = \"iam_user\"",
    };
    // It needs AWS, which is there for it alone: others try what the engine signs in with.
    let standing = match (kind, field) {
        ("aws static role", "username") if text.is_empty() => {
            "static_role \"legacy\" {\nusername = \"another\"\nrotation_period = \"24h\"\n}".to_owned()
        }
        ("aws static role", "username") => format!("static_role \"legacy\" {{\n{text}\nrotation_period = \"24h\"\n}}"),
        ("aws static role", _) => format!("static_role \"legacy\" {{\nusername = \"robot\"\n{text}\n}}"),
        _ => String::new(),
    };
    // Our own engine has none.
    let of_server = match log {
        Some(_) => String::new(),
        None => {
            let policy = r#"policy = "length = 20\nrule \"charset\" {\n  charset = \"abc\"\n}""#;
            let policy = if kind == "password policy" { text } else { policy };
            format!("password_policy \"fields\" {{\n{policy}\n}}")
        }
    };
    let sort = match field {
        "convergent_encryption" => "derived = true",
        "key_size" if text.is_empty() => "type = \"hmac\"\nkey_size = 32",
        "key_size" => "type = \"hmac\"",
        _ => "",
    };
    let (sort, transit_key) = (if kind == "transit key" { sort } else { "" }, at("transit key"));
    let transit = format!(
        "transit \"fields-transit\" {{\nkey \"main\" {{\ndeletion_allowed = true\n{sort}\n{transit_key}\n}}\n}}"
    );
    let rate = if field == "rate" { "" } else { "rate = 100000" };
    let quota = format!("quota \"fields\" {{\n{rate}\n{}\n}}", at("rate limit"));
    let (token_role, user_text, group) = (at("token role"), at("entity"), at("group"));
    let people = format!(
        "user \"fields-ann\" {{\n{user_text}\n}}\nuser \"fields-bob\" {{\n}}\n\
         group \"fields-group\" {{\n{group}\n}}\ngroup \"fields-inner\" {{\n}}\ngroup \"fields-other\" {{\n}}"
    );
    let rules = if kind == "acl policy" { text } else { "path \"secret/*\" { capabilities = [\"read\"] }" };
    format!(
        "environment \"local\" {{ engine = \"embedded\" }}\n\
         {audit}\n\
         aws \"fields-aws\" {{\n{}\n{}\n{}\n}}\n\
         kv \"fields-kv\" {{\nversion = 2\n{}\n}}\n\
         auth \"fields-approle\" {{\ntype = \"approle\"\n{}\n}}\n\
         auth \"fields-userpass\" {{\ntype = \"userpass\"\n}}\n\
         token_role \"fields-role\" {{\n{token_role}\n}}\n\
         auth \"fields-jwt\" {{\ntype = \"jwt\"\nconfig {{\n{key}\n{}\n}}\n}}\n\
         auth \"fields-oidc\" {{\ntype = \"oidc\"\nconfig {{\n{other_key}\n{}\n}}\n}}\n\
         auth \"fields-kubernetes\" {{\ntype = \"kubernetes\"\nconfig {{\n{host}\n{cluster}\n{}\n}}\n}}\n\
         auth \"fields-cert\" {{\ntype = \"cert\"\nconfig {{\n{}\n}}\n}}\n\
         {keys}\n\
         {of_server}\n\
         {transit}\n\
         {quota}\n\
         {standing}\n\
         {people}\n\
         policy \"fields-extra\" {{\n{rules}\n}}\n\
         app \"fields\" {{\n{app}\nrole \"webapp\" {{\nmount = \"fields-aws\"\n{made}\n{grants}\n{}\n}}\n\
         login \"fields-approle\" {{\n{login}\n}}\nlogin \"fields-userpass\" {{\n{password}\n{user}\n}}\n\
         login \"fields-jwt\" {{\n{bound}\n{signed}\n}}\n\
         login \"fields-oidc\" {{\n{bound_browser}\n{back}\n{browser}\n}}\n\
         login \"fields-kubernetes\" {{\n{names}\n{namespaces}\n{account}\n}}\n\
         login \"fields-cert\" {{\n{certificate}\n{shown}\n}}\n\
         {login_by_keys}\n}}\n",
        at("secrets engine"),
        at("aws root"),
        at("aws lease"),
        at("kv config"),
        at("auth method"),
        at("jwt config"),
        at("oidc config"),
        at("kubernetes config"),
        at("cert config"),
        at("aws role"),
    )
    // A block of one line has one attribute at most; templates of names keep their braces.
    .replace("{{ ", "<<")
    .replace(" }}", ">>")
    .replace("{ ", "{\n")
    .replace(" }", "\n}")
    .replace("<<", "{{ ")
    .replace(">>", " }}")
}

/// An engine, a client that may do everything, and a folder for logs.
struct World {
    client: Client,
    clock: Clock,
    env: TestEnv,
    /// `None` on an engine that is not ours to start, which has no audit devices that can be made by API.
    engine: Option<InTestEngine>,
    /// Those of [`OF_SESSIONS`] that the engine keeps.
    of_sessions: Vec<&'static str>,
    /// Whether it has logins by keys of AWS.
    has_aws_login: bool,
    _alone: Option<MutexGuard<'static, ()>>,
}

/// One test at a time has an engine that all share.
static SHARED: Mutex<()> = Mutex::const_new(());

impl World {
    async fn new() -> Self {
        let (clock, env) = (Clock::system(), TestEnv::new());
        let (engine, address, token, alone) = match std::env::var("LEASEHOLD_TEST_ADDR") {
            Ok(address) => {
                let token = std::env::var("LEASEHOLD_TEST_TOKEN").expect("LEASEHOLD_TEST_TOKEN");
                (None, address, token, Some(SHARED.lock().await))
            }
            Err(_) => {
                let auditing = Auditing { syslog: listening(env.dir()), ..Auditing::default() };
                let engine = InTestEngine::start_with(Config { auditing, ..with_a_robot(&clock).await });
                let (address, token) = (engine.address.clone(), engine.root_token.clone());
                (Some(engine), address, token, None)
            }
        };
        let target = Target::Network { addresses: Addresses::one(&address).unwrap(), tls: TlsOptions::default() };
        // As commands have it: OpenBao answers 500 to what is under way while a quota changes.
        let client = Client::new(target, ClientOptions::new(Some(Secret::new(&*token)))).unwrap().patient();
        let of_sessions = kept_of_sessions(&client).await;
        let has_aws_login = has_aws_login(&client).await;
        let world = Self { client, clock, env, engine, of_sessions, has_aws_login, _alone: alone };
        world.clear().await;
        world
    }

    /// Takes away what a test left in a shared engine.
    async fn clear(&self) {
        if self.engine.is_none() {
            self.converge(&[]).await;
        }
    }

    /// The cases that this engine can be tried with.
    fn cases(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static Case)> {
        let audit = self.engine.is_some();
        all_cases().filter(move |(kind, field, _)| {
            let is_of_sessions = *kind == "aws role" && OF_SESSIONS.contains(field);
            // An engine that is not ours has no AWS here, and is in no cluster.
            const OURS: [&str; 4] = ["sts_region", "mfa_serial_number", "kubernetes_ca_cert", "disable_local_ca_jwt"];
            // Our own engine has no headers for backends, no password policies, and no quotas of one role or a namespace.
            const ELSEWHERE: [&str; 3] = ["passthrough_request_headers", "allowed_response_headers", "password policy"];
            let is_there = match audit {
                true if *kind == "rate limit" && ["role", "inheritable"].contains(field) => false,
                true => !ELSEWHERE.contains(kind) && !ELSEWHERE.contains(field),
                // OpenBao assumes the role of another account without an external id.
                false if (*kind, *field) == ("aws auth account", "external_id") => false,
                false => !["audit device", "aws static role"].contains(kind) && !OURS.contains(field),
            };
            is_there
                && (self.has_aws_login || !kind.starts_with("aws auth"))
                && (!is_of_sessions || self.of_sessions.contains(field))
        })
    }

    /// The objects of declarations; a secret is what its reference says.
    fn lowered(&self, kind: &str, field: &str, text: &str) -> Vec<Object> {
        let log = self.env.dir().display().to_string();
        let text =
            filled(&declarations(kind, field, text, self.engine.as_ref().map(|_| log.as_str()), self.has_aws_login));
        self.env.write("estate/estate.hcl", &text);
        let sources = estate::read_directory(&self.env.dir().join("estate")).unwrap_or_default();
        let mut objects = match estate::load(&sources, None) {
            Ok(estate) => estate.objects,
            Err(problems) => panic!("{}", estate::render(&problems, &sources, false)),
        };
        for object in &mut objects {
            let unresolved: Vec<_> =
                object.unresolved().map(|(name, reference, _)| (name, Secret::new(&reference[4..]))).collect();
            for (name, secret) in unresolved {
                object.resolve(name, secret).unwrap();
            }
        }
        objects
    }

    async fn plan(&self, desired: &[Object]) -> Prepared {
        self.plan_with(desired, Adopt::Refuse).await
    }

    async fn plan_with(&self, desired: &[Object], adopt: Adopt<'_>) -> Prepared {
        let (environment, estate) = ("local", Some("fields"));
        let wish = Wish {
            environment,
            estate,
            shared: false,
            absent: &[],
            today: "2026-11-25",
            referred: &[],
            commit: None,
            max_deletes: 100,
            limits: &[],
            adopt,
            adopt_from: &[],
            guardrails: &[],
            selection: Selection::All,
        };
        prepare(&self.client, &wish, &mut desired.to_vec()).await.unwrap()
    }

    /// Applies a plan, and demands that the next one is empty.
    async fn apply(&self, prepared: Prepared, desired: &[Object], what: &str) {
        let plan = text(&prepared.plan);
        let report = self.run(prepared, desired).await;
        assert_eq!(report.exit_code(), 0, "{what}\n{plan}\n{}", report.problems(desired));
        let after = self.plan(desired).await.plan;
        assert_eq!(after.exit_code(), 0, "{what}\n{}", text(&after));
    }

    async fn run(&self, mut prepared: Prepared, desired: &[Object]) -> apply::Report {
        let (stop, progress) = (AtomicBool::new(false), |_: &_, _: &apply::Step<'_>| {});
        let options = Options { clock: &self.clock, stop: &stop, lock: None, progress: &progress };
        let applied =
            apply::run(&self.client, &crate::apply::unjudged(&prepared.plan), desired, &mut prepared.ledger, &options)
                .await
                .unwrap();
        let report = applied.report.clone();
        applied.record(&self.client, &mut prepared.ledger, &self.clock).await.unwrap();
        report
    }

    /// Takes away what an apply leaves there.
    async fn blank(&self, path: &str) {
        self.client.write(path, &serde_json::Map::new()).await.unwrap();
    }

    async fn converge(&self, desired: &[Object]) {
        let prepared = self.plan(desired).await;
        self.apply(prepared, desired, "").await;
    }

    /// Writes an object as a person with the API would.
    async fn write_by_hand(&self, object: &Object) {
        let live = leasehold::live::read_one(&self.client, object.kind, &object.path).await.unwrap();
        if object.kind.update == Update::Recreate && live.is_some() {
            self.client.delete(&object.path).await.unwrap();
        }
        for mut call in (object.kind.write)(object, live.as_ref()) {
            for made in &call.made {
                let mut values = Vec::new();
                for read in &made.of {
                    values.push(self.told(read, made.part).await);
                }
                let value = if made.is_list { json!(values) } else { values[0].clone() };
                call.body.insert(made.parameter.to_owned(), value);
            }
            match call.verb {
                Verb::Write => drop(self.client.write(&call.path, &call.body).await.unwrap()),
                Verb::Delete => self.client.delete(&call.path).await.unwrap(),
            }
        }
    }

    /// What the engine made for an object.
    async fn told(&self, read: &Read, part: &str) -> serde_json::Value {
        let path = match read {
            Read::At(path) => path.as_str(),
            Read::Entry { list, .. } => list,
        };
        let data = self.client.read(path).await.unwrap().unwrap().data.unwrap();
        let object = match read {
            Read::At(_) => json!(data),
            Read::Entry { key, .. } => data[key].clone(),
        };
        object[part].clone()
    }

    /// Takes away what is of another type than the case needs.
    async fn make_room(&self, kind: &str, field: &str) {
        if (kind, field) == ("group", "alias") {
            self.client.delete(path_of(kind)).await.unwrap();
        }
        // A key has one version, and those can't be raised above it.
        if kind == "transit key" {
            self.converge(&self.lowered("", "", "")).await;
            for _ in 0..2 {
                self.client.write(&format!("{}/rotate", path_of(kind)), &serde_json::Map::new()).await.unwrap();
            }
        }
    }
}

/// Sockets that take what audit devices write, in the folder for logs, and that of a syslog, whose path is answered.
fn listening(folder: &Path) -> PathBuf {
    for name in ["s1", "s2", "s3"] {
        let listener = tokio::net::UnixListener::bind(folder.join(name)).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move { tokio::io::copy(&mut stream, &mut tokio::io::sink()).await });
            }
        });
    }
    let path = folder.join("syslog");
    let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
    tokio::spawn(async move { while socket.recv(&mut [0; 1024]).await.is_ok() {} });
    path
}

/// An engine with a simulated account, in which there is a user for a static role.
async fn with_a_robot(clock: &Clock) -> Config {
    let account = sandbox::Account::open(None, clock.clone()).unwrap();
    let iam = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(sandbox::ROOT_ACCESS_KEY, sandbox::ROOT_SECRET, None, None, "test"))
        .http_client(sandbox::connector(account.clone()))
        .build();
    let made = aws_sdk_iam::Client::from_conf(iam).create_user().user_name("robot").send().await;
    made.unwrap();
    Config {
        aws: AwsTransport::InProcess(sandbox::connector(account)),
        aws_key: Some(sandbox::root_key()),
        dev_root_token: Some(Secret::new("root")),
        ..Config::new(Storage::Memory, clock.clone())
    }
}

/// OpenBao has them as a plugin only.
async fn has_aws_login(client: &Client) -> bool {
    let mount = "sys/auth/fields-probe";
    let fields = json!({ "type": "aws" });
    let is_there = client.write(mount, fields.as_object().unwrap()).await.is_ok();
    if is_there {
        client.delete(mount).await.unwrap();
    }
    is_there
}

/// Not every engine opens sessions, and of those that do not every one knows their tags.
async fn kept_of_sessions(client: &Client) -> Vec<&'static str> {
    let (mount, role) = ("sys/mounts/fields-probe", "fields-probe/roles/probe");
    let map = |value: serde_json::Value| value.as_object().unwrap().clone();
    client.write(mount, &map(json!({ "type": "aws" }))).await.unwrap();
    let fields = map(json!({
        "credential_type": "assumed_role", "role_arns": ["arn:aws:iam::111122223333:role/probe"],
        "default_sts_ttl": 900, "max_sts_ttl": 900, "session_tags": { "a": "1" }, "external_id": "probe",
    }));
    let written = client.write(role, &fields).await;
    let kept = match written {
        Ok(_) => client.read(role).await.unwrap().and_then(|answer| answer.data).unwrap_or_default(),
        Err(_) => serde_json::Map::new(),
    };
    client.delete(mount).await.unwrap();
    OF_SESSIONS.iter().copied().filter(|field| kept.get(*field) == fields.get(*field)).collect()
}

fn text(plan: &Plan) -> String {
    plan.text(Colour::Never)
}

fn of_kind<'a>(objects: &'a [Object], kind: &Kind, path: &str) -> Option<&'a Object> {
    objects.iter().find(|object| object.kind.name == kind.name && object.path == path)
}

/// The paths that the declarations have, one of each kind.
fn path_of(kind: &str) -> &'static str {
    match kind {
        "audit device" => "sys/audit/file",
        "secrets engine" => "sys/mounts/fields-aws",
        "auth method" => "sys/auth/fields-approle",
        "aws root" => "fields-aws/config/root",
        "aws lease" => "fields-aws/config/lease",
        "kv config" => "fields-kv/config",
        "transit key" => "fields-transit/keys/main",
        "acl policy" => "sys/policies/acl/fields-extra",
        "password policy" => "sys/policies/password/fields",
        "rate limit" => "sys/quotas/rate-limit/fields",
        "object" => "fields/object",
        "token role" => "auth/token/roles/fields-role",
        "aws role" => "fields-aws/roles/webapp",
        "aws static role" => "fields-aws/static-roles/legacy",
        "approle role" => "auth/fields-approle/role/app-fields",
        "userpass user" => "auth/fields-userpass/users/app-fields",
        "jwt config" => "auth/fields-jwt/config",
        "oidc config" => "auth/fields-oidc/config",
        "oidc role" => "auth/fields-oidc/role/app-fields",
        "kubernetes config" => "auth/fields-kubernetes/config",
        "cert config" => "auth/fields-cert/config",
        "cert role" => "auth/fields-cert/certs/app-fields",
        "kubernetes role" => "auth/fields-kubernetes/role/app-fields",
        "jwt role" => "auth/fields-jwt/role/app-fields",
        "aws auth config" => "auth/fields-keys/config/client",
        "aws auth identity" => "auth/fields-keys/config/identity",
        "aws auth account" => "auth/fields-keys/config/sts/111122223333",
        "aws auth role" => "auth/fields-keys/role/app-fields",
        "entity" => "identity/entity/name/fields-ann",
        "group" => "identity/group/name/fields-group",
        other => panic!("{other} has no place in these tests"),
    }
}

/// The fields in which two states of an object differ, as a plan has to say it.
fn expected(kind: &'static Kind, before: Option<&Object>, after: Option<&Object>) -> BTreeSet<&'static str> {
    kind.fields
        .iter()
        .filter(|field| {
            let declared = |object: Option<&Object>| {
                object.and_then(|object| object.fields.get(field.name)).map(|leaf| leaf.value.clone())
            };
            let value = |object: Option<&Object>| {
                object.map_or_else(|| field.default_value(), |object| object.value(field.name))
            };
            match field.told {
                Told::Readable => value(before) != value(after),
                // What an engine makes itself stays when nobody declares it any more.
                Told::WriteOnly | Told::Apart(_) if field.default == "null" => {
                    declared(after).is_some() && declared(before) != declared(after)
                }
                Told::WriteOnly | Told::Apart(_) => declared(before) != declared(after),
            }
        })
        .map(|field| field.name)
        .collect()
}

/// Whether a field is of a key, which an engine may replace by itself.
fn is_key(kind: &Kind, field: &str) -> bool {
    kind.is_of_key(field)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_declares_stays() {
    let world = World::new().await;
    let (kind, key) = ("aws root", "root { access_key = \"AKIAIOSFODNN7EXAMPLE\"\n secret_key = \"secret:env:ONE\" }");
    let path = path_of(kind);
    world.converge(&world.lowered(kind, "", &format!("region = \"eu-west-1\"\n{key}"))).await;
    for (text, forgotten) in [("region = \"eu-west-1\"", false), ("", true)] {
        let desired = world.lowered(kind, "", text);
        let prepared = world.plan(&desired).await;
        assert_eq!(prepared.plan.summary().forget, usize::from(forgotten), "{text}\n{}", self::text(&prepared.plan));
        world.apply(prepared, &desired, text).await;
        let live = leasehold::live::read_one(&world.client, &aws_root::KIND, path).await.unwrap().unwrap();
        assert_eq!(
            (&live.fields["access_key"], &live.fields["region"]),
            (&json!("AKIAIOSFODNN7EXAMPLE"), &json!("eu-west-1"))
        );
    }
    world.blank(path).await;
    world.clear().await;
}

/// What was tried with a server, by kind.
type Tried = BTreeMap<&'static str, Vec<&'static str>>;

/// Tells what was tried, for who runs it against a server of their own (`-- --nocapture`).
fn report(what: &str, tried: &Tried) {
    for (kind, fields) in tried {
        let _ = writeln!(std::io::stderr(), "{what}: {kind}: {} fields: {}", fields.len(), fields.join(", "));
    }
}

#[test]
fn each_field_of_each_kind_has_a_case() {
    let tables: Vec<(&str, &str)> =
        KINDS.iter().flat_map(|kind| kind.fields.iter().map(|field| (kind.name, field.name))).collect();
    let cases: Vec<(&str, &str)> = all_cases().map(|(kind, field, _)| (kind, field)).collect();
    for field in &tables {
        assert!(cases.contains(field), "{field:?} has no case");
    }
    assert_eq!(tables.len(), cases.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_changes_and_is_empty_after_apply_for_each_field() {
    let world = World::new().await;
    let mut tried = Tried::new();
    for (kind, field, case) in world.cases() {
        let Texts(texts) = case else { continue };
        let kind = leasehold::object::kind(kind).unwrap();
        let path = path_of(kind.name);
        let mut before = world.lowered(kind.name, field, texts[0]);
        world.make_room(kind.name, field).await;
        world.converge(&before).await;
        let mut told = false;
        // A key that is no longer declared stays: `a_key_that_nobody_declares_stays`.
        let stages: &[usize] = match kind.field(field).unwrap().told {
            _ if is_key(kind, field) => &[1, 2, 1],
            // What it was last stays, and declared again it is no change.
            Told::Apart(_) => &[1, 2, 0, 1],
            Told::Readable | Told::WriteOnly => &[1, 2, 0, 2],
        };
        for &stage in stages {
            let what = format!("{} {field}: {}", kind.name, texts[stage]);
            let desired = world.lowered(kind.name, field, texts[stage]);
            let prepared = world.plan(&desired).await;
            let fields = expected(kind, of_kind(&before, kind, path), of_kind(&desired, kind, path));
            let change = prepared.plan.changes.iter().find(|change| change.path == path);
            let planned: BTreeSet<&str> =
                change.into_iter().flat_map(|change| change.fields.iter().map(|field| field.name)).collect();
            assert_eq!(planned, fields, "{what}\n{}", text(&prepared.plan));
            told |= planned.contains(field);
            world.apply(prepared, &desired, &what).await;
            before = desired;
        }
        assert!(told, "no plan said that {} {field} changes", kind.name);
        if is_key(kind, field) {
            world.blank(path).await;
        }
        tried.entry(kind.name).or_default().push(field);
    }
    report("made, changed, cleared and empty again", &tried);
    world.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_only_be_given_at_creation_is_refused_later() {
    for (kind, field, case) in all_cases() {
        let AtCreation(given) = case else { continue };
        let world = World::new().await;
        if !world.cases().any(|one| (one.0, one.1) == (kind, field)) {
            continue;
        }
        world.converge(&world.lowered(kind, field, given)).await;
        let plan = world.plan(&world.lowered(kind, field, "")).await.plan;
        assert!(
            plan.refusals
                .iter()
                .any(|refusal| matches!(refusal, Refusal::Immutable { fields, .. } if fields == &[field])),
            "{kind} {field}\n{}",
            text(&plan)
        );
        world.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_by_hand_of_each_field_is_found_with_both_values_and_undone() {
    let world = World::new().await;
    let mut tried = Tried::new();
    for (kind, field, case) in world.cases() {
        let Texts(texts) = case else { continue };
        let kind = leasehold::object::kind(kind).unwrap();
        let table = kind.field(field).unwrap();
        if table.told == Told::WriteOnly {
            continue;
        }
        let path = path_of(kind.name);
        let desired = world.lowered(kind.name, field, texts[1]);
        world.make_room(kind.name, field).await;
        world.converge(&desired).await;
        let by_hand = world.lowered(kind.name, field, texts[2]);
        let (ours, theirs) = (of_kind(&desired, kind, path).unwrap(), of_kind(&by_hand, kind, path).unwrap());
        if ours.value(field) == theirs.value(field) {
            continue;
        }
        world.write_by_hand(theirs).await;
        let prepared = world.plan(&desired).await;
        if is_key(kind, field) {
            // It may be one that the engine made itself.
            let shown = text(&prepared.plan);
            assert!(prepared.plan.is_empty() && shown.contains("keeps the access key AKIAIOSFODNN7EXAMPL2"), "{shown}");
            world.blank(path).await;
            continue;
        }
        let [change] = &prepared.plan.changes[..] else { panic!("{field}\n{}", text(&prepared.plan)) };
        assert_eq!((change.action, change.path.as_str()), (ChangeAction::Update, path));
        // What logs in with a browser says where browsers come back to.
        let goes_along = |other: &str| field == "role_type" && other == "allowed_redirect_uris";
        let mut found = change.fields.iter().filter(|found| !goes_along(found.name));
        let (Some(found), None) = (found.next(), found.next()) else { panic!("{field}\n{}", text(&prepared.plan)) };
        assert_eq!(found.name, field);
        assert_eq!(found.before, Shown::Value(theirs.value(field)), "{path} {field}");
        assert_eq!(found.after, Shown::Value(ours.value(field)), "{path} {field}");
        let shown = text(&prepared.plan);
        assert!(shown.contains(&format!("      {field}:")), "{shown}");
        if ours.value(field).is_string() && !shown.contains(&format!("      {field}:\n")) {
            for side in [ours, theirs] {
                assert!(shown.contains(&show(table.shape, &side.value(field))), "{shown}");
            }
        }
        world.apply(prepared, &desired, field).await;
        tried.entry(kind.name).or_default().push(field);
    }
    report("edited by hand, found and undone", &tried);
    world.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_by_hand_of_each_kind_is_found_and_undone() {
    let world = World::new().await;
    let desired = world.lowered("aws lease", "lease", "lease { default = \"1h\" }\n region = \"eu-west-1\"");
    world.converge(&desired).await;
    let kinds = KINDS.iter().filter(|kind| kind.delete == Delete::ByPath);
    for kind in kinds.filter(|kind| desired.iter().any(|object| object.kind.name == kind.name)) {
        let path = path_of(kind.name);
        world.client.delete(path).await.unwrap();
        let prepared = world.plan(&desired).await;
        let change = prepared.plan.changes.iter().find(|change| change.path == path);
        assert!(change.is_some_and(|change| change.action == ChangeAction::Create), "{path}\n{}", text(&prepared.plan));
        // What stood on it went with it, and comes back with it.
        let under = |other: &str| {
            path == "sys/mounts/fields-aws" && other.starts_with("fields-aws/") || path == "sys/auth/fields-approle"
        };
        assert!(
            prepared.plan.changes.iter().all(|change| change.path == path || under(&change.path)),
            "{path}\n{}",
            text(&prepared.plan)
        );
        world.apply(prepared, &desired, path).await;
    }
    world.clear().await;
}

/// What stands there as it is declared is refused until it is said to be meant, and then stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_of_each_kind_is_taken_over_as_it_is() {
    let world = World::new().await;
    let mut tried = Tried::new();
    for (kind, field, case) in world.cases() {
        let Texts(texts) = case else { continue };
        let (path, described) = (path_of(kind), leasehold::object::kind(kind).unwrap());
        if tried.contains_key(kind) || is_key(described, field) {
            continue;
        }
        let desired = world.lowered(kind, field, texts[1]);
        world.make_room(kind, field).await;
        world.converge(&desired).await;
        let live =
            async || leasehold::live::read_one(&world.client, described, path).await.unwrap().map(|live| live.fields);
        let before = live().await;
        let mut ledger = world.plan(&desired).await.ledger;
        ledger.open(&world.client, &world.clock).await.unwrap();
        let forgotten: Vec<String> = ledger.owned().keys().cloned().collect();
        ledger.write(&world.client, forgotten.into_iter().map(|path| (path, None))).await.unwrap();
        let plan = world.plan(&desired).await.plan;
        let is_refused = plan.refusals.iter().any(|refusal| refusal.to_string().contains("exist"));
        assert!(plan.exit_code() == 3 && is_refused, "{kind}\n{}", text(&plan));
        let prepared = world.plan_with(&desired, Adopt::Take).await;
        let change = prepared.plan.changes.iter().find(|change| change.path == path);
        assert!(change.is_some_and(|change| change.action == ChangeAction::Adopt), "{kind}\n{}", text(&prepared.plan));
        world.apply(prepared, &desired, kind).await;
        assert_eq!(live().await, before, "{kind}");
        tried.entry(kind).or_default().push(field);
    }
    assert!(tried.len() > 15, "{tried:?}");
    report("given up, refused and taken over", &tried);
    world.clear().await;
}

/// Whatever a plan can find that nobody declared, it counts; and nothing of it goes.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_declares_of_each_kind_is_counted_and_survives() {
    let world = World::new().await;
    let desired = world.lowered("", "", "");
    world.converge(&desired).await;
    let (stands, others): (Vec<Object>, Vec<Object>) =
        desired.iter().cloned().partition(|object| matches!(object.kind.class, Class::Mount));
    let mut ledger = world.plan(&desired).await.ledger;
    ledger.open(&world.client, &world.clock).await.unwrap();
    let given_up: Vec<_> = others.iter().map(|object| (object.path.clone(), None)).collect();
    ledger.write(&world.client, given_up).await.unwrap();
    let plan = world.plan(&stands).await.plan;
    assert_eq!(plan.exit_code(), 0, "{}", text(&plan));
    let counted: BTreeSet<&str> = plan.unmanaged.iter().map(|object| object.path.as_str()).collect();
    let is_counted = |object: &&Object| counted.contains(object.path.as_str());
    let uncounted: BTreeSet<&str> = others.iter().filter(|one| !is_counted(one)).map(|one| one.kind.name).collect();
    // Looked for only where an estate declares one, or a setting that every mount of the type has.
    let elsewhere = ["entity", "group", "rate limit", "token role", "password policy"];
    let settings = ["aws auth config", "aws auth identity", "cert config", "aws lease", "kv config"];
    let unexplained: Vec<_> =
        uncounted.iter().filter(|kind| !elsewhere.contains(kind) && !settings.contains(kind)).collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
    assert!(others.iter().filter(is_counted).count() >= 10, "{counted:?}");
    world.converge(&stands).await;
    for object in others {
        let live = leasehold::live::read_one(&world.client, object.kind, &object.path).await.unwrap();
        assert!(live.is_some(), "{} is gone", object.path);
    }
    let prepared = world.plan_with(&desired, Adopt::Take).await;
    world.apply(prepared, &desired, "all of them").await;
    world.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_made_of_each_kind_is_counted_and_survives() {
    let world = World::new().await;
    let desired = world.lowered("", "", "");
    world.converge(&desired).await;
    let log = world.env.dir().join("other.log").display().to_string();
    let theirs = [
        // A development server has it from the start.
        ("sys/mounts/secret", json!({})),
        ("sys/audit/fields-other", json!({"type": "file", "options": {"file_path": log}})),
        ("sys/mounts/fields-other", json!({"type": "aws"})),
        ("sys/auth/fields-other", json!({"type": "approle"})),
        ("sys/policies/acl/fields-other", json!({"policy": "path \"a\" { capabilities = [\"read\"] }"})),
        (
            "fields-aws/roles/other",
            json!({"credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/X"]}),
        ),
        ("auth/fields-approle/role/other", json!({"token_ttl": 60})),
    ];
    let own = world.engine.is_some();
    let theirs = if own { &theirs[..] } else { &theirs[2..] };
    for (path, body) in theirs.iter().filter(|(path, _)| *path != "sys/mounts/secret") {
        world.client.write(path, body.as_object().unwrap()).await.unwrap();
    }
    let plan = world.plan(&desired).await.plan;
    let counted: BTreeSet<&str> = plan.unmanaged.iter().map(|object| object.path.as_str()).collect();
    let made: BTreeSet<&str> = theirs.iter().map(|(path, _)| *path).collect();
    assert!(if own { counted == made } else { counted.is_superset(&made) }, "{counted:?}");
    assert_eq!(plan.exit_code(), 0);
    let count = format!("Not ours and left alone: {} objects (", counted.len());
    assert!(text(&plan).contains(&count), "{}", text(&plan));
    // Everything of ours that stands on the mounts goes, and nothing of theirs.
    let mounts: Vec<Object> =
        desired.into_iter().filter(|object| matches!(object.kind.name, "secrets engine" | "auth method")).collect();
    world.converge(&mounts).await;
    for (path, _) in theirs {
        let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        let kind = KINDS.iter().find(|kind| folder(path_of(kind.name)) == folder(path)).unwrap();
        assert!(leasehold::live::read_one(&world.client, kind, path).await.unwrap().is_some(), "{path} is gone");
        if *path != "sys/mounts/secret" {
            world.client.delete(path).await.unwrap();
        }
    }
    // What a method keeps of a configuration that was given up is nobody's, and no plan takes it along.
    for mount in mounts.iter().filter(|_| !own) {
        world.client.delete(&mount.path).await.unwrap();
    }
    world.clear().await;
}
