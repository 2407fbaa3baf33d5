//! The secrets of one version of a key: wiped when dropped, never printed, and written to nothing but the sealed store.

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::coded;
use super::sort::Sort;
use crate::engine::kernel::random;
use crate::engine::wire::error::Error;

/// How many bytes the key has that a version's HMACs are made with, where that is none of its own.
const HMAC_BYTES: usize = 32;

/// Bytes that nobody may see.
#[derive(Clone)]
pub(super) struct Bytes(Zeroizing<Vec<u8>>);

impl Bytes {
    /// So many random ones.
    ///
    /// # Errors
    /// If there are none to be had.
    pub(super) fn random(count: usize) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new(vec![0; count]);
        random::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Themselves. Never pass the answer to a formatter or a log.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<Vec<u8>>> for Bytes {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(coded::encode(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text in base64")
            }

            // The error says nothing of the text.
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
                coded::decode(text).map(Bytes).map_err(|_| E::custom("the text is no base64"))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The secrets of one version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Material {
    /// What it encrypts with.
    pub(super) key: Bytes,
    /// What it makes HMACs with.
    pub(super) hmac: Bytes,
}

impl Material {
    /// New ones.
    ///
    /// # Errors
    /// If no randomness is to be had.
    pub(super) fn make(sort: Sort) -> Result<Self, Error> {
        let bytes = sort.symmetric().ok_or_else(|| Error::Internal(format!("no secret of a key {}", sort.name())))?;
        Ok(Self { key: Bytes::random(bytes)?, hmac: Bytes::random(HMAC_BYTES)? })
    }
}

#[cfg(test)]
mod tests {
    use super::Material;
    use crate::engine::backend::transit::sort::Sort;

    #[test]
    fn a_secret_is_read_back_and_not_printed() {
        let made = Material::make(Sort::Aes128Gcm96).unwrap();
        assert_eq!(format!("{made:?}"), "Material { key: ***, hmac: *** }");
        let stored = serde_json::to_vec(&made).unwrap();
        let read: Material = serde_json::from_slice(&stored).unwrap();
        assert_eq!((read.key.expose(), read.hmac.expose()), (made.key.expose(), made.hmac.expose()));
        assert_eq!((made.key.expose().len(), made.hmac.expose().len()), (16, 32));
        let broken = serde_json::from_str::<Material>(r#"{"key": "s3cret!", "hmac": ""}"#).unwrap_err().to_string();
        assert!(!broken.contains("s3cret"), "{broken}");
    }
}
