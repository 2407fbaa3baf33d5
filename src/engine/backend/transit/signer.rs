//! Signatures by key pairs. What is signed with a curve or with RSA is the hash of the input, whichever hash the caller names;
//! Ed25519 hashes for itself.
//!
//! # Source
//! FIPS 186-5 (ECDSA: of a hash, the leftmost bits as many as the order of the curve has), RFC 8032 (Ed25519), RFC 8017
//! (RSA), RFC 7515 A.3 (`jws`: both numbers of an ECDSA signature, one behind the other).

use std::sync::LazyLock;

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, PublicEncryptingKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING,
    ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaParameters, RsaPssSaltLength, RsaSignatureEncoding,
    UnparsedPublicKey,
};

use super::digest::Hash;
use super::key_type::{Curve, KeyType};
use crate::engine::wire::error::Error;

/// How something is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// The hash of what is signed.
    pub(super) hash: Hash,
    /// Whether the input is that hash already.
    pub(super) prehashed: bool,
    /// How the two numbers of an ECDSA signature stand.
    pub(super) marshaling: Marshaling,
    /// How a hash is padded for RSA.
    pub(super) padding: Padding,
}

/// How the two numbers of an ECDSA signature stand, and which base64 a signature is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marshaling {
    /// As ASN.1 has them.
    Asn1,
    /// One behind the other; in the base64 of URLs.
    Jws,
}

/// How a hash is padded for RSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// With a salt.
    Pss(Salt),
    /// The older way, without.
    Pkcs1,
}

/// How long a salt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Salt {
    /// As long as it can be; verified: of any usual length.
    Auto,
    /// As the hash.
    Hash,
    /// So many bytes.
    Bytes(usize),
}

/// Salts up to this length are tried where a signature does not say how long its salt is, beside the longest: as long as the
/// longest hash.
const USUAL_SALT_MAX: usize = 64;

/// The longest salt that fits: of 4096 bits, with SHA-256.
const SALT_MAX: usize = 512 - 32 - 2;

fn failed(sort: KeyType) -> Error {
    Error::Internal(format!("a key of the type {} did not sign", sort.name()))
}

/// Signs with the secret of a key pair.
///
/// # Errors
/// If it can't be signed in that manner.
pub(super) fn sign(sort: KeyType, secret: &[u8], manner: Manner, input: &[u8]) -> Result<Vec<u8>, Error> {
    if let Some(curve) = sort.curve() {
        let terms = Terms::of(curve);
        let algorithm = if manner.marshaling == Marshaling::Asn1 { terms.signs_asn1 } else { terms.signs_fixed };
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, secret).map_err(|_| failed(sort))?;
        let signature = pair.sign_digest(&terms.digest(manner, input)?).map_err(|_| failed(sort))?;
        return Ok(signature.as_ref().to_vec());
    }
    match sort {
        KeyType::Ed25519 => Ok(ed25519(secret)?.sign(input).as_ref().to_vec()),
        _ => {
            let pair = RsaKeyPair::from_pkcs8(secret).map_err(|_| failed(sort))?;
            let hash = RsaHash::of(manner.hash)?;
            let mut signature = vec![0; pair.public_modulus_len()];
            let encoding = hash.encoding(manner.padding, signature.len())?;
            let digest = hash.digest(manner, input)?;
            pair.sign_digest(encoding, &digest, &mut signature).map_err(|_| failed(sort))?;
            Ok(signature)
        }
    }
}

/// The key pair of a secret whose first 32 bytes are its seed.
///
/// # Errors
/// If it has none.
pub(super) fn ed25519(secret: &[u8]) -> Result<Ed25519KeyPair, Error> {
    let seed = secret.get(..32).ok_or_else(|| failed(KeyType::Ed25519))?;
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| failed(KeyType::Ed25519))
}

