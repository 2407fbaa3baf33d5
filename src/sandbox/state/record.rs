//! Users, groups and managed policies.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::sandbox::identity::ACCOUNT_ID;

/// An IAM user. Times are milliseconds since the epoch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct User {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) path: String,
    /// `AIDA...`
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) created: i64,
    pub(in crate::sandbox) tags: Vec<Tag>,
    /// The ARN of the permissions boundary.
    pub(in crate::sandbox) boundary: Option<String>,
    pub(in crate::sandbox) keys: Vec<AccessKey>,
    /// Inline policies: name to document.
    pub(in crate::sandbox) inline: BTreeMap<String, String>,
    /// ARNs of managed policies.
    pub(in crate::sandbox) attached: BTreeSet<String>,
    /// Lower-case names of groups.
    pub(in crate::sandbox) groups: BTreeSet<String>,
    pub(in crate::sandbox) login_profile: Option<LoginProfile>,
    /// Serial number to the time it was enabled.
    pub(in crate::sandbox) mfa: BTreeMap<String, i64>,
    pub(in crate::sandbox) ssh_keys: Vec<SshKey>,
    pub(in crate::sandbox) certificates: Vec<Certificate>,
    pub(in crate::sandbox) service_credentials: Vec<ServiceCredential>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Tag {
    pub(in crate::sandbox) key: String,
    pub(in crate::sandbox) value: String,
}

/// An access key. The secret is kept in clear, as is everything here: it opens nothing but the simulation.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct AccessKey {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) secret: String,
    pub(in crate::sandbox) active: bool,
    pub(in crate::sandbox) created: i64,
    pub(in crate::sandbox) last_used: Option<LastUsed>,
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).field("active", &self.active).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct LastUsed {
    pub(in crate::sandbox) at: i64,
    pub(in crate::sandbox) service: String,
    pub(in crate::sandbox) region: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct LoginProfile {
    pub(in crate::sandbox) created: i64,
    pub(in crate::sandbox) reset_required: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct SshKey {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) body: String,
    pub(in crate::sandbox) active: bool,
    pub(in crate::sandbox) created: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Certificate {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) body: String,
    pub(in crate::sandbox) active: bool,
    pub(in crate::sandbox) created: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct ServiceCredential {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) service: String,
    pub(in crate::sandbox) user_name: String,
    pub(in crate::sandbox) active: bool,
    pub(in crate::sandbox) created: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct Group {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) path: String,
    /// `AGPA...`
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) created: i64,
    pub(in crate::sandbox) inline: BTreeMap<String, String>,
    pub(in crate::sandbox) attached: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct Policy {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) path: String,
    /// `ANPA...`
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) description: Option<String>,
    pub(in crate::sandbox) created: i64,
    pub(in crate::sandbox) versions: Vec<PolicyVersion>,
    /// The number of the default version.
    pub(in crate::sandbox) default_version: u32,
    /// The number that the next version gets; numbers are not used twice.
    pub(in crate::sandbox) next_version: u32,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct PolicyVersion {
    pub(in crate::sandbox) number: u32,
    pub(in crate::sandbox) document: String,
    pub(in crate::sandbox) created: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct MfaDevice {
    pub(in crate::sandbox) serial: String,
    pub(in crate::sandbox) created: i64,
    /// The user it is enabled for (lower case).
    pub(in crate::sandbox) user: Option<String>,
}

impl User {
    /// `arn:aws:iam::<account>:user<path><name>`.
    pub(in crate::sandbox) fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT_ID}:user{}{}", self.path, self.name)
    }

    /// Why the user cannot be deleted yet, in the words of IAM.
    ///
    /// # Source
    /// DeleteUser in the IAM API reference lists the items; the texts are from reports of users.
    pub(super) fn blocker(&self) -> Option<&'static str> {
        let checks = [
            (self.login_profile.is_some(), "Cannot delete entity, must delete login profile first."),
            (!self.keys.is_empty(), "Cannot delete entity, must delete access keys first."),
            (!self.mfa.is_empty(), "Cannot delete entity, must delete MFA device first."),
            (!self.certificates.is_empty(), "Cannot delete entity, must delete signing certificates first."),
            (!self.groups.is_empty(), "Cannot delete entity, must remove users from group first."),
            (!self.attached.is_empty(), "Cannot delete entity, must detach all policies first."),
            (!self.inline.is_empty(), "Cannot delete entity, must delete policies first."),
            (
                !self.ssh_keys.is_empty() || !self.service_credentials.is_empty(),
                "Cannot delete entity, must remove referenced objects first.",
            ),
        ];
        checks.into_iter().find(|(blocks, _)| *blocks).map(|(_, text)| text)
    }
}

impl Group {
    /// `arn:aws:iam::<account>:group<path><name>`.
    pub(in crate::sandbox) fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT_ID}:group{}{}", self.path, self.name)
    }
}

impl Policy {
    /// `arn:aws:iam::<account>:policy<path><name>`.
    pub(in crate::sandbox) fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT_ID}:policy{}{}", self.path, self.name)
    }

    /// The document in force.
    pub(in crate::sandbox) fn document(&self) -> &str {
        let version = self.versions.iter().find(|version| version.number == self.default_version);
        version.map_or("", |version| &version.document)
    }
}
