//! Bytes that nobody may see: wiped when dropped, never printed, and written to nothing but the sealed store, in base64.

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::coded;
use crate::engine::kernel::random;
use crate::engine::wire::error::Error;

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
