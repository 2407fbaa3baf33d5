//! Key-value secrets, version 1: one value to a path, without versions or metadata. Behaviour and texts follow
//! Vault's KV version 1 API documentation.
//!
//! Stored under the mount: `plain/<path>`.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::engine::backend::Call;
use crate::engine::kernel::barrier::Batch;
use crate::engine::lease::core::Core;
use crate::engine::wire::duration;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::{LeaseFields, Response};

fn key(call: &Call<'_>) -> String {
    call.mount.storage(&format!("plain/{}", call.path))
}

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let key = key(&call);
    match call.request.operation {
        Operation::List => Response::keys(core.barrier.children(&key)?),
        Operation::Read => read(core, &call, &key),
        Operation::Write if call.request.data.is_empty() => Err(Error::Invalid("missing data fields".to_owned())),
        Operation::Write => {
            let mut batch = Batch::new();
            batch.put(key, &call.request.data)?;
            core.barrier.commit(batch).await?;
            Ok(Response::empty())
        }
        Operation::Delete => {
            let mut batch = Batch::new();
            batch.delete(key);
            core.barrier.commit(batch).await?;
            Ok(Response::empty())
        }
        Operation::Patch => Err(call.forgotten()),
    }
}

/// Whether the secret that a write names exists.
pub(super) fn exists(core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
    Ok(Some(core.barrier.get::<Map<String, Value>>(&key(call))?.is_some()))
}

fn read(core: &Core, call: &Call<'_>, key: &str) -> Result<Response, Error> {
    let data: Map<String, Value> = core.barrier.get(key)?.ok_or(Error::NotFound)?;
    // A hint of when to look again, which the secret may give itself. It is no lease.
    let own = ["ttl", "lease"].into_iter().find_map(|name| duration::parse_value(data.get(name)?).ok().flatten());
    let lease_duration = own.filter(|seconds| *seconds > 0).unwrap_or_else(|| call.mount.default_ttl());
    let lease = LeaseFields { lease_id: String::new(), renewable: false, lease_duration };
    Ok(Response { data: Some(data), lease: Some(lease), ..Response::default() })
}
