//! `sign`, `verify` and `hmac`.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde_json::{Map, Value};

use super::batch::{Batch, Manners, bytes};
use super::coded;
use super::digest::Hash;
use super::ring::Ring;
use super::signer::{Manner, Marshaling, Padding, Salt};
use crate::engine::backend::Call;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::response::Response;

/// What is wrong with an item is told with success.
const SIGNS: Manners = Manners { status: 200, blank: Map::new, takes: &["input", "context"] };
const HASHES: Manners = Manners { status: 200, blank: Map::new, takes: &["input"] };
const VERIFIES: Manners = Manners {
    status: 200,
    blank: || Map::from_iter([("valid".to_owned(), Value::from(false))]),
    takes: &["input", "signature", "hmac", "context"],
};

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

/// Serves `sign/:name`, with or without a hash in its path.
pub(super) async fn sign(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let (fields, manner) = (call.fields(), manner(call)?);
    let wanted = fields.int("key_version")?.unwrap_or_default();
    let mut ring = ring(core, call, "signing key not found")?;
    if !ring.key.sort.signs() {
        return Err(invalid(format!("key type {} does not support signing", ring.key.sort.name())));
    }
    let batch = Batch::of(call)?;
    let public_name = if batch.is_batch { "publickey" } else { "public_key" };
    batch
        .answer(call, SIGNS, |_, item| {
            let input = input(item, batch.is_batch, "missing input")?;
            let made = ring.sign(wanted, &context(item)?, manner, &input)?;
            let mut told = Map::from_iter([
                ("signature".to_owned(), made.signature.into()),
                ("key_version".to_owned(), made.version.into()),
            ]);
            if let Some(public) = made.public {
                told.insert(public_name.to_owned(), public.into());
            }
            Ok(told)
        })
        .await
}

/// Serves `verify/:name`, with or without a hash in its path: of signatures, or of HMACs.
pub(super) async fn verify(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let batch = Batch::of(call)?;
    if are_hmacs(&batch)? {
        return verify_hmac(core, call, &batch).await;
    }
    let manner = manner(call)?;
    let mut ring = ring(core, call, "signature verification key not found")?;
    if !ring.key.sort.signs() {
        return Err(invalid(format!("key type {} does not support verification", ring.key.sort.name())));
    }
    batch
        .answer(call, VERIFIES, |_, item| {
            let input = input(item, batch.is_batch, "missing input")?;
            let signature = item.string("signature")?.ok_or_else(|| invalid("missing signature"))?;
            Ok(validity(ring.verify(&context(item)?, manner, &input, &signature)?))
        })
        .await
}

/// Whether it is HMACs that are to be verified, all of them, and not signatures.
fn are_hmacs(batch: &Batch<'_>) -> Result<bool, Error> {
    let has = |name: &str| batch.items.iter().filter(|item| item.has(name)).count();
    let (signatures, hmacs) = (has("signature"), has("hmac"));
    let refused = |text: &str| Err(invalid(text));
    match (signatures > 0, hmacs > 0) {
        (true, true) if batch.is_batch => {
            refused("elements of batch_input must all provide 'signature' or all provide 'hmac'")
        }
        (true, true) => refused("provide one of 'signature' or 'hmac'"),
        (false, false) if batch.is_batch => refused("no batch_input elements have 'signature' or 'hmac'"),
        (false, false) => refused("neither a 'signature' nor an 'hmac' were given to verify"),
        (true, false) if signatures < batch.items.len() => {
            refused("some elements of batch_input are missing 'signature'")
        }
        (false, true) if hmacs < batch.items.len() => refused("some elements of batch_input are missing 'hmac'"),
        (_, is_hmac) => Ok(is_hmac),
    }
}

async fn verify_hmac(core: &Core, call: Call<'_>, batch: &Batch<'_>) -> Result<Response, Error> {
    let hash = hash(call)?;
    let mut ring = ring(core, call, "encryption key not found")?;
    batch
        .answer(call, VERIFIES, |_, item| {
            let input = input(item, batch.is_batch, "missing input")?;
            let text = item.string("hmac")?.unwrap_or_default();
            let (version, given) = coded::parse(&text, "HMAC")?;
            let given = coded::decode(given)
                .map_err(|error| invalid(format!("unable to decode verification HMAC as base64: {error}")))?;
            if version > ring.key.latest_version {
                return Err(invalid("invalid HMAC: version is too new"));
            }
            if version < ring.key.min_decryption_version {
                return Err(invalid("cannot verify HMAC: version is too old (disallowed by policy)"));
            }
            let made = ring.hmac(version, hash, &input)?;
            Ok(validity(verify_slices_are_equal(&made, &given).is_ok()))
        })
        .await
}

