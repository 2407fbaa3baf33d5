//! `sys/leasehold/check`: whether the store is sound. A path of ours, for `leasehold operator check`.

use std::sync::Arc;

use serde_json::json;

use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>) -> Result<Response, Error> {
    let looking = core.clone();
    let found = tokio::task::spawn_blocking(move || {
        looking.gate.look(|store| crate::engine::lease::sound::look(store, &looking.barrier, &looking.data_directory))
    });
    let found = found.await.map_err(|error| Error::Internal(format!("the check ended in a panic: {error}")))??;
    Ok(Response::data(json!({ "entries": found.entries, "leases": found.leases, "problems": found.problems })))
}
