//! A role, as stored.

use indexmap::IndexMap;

use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Origin;
use crate::guardrail::Guardrail;

/// A role as stored. `None` is "never supplied", which reads back as null.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(super) struct Role {
    pub(super) credential_type: String,
    pub(super) policy_document: String,
    pub(super) policy_arns: Option<Vec<String>>,
    pub(super) role_arns: Option<Vec<String>>,
    pub(super) iam_groups: Option<Vec<String>>,
    pub(super) iam_tags: Option<IndexMap<String, String>>,
    pub(super) default_sts_ttl: i64,
    pub(super) max_sts_ttl: i64,
    pub(super) user_path: String,
    pub(super) permissions_boundary_arn: String,
    pub(super) session_tags: Option<IndexMap<String, String>>,
    pub(super) external_id: String,
    pub(super) mfa_serial_number: String,
    /// Where the last write came from.
    pub(super) origin: Option<Origin>,
    /// What its credentials are judged by.
    pub(super) guardrails: Vec<Guardrail>,
    /// What the role was when they came.
    pub(super) reviewed: Reviewed,
}

/// What the write that brought a role's guardrails said besides. A write by hand changes neither whom they are
/// about nor what has been through a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(super) struct Reviewed {
    /// The app of the role.
    pub(super) app: Option<String>,
    /// Its managed policies: what they say is known to the estate at most.
    pub(super) policy_arns: Vec<String>,
    /// The groups of its users, likewise.
    pub(super) iam_groups: Vec<String>,
    /// Its inline policy.
    pub(super) policy_document: String,
    /// Its permissions boundary: what that says is known to the estate at most.
    pub(super) permissions_boundary_arn: String,
    /// What its credentials are, and the IAM roles that its sessions assume, likewise.
    pub(super) credential_type: String,
    pub(super) role_arns: Vec<String>,
}

/// What a role that was deleted by hand was judged by.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Demand {
    pub(super) guardrails: Vec<Guardrail>,
    pub(super) reviewed: Reviewed,
}

impl Role {
    /// What is kept of it when it is deleted by hand.
    pub(super) fn demand(&self) -> Demand {
        Demand { guardrails: self.guardrails.clone(), reviewed: self.reviewed.clone() }
    }
}

/// The stored role.
pub(super) fn load(core: &Core, mount: &Mount, name: &str) -> Result<Option<Role>, Error> {
    core.barrier.get(&key(mount, name))
}

/// Where a role is stored.
pub(super) fn key(mount: &Mount, name: &str) -> String {
    mount.storage(&format!("role/{name}"))
}

/// Where that of a role which was deleted by hand is.
pub(super) fn demand_key(mount: &Mount, name: &str) -> String {
    mount.storage(&format!("role-demand/{name}"))
}
