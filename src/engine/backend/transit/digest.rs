//! The hashes that a caller may ask for by name. Those of SHA-2 are AWS-LC's; of SHA-3 it has not all, nor HMACs.
//!
//! # Source
//! FIPS 180-4, FIPS 202, RFC 2104.

use aws_lc_rs::digest::{self, digest};
use sha3::{Digest as _, Sha3_224, Sha3_256, Sha3_384, Sha3_512};

use crate::engine::wire::error::Error;

/// A hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
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
    const ALL: [(Self, &str); 8] = [
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

    /// The hash of some bytes.
    pub(super) fn sum(self, bytes: &[u8]) -> Vec<u8> {
        match self {
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
}
