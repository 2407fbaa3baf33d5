//! Vault's types that this engine does not issue yet: known, so that what is wrong with a role is told before that.
//! One that comes to be issued moves into a file of its own.

use super::craft::CredentialType;

/// STS GetFederationToken.
pub(super) static FEDERATION_TOKEN: CredentialType =
    CredentialType { name: "federation_token", fields: &["default_sts_ttl", "max_sts_ttl"], ..CredentialType::PLAIN };

/// STS GetSessionToken.
pub(super) static SESSION_TOKEN: CredentialType =
    CredentialType { name: "session_token", fields: &["mfa_serial_number"], ..CredentialType::PLAIN };
