//! `encrypt`, `decrypt`, `rewrap` and `datakey`.

use std::sync::Arc;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::batch::{Batch, Manners, bytes};
use super::key::{Made, load};
use super::key_type::KeyType;
use super::ring::{Beside, Ring};
use super::{Transit, coded, keys, settings};
use crate::acl::Capability;
use crate::engine::backend::Call;
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::response::Response;

const ENCRYPTS: Manners =
    Manners { status: 400, blank: Map::new, takes: &["plaintext", "context", "key_version", "associated_data"] };
const DECRYPTS: Manners = Manners {
    status: 400,
    blank: || Map::from_iter([("plaintext".to_owned(), Value::from(""))]),
    takes: &["ciphertext", "context", "associated_data"],
};
const REWRAPS: Manners = Manners { status: 200, blank: Map::new, takes: &["ciphertext", "context", "key_version"] };

const NO_KEY: &str = "encryption key not found";

/// Serves `encrypt/:name`.
pub(super) async fn encrypt(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let batch = Batch::of(call)?;
    batch.require("plaintext", "missing plaintext to encrypt")?;
    let derived = batch.has_contexts()?;
    let key = match load(core, call.mount, call.at("name"))? {
        Some(key) => key,
        None => upsert(transit, core, call, derived).await?,
    };
    let mut ring = Ring::of(core, call.mount, key);
    batch
        .answer(call, ENCRYPTS, |at, item| {
            let plain = bytes(item, "plaintext")?;
            let wanted = item.int("key_version")?.unwrap_or_default();
            let (context, associated) = (bytes(item, "context")?, associated(&ring, item, at)?);
            Ok(told(ring.encrypt(wanted, Beside { context: &context, associated: &associated }, &plain)?))
        })
        .await
}

/// The key that an encryption makes, where it may.
async fn upsert(transit: &Transit, core: &Arc<Core>, call: Call<'_>, derived: bool) -> Result<super::key::Key, Error> {
    let missing = || Error::Invalid(NO_KEY.to_owned());
    let fields = call.fields();
    let convergent = fields.bool("convergent_encryption")?.unwrap_or_default();
    if convergent && !derived {
        return Err(Error::Invalid(
            "convergent encryption requires derivation to be enabled, so context is required".to_owned(),
        ));
    }
    let sort = fields.string("type")?.filter(|name| !name.is_empty());
    let sort = sort.map_or(Ok(KeyType::Aes256Gcm96), |name| KeyType::of(&name))?;
    if sort.symmetric().is_none() {
        return Err(Error::Invalid(format!("key type {} not supported for this operation", sort.name())));
    }
    if settings::load(core, call.mount)?.disable_upsert {
        return Err(missing());
    }
    // The key may have gone since its caller was let in to write to one that is there.
    let judged_by = call.token.ok_or(Error::Unauthenticated)?.judged_by();
    if !core.policies.check_request(core, &judged_by, Capability::Create, call.request)?.allowed {
        return Err(missing());
    }
    let (key, _) = keys::ensure(transit, core, call, Made { sort, derived, convergent, size: 0 }, |_| {}).await?;
    Ok(key)
}

/// Serves `decrypt/:name`.
pub(super) async fn decrypt(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let (batch, mut ring) = of_ciphertexts(core, call)?;
    batch
        .answer(call, DECRYPTS, |at, item| {
            let (context, associated) = (bytes(item, "context")?, associated(&ring, item, at)?);
            let plain = ring.decrypt(Beside { context: &context, associated: &associated }, &ciphertext(item)?)?;
            Ok(Map::from_iter([("plaintext".to_owned(), coded::encode(&plain).into())]))
        })
        .await
}

/// Serves `rewrap/:name`.
pub(super) async fn rewrap(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let (batch, mut ring) = of_ciphertexts(core, call)?;
    batch
        .answer(call, REWRAPS, |_, item| {
            let context = bytes(item, "context")?;
            let beside = Beside { context: &context, associated: &[] };
            let plain = ring.decrypt(beside, &ciphertext(item)?)?;
            Ok(told(ring.encrypt(item.int("key_version")?.unwrap_or_default(), beside, &plain)?))
        })
        .await
}

/// Serves `datakey/:plaintext/:name`.
pub(super) fn data_key(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let fields = call.fields();
    let is_shown = match call.at("plaintext") {
        "plaintext" => true,
        "wrapped" => false,
        _ => return Err(Error::Invalid("Invalid path, must be 'plaintext' or 'wrapped'".to_owned())),
    };
    let context = bytes(fields, "context").map_err(|_| Error::Invalid("failed to base64-decode context".to_owned()))?;
    let mut ring = Ring::open(core, call.mount, call.at("name"))?.ok_or_else(|| Error::Invalid(NO_KEY.to_owned()))?;
    let length = match fields.int("bits")?.unwrap_or(256) {
        128 => 16,
        256 => 32,
        512 => 64,
        _ => return Err(Error::Invalid("invalid bit length".to_owned())),
    };
    let mut made = Zeroizing::new(vec![0; length]);
    random::fill(&mut made)?;
    let associated = associated(&ring, fields, 0)?;
    let beside = Beside { context: &context, associated: &associated };
    let mut data = told(ring.encrypt(fields.int("key_version")?.unwrap_or_default(), beside, &made)?);
    if is_shown {
        data.insert("plaintext".to_owned(), coded::encode(&made).into());
    }
    Ok(Response { data: Some(data), ..Response::default() })
}

/// What comes with ciphertexts, and the key.
fn of_ciphertexts<'a>(core: &'a Core, call: Call<'a>) -> Result<(Batch<'a>, Ring<'a>), Error> {
    let batch = Batch::of(call)?;
    if batch.is_batch {
        batch.require("ciphertext", LACKS)?;
    } else {
        ciphertext(batch.items[0])?;
    }
    batch.has_contexts()?;
    let ring = Ring::open(core, call.mount, call.at("name"))?.ok_or_else(|| Error::Invalid(NO_KEY.to_owned()))?;
    Ok((batch, ring))
}

const LACKS: &str = "missing ciphertext to decrypt";

fn ciphertext(item: Fields<'_>) -> Result<String, Error> {
    let given = item.string("ciphertext")?.filter(|text| !text.is_empty());
    given.ok_or_else(|| Error::Invalid(LACKS.to_owned()))
}

/// What has to be the same when a text is decrypted.
fn associated(ring: &Ring<'_>, item: Fields<'_>, at: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let given = bytes(item, "associated_data")
        .map_err(|error| Error::Invalid(format!("associated_data can't be read: {error}")))?;
    match given.is_empty() || ring.key.sort.symmetric().is_some() {
        true => Ok(given),
        false => Err(Error::Invalid(format!(
            "'[{at}].associated_data' provided for non-AEAD cipher suite {}",
            ring.key.sort.name()
        ))),
    }
}

fn told((ciphertext, version): (String, i64)) -> Map<String, Value> {
    Map::from_iter([("ciphertext".to_owned(), ciphertext.into()), ("key_version".to_owned(), version.into())])
}
