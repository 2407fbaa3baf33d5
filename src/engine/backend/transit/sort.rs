//! The sorts of keys, by the names that the API has for them, and what each can do.

use crate::engine::wire::error::Error;

/// A sort of key. Its name in the store is the API's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Sort {
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
}

impl Sort {
    /// All of them.
    const ALL: [Self; 4] = [Self::Aes128Gcm96, Self::Aes256Gcm96, Self::ChaCha20Poly1305, Self::XChaCha20Poly1305];

    /// As the API calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Aes128Gcm96 => "aes128-gcm96",
            Self::Aes256Gcm96 => "aes256-gcm96",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
            Self::XChaCha20Poly1305 => "xchacha20-poly1305",
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
        }
    }

    /// Whether it encrypts and decrypts.
    pub(super) fn encrypts(self) -> bool {
        self.symmetric().is_some()
    }

    /// Whether it signs.
    pub(super) fn signs(self) -> bool {
        false
    }

    /// Whether a key for each context can be made of it.
    pub(super) fn derives(self) -> bool {
        self.symmetric().is_some()
    }
}
