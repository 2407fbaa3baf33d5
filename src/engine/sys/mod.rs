//! `sys/`: the engine about itself.

pub(crate) mod status;

use std::sync::Arc;

use super::core::{Call, Core};
use super::error::Error;
use super::request::Response;
use super::{lease, policy};

/// Serves one call.
pub(crate) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let path = call.path;
    let head = path.split('/').next().unwrap_or_default();
    match head {
        "leases" | "renew" | "revoke" | "revoke-prefix" | "revoke-force" => lease::sys::handle(core, call, path).await,
        "policies" | "policy" | "capabilities" | "capabilities-self" | "capabilities-accessor" => {
            policy::sys::handle(core, call, path).await
        }
        _ => Err(Error::UnsupportedPath),
    }
}
