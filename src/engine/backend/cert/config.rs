//! `config`: whether a renewal needs the certificate of the login, and what identity is told of it.

use std::sync::Arc;

use serde_json::json;

use crate::engine::backend::Call;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// The record.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Config {
    /// Whether a renewal does without the certificate of the login.
    pub(super) disable_binding: bool,
    /// Whether the metadata of a login becomes that of its alias.
    pub(super) enable_identity_alias_metadata: bool,
}

impl Config {
    /// What a mount says; what nobody wrote is off.
    pub(super) fn load(core: &Core, mount: &Mount) -> Result<Self, Error> {
        Ok(core.barrier.get(&mount.storage("config"))?.unwrap_or_default())
    }
}

/// `config`. A write keeps what it does not say, as OpenBao's does.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let key = call.mount.storage("config");
    match call.request.operation {
        Operation::Read => {
            let config = Config::load(core, call.mount)?;
            Ok(Response::data(json!({
                "disable_binding": config.disable_binding,
                "enable_identity_alias_metadata": config.enable_identity_alias_metadata,
            })))
        }
        Operation::Write => {
            let _turn = call.mount.turn(&key).await;
            let mut config = Config::load(core, call.mount)?;
            let fields = call.fields();
            config.disable_binding = fields.bool("disable_binding")?.unwrap_or(config.disable_binding);
            config.enable_identity_alias_metadata =
                fields.bool("enable_identity_alias_metadata")?.unwrap_or(config.enable_identity_alias_metadata);
            let mut batch = Batch::new();
            batch.put(key, &config)?;
            core.barrier.commit(batch).await?;
            Ok(Response::empty())
        }
        _ => Err(call.forgotten()),
    }
}
