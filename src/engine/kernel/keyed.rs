//! Names in the store that tell nothing of what they name: a keyed hash (HMAC-SHA-256) of it.

use aws_lc_rs::hmac;

use super::barrier::{Barrier, Batch};
use super::random;
use crate::engine::wire::error::Error;

/// Hashes with a key of the store's own.
pub(crate) struct Keyed(hmac::Key);

impl Keyed {
    /// Loads the key at `path`, or makes it, in `first`.
    pub(crate) fn open(barrier: &Barrier, path: &str, first: &mut Batch) -> Result<Self, Error> {
        let bytes: [u8; 32] = match barrier.get(path)? {
            Some(bytes) => bytes,
            None => {
                let bytes = random::bytes()?;
                first.put(path, &bytes)?;
                bytes
            }
        };
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The hash of `parts`, in hex.
    pub(crate) fn hash(&self, parts: &[&str]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            // Lengths in front, so that no two lists of parts run into one.
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        hex::encode(context.sign())
    }
}
