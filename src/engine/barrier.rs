//! Encryption of everything stored: AES-256-GCM under the barrier key, bound to the storage path.
//!
//! A sealed value is `version (1) | nonce (12) | ciphertext | tag (16)`. The nonce is a 4-byte random
//! prefix drawn at start and an 8-byte counter, which is cheaper than 12 random bytes and cannot
//! repeat within one start. The storage path is the additional data, so that a value moved to another
//! key no longer opens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use super::store::{RawBatch, Store};

/// The length of a barrier key, in bytes.
pub(crate) const KEY_LEN: usize = 32;
const VERSION: u8 = 1;

/// A sealed view of a [`Store`]: values go in and come out as JSON, and lie encrypted.
#[derive(Clone)]
pub(crate) struct Barrier {
    store: Arc<dyn Store>,
    cipher: Arc<Cipher>,
}

/// AES-256-GCM with nonces that do not repeat.
pub(crate) struct Cipher {
    key: LessSafeKey,
    nonce_prefix: [u8; 4],
    nonce_counter: AtomicU64,
}

impl Cipher {
    /// A cipher over a raw 32-byte key.
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Result<Self, Error> {
        let internal = |_| Error::Internal("the cipher could not be set up".to_owned());
        let mut nonce_prefix = [0; 4];
        aws_lc_rs::rand::fill(&mut nonce_prefix).map_err(internal)?;
        Ok(Self {
            key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(internal)?),
            nonce_prefix,
            nonce_counter: AtomicU64::new(0),
        })
    }

    /// Seals `plain` so that it opens only under the same `path`.
    pub(crate) fn seal(&self, path: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_LEN];
        nonce[..4].copy_from_slice(&self.nonce_prefix);
        nonce[4..].copy_from_slice(&self.nonce_counter.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plain.len() + 16);
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        let mut body = plain.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(path.as_bytes()), &mut body)
            .map_err(|_| Error::Internal(format!("the value at {path} could not be sealed")))?;
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens what [`Cipher::seal`] made for the same `path`.
    pub(crate) fn open(&self, path: &str, sealed: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
        let damaged = || Error::Internal(format!("the value at {path} does not open: wrong key, or damaged"));
        let (&version, rest) = sealed.split_first().ok_or_else(damaged)?;
        if version != VERSION || rest.len() < NONCE_LEN {
            return Err(damaged());
        }
        let (nonce, body) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut body = zeroize::Zeroizing::new(body.to_vec());
        let length = self.key.open_in_place(nonce, Aad::from(path.as_bytes()), &mut body).map_err(|_| damaged())?.len();
        body.truncate(length);
        Ok(body)
    }
}

/// Writes that happen together; sealed when committed.
#[derive(Default)]
pub(crate) struct Batch {
    writes: Vec<(String, Option<zeroize::Zeroizing<Vec<u8>>>)>,
}

impl Batch {
    /// An empty batch.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Stores `value` at `key`.
    pub(crate) fn put<T: Serialize>(&mut self, key: impl Into<String>, value: &T) -> Result<(), Error> {
        let key = key.into();
        let plain = serde_json::to_vec(value)
            .map_err(|e| Error::Internal(format!("the value at {key} has no JSON form: {e}")))?;
        self.writes.push((key, Some(plain.into())));
        Ok(())
    }

    /// Removes what is at `key`, if anything.
    pub(crate) fn delete(&mut self, key: impl Into<String>) {
        self.writes.push((key.into(), None));
    }

    /// Adds the writes of `other` behind these.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.writes.append(&mut other.writes);
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

impl Barrier {
    /// A sealed view of `store` under a barrier key.
    pub(crate) fn new(store: Arc<dyn Store>, key: &[u8; KEY_LEN]) -> Result<Self, Error> {
        Ok(Self { store, cipher: Arc::new(Cipher::new(key)?) })
    }

    fn decode<T: DeserializeOwned>(&self, key: &str, sealed: &[u8]) -> Result<T, Error> {
        let plain = self.cipher.open(key, sealed)?;
        serde_json::from_slice(&plain).map_err(|e| Error::Internal(format!("the value at {key} does not read: {e}")))
    }

    /// The value at `key`.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        self.store.get(key)?.map(|sealed| self.decode(key, &sealed)).transpose()
    }

    /// Up to `limit` values whose key starts with `prefix` and is greater than `after`, in key order.
    pub(crate) fn scan<T: DeserializeOwned>(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, Error> {
        let entries = self.store.scan(prefix, after, limit)?;
        entries.into_iter().map(|(key, sealed)| Ok((key.clone(), self.decode(&key, &sealed)?))).collect()
    }

    /// Up to `limit` keys that start with `prefix` and are greater than `after`, in order.
    pub(crate) fn keys(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        self.store.keys(prefix, after, limit)
    }

    /// The names directly under `prefix` (which ends in `/` or is empty); a folder's name ends in `/`.
    pub(crate) fn children(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut names: Vec<String> = Vec::new();
        for key in self.store.keys(prefix, None, usize::MAX)? {
            let rest = &key[prefix.len()..];
            let name = rest.find('/').map_or(rest, |slash| &rest[..=slash]);
            if names.last().map(String::as_str) != Some(name) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Seals and applies the batch atomically; durable when it returns.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<(), Error> {
        let mut raw = RawBatch::default();
        for (key, plain) in batch.writes {
            let sealed = plain.map(|plain| self.cipher.seal(&key, &plain)).transpose()?;
            raw.writes.push((key, sealed));
        }
        self.store.commit(raw).await
    }
}
