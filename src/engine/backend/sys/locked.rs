//! `sys/locked-users`: who failed to log in too often and has to wait, and the end of that wait.
//!
//! Source: Vault API, "/sys/locked-users".

use std::sync::Arc;

use serde_json::{Value, json};

use crate::engine::backend::Call;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => list(core, call),
        Operation::Write => unlock(core, call).await,
        Operation::List | Operation::Patch | Operation::Delete => Err(call.forgotten()),
    }
}

fn list(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let asked = call.fields().string("mount_accessor")?.filter(|accessor| !accessor.is_empty());
    let is_asked = |mount: &Mount| asked.as_ref().is_none_or(|accessor| *accessor == mount.accessor);
    let mut methods = Vec::new();
    for mount in core.mounts.snapshot().values().filter(|mount| is_asked(mount)) {
        let Some(lockout) = call.backends.of(mount)?.lockout() else { continue };
        let locked = lockout.locked(core, mount)?;
        if !locked.is_empty() {
            methods.push((mount.accessor.clone(), locked));
        }
    }
    methods.sort_by_key(|(_, locked)| std::cmp::Reverse(locked.len()));
    let total: usize = methods.iter().map(|(_, locked)| locked.len()).sum();
    let methods: Vec<Value> = methods
        .into_iter()
        .map(|(accessor, locked)| {
            json!({ "mount_accessor": accessor, "counts": locked.len(), "alias_identifiers": locked })
        })
        .collect();
    Ok(Response::data(json!({
        "by_namespace": [{
            "namespace_id": "root", "namespace_path": "", "counts": total, "mount_accessors": methods,
        }],
        "total": total,
    })))
}

/// Answers the same whether or not somebody was locked, as Vault does.
async fn unlock(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let (accessor, name) = (call.at("mount_accessor"), call.at("alias_identifier"));
    let table = core.mounts.snapshot();
    let mount = table.values().find(|mount| mount.accessor == accessor);
    let lockout = match mount {
        Some(mount) => call.backends.of(mount)?.lockout().map(|lockout| (mount, lockout)),
        None => None,
    };
    if let Some((mount, lockout)) = lockout {
        lockout.unlock(core, mount, name).await?;
        // Users are known in lower case, however somebody writes them.
        if name.chars().any(char::is_uppercase) {
            lockout.unlock(core, mount, &name.to_lowercase()).await?;
        }
    }
    Ok(Response::empty())
}
