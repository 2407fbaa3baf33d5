//! `sys/`: the engine about itself.

mod absent;
pub(crate) mod audit;
mod check;
mod internal;
mod keys;
mod leases;
mod locked;
mod metrics;
mod mounts;
mod paths;
mod policies;
mod quotas;
mod remount;
pub(crate) mod sealed;
mod snapshot;
pub(crate) mod status;
mod trail;
mod wrapping;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use crate::engine::backend::{Backend, Call, Class};
use crate::engine::lease::core::Core;
use crate::engine::setup::Config;
use crate::engine::wire::error::Error;
use crate::engine::wire::path::Row;
use crate::engine::wire::response::Response;

struct System;

/// The backend.
pub(crate) fn backend(_config: &Config) -> Box<dyn Backend> {
    Box::new(System)
}

impl Backend for System {
    fn kind(&self) -> &'static str {
        "system"
    }

    fn class(&self) -> Class {
        Class::BuiltIn { path: "sys/", description: "system endpoints used for control, policy and debugging" }
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn absent(&self) -> &'static [(&'static str, &'static str)] {
        absent::ABSENT
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        handle(core, call).boxed()
    }
}

/// Serves one call.
async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match call.row.pattern.split('/').next().unwrap_or_default() {
        "leases" | "renew" | "revoke" | "revoke-prefix" | "revoke-force" => leases::handle(core, call).await,
        "policies" | "policy" | "capabilities" | "capabilities-self" | "capabilities-accessor" => {
            policies::handle(core, call).await
        }
        "mounts" => mounts::handle(core, call, mounts::Section::Secrets).await,
        "auth" => mounts::handle(core, call, mounts::Section::Auth).await,
        "quotas" => quotas::handle(core, call).await,
        "remount" => remount::handle(core, call).await,
        "audit" => audit::handle(core, call).await,
        "audit-hash" => audit::hash(core, call),
        "locked-users" => locked::handle(core, call).await,
        "internal" => internal::handle(core, call),
        "seal" => Ok(seal(core)),
        "storage" => snapshot::handle(core, call).await,
        "key-status" | "rotate" | "rekey" | "rekey-recovery-key" | "generate-root" => keys::handle(core, call).await,
        "wrapping" => wrapping::handle(core, call).await,
        "leasehold" if call.row.pattern == "leasehold/check" => check::handle(core).await,
        "leasehold" => trail::handle(core, call).await,
        "metrics" => metrics::handle(core, call.request).await,
        "health" | "seal-status" | "init" | "leader" | "unseal" => status::handle(core, call),
        _ => Err(call.forgotten()),
    }
}

/// Refuses everything from now on; what the engine holds goes once this request has ended.
fn seal(core: &Core) -> Response {
    core.sealed.store(true, Ordering::Release);
    Response::empty()
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