/// Serves `hmac/:name`, with or without a hash in its path.
pub(super) async fn hmac(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let mut ring = ring(core, call, "encryption key not found")?;
    let hash = match call.at("urlalgorithm") {
        "" => call.fields().string("algorithm")?.filter(|name| !name.is_empty()),
        in_path => Some(in_path.to_owned()),
    };
    let hash = hash.map_or(Ok(Hash::Sha256), |name| Hash::of(&name))?;
    let latest = ring.key.latest_version;
    let version = match call.fields().int("key_version")?.unwrap_or_default() {
        0 => latest,
        version if version < 0 => return Err(invalid("key version does not exist (cannot be negative)")),
        version if version > latest => {
            return Err(invalid(format!("key version does not exist; latest key version is {latest}")));
        }
        version if version != latest && version < ring.key.min_encryption_version => {
            return Err(invalid("cannot generate HMAC: version is too old (disallowed by policy)"));
        }
        version => version,
    };
    let batch = Batch::of(call)?;
    batch
        .answer(call, HASHES, |_, item| {
            let input = input(item, true, "missing input for HMAC")?;
            let made = coded::versioned(version, &coded::encode(&ring.hmac(version, hash, &input)?));
            Ok(Map::from_iter([("hmac".to_owned(), made.into())]))
        })
        .await
}

fn validity(is_valid: bool) -> Map<String, Value> {
    Map::from_iter([("valid".to_owned(), is_valid.into())])
}

fn ring<'a>(core: &'a Core, call: Call<'a>, missing: &str) -> Result<Ring<'a>, Error> {
    Ring::open(core, call.mount, call.at("name"))?.ok_or_else(|| invalid(missing))
}

/// What is signed; nothing where it is not given, unless it has to be.
fn input(item: Fields<'_>, is_required: bool, lacks: &str) -> Result<Vec<u8>, Error> {
    if is_required && !item.has("input") {
        return Err(invalid(lacks));
    }
    let read = bytes(item, "input");
    read.map(|bytes| bytes.to_vec()).map_err(|error| invalid(format!("unable to decode input as base64: {error}")))
}

fn context(item: Fields<'_>) -> Result<Vec<u8>, Error> {
    let read = bytes(item, "context");
    read.map(|bytes| bytes.to_vec()).map_err(|_| invalid("failed to base64-decode context"))
}

/// The hash that a request names, by its path or by one of two names.
fn hash(call: Call<'_>) -> Result<Hash, Error> {
    let fields = call.fields();
    let named = match call.at("urlalgorithm") {
        "" => fields.string("hash_algorithm")?.filter(|name| !name.is_empty()),
        in_path => Some(in_path.to_owned()),
    };
    let named = match named {
        Some(name) => name,
        None => fields.string("algorithm")?.filter(|name| !name.is_empty()).unwrap_or_else(|| "sha2-256".to_owned()),
    };
    if named == "none" {
        return Err(invalid(
            "signatures of what is no hash (hash_algorithm=none) are not served by this server: name the hash, and \
             say prehashed=true where the input is one",
        ));
    }
    Hash::of(&named).map_err(|_| invalid(format!("invalid hash algorithm {named:?}")))
}

/// How a request wants something signed.
fn manner(call: Call<'_>) -> Result<Manner, Error> {
    let fields = call.fields();
    let text = |given: Result<Option<String>, Error>| given.map(Option::unwrap_or_default);
    let marshaling = match text(fields.string("marshaling_algorithm"))?.as_str() {
        "" | "asn1" => Marshaling::Asn1,
        "jws" => Marshaling::Jws,
        other => return Err(invalid(format!("invalid marshaling type {other:?}"))),
    };
    let salt = salt(&text(fields.string("salt_length"))?)?;
    let padding = match text(fields.string("signature_algorithm"))?.as_str() {
        "" | "pss" => Padding::Pss(salt),
        "pkcs1v15" => Padding::Pkcs1,
        other => return Err(invalid(format!("unsupported rsa signature algorithm {other}"))),
    };
    let prehashed = fields.bool("prehashed")?.unwrap_or_default();
    Ok(Manner { hash: hash(call)?, prehashed, marshaling, padding })
}

/// 0 and -1 stand for `auto` and `hash`, as in Go.
fn salt(text: &str) -> Result<Salt, Error> {
    match text.to_ascii_lowercase().as_str() {
        "" | "auto" | "0" => Ok(Salt::Auto),
        "hash" | "-1" => Ok(Salt::Hash),
        other => match other.parse::<i64>() {
            Err(_) => Err(invalid(format!("salt length neither 'auto', 'hash', nor an int: {text}"))),
            Ok(length) => usize::try_from(length)
                .map(Salt::Bytes)
                .map_err(|_| invalid(format!("salt length is invalid: {length}"))),
        },
    }
}
