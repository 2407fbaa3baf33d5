//! `export/`: keys are taken out, where they say that they may be.

use serde_json::{Map, json};
use zeroize::Zeroizing;

use super::key_type::KeyType;
use super::ring::Ring;
use super::{coded, pair};
use crate::engine::backend::Call;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;

/// What of a key is taken out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Encryption,
    Signing,
    Hmac,
    Public,
}

/// In which form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// What OpenBao answers where none is asked for.
    Usual,
    Raw,
    Der,
    Pem,
}

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

/// Serves `export/:part/:name`, with or without a version.
pub(super) fn export(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let part = match call.at("type") {
        "encryption-key" => Part::Encryption,
        "signing-key" => Part::Signing,
        "hmac-key" => Part::Hmac,
        "public-key" => Part::Public,
        "certificate-chain" => return Err(invalid("certificates of keys are not served by this server")),
        other => return Err(invalid(format!("invalid export type: {other}"))),
    };
    let form = match call.fields().string("format")?.unwrap_or_default().as_str() {
        "" => Form::Usual,
        "raw" => Form::Raw,
        "der" => Form::Der,
        "pem" => Form::Pem,
        other => return Err(invalid(format!("invalid format: {other}"))),
    };
    let mut ring = Ring::open(core, call.mount, call.at("name"))?.ok_or(Error::NotFound)?;
    if !ring.key.exportable && part != Part::Public {
        return Err(invalid("private key material is not exportable"));
    }
    ring.key.refuse_put_away()?;
    let sort = ring.key.sort;
    match part {
        Part::Encryption if !sort.encrypts() => return Err(invalid("encryption not supported for the key")),
        Part::Signing if !sort.signs() => return Err(invalid("signing not supported for the key")),
        Part::Public if !sort.signs() => {
            return Err(invalid(format!("unknown key type {} for export type public-key", sort.name())));
        }
        _ => {}
    }
    let mut keys = Map::new();
    for version in versions(&ring, call.at("version"))? {
        keys.insert(version.to_string(), shown(&mut ring, version, part, form)?.as_str().into());
    }
    Ok(Response::data(json!({ "name": ring.key.name, "type": sort.name(), "keys": keys })))
}

/// The versions that are asked for: all that are taken, or one of these.
fn versions(ring: &Ring<'_>, asked: &str) -> Result<Vec<i64>, Error> {
    let key = &ring.key;
    let version = match asked {
        "" => return Ok(key.versions.range(key.min_decryption_version..).map(|(version, _)| *version).collect()),
        "latest" => key.latest_version,
        asked => asked.strip_prefix('v').unwrap_or(asked).parse().map_err(|_| invalid("invalid key version"))?,
    };
    if version < key.min_decryption_version {
        return Err(invalid("version for export is below minimum decryption version"));
    }
    if !key.versions.contains_key(&version) {
        return Err(invalid("version does not exist or cannot be found"));
    }
    Ok(vec![version])
}

fn shown(ring: &mut Ring<'_>, version: i64, part: Part, form: Form) -> Result<Zeroizing<String>, Error> {
    let sort = ring.key.sort;
    let refused = |what: &str| Err(invalid(format!("unknown format for {what}")));
    let pem = |label: &str, der: &[u8]| Zeroizing::new(coded::pem(label, der).trim_end().to_owned());
    let base64 = |bytes: &[u8]| Zeroizing::new(coded::encode(bytes));
    let is_plain = matches!(form, Form::Usual | Form::Raw);
    if part == Part::Public {
        let public = ring.public(version)?;
        return match form {
            Form::Usual | Form::Raw if sort == KeyType::Ed25519 => Ok(base64(&public)),
            Form::Raw => refused("a public key of ECDSA or RSA: der or pem"),
            Form::Der => Ok(base64(&pair::public(sort, &public))),
            Form::Usual | Form::Pem => Ok(pem("PUBLIC KEY", &pair::public(sort, &public))),
        };
    }
    let material = ring.material(version)?;
    if part == Part::Hmac {
        return if is_plain {
            Ok(base64(material.hmac.expose()))
        } else {
            refused("HMAC key; supported values are `` or `raw`")
        };
    }
    let secret = material.key.expose();
    match form {
        _ if sort.symmetric().is_some() && is_plain => Ok(base64(secret)),
        _ if sort.symmetric().is_some() => refused("a symmetric key; supported values are `` or `raw`"),
        Form::Usual | Form::Raw if sort == KeyType::Ed25519 => Ok(base64(secret)),
        Form::Usual => pair::traditional(sort, secret).map(|(label, der)| pem(label, &der)),
        Form::Raw => refused("a key pair of ECDSA or RSA: der or pem"),
        Form::Der => Ok(base64(&pair::pkcs8(sort, secret)?)),
        Form::Pem => Ok(pem("PRIVATE KEY", &pair::pkcs8(sort, secret)?)),
    }
}
