//! A static role as stored, and its place in the index of what is due. Times are Unix seconds.

use crate::engine::kernel::barrier::{Batch, seal};
use crate::engine::kernel::due::due_key;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Origin;
use crate::secret::Secret;

/// The kind of its entries in the index: what a backend keeps for itself.
pub(super) const DUE: &str = "own";

/// How long a superseded key goes on working, at most, in seconds.
const GRACE_SECONDS_MAX: i64 = 3600;

/// A static role: the access key of one IAM user, which is not the engine's.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(super) struct StaticRole {
    /// The user's name.
    pub(super) username: String,
    /// Its id: another user of the same name has another.
    pub(super) user_id: String,
    /// How old a key gets, in seconds.
    pub(super) rotation_period: i64,
    /// The number of the AWS account, once AWS has told it.
    pub(super) account: Option<String>,
    /// The access key id, and the endpoint, that asked; none where the machine gave the key.
    pub(super) signer: Option<String>,
    /// Where it is in its life.
    pub(super) phase: Phase,
    /// The key that is handed out. In AWS, as far as we know, from the moment that it stands here.
    pub(super) current: Option<Key>,
    /// A key that is to go: the one before, or one that takes the place of the next.
    pub(super) previous: Option<Superseded>,
    /// A CreateAccessKey that was sent, or may have been, and whose answer is not known.
    pub(super) attempt: Option<Attempt>,
    /// When the next key is due.
    pub(super) rotate_at: i64,
    /// When the timer looks at it.
    pub(super) due: i64,
    /// Failed attempts since the last that did not fail.
    pub(super) failures: u32,
    /// What the last of them said.
    pub(super) error: Option<String>,
    /// Where the last write came from.
    pub(super) origin: Option<Origin>,
}

/// Where a static role is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// The write that makes it has not been answered: nobody has a key of it.
    #[default]
    Making,
    /// It is there.
    Standing,
    /// It was deleted: its keys go, and then its record.
    Ending,
}

/// A key with its secret.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Key {
    /// The access key id.
    pub(super) id: String,
    /// The secret access key.
    #[serde(serialize_with = "seal")]
    pub(super) secret: Secret,
    /// When AWS made it.
    pub(super) made: i64,
}

/// A key that is to go.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Superseded {
    /// The access key id.
    pub(super) id: String,
    /// Until when it stays.
    pub(super) until: i64,
    /// Why it goes, for the trail.
    pub(super) reason: String,
}

/// A CreateAccessKey of unknown outcome.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Attempt {
    /// The keys that the user had before: any other is of this attempt.
    pub(super) before: Vec<String>,
    /// From when on it is certain whether it made one.
    pub(super) certain_from: i64,
}

impl StaticRole {
    /// How long its superseded keys go on working, in seconds: whoever read the credential just before a rotation has
    /// that time to read it again.
    pub(super) fn grace(&self) -> i64 {
        (self.rotation_period / 2).min(GRACE_SECONDS_MAX)
    }

    /// Until when its key surely works, as of `now`: after the next rotation it is the superseded one.
    pub(super) fn works_until(&self, now: i64) -> i64 {
        self.rotate_at.max(now).saturating_add(self.grace())
    }

    /// The ids of keys that are known.
    pub(super) fn key_ids(&self) -> impl Iterator<Item = &str> {
        let current = self.current.iter().map(|key| key.id.as_str());
        current.chain(self.previous.iter().map(|key| key.id.as_str()))
    }
}

/// Where the static roles of a mount are stored: all, or the one of this name.
pub(super) fn key(mount: &Mount, name: &str) -> String {
    mount.storage(&format!("static-role/{name}"))
}

/// The key of a static role that is due then (Unix seconds) in the index, where `<mount uuid>/static-role/<name>` names
/// it.
pub(super) fn entry(mount: &Mount, name: &str, due: i64) -> String {
    due_key(due, DUE, &format!("{}/static-role/{name}", mount.uuid))
}

/// The name of the static role that an id below its mount means: `static-role/<name>`.
pub(super) fn name_of(id: &str) -> Option<&str> {
    id.strip_prefix("static-role/")
}

/// The stored one.
///
/// # Errors
/// If the store can't be read.
pub(super) fn load(core: &Core, mount: &Mount, name: &str) -> Result<Option<StaticRole>, Error> {
    core.barrier.get(&key(mount, name))
}

/// Stores it, due at this time: durable when it returns.
///
/// # Errors
/// If it is not stored.
pub(super) async fn save(core: &Core, mount: &Mount, name: &str, role: &mut StaticRole, due: i64) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.delete(entry(mount, name, role.due));
    batch.put(entry(mount, name, due), &())?;
    let before = std::mem::replace(&mut role.due, due);
    batch.put(key(mount, name), role)?;
    if let Err(error) = core.barrier.commit(batch).await {
        role.due = before;
        return Err(error);
    }
    core.timer.notice(due);
    Ok(())
}

/// Removes it, and its entry in the index.
///
/// # Errors
/// If that is not stored.
pub(super) async fn remove(core: &Core, mount: &Mount, name: &str, role: &StaticRole) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.delete(entry(mount, name, role.due));
    batch.delete(key(mount, name));
    core.barrier.commit(batch).await
}
