//! `sys/`: the engine about itself. Leases, policies and capabilities are answered where they live.

pub(crate) mod audit;
mod internal;
pub(crate) mod metrics;
mod mounts;
mod remount;
pub(crate) mod status;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Map, Value};

use super::core::{Call, Core};
use super::error::Error;
use super::request::{Operation, Response};
use super::{lease, policy};

/// Serves one call.
pub(crate) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let path = call.path;
    let (head, rest) = path.split_once('/').unwrap_or((path, ""));
    match head {
        "leases" | "renew" | "revoke" | "revoke-prefix" | "revoke-force" => lease::sys::handle(core, call, path).await,
        "policies" | "policy" | "capabilities" | "capabilities-self" | "capabilities-accessor" => {
            policy::sys::handle(core, call, path).await
        }
        "mounts" => mounts::handle(core, call, mounts::Section::Secrets, rest).await,
        "auth" => mounts::handle(core, call, mounts::Section::Auth, rest).await,
        "remount" => remount::handle(core, call, rest).await,
        "audit" => audit::handle(core, call, rest).await,
        "audit-hash" => audit::hash(core, call, rest),
        "internal" => internal::handle(core, call, rest),
        "seal" if rest.is_empty() => seal(core, call),
        _ => Err(Error::UnsupportedPath),
    }
}

/// Refuses everything from now on. The key file unseals again at the next start.
fn seal(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    if call.request.operation != Operation::Write {
        return Err(Error::UnsupportedOperation);
    }
    core.sealed.store(true, Ordering::Release);
    tracing::warn!("sealed through the API; restart to unseal");
    Ok(Response::empty())
}

/// The object under `name`, if one was given.
fn object<'d>(data: &'d Map<String, Value>, name: &str) -> Result<Option<&'d Map<String, Value>>, Error> {
    match data.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(Error::Invalid(format!(
            "Field validation failed: error converting input for field {name:?}: expected a map"
        ))),
    }
}

/// A parameter that is not understood must not look as if it were.
pub(crate) fn refuse_unknown(data: &Map<String, Value>, known: &[&str], place: &str) -> Result<(), Error> {
    match data.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Error::Invalid(format!("the parameter {key:?} of {place} is not supported by this server"))),
    }
}
