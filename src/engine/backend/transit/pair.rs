//! Key pairs as they are taken out and brought in: what of a secret is stored, what others know it as, and back.
//!
//! A pair is stored as PKCS #8 (RFC 5958); of Ed25519 the seed and the public key behind it are.
//!
//! # Source
//! RFC 5958 (PKCS #8), RFC 5915 (`EC PRIVATE KEY`), RFC 8017 A.1.2 (`RSA PRIVATE KEY`), RFC 8410 (Ed25519).

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};
use zeroize::Zeroizing;

use super::bytes::Bytes;
use super::key_type::{Curve, KeyType};
use crate::engine::wire::error::Error;

/// What goes before the 32 bytes of an Ed25519 public key in a SubjectPublicKeyInfo (RFC 8410, 4).
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;

/// The algorithm that a curve's pairs are read by.
pub(super) fn algorithm(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        Curve::P521 => &ECDSA_P521_SHA512_ASN1_SIGNING,
    }
}

fn unreadable(sort: KeyType) -> Error {
    Error::Internal(format!("a secret key of the type {} does not read", sort.name()))
}

/// A stored secret as PKCS #8.
///
/// # Errors
/// If it does not read.
pub(super) fn pkcs8(sort: KeyType, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    if sort != KeyType::Ed25519 {
        return Ok(Zeroizing::new(secret.to_vec()));
    }
    let seed = secret.get(..32).ok_or_else(|| unreadable(sort))?;
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| unreadable(sort))?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| unreadable(sort))?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

/// A stored secret of ECDSA or RSA in the form that is older than PKCS #8, and what PEM calls that.
///
/// # Errors
/// If it does not read.
pub(super) fn traditional(sort: KeyType, secret: &[u8]) -> Result<(&'static str, Zeroizing<Vec<u8>>), Error> {
    match sort.curve() {
        Some(curve) => {
            let pair = EcdsaKeyPair::from_pkcs8(algorithm(curve), secret).map_err(|_| unreadable(sort))?;
            let der = AsDer::<EcPrivateKeyRfc5915Der<'_>>::as_der(&pair.private_key()).map_err(|_| unreadable(sort))?;
            Ok(("EC PRIVATE KEY", Zeroizing::new(der.as_ref().to_vec())))
        }
        None => {
            let inner = inner(secret).ok_or_else(|| unreadable(sort))?;
            Ok(("RSA PRIVATE KEY", Zeroizing::new(inner.to_vec())))
        }
    }
}

/// A public key that is stored as a SubjectPublicKeyInfo.
pub(super) fn public(sort: KeyType, stored: &[u8]) -> Vec<u8> {
    match sort {
        KeyType::Ed25519 => [&ED25519_SPKI[..], stored].concat(),
        _ => stored.to_vec(),
    }
}

/// A pair that is brought in as PKCS #8: the secret as it is stored, and the public key.
///
/// # Errors
/// If it is none of that sort.
pub(super) fn read(sort: KeyType, pkcs8: &[u8]) -> Result<(Bytes, Vec<u8>), Error> {
    let wrong = || Error::Invalid(format!("the key is none of the type {} in PKCS #8", sort.name()));
    let kept = |bytes: &[u8]| Bytes::from(Zeroizing::new(bytes.to_vec()));
    if sort == KeyType::Ed25519 {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| wrong())?;
        let seed = pair.seed().map_err(|_| wrong())?;
        let seed = aws_lc_rs::encoding::AsBigEndian::<aws_lc_rs::encoding::Curve25519SeedBin<'_>>::as_be_bytes(&seed)
            .map_err(|_| wrong())?;
        let public = pair.public_key().as_ref().to_vec();
        return Ok((kept(&Zeroizing::new([seed.as_ref(), &public].concat())), public));
    }
    if let Some(curve) = sort.curve() {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm(curve), pkcs8).map_err(|_| wrong())?;
        let secret = pair.to_pkcs8v1().map_err(|_| wrong())?;
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(|_| wrong())?;
        return Ok((kept(secret.as_ref()), public.as_ref().to_vec()));
    }
    let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| wrong())?;
    if Some(pair.public_modulus_len()) != sort.modulus_bytes() {
        return Err(Error::Invalid(format!(
            "invalid key size: the key has {} bytes, which is none of the type {}",
            pair.public_modulus_len(),
            sort.name()
        )));
    }
    let secret = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| wrong())?;
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(|_| wrong())?;
    Ok((kept(secret.as_ref()), public.as_ref().to_vec()))
}

/// The key in a PKCS #8 structure: the octets behind version and algorithm.
fn inner(pkcs8: &[u8]) -> Option<&[u8]> {
    let (body, _) = element(pkcs8, SEQUENCE)?;
    let (_, rest) = element(body, INTEGER)?;
    let (_, rest) = element(rest, SEQUENCE)?;
    Some(element(rest, OCTET_STRING)?.0)
}

/// What an element of DER with this tag at the start of `der` holds, and what follows it (X.690, 8.1 and 10.1).
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    (found == tag).then(|| rest.split_at_checked(length)).flatten()
}
