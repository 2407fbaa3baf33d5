//! Sessions that go on after their leases: a lease that is revoked, or ends with its login, leaves AWS's session as it is.
//! Until that ends it is remembered, so that an emergency cuts it off as well and for as long as it would have worked.
//!
//! The entry is durable before the lease ends, and named by it, below the mount: a mount that moves takes it along. The
//! index of what is due removes it when the session is over.

use serde::{Deserialize, Serialize};

use super::craft::{Ending, RoleSession};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::due::due_key;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::lease::now;
use crate::engine::wire::error::Error;

/// Where they are stored, below a mount, and named in the index.
const FOLDER: &str = "outlived/";

/// The kind of their entries in the index: what a backend keeps for itself.
const DUE: &str = "own";

/// How many are read at once.
const PAGE: usize = 500;

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outlived {
    /// The ARN of the role.
    pub(super) role_arn: String,
    /// When its lease was issued (Unix seconds): AWS may date the session a moment later.
    pub(super) issued: i64,
    /// When AWS ends it (Unix seconds).
    pub(super) ends: i64,
}

/// The name of one that an id of the index means, below its mount.
pub(super) fn name_of(id: &str) -> Option<&str> {
    id.strip_prefix(FOLDER)
}

fn key(mount: &Mount, name: &str) -> String {
    mount.storage(&format!("{FOLDER}{name}"))
}

/// Remembers the session of a lease that ends now: durable when it returns.
///
/// # Errors
/// If it is not stored.
pub(super) async fn keep(ending: &Ending<'_>, session: RoleSession) -> Result<(), Error> {
    let (core, mount) = (ending.core, ending.mount);
    let Some(name) = ending.lease.strip_prefix(&mount.path) else { return Ok(()) };
    let RoleSession { role_arn, ends } = session;
    let session = Outlived { role_arn, issued: ending.issued, ends };
    let mut batch = Batch::new();
    batch.put(due_key(session.ends, DUE, &format!("{}/{FOLDER}{name}", mount.uuid)), &())?;
    batch.put(key(mount, name), &session)?;
    core.barrier.commit(batch).await?;
    core.timer.notice(session.ends);
    Ok(())
}

/// Forgets one that is over; `entry` is its key in the index.
///
/// # Errors
/// If that is not stored.
pub(super) async fn forget(core: &Core, mount: &Mount, name: &str, entry: &str) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.delete(entry);
    batch.delete(key(mount, name));
    core.barrier.commit(batch).await
}

/// Those of a mount that go on, whose leases were at or below a path there; empty is all.
///
/// # Errors
/// If the store can't be read.
pub(super) fn under(core: &Core, mount: &Mount, path: &str) -> Result<Vec<Outlived>, Error> {
    let (folder, time) = (key(mount, ""), now(core));
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = core.barrier.scan::<Outlived>(&folder, after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        after = Some(last.clone());
        let is_meant = |name: &str| format!("{name}/").starts_with(path);
        found.extend(
            page.into_iter()
                .filter(|(stored, session)| session.ends > time && is_meant(&stored[folder.len()..]))
                .map(|(_, session)| session),
        );
    }
}
