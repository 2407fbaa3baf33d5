//! `keys/`: keys are made, read, listed, rotated, trimmed, put away and deleted.

use std::sync::Arc;

use super::Transit;
use super::batch::bytes;
use super::key::{self, Key, Made, load, save};
use super::key_type::KeyType;
use super::ring::Ring;
use super::settings::check_period;
use crate::engine::backend::{Call, listing};
use crate::engine::kernel::barrier::Batch;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;

/// Serves LIST `keys`.
pub(super) fn list(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    listing::of_folder(core, call, &key::stored(call.mount, ""), Key::shown)
}

/// Serves a read of `keys/:name`.
pub(super) fn read(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let key = load(core, call.mount, call.at("name"))?.ok_or(Error::NotFound)?;
    let context =
        bytes(call.fields(), "context").map_err(|_| Error::Invalid("failed to base64-decode context".to_owned()))?;
    if context.is_empty() || !(key.derived && key.sort.signs()) {
        return Ok(Response::data(key.shown()));
    }
    let mut ring = Ring::of(core, call.mount, key);
    let publics = ring.publics(&context)?;
    Ok(Response::data(ring.key.shown_for(&publics)))
}

/// Serves a write of `keys/:name`: one that is there stays as it is.
pub(super) async fn create(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let fields = call.fields();
    let flag = |name| fields.bool(name).map(Option::unwrap_or_default);
    let sort = fields.string("type")?.filter(|name| !name.is_empty());
    let made = Made {
        sort: sort.map_or(Ok(KeyType::Aes256Gcm96), |name| KeyType::of(&name))?,
        derived: fields.bool("derived")?.unwrap_or_default(),
        convergent: fields.bool("convergent_encryption")?.unwrap_or_default(),
        size: size(fields.int("key_size")?.unwrap_or_default())?,
    };
    let period = check_period(fields.seconds("auto_rotate_period")?.unwrap_or_default())?;
    let (exportable, backup) = (flag("exportable")?, flag("allow_plaintext_backup")?);
    let also = |key: &mut Key| {
        (key.exportable, key.allow_plaintext_backup, key.auto_rotate_period) = (exportable, backup, period);
    };
    let (key, is_new) = ensure(transit, core, call, made, also).await?;
    let answer = Response::data(key.shown());
    Ok(if is_new { answer } else { answer.warn(format!("key {} already existed", key.name)) })
}

/// The key of the name in the path: the one that is there, or a new one, durable when this returns; and whether it is new.
///
/// # Errors
/// If there can be none of that make, or it is not stored.
pub(super) async fn ensure(
    transit: &Transit,
    core: &Arc<Core>,
    call: Call<'_>,
    made: Made,
    also: impl FnOnce(&mut Key) + Send,
) -> Result<(Key, bool), Error> {
    made.check()?;
    let name = call.at("name");
    let _turn = transit.locks.lock(&key::stored(call.mount, name)).await;
    if let Some(key) = load(core, call.mount, name)? {
        return Ok((key, false));
    }
    let mut key = Key::new(name, made)?;
    also(&mut key);
    key.origin = call.request.origin.clone();
    let batch = key.rotate(call.mount, core.clock.now()).await?;
    save(core, call.mount, &mut key, batch).await?;
    Ok((key, true))
}

fn size(given: i64) -> Result<usize, Error> {
    usize::try_from(given).map_err(|_| Error::Invalid(format!("invalid key_size {given}")))
}

/// Serves `keys/:name/rotate`.
pub(super) async fn rotate(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let name = call.at("name");
    let _turn = transit.locks.lock(&key::stored(call.mount, name)).await;
    let mut key = load(core, call.mount, name)?.ok_or_else(|| Error::Invalid("key not found".to_owned()))?;
    let batch = key.rotate(call.mount, core.clock.now()).await?;
    save(core, call.mount, &mut key, batch).await?;
    Ok(Response::data(key.shown()))
}

/// Serves `keys/:name/trim`: the secrets of versions before one go for good.
pub(super) async fn trim(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let name = call.at("name");
    let _turn = transit.locks.lock(&key::stored(call.mount, name)).await;
    let mut key = load(core, call.mount, name)?.ok_or_else(|| Error::Invalid("invalid key name".to_owned()))?;
    let refused = |why: &str| Err(Error::Invalid(why.to_owned()));
    let Some(least) = call.fields().int("min_available_version")? else {
        return refused("missing min_available_version");
    };
    if least < key.min_available_version {
        return refused("minimum available version cannot be decremented");
    }
    if key.min_encryption_version == 0 {
        return refused("minimum available version cannot be set when minimum encryption version is not set");
    }
    if least > key.min_encryption_version {
        return refused("minimum available version cannot be greater than minimum encryption version");
    }
    if least > key.min_decryption_version {
        return refused("minimum available version cannot be greater than minimum decryption version");
    }
    if least <= 0 {
        return refused("minimum available version should be positive");
    }
    let mut batch = Batch::new();
    for (version, _) in key.versions.range(..least) {
        batch.delete(key.material_key(call.mount, *version));
    }
    key.versions.retain(|version, _| *version >= least);
    key.min_available_version = least;
    save(core, call.mount, &mut key, batch).await?;
    Ok(Response::data(key.shown()))
}

/// Serves a delete of `keys/:name`, which has to be allowed.
pub(super) async fn delete(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let name = call.at("name");
    let refused = |why: &str| Error::Invalid(format!("error deleting policy {name}: {why}"));
    let _turn = transit.locks.lock(&key::stored(call.mount, name)).await;
    let key = load(core, call.mount, name)?.ok_or_else(|| refused("could not delete key; not found"))?;
    if !key.deletion_allowed {
        return Err(refused("deletion is not allowed for this key"));
    }
    core.barrier.commit(key::removal(core, call.mount, &key)?).await?;
    Ok(Response::empty())
}

/// Serves `keys/:name/soft-delete` and `keys/:name/soft-delete-restore`: nothing is done with a key that is put away.
pub(super) async fn put_away(
    transit: &Transit,
    core: &Arc<Core>,
    call: Call<'_>,
    is_away: bool,
) -> Result<Response, Error> {
    let name = call.at("name");
    let _turn = transit.locks.lock(&key::stored(call.mount, name)).await;
    let mut key = load(core, call.mount, name)?.ok_or(Error::NotFound)?;
    let was = std::mem::replace(&mut key.soft_deleted, is_away);
    save(core, call.mount, &mut key, Batch::new()).await?;
    let answer = Response::data(key.shown());
    Ok(match (was == is_away, is_away) {
        (false, _) => answer,
        (true, true) => answer.warn("key was already marked as soft deleted"),
        (true, false) => answer.warn("key was already restored"),
    })
}
