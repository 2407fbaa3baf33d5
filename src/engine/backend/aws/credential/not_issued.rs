//! Vault's types that this engine does not issue yet: known, so that what is wrong with a role is told before that.
//! One that comes to be issued moves into a file of its own.

use super::craft::{CredentialType, Legacy};
use crate::engine::backend::aws::role::Role;

/// STS AssumeRole.
pub(super) static ASSUMED_ROLE: CredentialType = CredentialType {
    name: "assumed_role",
    fields: &["default_sts_ttl", "max_sts_ttl", "role_arns", "session_tags", "external_id"],
    legacy: |legacy| match legacy {
        Legacy::Arn { arn, resource: "role" } => {
            Some(Role { role_arns: Some(vec![(*arn).to_owned()]), ..Role::default() })
        }
        _ => None,
    },
    ..CredentialType::PLAIN
};

/// STS GetFederationToken.
pub(super) static FEDERATION_TOKEN: CredentialType =
    CredentialType { name: "federation_token", fields: &["default_sts_ttl", "max_sts_ttl"], ..CredentialType::PLAIN };

/// STS GetSessionToken.
pub(super) static SESSION_TOKEN: CredentialType =
    CredentialType { name: "session_token", fields: &["mfa_serial_number"], ..CredentialType::PLAIN };