/// Whether a signature is one of the input, by a public key: a SubjectPublicKeyInfo, or 32 bytes of Ed25519.
///
/// # Errors
/// If nothing can be signed in that manner.
pub(super) fn verify(
    sort: KeyType,
    public: &[u8],
    manner: Manner,
    input: &[u8],
    signature: &[u8],
) -> Result<bool, Error> {
    if let Some(curve) = sort.curve() {
        let terms = Terms::of(curve);
        let algorithm = if manner.marshaling == Marshaling::Asn1 { terms.reads_asn1 } else { terms.reads_fixed };
        let digest = terms.digest(manner, input)?;
        return Ok(UnparsedPublicKey::new(algorithm, public).verify_digest(&digest, signature).is_ok());
    }
    if sort == KeyType::Ed25519 {
        return Ok(UnparsedPublicKey::new(&ED25519, public).verify(input, signature).is_ok());
    }
    let hash = RsaHash::of(manner.hash)?;
    let digest = hash.digest(manner, input)?;
    let length = PublicEncryptingKey::from_der(public).map_err(|_| failed(sort))?.key_size_bytes();
    let is_by = |parameters: &'static RsaParameters| {
        UnparsedPublicKey::new(parameters, public).verify_digest(&digest, signature).is_ok()
    };
    Ok(match manner.padding {
        Padding::Pkcs1 => is_by(hash.pkcs1_parameters()),
        Padding::Pss(Salt::Auto) => {
            let longest = hash.longest_salt(length);
            let lengths = [longest, hash.length()].into_iter().chain(0..=USUAL_SALT_MAX.min(longest));
            // In the order in which they are to be expected.
            signature.len() == length && lengths.filter_map(|salt| hash.parameters(salt)).any(is_by)
        }
        Padding::Pss(salt) => hash.parameters(hash.salt(salt, length)?).is_some_and(is_by),
    })
}

/// What there is for a curve.
struct Terms {
    signs_asn1: &'static EcdsaSigningAlgorithm,
    signs_fixed: &'static EcdsaSigningAlgorithm,
    reads_asn1: &'static EcdsaVerificationAlgorithm,
    reads_fixed: &'static EcdsaVerificationAlgorithm,
    /// As what a hash is passed on, cut to the length of the curve's order: no hash is longer than this one for P-521.
    stands_for: &'static digest::Algorithm,
}

impl Terms {
    fn of(curve: Curve) -> Self {
        match curve {
            Curve::P256 => Self {
                signs_asn1: &ECDSA_P256_SHA256_ASN1_SIGNING,
                signs_fixed: &ECDSA_P256_SHA256_FIXED_SIGNING,
                reads_asn1: &ECDSA_P256_SHA256_ASN1,
                reads_fixed: &ECDSA_P256_SHA256_FIXED,
                stands_for: &digest::SHA256,
            },
            Curve::P384 => Self {
                signs_asn1: &ECDSA_P384_SHA384_ASN1_SIGNING,
                signs_fixed: &ECDSA_P384_SHA384_FIXED_SIGNING,
                reads_asn1: &ECDSA_P384_SHA384_ASN1,
                reads_fixed: &ECDSA_P384_SHA384_FIXED,
                stands_for: &digest::SHA384,
            },
            Curve::P521 => Self {
                signs_asn1: &ECDSA_P521_SHA512_ASN1_SIGNING,
                signs_fixed: &ECDSA_P521_SHA512_FIXED_SIGNING,
                reads_asn1: &ECDSA_P521_SHA512_ASN1,
                reads_fixed: &ECDSA_P521_SHA512_FIXED,
                stands_for: &digest::SHA512,
            },
        }
    }

    /// The number that is signed, of the length that is expected: the leftmost bytes of a longer hash, a shorter one behind
    /// zeros.
    fn digest(&self, manner: Manner, input: &[u8]) -> Result<Digest, Error> {
        let hash = if manner.prehashed { input.to_vec() } else { manner.hash.sum(input) };
        if hash.len() > USUAL_SALT_MAX {
            return Err(Error::Invalid("the input is longer than any hash, and prehashed is true".to_owned()));
        }
        let length = self.stands_for.output_len();
        let mut number = vec![0; length.saturating_sub(hash.len())];
        number.extend_from_slice(&hash[..hash.len().min(length)]);
        Digest::import_less_safe(&number, self.stands_for)
            .map_err(|_| Error::Internal("a hash has not the length of its kind".to_owned()))
    }
}

