//! The AWS secrets engine: IAM users made on demand, each under a lease.

mod client;
mod config;
mod failure;
mod guard;
mod issue;
mod pace;
mod pacer;
mod policy_text;
mod revoke;
mod role;
mod rotate;
mod user;

use std::sync::Arc;

pub(crate) use self::client::Clients;
pub(crate) use self::guard::Verdicts;
pub(crate) use self::issue::CREATE_SECONDS_MAX;
pub(crate) use self::revoke::revoke;
use super::super::request::Operation;
use crate::engine::core::{Call, Core};
use crate::engine::error::Error;
use crate::engine::request::Response;
use crate::engine::router::Mount;

/// Serves one call.
pub(crate) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let operation = call.request.operation;
    match call.path {
        "config/root" => return config::handle_root(core, call).await,
        "config/lease" => return config::handle_lease(core, call).await,
        "config/rotate-root" => return rotate::handle(core, call).await,
        "roles" | "roles/" => {
            return match operation {
                Operation::List => role::list(core, call),
                _ => Err(Error::UnsupportedOperation),
            };
        }
        _ => {}
    }
    match call.path.split_once('/') {
        Some(("roles", name)) if role::is_name(name) => role::handle(core, call, name).await,
        Some(("creds" | "sts", name)) if role::is_name(name) => match operation {
            Operation::Read | Operation::Write => issue::handle(core, call, name).await,
            _ => Err(Error::UnsupportedOperation),
        },
        Some(("static-roles" | "static-creds", _)) => Err(static_roles()),
        _ if matches!(call.path, "static-roles" | "static-creds") => Err(static_roles()),
        _ => Err(Error::UnsupportedPath),
    }
}

fn static_roles() -> Error {
    Error::Missing("static roles are not served: this engine makes an IAM user for each lease".to_owned())
}

/// The lease terms that a mount's `config/lease` sets now.
pub(crate) fn lease_config(core: &Core, mount: &Mount) -> Result<config::LeaseConfig, Error> {
    config::lease(core, mount)
}
