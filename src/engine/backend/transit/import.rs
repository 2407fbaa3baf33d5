//! `wrapping_key`, `keys/:name/import` and `keys/:name/import_version`: keys that were made elsewhere are brought in, wrapped so
//! that nobody on the way sees them: an AES key encrypted for the mount's wrapping key, and the key itself wrapped by that.
//!
//! Stored under the mount: `wrapping-key`.
//!
//! # Source
//! Vault API, "Transit secrets engine: import key"; RFC 5649 (AES key wrap with padding), RFC 8017, 7.1 (RSA-OAEP).

use std::sync::Arc;

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded as _};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
    OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use serde_json::json;
use zeroize::Zeroizing;

use super::Transit;
use super::batch::bytes;
use super::bytes::Bytes;
use super::key::{self, Key, Made, SIZES, load, save};
use super::key_type::KeyType;
use super::material::{self, HMAC_BYTES, Material};
use super::settings::check_period;
use super::{coded, pair};
use crate::engine::backend::Call;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::response::Response;

/// How many bytes the encrypted AES key has: as many as the wrapping key's modulus.
const WRAPPED_BYTES: usize = 512;

/// The longest key that is brought in, in bytes: one of RSA with 4096 bits has less than half of that.
const KEY_BYTES_MAX: usize = 16 << 10;

/// The pair that keys are wrapped for.
#[derive(serde::Serialize, serde::Deserialize)]
struct WrappingKey {
    /// PKCS #8.
    secret: Bytes,
    /// A SubjectPublicKeyInfo, in base64.
    public: String,
}

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

fn stored(mount: &Mount) -> String {
    mount.storage("wrapping-key")
}

/// The mount's; made, and durable, when it is first asked for.
async fn wrapping_key(transit: &Transit, core: &Arc<Core>, mount: &Mount) -> Result<WrappingKey, Error> {
    let place = stored(mount);
    let _turn = transit.locks.lock(&place).await;
    if let Some(found) = core.barrier.get(&place)? {
        return Ok(found);
    }
    let made = material::Made::make(KeyType::Rsa4096, 0).await?;
    let public = coded::encode(&made.public.unwrap_or_default());
    let made = WrappingKey { secret: made.material.key, public };
    let mut batch = Batch::new();
    batch.put(place, &made)?;
    core.barrier.commit(batch).await?;
    Ok(made)
}

/// Serves `wrapping_key`.
pub(super) async fn show_wrapping_key(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let key = wrapping_key(transit, core, call.mount).await?;
    let public = coded::decode(&key.public)?;
    Ok(Response::data(json!({ "public_key": coded::pem("PUBLIC KEY", &public) })))
}

/// Serves `keys/:name/import`: a new key.
pub(super) async fn import(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let fields = call.fields();
    let flag = |name| fields.bool(name).map(Option::unwrap_or_default);
    if fields.has("convergent_encryption") {
        return Err(invalid("import cannot be used on keys with convergent encryption enabled"));
    }
    let sort = fields.string("type")?.filter(|name| !name.is_empty());
    let sort = sort.map_or(Ok(KeyType::Aes256Gcm96), |name| KeyType::of(&name.to_ascii_lowercase()))?;
    // Servers of OpenBao 2.6 derive from keys that were brought in by HMAC-SHA256 in counter mode, and by HKDF from all others:
    // what one encrypts another could not read.
    if fields.bool("derived")?.unwrap_or_default() {
        return Err(invalid(
            "keys that are brought in derive no others on this server: leave out derived, or make the key here",
        ));
    }
    let period = check_period(fields.seconds("auto_rotate_period")?.unwrap_or_default())?;
    let rotates = fields.bool("allow_rotation")?.unwrap_or_default();
    if period > 0 && !rotates {
        return Err(invalid("allow_rotation must be set to true if auto-rotation is enabled"));
    }
    let brought = unwrap(transit, core, call).await?;
    let (made, size) = read(sort, &brought)?;
    Made { sort, derived: false, convergent: false, size }.check()?;
    let name = call.at("name");
    let _turn = transit.locks.lock(&key::stored(call.mount, name)).await;
    if load(core, call.mount, name)?.is_some() {
        return Err(invalid(
            "the import path cannot be used with an existing key; use import-version to rotate an existing imported key",
        ));
    }
    let mut key = Key::new(name, Made { sort, derived: false, convergent: false, size })?;
    (key.imported, key.allow_rotation, key.auto_rotate_period) = (true, rotates, period);
    (key.exportable, key.allow_plaintext_backup) = (flag("exportable")?, flag("allow_plaintext_backup")?);
    key.origin = call.request.origin.clone();
    let batch = key.add(call.mount, core.clock.now(), made)?;
    save(core, call.mount, &mut key, batch).await?;
    Ok(Response::empty())
}

