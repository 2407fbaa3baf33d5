//! The sorts of keys, by the names that the API has for them, and what each can do.

use crate::engine::wire::error::Error;

/// A sort of key. Its name in the store is the API's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum KeyType {
    /// AES-GCM with 128 bits, and nonces of 96.
    #[serde(rename = "aes128-gcm96")]
    Aes128Gcm96,
    /// The same with 256 bits.
    #[serde(rename = "aes256-gcm96")]
    Aes256Gcm96,
    /// ChaCha20-Poly1305 (RFC 8439).
    #[serde(rename = "chacha20-poly1305")]
    ChaCha20Poly1305,
    /// The same with nonces of 192 bits (draft-irtf-cfrg-xchacha-03).
    #[serde(rename = "xchacha20-poly1305")]
    XChaCha20Poly1305,
    /// Ed25519 (RFC 8032).
    #[serde(rename = "ed25519")]
    Ed25519,
    /// ECDSA (FIPS 186-5) over P-256.
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    /// The same over P-384.
    #[serde(rename = "ecdsa-p384")]
    EcdsaP384,
    /// The same over P-521.
    #[serde(rename = "ecdsa-p521")]
    EcdsaP521,
    /// RSA (RFC 8017) of 2048 bits.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// The same of 3072 bits.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// The same of 4096 bits.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
    /// Nothing but HMACs.
    #[serde(rename = "hmac")]
    Hmac,
}

/// A curve of ECDSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    /// P-256.
    P256,
    /// P-384.
    P384,
    /// P-521.
    P521,
}

impl KeyType {
    /// All of them.
    pub(super) const ALL: [Self; 12] = [
        Self::Aes128Gcm96,
        Self::Aes256Gcm96,
        Self::ChaCha20Poly1305,
        Self::XChaCha20Poly1305,
        Self::Ed25519,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::Hmac,
    ];

    /// As the API calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Aes128Gcm96 => "aes128-gcm96",
            Self::Aes256Gcm96 => "aes256-gcm96",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
            Self::XChaCha20Poly1305 => "xchacha20-poly1305",
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::EcdsaP521 => "ecdsa-p521",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::Hmac => "hmac",
        }
    }

    /// The sort of that name.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn of(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|sort| sort.name() == name);
        found.ok_or_else(|| Error::Invalid(format!("unknown key type {name}")))
    }

    /// How many bytes a key has that encrypts with the same secret as it decrypts.
    pub(super) fn symmetric(self) -> Option<usize> {
        match self {
            Self::Aes128Gcm96 => Some(16),
            Self::Aes256Gcm96 | Self::ChaCha20Poly1305 | Self::XChaCha20Poly1305 => Some(32),
            _ => None,
        }
    }

    /// The curve of ECDSA keys.
    pub(super) fn curve(self) -> Option<Curve> {
        match self {
            Self::EcdsaP256 => Some(Curve::P256),
            Self::EcdsaP384 => Some(Curve::P384),
            Self::EcdsaP521 => Some(Curve::P521),
            _ => None,
        }
    }

    /// How many bytes the modulus has, of RSA.
    pub(super) fn modulus_bytes(self) -> Option<usize> {
        match self {
            Self::Rsa2048 => Some(256),
            Self::Rsa3072 => Some(384),
            Self::Rsa4096 => Some(512),
            _ => None,
        }
    }

    /// Whether it is one of RSA.
    pub(super) fn is_rsa(self) -> bool {
        self.modulus_bytes().is_some()
    }

    /// Whether it encrypts and decrypts.
    pub(super) fn encrypts(self) -> bool {
        self.symmetric().is_some() || self.is_rsa()
    }

    /// Whether it signs.
    pub(super) fn signs(self) -> bool {
        self == Self::Ed25519 || self.curve().is_some() || self.is_rsa()
    }

    /// Whether a key for each context can be made of it.
    pub(super) fn derives(self) -> bool {
        self.symmetric().is_some() || self == Self::Ed25519
    }

    /// Whether the same text can be made to encrypt to the same.
    pub(super) fn converges(self) -> bool {
        self.symmetric().is_some()
    }

    /// What a reader is told a public key of it is.
    pub(super) fn public_name(self) -> &'static str {
        match self.curve() {
            Some(Curve::P256) => "P-256",
            Some(Curve::P384) => "P-384",
            Some(Curve::P521) => "P-521",
            None => self.name(),
        }
    }
}