/// The hashes that AWS-LC's bindings sign with RSA.
#[derive(Clone, Copy)]
enum RsaHash {
    Sha256,
    Sha384,
    Sha512,
}

/// What a salt of each length is asked for and verified by, for each of the hashes: the bindings want them for ever.
static ENCODINGS: LazyLock<[Vec<RsaSignatureEncoding>; 3]> = LazyLock::new(|| {
    let of = |make: fn() -> RsaSignatureEncoding| lengths().map(|salt| make().with_pss_salt_length(salt)).collect();
    [of(|| RSA_PSS_SHA256), of(|| RSA_PSS_SHA384), of(|| RSA_PSS_SHA512)]
});
static PARAMETERS: LazyLock<[Vec<RsaParameters>; 3]> = LazyLock::new(|| {
    let of = |make: fn() -> RsaParameters| lengths().map(|salt| make().with_pss_salt_length(salt)).collect();
    [of(|| RSA_PSS_2048_8192_SHA256), of(|| RSA_PSS_2048_8192_SHA384), of(|| RSA_PSS_2048_8192_SHA512)]
});

fn lengths() -> impl Iterator<Item = RsaPssSaltLength> {
    (0..=SALT_MAX).filter_map(|length| u16::try_from(length).ok()).map(RsaPssSaltLength::Custom)
}

impl RsaHash {
    fn of(hash: Hash) -> Result<Self, Error> {
        match hash {
            Hash::Sha256 => Ok(Self::Sha256),
            Hash::Sha384 => Ok(Self::Sha384),
            Hash::Sha512 => Ok(Self::Sha512),
            other => Err(Error::Invalid(format!(
                "RSA signatures of {} hashes are not served by this server: use sha2-256, sha2-384 or sha2-512",
                other.name()
            ))),
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Sha256 => 0,
            Self::Sha384 => 1,
            Self::Sha512 => 2,
        }
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn length(self) -> usize {
        self.algorithm().output_len()
    }

    /// The hash of the input, or the input that is one.
    fn digest(self, manner: Manner, input: &[u8]) -> Result<Digest, Error> {
        match manner.prehashed {
            false => Ok(digest::digest(self.algorithm(), input)),
            true => Digest::import_less_safe(input, self.algorithm()).map_err(|_| {
                Error::Invalid(format!("prehashed is true, and the input is no hash of {}", manner.hash.name()))
            }),
        }
    }

    fn longest_salt(self, key_bytes: usize) -> usize {
        key_bytes.saturating_sub(self.length() + 2)
    }

    fn salt(self, salt: Salt, key_bytes: usize) -> Result<usize, Error> {
        match salt {
            Salt::Auto => Ok(self.longest_salt(key_bytes)),
            Salt::Hash => Ok(self.length()),
            Salt::Bytes(bytes) if bytes <= self.longest_salt(key_bytes) => Ok(bytes),
            Salt::Bytes(bytes) => Err(Error::Invalid(format!("requested salt length {bytes} is invalid"))),
        }
    }

    fn encoding(self, padding: Padding, key_bytes: usize) -> Result<&'static dyn RsaEncoding, Error> {
        Ok(match (padding, self) {
            (Padding::Pkcs1, Self::Sha256) => &RSA_PKCS1_SHA256,
            (Padding::Pkcs1, Self::Sha384) => &RSA_PKCS1_SHA384,
            (Padding::Pkcs1, Self::Sha512) => &RSA_PKCS1_SHA512,
            (Padding::Pss(salt), _) => {
                let salt = self.salt(salt, key_bytes)?;
                let found = ENCODINGS[self.index()].get(salt);
                found.ok_or_else(|| Error::Invalid(format!("requested salt length {salt} is invalid")))?
            }
        })
    }