/// Serves `keys/:name/import_version`: a new version of a key that was brought in.
pub(super) async fn import_version(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let name = call.at("name");
    if call.fields().int("version")?.is_some_and(|version| version != 0) {
        return Err(invalid(
            "a version that is there gets no other secret on this server: leave out version, and the key gets a new one",
        ));
    }
    let brought = unwrap(transit, core, call).await?;
    let _turn = transit.locks.lock(&key::stored(call.mount, name)).await;
    let missing = || invalid(format!("no key found with name {name}; to import a new key, use the import/ endpoint"));
    let mut key = load(core, call.mount, name)?.ok_or_else(missing)?;
    key.refuse_put_away()?;
    if !key.imported {
        return Err(invalid("the import_version endpoint can only be used with an imported key"));
    }
    let (made, size) = read(key.sort, &brought)?;
    if key.size != size {
        return Err(invalid(format!(
            "invalid key size {size} bytes: the versions of this key have {} bytes",
            key.size
        )));
    }
    let batch = key.add(call.mount, core.clock.now(), made)?;
    save(core, call.mount, &mut key, batch).await?;
    Ok(Response::empty())
}

/// What was brought, out of its wrapping.
async fn unwrap(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Zeroizing<Vec<u8>>, Error> {
    let fields = call.fields();
    if !fields.string("public_key")?.unwrap_or_default().is_empty() {
        return Err(invalid(
            "public keys without their secrets are not served by this server: bring the pair, wrapped",
        ));
    }
    let padding = padding(fields)?;
    let wrapped = bytes(fields, "ciphertext")?;
    let Some((for_pair, by_aes)) = wrapped.split_at_checked(WRAPPED_BYTES).filter(|(_, rest)| !rest.is_empty()) else {
        return Err(invalid("provided ciphertext is too short"));
    };
    let key = wrapping_key(transit, core, call.mount).await?;
    let unreadable = |_| Error::Internal("the wrapping key does not read".to_owned());
    let pair = PrivateDecryptingKey::from_pkcs8(key.secret.expose()).map_err(|_| unreadable(()))?;
    let pair = OaepPrivateDecryptingKey::new(pair).map_err(|_| unreadable(()))?;
    let mut aes = Zeroizing::new(vec![0; pair.min_output_size()]);
    // One text for all that can be wrong: more would tell about what was wrapped.
    let wrong = || invalid("the ciphertext holds no key that was wrapped for this mount's wrapping key");
    let length = pair.decrypt(padding, for_pair, &mut aes, None).map_err(|_| wrong())?.len();
    let kek = AesKek::new(&AES_256, aes.get(..length).unwrap_or_default()).map_err(|_| wrong())?;
    if by_aes.len() > KEY_BYTES_MAX {
        return Err(wrong());
    }
    let mut brought = Zeroizing::new(vec![0; by_aes.len()]);
    let length = kek.unwrap_with_padding(by_aes, &mut brought).map_err(|_| wrong())?.len();
    brought.truncate(length);
    Ok(brought)
}

fn padding(fields: Fields<'_>) -> Result<&'static OaepAlgorithm, Error> {
    let name = fields.string("hash_function")?.unwrap_or_default().to_ascii_uppercase();
    Ok(match name.as_str() {
        "" | "SHA256" => &OAEP_SHA256_MGF1SHA256,
        "SHA1" => &OAEP_SHA1_MGF1SHA1,
        "SHA384" => &OAEP_SHA384_MGF1SHA384,
        "SHA512" => &OAEP_SHA512_MGF1SHA512,
        "SHA224" => return Err(invalid("the hash function SHA224 is not served by this server: use SHA256")),
        other => return Err(invalid(format!("unknown hash function: {other}"))),
    })
}

/// What was brought, as the secrets of a version, and the size of a key of HMACs.
fn read(sort: KeyType, brought: &Zeroizing<Vec<u8>>) -> Result<(material::Made, usize), Error> {
    let length = brought.len();
    let fits = match sort.symmetric() {
        Some(bytes) => length == bytes,
        None => sort != KeyType::Hmac || SIZES.contains(&length),
    };
    if !fits {
        return Err(invalid(format!("invalid key size {length} bytes for key type {}", sort.name())));
    }
    let plain = Bytes::from(brought.clone());
    if sort == KeyType::Hmac {
        let material = Material { key: plain.clone(), hmac: plain };
        return Ok((material::Made { material, public: None }, length));
    }
    let (key, public) = match sort.symmetric() {
        Some(_) => (plain, None),
        None => pair::read(sort, brought).map(|(key, public)| (key, Some(public)))?,
    };
    let material = Material { key, hmac: Bytes::random(HMAC_BYTES)? };
    Ok((material::Made { material, public }, 0))
}
