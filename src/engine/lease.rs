//! The life of a lease: its record, its states, its TTL rules.

pub(crate) mod sys;
mod ttl;

pub(crate) use self::ttl::{Terms, ttl};

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::core::Core;
use super::error::Error;
use super::request::Origin;

/// Where a lease is in its life. There is no way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// The intent is durable; AWS may or may not have acted; nobody has the credential.
    Pending,
    /// The credential has been handed out.
    Active,
    /// It ended, or its outcome is unknown; whatever AWS holds for it is being removed.
    Revoking,
}

/// The record of one lease, stored under `lease/<lease id>`. Times are Unix seconds.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Lease {
    /// `<request path>/<24 base62>`.
    pub(crate) id: String,
    /// Where it is in its life.
    pub(crate) state: State,
    /// The request path: `aws/creds/webapp`.
    pub(crate) path: String,
    /// The UUID of the mount that issued it.
    pub(crate) mount: String,
    /// The hash of the token it was issued to; the lease ends with that token.
    pub(crate) token: String,
    /// When it was issued (the intent's time while pending).
    pub(crate) issue_time: i64,
    /// When it ends.
    pub(crate) expire_time: i64,
    /// When it was last renewed.
    #[serde(default)]
    pub(crate) last_renewal: Option<i64>,
    /// Whether it can be renewed.
    pub(crate) renewable: bool,
    /// What exists in AWS because of it.
    pub(crate) user: IssuedUser,
    /// The app that asked, where its login says so.
    #[serde(default)]
    pub(crate) app: Option<String>,
    /// The role's name.
    pub(crate) role: String,
    /// Where the role was declared when the credential was issued.
    #[serde(default)]
    pub(crate) origin: Option<Origin>,
    /// Failed attempts to revoke it.
    #[serde(default)]
    pub(crate) attempts: u32,
    /// What the last failed attempt said.
    #[serde(default)]
    pub(crate) revoke_error: Option<String>,
}

/// What was, or may have been, made in AWS for a lease: enough to remove it without the role.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct IssuedUser {
    /// The IAM user name.
    pub(crate) name: String,
    /// The IAM path of the user.
    pub(crate) path: String,
    /// The access key id, once known.
    #[serde(default)]
    pub(crate) access_key_id: Option<String>,
    /// The name of the inline policy put, if any.
    #[serde(default)]
    pub(crate) inline_policy: Option<String>,
    /// The managed policies attached.
    #[serde(default)]
    pub(crate) policy_arns: Vec<String>,
    /// The groups joined.
    #[serde(default)]
    pub(crate) groups: Vec<String>,
    /// The tags put.
    #[serde(default)]
    pub(crate) tags: IndexMap<String, String>,
}

/// A credential that exists in AWS and is not yet the client's: the pipeline makes the lease active
/// and the audit line durable together, and only then answers; on any failure it revokes.
#[derive(Debug)]
pub(crate) struct Issued {
    /// The lease, its key id and expiry filled in, still `Pending` in the store.
    pub(crate) lease: Lease,
    /// Its TTL, in seconds.
    pub(crate) ttl: i64,
}

/// The leases.
#[derive(Default)]
pub(crate) struct Leases {}

impl Leases {
    /// No timer yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Makes the lease active.
    pub(crate) async fn activate(&self, _core: &Arc<Core>, _issued: &Issued) -> Result<(), Error> {
        Err(Error::UnsupportedPath)
    }

    /// Gives up a lease whose credential nobody got.
    pub(crate) async fn abandon(&self, _core: &Arc<Core>, _lease: Lease, _reason: &str) {}

    /// Marks every lease of a token as revoking, due now; the worker removes what AWS holds.
    pub(crate) async fn revoke_for_token(&self, _core: &Arc<Core>, _hash: &str, _reason: &str) -> Result<(), Error> {
        Ok(())
    }

    /// Tells the timer that something is due at `unix`.
    pub(crate) fn notice(&self, _unix: i64) {}

    /// Revokes every lease under a mount, synchronously.
    pub(crate) async fn revoke_mount(&self, _core: &Arc<Core>, _mount_path: &str) -> Result<(), Error> {
        Ok(())
    }

    /// Starts the timer task, which also resolves what was open when the engine stopped.
    pub(crate) fn start(core: &Arc<Core>) -> tokio::task::JoinHandle<()> {
        let _ = core;
        tokio::spawn(async {})
    }

    /// Tells the timer task to end after what it is doing.
    pub(crate) fn stop(&self) {}

    /// Processes everything overdue, up to `limit`; answers how many remain.
    pub(crate) async fn settle(&self, _core: &Arc<Core>, _limit: Duration) -> usize {
        0
    }
}
