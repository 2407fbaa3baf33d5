//! `sys/storage/raft/snapshot` and `snapshot-force`: the whole store in one file, and a store anew from it. There is no
//! Raft here; the paths are those that people back up by. Source: Vault API, "/sys/storage/raft".
//!
//! A snapshot is checked here. It takes the store's place once this request is in the trail, for which everything else
//! that the engine does has to end (`engine/opening/restore.rs`).

use std::sync::Arc;

use crate::engine::backend::Call;
use crate::engine::kernel::store::kept_nowhere;
use crate::engine::lease::core::Core;
use crate::engine::lease::restored;
use crate::engine::wire::bulk::Bulk;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::{Operation, Request};
use crate::engine::wire::response::{Response, Whole};

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match (call.row.pattern, call.request.operation) {
        ("storage/raft/snapshot", Operation::Read) => save(core, call.request).await,
        ("storage/raft/snapshot", Operation::Write) => restore(core, call.request, false).await,
        ("storage/raft/snapshot-force", Operation::Write) => restore(core, call.request, true).await,
        _ => Err(call.forgotten()),
    }
}

async fn save(core: &Arc<Core>, request: &Request) -> Result<Response, Error> {
    let directory = core.data_directory.as_deref().ok_or_else(kept_nowhere)?;
    let failed = |error| Error::Server(format!("the snapshot could not be written beside the store: {error}"));
    let file = Bulk::file(directory, &request.id).map_err(failed)?;
    let saving = core.clone();
    let saved = tokio::task::spawn_blocking(move || saving.gate.save(&saving.engine_id, file)).await;
    let file = saved.map_err(|error| Error::Internal(format!("a snapshot ended in a panic: {error}")))??;
    let bytes = file.metadata().map_err(failed)?.len();
    Ok(Response { whole: Some(Whole::Bulk(Bulk { file, bytes })), ..Response::default() })
}

async fn restore(core: &Arc<Core>, request: &Request, force: bool) -> Result<Response, Error> {
    let Some(bulk) = &request.bulk else {
        return Err(match &core.data_directory {
            None => kept_nowhere(),
            Some(_) => Error::Invalid("the body of this request is to be a snapshot".to_owned()),
        });
    };
    let failed = |error| Error::Server(format!("the snapshot could not be kept beside the store: {error}"));
    let file = bulk.file.try_clone().map_err(failed)?;
    let checking = core.clone();
    let checked = tokio::task::spawn_blocking(move || checking.gate.check(file, force)).await;
    let checked = checked.map_err(|error| Error::Internal(format!("the check ended in a panic: {error}")))??;
    restored::none_is_lost(core, &checked)?;
    match core.restore(&request.id, checked) {
        true => Ok(Response::empty()),
        false => Err(Error::Busy("another snapshot is about to be restored".to_owned())),
    }
}
