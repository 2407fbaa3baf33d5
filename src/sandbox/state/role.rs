//! Roles, and the sessions that were opened with them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Tag;
use crate::sandbox::identity::ACCOUNT_ID;

/// An IAM role. Times are milliseconds since the epoch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct Role {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) path: String,
    /// `AROA...`
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) created: i64,
    pub(in crate::sandbox) description: Option<String>,
    pub(in crate::sandbox) tags: Vec<Tag>,
    /// The trust policy.
    pub(in crate::sandbox) trust: String,
    /// The ARNs of users and roles in the trust policy, each with the id it had when that was written: one of the
    /// same name that is made later is not trusted.
    pub(in crate::sandbox) trusted: BTreeMap<String, String>,
    /// The longest session, in seconds.
    pub(in crate::sandbox) max_session_seconds: i64,
    /// The ARN of the permissions boundary.
    pub(in crate::sandbox) boundary: Option<String>,
    /// Inline policies: name to document.
    pub(in crate::sandbox) inline: BTreeMap<String, String>,
    /// ARNs of managed policies.
    pub(in crate::sandbox) attached: BTreeSet<String>,
}

impl Role {
    /// `arn:aws:iam::<account>:role<path><name>`.
    pub(in crate::sandbox) fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT_ID}:role{}{}", self.path, self.name)
    }
}

/// What a session is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sandbox) enum Of {
    /// A role (AssumeRole).
    #[default]
    Role,
    /// A user, within policies that go with it (GetFederationToken).
    FederatedUser,
    /// A user, as it is (GetSessionToken).
    User,
}

/// What STS gave out, until it expires.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct Session {
    /// `ASIA...`
    pub(in crate::sandbox) key_id: String,
    pub(in crate::sandbox) secret: String,
    pub(in crate::sandbox) token: String,
    /// What it is of.
    pub(in crate::sandbox) of: Of,
    /// The role's or the user's name, and the id it had: one of the same name that is made later is another.
    pub(in crate::sandbox) role: String,
    pub(in crate::sandbox) role_id: String,
    /// Whether it was opened with a second factor.
    pub(in crate::sandbox) mfa: bool,
    /// The RoleSessionName, or the Name of a federated user.
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) tags: Vec<Tag>,
    /// The inline session policy.
    pub(in crate::sandbox) policy: Option<String>,
    /// The managed session policies.
    pub(in crate::sandbox) policy_arns: Vec<String>,
    pub(in crate::sandbox) issued: i64,
    pub(in crate::sandbox) expires: i64,
}

impl Session {
    /// `arn:aws:sts::<account>:assumed-role/<role>/<session>`, without the role's path, or
    /// `arn:aws:sts::<account>:federated-user/<name>`. One of a user as it is has that user's.
    pub(in crate::sandbox) fn arn(&self) -> String {
        match self.of {
            Of::Role => format!("arn:aws:sts::{ACCOUNT_ID}:assumed-role/{}/{}", self.role, self.name),
            Of::FederatedUser => format!("arn:aws:sts::{ACCOUNT_ID}:federated-user/{}", self.name),
            Of::User => format!("arn:aws:iam::{ACCOUNT_ID}:user/{}", self.role),
        }
    }

    /// `AROA...:<session>`, `<account>:<name>`, or the user's id.
    pub(in crate::sandbox) fn user_id(&self) -> String {
        match self.of {
            Of::Role => format!("{}:{}", self.role_id, self.name),
            Of::FederatedUser => format!("{ACCOUNT_ID}:{}", self.name),
            Of::User => self.role_id.clone(),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("key_id", &self.key_id).field("arn", &self.arn()).finish_non_exhaustive()
    }
}
