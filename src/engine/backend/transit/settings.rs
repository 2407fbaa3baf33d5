//! `keys/:name/config`, what a key is changed by, and `config/keys`, what all of a mount have in common.

use std::sync::Arc;

use serde_json::json;

use super::Transit;
use super::key::{self, Key, save};
use crate::engine::backend::Call;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// The shortest time between two rotations that a key makes by itself, in seconds.
const PERIOD_MIN: i64 = 3600;

/// What the keys of a mount have in common.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Common {
    /// Whether an encryption never makes a key.
    pub(super) disable_upsert: bool,
}

fn stored(mount: &Mount) -> String {
    mount.storage("config/keys")
}

/// Those of a mount.
///
/// # Errors
/// If the store can't be read.
pub(super) fn load(core: &Core, mount: &Mount) -> Result<Common, Error> {
    Ok(core.barrier.get(&stored(mount))?.unwrap_or_default())
}

/// Serves `config/keys`.
pub(super) async fn of_mount(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let _turn = transit.locks.lock(&stored(call.mount)).await;
    let mut common = load(core, call.mount)?;
    if call.request.operation == Operation::Write {
        // What is not given is what a mount begins with, as OpenBao has it.
        common.disable_upsert = call.fields().bool("disable_upsert")?.unwrap_or_default();
        let mut batch = Batch::new();
        batch.put(stored(call.mount), &common)?;
        core.barrier.commit(batch).await?;
    }
    Ok(Response::data(json!({ "disable_upsert": common.disable_upsert })))
}

/// How often a key is rotated by itself, if it may be that often.
///
/// # Errors
/// If it may not.
pub(super) fn check_period(seconds: i64) -> Result<i64, Error> {
    match seconds == 0 || seconds >= PERIOD_MIN {
        true => Ok(seconds),
        false => Err(Error::Invalid("auto rotate period must be 0 to disable or at least an hour".to_owned())),
    }
}

/// Serves `keys/:name/config`.
pub(super) async fn of_key(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let name = call.at("name");
    let _turn = transit.locks.lock(&key::stored(call.mount, name)).await;
    let missing = || Error::Invalid(format!("no existing key named {name} could be found"));
    let mut key = key::load(core, call.mount, name)?.ok_or_else(missing)?;
    let warning = apply(&mut key, call)?;
    key.origin = call.request.origin.clone();
    save(core, call.mount, &mut key, Batch::new()).await?;
    let answer = Response::data(key.shown());
    Ok(match warning {
        Some(warning) => answer.warn(warning),
        None => answer,
    })
}

/// Takes what was given; answers what there is to say of it.
fn apply(key: &mut Key, call: Call<'_>) -> Result<Option<&'static str>, Error> {
    let fields = call.fields();
    let refused = |why: String| Err(Error::Invalid(why));
    let mut warning = None;
    if let Some(version) = fields.int("min_decryption_version")? {
        if version == 0 {
            warning = Some("transit key numbering starts at 1; forcing minimum to 1");
        }
        key.min_decryption_version = check_version(key, version, "decryption")?.max(1);
    }
    if let Some(version) = fields.int("min_encryption_version")? {
        key.min_encryption_version = check_version(key, version, "encryption")?;
    }
    let (encrypts, decrypts) = (key.min_encryption_version, key.min_decryption_version);
    if encrypts > 0 && encrypts < decrypts {
        return refused(format!(
            "cannot set min encryption/decryption values; min encryption version of {encrypts} must be greater than or \
             equal to min decryption version of {decrypts}"
        ));
    }
    if key.min_available_version > encrypts {
        return refused("min encryption version should not be less than min available version".to_owned());
    }
    if key.min_available_version > decrypts {
        return refused("min decryption version should not be less then min available version".to_owned());
    }
    if let Some(allowed) = fields.bool("deletion_allowed")? {
        key.deletion_allowed = allowed;
    }
    // These two go one way.
    key.exportable |= fields.bool("exportable")?.unwrap_or_default();
    key.allow_plaintext_backup |= fields.bool("allow_plaintext_backup")?.unwrap_or_default();
    if let Some(period) = fields.seconds("auto_rotate_period")? {
        key.auto_rotate_period = check_period(period)?;
    }
    Ok(warning)
}

fn check_version(key: &Key, version: i64, what: &str) -> Result<i64, Error> {
    let latest = key.latest_version;
    match version {
        version if version < 0 => Err(Error::Invalid(format!("min {what} version cannot be negative"))),
        version if version > latest => {
            Err(Error::Invalid(format!("cannot set min {what} version of {version}, latest key version is {latest}")))
        }
        version => Ok(version),
    }
}
