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

/// What an AssumeRole gave out, until it expires.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct Session {
    /// `ASIA...`
    pub(in crate::sandbox) key_id: String,
    pub(in crate::sandbox) secret: String,
    pub(in crate::sandbox) token: String,
    /// The role's name, and the id it had: a role of the same name that is made later is another.
    pub(in crate::sandbox) role: String,
    pub(in crate::sandbox) role_id: String,
    /// The RoleSessionName.
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
    /// `arn:aws:sts::<account>:assumed-role/<role>/<session>`: without the role's path.
    pub(in crate::sandbox) fn arn(&self) -> String {
        format!("arn:aws:sts::{ACCOUNT_ID}:assumed-role/{}/{}", self.role, self.name)
    }

    /// `AROA...:<session>`.
    pub(in crate::sandbox) fn user_id(&self) -> String {
        format!("{}:{}", self.role_id, self.name)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("key_id", &self.key_id).field("arn", &self.arn()).finish_non_exhaustive()
    }
}
