//! The hashes that a caller may ask for by name. Those of SHA-2 are AWS-LC's; of SHA-3 it has not all, nor HMACs.
//!
//! # Source
//! FIPS 180-4, FIPS 202, RFC 2104.

use ::hmac::{Hmac, KeyInit, Mac};
use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::hmac;
use sha3::{Digest as _, Sha3_224, Sha3_256, Sha3_384, Sha3_512};

use crate::engine::wire::error::Error;

/// A hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// SHA-1: of signatures and HMACs that ask for it.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA3-224.
    Sha3With224,
    /// SHA3-256.
    Sha3With256,
    /// SHA3-384.
    Sha3With384,
    /// SHA3-512.
    Sha3With512,
}

impl Hash {
    const ALL: [(Self, &str); 9] = [
        (Self::Sha1, "sha1"),
        (Self::Sha224, "sha2-224"),
        (Self::Sha256, "sha2-256"),
        (Self::Sha384, "sha2-384"),
        (Self::Sha512, "sha2-512"),
        (Self::Sha3With224, "sha3-224"),
        (Self::Sha3With256, "sha3-256"),
        (Self::Sha3With384, "sha3-384"),
        (Self::Sha3With512, "sha3-512"),
    ];

    /// The one of this name.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn of(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|(_, known)| *known == name);
        found.map(|(hash, _)| hash).ok_or_else(|| Error::Invalid(format!("unsupported algorithm {name}")))
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(hash, _)| *hash == self).map_or("", |(_, name)| name)
    }

    /// The HMAC of some bytes by a key.
    ///
    /// # Errors
    /// Never: a key may have any length.
    pub(super) fn hmac(self, key: &[u8], bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let by = |algorithm| Ok(hmac::sign(&hmac::Key::new(algorithm, key), bytes).as_ref().to_vec());
        match self {
            Self::Sha1 => by(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha224 => by(hmac::HMAC_SHA224),
            Self::Sha256 => by(hmac::HMAC_SHA256),
            Self::Sha384 => by(hmac::HMAC_SHA384),
            Self::Sha512 => by(hmac::HMAC_SHA512),
            Self::Sha3With224 => by_sha3::<Hmac<Sha3_224>>(key, bytes),
            Self::Sha3With256 => by_sha3::<Hmac<Sha3_256>>(key, bytes),
            Self::Sha3With384 => by_sha3::<Hmac<Sha3_384>>(key, bytes),
            Self::Sha3With512 => by_sha3::<Hmac<Sha3_512>>(key, bytes),
        }
    }

    /// The hash of some bytes.
    pub(super) fn sum(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec(),
            Self::Sha224 => digest(&digest::SHA224, bytes).as_ref().to_vec(),
            Self::Sha256 => digest(&digest::SHA256, bytes).as_ref().to_vec(),
            Self::Sha384 => digest(&digest::SHA384, bytes).as_ref().to_vec(),
            Self::Sha512 => digest(&digest::SHA512, bytes).as_ref().to_vec(),
            Self::Sha3With224 => Sha3_224::digest(bytes).to_vec(),
            Self::Sha3With256 => Sha3_256::digest(bytes).to_vec(),
            Self::Sha3With384 => Sha3_384::digest(bytes).to_vec(),
            Self::Sha3With512 => Sha3_512::digest(bytes).to_vec(),
        }
    }
}

fn by_sha3<M: Mac + KeyInit>(key: &[u8], bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let made = <M as KeyInit>::new_from_slice(key);
    let mut made = made.map_err(|_| Error::Internal("an HMAC took no key of that length".to_owned()))?;
    made.update(bytes);
    Ok(made.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::Hash;

    /// FIPS 180-4 and FIPS 202: NIST's example values for "abc".
    #[test]
    fn the_published_sums_come_out() {
        for (name, sum) in [
            ("sha2-224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            ("sha2-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "sha2-384",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                "sha2-512",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd\
                 454d4423643ce80e2a9ac94fa54ca49f",
            ),
            ("sha3-224", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
            ("sha3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
            (
                "sha3-384",
                "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
            ),
            (
                "sha3-512",
                "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e39340\
                 57340b4cf408d5a56592f8274eec53f0",
            ),
        ] {
            assert_eq!(hex::encode(Hash::of(name).unwrap().sum(b"abc")), sum, "{name}");
        }
        assert!(Hash::of("md5").is_err());
    }

    /// RFC 2202, 3 and RFC 4231, 4.3; those of SHA-3 as Python's `hmac` and OpenBao make them.
    #[test]
    fn the_published_hmacs_come_out() {
        for (name, sum) in [
            ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            ("sha2-224", "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"),
            ("sha2-256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                "sha2-384",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                "sha2-512",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd\
                 caeab1a34d4a6b4b636e070a38bce737",
            ),
            ("sha3-224", "7fdb8dd88bd2f60d1b798634ad386811c2cfc85bfaf5d52bbace5e66"),
            ("sha3-256", "c7d4072e788877ae3596bbb0da73b887c9171f93095b294ae857fbe2645e1ba5"),
            (
                "sha3-384",
                "f1101f8cbf9766fd6764d2ed61903f21ca9b18f57cf3e1a23ca13508a93243ce48c045dc007f26a21b3f5e0e9df4c20a",
            ),
            (
                "sha3-512",
                "5a4bfeab6166427c7a3647b747292b8384537cdb89afb3bf5665e4c5e709350b287baec921fd7ca0ee7a0c31d022a95e\
                 1fc92ba9d77df883960275beb4e62024",
            ),
        ] {
            let made = Hash::of(name).unwrap().hmac(b"Jefe", b"what do ya want for nothing?").unwrap();
            assert_eq!(hex::encode(made), sum, "{name}");
        }
    }
}