    fn pkcs1_parameters(self) -> &'static RsaParameters {
        match self {
            Self::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
        }
    }

    fn parameters(self, salt: usize) -> Option<&'static RsaParameters> {
        PARAMETERS[self.index()].get(salt)
    }
}

#[cfg(test)]
mod tests {
    use super::{Manner, Marshaling, Padding, Salt, ed25519, sign, verify};
    use crate::engine::backend::transit::digest::Hash;
    use crate::engine::backend::transit::key_type::KeyType;

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    fn manner(hash: Hash) -> Manner {
        Manner { hash, prehashed: false, marshaling: Marshaling::Jws, padding: Padding::Pss(Salt::Auto) }
    }

    /// RFC 8032, 7.1, tests 1 and 3.
    #[test]
    fn ed25519_signs_as_published() {
        for (seed, public, input, signature) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
                 d25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659\
                 4a7c15e9716ed28dc027beceea1ec40a",
            ),
        ] {
            let (seed, public, input, signature) = (bytes(seed), bytes(public), bytes(input), bytes(signature));
            assert_eq!(aws_lc_rs::signature::KeyPair::public_key(&ed25519(&seed).unwrap()).as_ref(), public);
            let made = sign(KeyType::Ed25519, &seed, manner(Hash::Sha256), &input).unwrap();
            assert_eq!(made, signature);
            assert!(verify(KeyType::Ed25519, &public, manner(Hash::Sha256), &input, &made).unwrap());
            assert!(!verify(KeyType::Ed25519, &public, manner(Hash::Sha256), b"other", &made).unwrap());
        }
    }

    /// RFC 6979, A.2.5 and A.2.6: hashes shorter and longer than the order of the curve.
    #[test]
    fn ecdsa_takes_hashes_of_any_length() {
        let p256 = "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1\
                    b20c2d7e9f5177a3c294d4462299";
        let p384 = "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc138015\
                    d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720";
        for (sort, public, hash, signature) in [
            (
                KeyType::EcdsaP256,
                p256,
                Hash::Sha1,
                "61340c88c3aaebeb4f6d667f672ca9759a6ccaa9fa8811313039ee4a35471d326d7f147dac089441bb2e2fe8f7a3fa26\
                 4b9c475098fdcf6e00d7c996e1b8b7eb",
            ),
            (
                KeyType::EcdsaP256,
                p256,
                Hash::Sha256,
                "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65\
                 f3e900dbb9aff4064dc4ab2f843acda8",
            ),
            (
                KeyType::EcdsaP256,
                p256,
                Hash::Sha512,
                "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f002362ab1adbe2b8adf9cb9edab740ea60\
                 49c028114f2460f96554f61fae3302fe",
            ),
            (
                KeyType::EcdsaP384,
                p384,
                Hash::Sha256,
                "21b13d1e013c7fa1392d03c5f99af8b30c570c6f98d4ea8e354b63a21d3daa33bde1e888e63355d92fa2b3c36d8fb2cd\
                 f3aa443fb107745bf4bd77cb3891674632068a10ca67e3d45db2266fa7d1feebefdc63eccd1ac42ec0cb8668a4fa0ab0",
            ),
        ] {
            let (public, signature) = (bytes(public), bytes(signature));
            assert!(verify(sort, &public, manner(hash), b"sample", &signature).unwrap(), "{sort:?} {hash:?}");
            assert!(!verify(sort, &public, manner(hash), b"test", &signature).unwrap(), "{sort:?} {hash:?}");
            // As a hash, or told to be one.
            let told = Manner { prehashed: true, ..manner(hash) };
            assert!(verify(sort, &public, told, &hash.sum(b"sample"), &signature).unwrap(), "{sort:?} {hash:?}");
        }
    }
}
