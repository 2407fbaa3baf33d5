//! `sys/remount`: a mount gets another path and keeps its data.
//!
//! What was issued under the old path is revoked first, as Vault does: a lease is found by the path in its id.
//! The move is done when the request is answered; its id and outcome are kept for clients that ask.

use std::sync::Arc;

use serde_json::json;

use super::mounts::{self, Section};
use crate::engine::backend::Call;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::{Mount, Table};
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;

/// A move that was made.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Move {
    from: String,
    to: String,
    /// `in-progress`, `success` or `failure`.
    status: String,
}

fn key(id: &str) -> String {
    format!("core/remount/{id}")
}

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match call.row.pattern {
        "remount/?" => start(core, call).await,
        "remount/status/:id" => {
            let id = call.at("id");
            let made: Move = core.barrier.get(&key(id))?.ok_or(Error::NotFound)?;
            let info = json!({ "source_mount": made.from, "target_mount": made.to, "status": made.status });
            Ok(Response::data(json!({ "migration_id": id, "migration_info": info })))
        }
        _ => Err(call.forgotten()),
    }
}

fn section(path: &str) -> Section {
    if path.starts_with("auth/") { Section::Auth } else { Section::Secrets }
}

async fn start(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let fields = call.fields();
    let path = |name: &str| -> Result<String, Error> {
        let given = fields.string(name)?.unwrap_or_default();
        match given.trim_matches('/') {
            "" => Err(Error::Invalid(format!("{name:?} must be the path of a mount"))),
            path => Ok(format!("{path}/")),
        }
    };
    let (from, to) = (path("from")?, path("to")?);
    let mount = core.mounts.at(&from).ok_or_else(|| Error::Invalid(format!("no matching mount at {from:?}")))?;
    if section(&from) != section(&to) {
        return Err(Error::Invalid("cannot move an auth method to a secrets engine's path, or the reverse".to_owned()));
    }
    if call.backends.is_built_in(&mount) {
        return Err(Error::Invalid(format!("cannot remount {from:?}")));
    }
    mounts::check_path(&to)?;
    if section(&to) == Section::Secrets && mounts::is_reserved(&to) {
        return Err(Error::Invalid(format!("cannot mount {to:?}")));
    }
    let may = |table: &_| mounts::conflict(table, section(&to), &to).map_or(Ok(()), Err);
    may(&core.mounts.snapshot())?;
    let id = random::uuid()?;
    note(core, &id, &from, &to, "in-progress").await?;
    let moved = carry_out(core, &mount, &to, may).await;
    note(core, &id, &from, &to, if moved.is_ok() { "success" } else { "failure" }).await?;
    moved?;
    tracing::info!(from, to, "remounted");
    Ok(Response::data(json!({ "migration_id": id })))
}

async fn note(core: &Core, id: &str, from: &str, to: &str, status: &str) -> Result<(), Error> {
    let made = Move { from: from.to_owned(), to: to.to_owned(), status: status.to_owned() };
    let mut batch = Batch::new();
    batch.put(key(id), &made)?;
    core.barrier.commit(batch).await
}

async fn carry_out(
    core: &Arc<Core>,
    mount: &Mount,
    to: &str,
    may: impl Fn(&Table) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut outcome = mounts::empty(core, mount).await;
    let from = mount.path.clone();
    core.mounts
        .change(&core.barrier, |table| {
            let current =
                table.remove(&from).ok_or_else(|| Error::Invalid(format!("no matching mount at {from:?}")))?;
            if outcome.is_ok() {
                outcome = may(table);
            }
            // Whatever is in the way, and whatever could not be revoked: the mount stays where it is, and serves.
            let path = if outcome.is_ok() { to.to_owned() } else { from.clone() };
            table.insert(path.clone(), Arc::new(Mount { path, tainted: false, ..Mount::clone(&current) }));
            if outcome.is_ok() { core.quotas.moving(&from, Some(to)) } else { Ok(Batch::new()) }
        })
        .await?;
    if outcome.is_ok() {
        core.quotas.moved(&from, Some(to));
    }
    outcome
}
