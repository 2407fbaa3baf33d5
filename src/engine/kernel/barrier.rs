//! Encryption of everything stored: AES-256-GCM under the barrier key, bound to the storage path.
//!
//! A sealed value is `version (1) | nonce (12) | ciphertext | tag (16)`; version 2 has the term (4) of its key before
//! the nonce, where that is not the store's first. The nonce is an 8-byte random
//! prefix and a 4-byte counter; the prefix is drawn at every start, of which a command line makes many,
//! and again when the counter is used up. So nonces cannot repeat within one prefix, and two prefixes
//! of one key collide with a chance of 1 in 2^64. The storage path is the additional data, so that a
//! value moved to another key no longer opens.
//!
//! When an engine is sealed its barrier forgets the keys: whoever still has a copy of it is refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::store::{RawBatch, Store};
use crate::engine::wire::error::Error;
use crate::secret::Secret;

/// Where the sealed barrier key lies in the store.
pub(crate) const KEYRING_KEY: &str = "core/keyring";

/// Where it is said, in clear, in how many shares the unseal key is, and how many make it.
pub(crate) const SHARES_KEY: &str = "core/seal";

/// Where, sealed by the unseal key, it is said in how many shares the recovery key is, and by what it is known again.
pub(crate) const RECOVERY_KEY: &str = "core/recovery";

/// Whether what lies there is sealed otherwise than by a barrier key, or not at all.
pub(crate) fn is_beside(key: &str) -> bool {
    [KEYRING_KEY, SHARES_KEY, RECOVERY_KEY].contains(&key)
}

/// The length of a barrier key, in bytes.
pub(crate) const KEY_LEN: usize = 32;
const VERSION: u8 = 1;
/// Of a value whose key has another term than 1.
const VERSION_TERM: u8 = 2;
const TERM_LEN: usize = 4;

/// A sealed view of a [`Store`]: values go in and come out as JSON, and lie encrypted.
#[derive(Clone)]
pub(crate) struct Barrier {
    store: Arc<dyn Store>,
    /// None once it is sealed.
    ciphers: Arc<RwLock<Option<Arc<Ciphers>>>>,
    rider: Arc<OnceLock<Rider>>,
}

/// Answers a key and its value, in clear, where there is something new to write down.
type Rider = Box<dyn Fn() -> Option<(String, Vec<u8>)> + Send + Sync>;

/// The barrier keys: the newest seals, all of them open.
#[derive(Default)]
pub(crate) struct Ciphers {
    terms: BTreeMap<u32, Arc<Cipher>>,
    installed: i64,
}

impl Ciphers {
    /// Adds the key of a term, installed at `unix`.
    pub(crate) fn add(&mut self, term: u32, unix: i64, cipher: Cipher) {
        if self.terms.last_key_value().is_none_or(|(newest, _)| *newest < term) {
            self.installed = unix;
        }
        self.terms.insert(term, Arc::new(cipher));
    }

    fn newest(&self) -> Result<&Cipher, Error> {
        let newest = self.terms.last_key_value().map(|(_, cipher)| &**cipher);
        newest.ok_or_else(|| Error::Internal("the barrier has no key".to_owned()))
    }

    /// Opens the value of a path, by whichever of them sealed it.
    pub(crate) fn open(&self, path: &str, sealed: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
        // Whatever names no term that is there is opened by the first, which tells what is wrong.
        let term = term_of(sealed).filter(|term| self.terms.contains_key(term)).unwrap_or(1);
        let cipher = self.terms.get(&term);
        cipher.ok_or_else(|| Error::Internal(format!("no barrier key opens the value at {path}")))?.open(path, sealed)
    }
}

/// The term of the key that sealed a value.
fn term_of(sealed: &[u8]) -> Option<u32> {
    match sealed.split_first()? {
        (&VERSION_TERM, rest) => Some(u32::from_be_bytes(*rest.first_chunk::<TERM_LEN>()?)),
        _ => Some(1),
    }
}

/// AES-256-GCM with nonces that do not repeat.
pub(crate) struct Cipher {
    term: u32,
    key: LessSafeKey,
    nonces: Mutex<Nonces>,
}

/// The next nonce: a random prefix, and a counter behind it.
struct Nonces {
    prefix: [u8; 8],
    counter: u32,
}

impl Nonces {
    fn draw() -> Result<Self, Error> {
        Ok(Self { prefix: super::random::bytes()?, counter: 0 })
    }

    fn next(&mut self) -> Result<[u8; NONCE_LEN], Error> {
        if self.counter == u32::MAX {
            *self = Self::draw()?;
        }
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&self.prefix);
        nonce[8..].copy_from_slice(&self.counter.to_be_bytes());
        self.counter += 1;
        Ok(nonce)
    }
}

impl Cipher {
    /// A cipher over a raw 32-byte key.
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Result<Self, Error> {
        Self::of_term(1, key)
    }

    /// The same, of a barrier key of this term.
    pub(crate) fn of_term(term: u32, key: &[u8; KEY_LEN]) -> Result<Self, Error> {
        let internal = |_| Error::Internal("the cipher could not be set up".to_owned());
        Ok(Self {
            term,
            key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(internal)?),
            nonces: Mutex::new(Nonces::draw()?),
        })
    }

    /// Seals `plain` so that it opens only under the same `path`.
    pub(crate) fn seal(&self, path: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce = self.nonces.lock().unwrap_or_else(PoisonError::into_inner).next()?;
        let mut sealed = Vec::with_capacity(1 + TERM_LEN + NONCE_LEN + plain.len() + 16);
        if self.term == 1 {
            sealed.push(VERSION);
        } else {
            sealed.push(VERSION_TERM);
            sealed.extend_from_slice(&self.term.to_be_bytes());
        }
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
        let rest = match (version, self.term) {
            (VERSION, 1) => rest,
            (VERSION_TERM, term) if term > 1 => {
                let (found, rest) = rest.split_first_chunk::<TERM_LEN>().ok_or_else(damaged)?;
                Some(rest).filter(|_| u32::from_be_bytes(*found) == term).ok_or_else(damaged)?
            }
            _ => return Err(damaged()),
        };
        if rest.len() < NONCE_LEN {
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

/// Serialises a secret of a record: with `#[serde(serialize_with = "seal")]`, which nothing but the sealed store is for.
pub(crate) fn seal<S: serde::Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
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
    /// A sealed view of `store` under barrier keys.
    pub(crate) fn new(store: Arc<dyn Store>, ciphers: Ciphers) -> Self {
        Self { store, ciphers: Arc::new(RwLock::new(Some(Arc::new(ciphers)))), rider: Arc::default() }
    }

    fn ciphers(&self) -> Result<Arc<Ciphers>, Error> {
        self.ciphers.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Sealed)
    }

    /// Seals with these keys from now on; without any, nothing: it and all its copies refuse everything.
    pub(crate) fn rekeyed(&self, ciphers: Option<Ciphers>) {
        *self.ciphers.write().unwrap_or_else(PoisonError::into_inner) = ciphers.map(Arc::new);
    }

    /// The term of the key that seals, and since when it does, in Unix seconds (0 is unknown).
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub(crate) fn term(&self) -> Result<(u32, i64), Error> {
        let ciphers = self.ciphers()?;
        Ok((ciphers.newest()?.term, ciphers.installed))
    }

    /// The store, unless this is sealed.
    fn open_store(&self) -> Result<&dyn Store, Error> {
        self.ciphers().map(|_| &*self.store)
    }

    /// The value of a path, in clear, whatever it is.
    ///
    /// # Errors
    /// [`Error::Sealed`]; that it does not open.
    pub(crate) fn plain(&self, key: &str, sealed: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
        self.ciphers()?.open(key, sealed)
    }

    fn decode<T: DeserializeOwned>(&self, key: &str, sealed: &[u8]) -> Result<T, Error> {
        let plain = self.ciphers()?.open(key, sealed)?;
        serde_json::from_slice(&plain).map_err(|e| Error::Internal(format!("the value at {key} does not read: {e}")))
    }

    /// The value at `key`.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        self.open_store()?.get(key)?.map(|sealed| self.decode(key, &sealed)).transpose()
    }

    /// Up to `limit` values whose key starts with `prefix` and is greater than `after`, in key order.
    pub(crate) fn scan<T: DeserializeOwned>(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, Error> {
        let entries = self.open_store()?.scan(prefix, after, limit)?;
        entries.into_iter().map(|(key, sealed)| Ok((key.clone(), self.decode(&key, &sealed)?))).collect()
    }

    /// As [`Barrier::scan`], with a few values at a time in memory.
    pub(crate) fn each<T: DeserializeOwned>(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> impl Iterator<Item = Result<(String, T), Error>> {
        const AT_ONCE: usize = 256;
        let mut last = after;
        let mut read = Vec::new().into_iter();
        let mut ended = false;
        std::iter::from_fn(move || {
            if read.len() == 0 && !ended {
                match self.open_store().and_then(|store| store.scan(prefix, last.as_deref(), AT_ONCE)) {
                    Ok(more) => {
                        ended = more.len() < AT_ONCE;
                        last = more.last().map(|(key, _)| key.clone());
                        read = more.into_iter();
                    }
                    Err(error) => {
                        ended = true;
                        return Some(Err(error));
                    }
                }
            }
            read.next().map(|(key, sealed)| self.decode(&key, &sealed).map(|value| (key, value)))
        })
        .take(limit)
    }

    /// Up to `limit` keys that start with `prefix` and are greater than `after`, in order.
    pub(crate) fn keys(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        self.open_store()?.keys(prefix, after, limit)
    }

    /// How many keys start with `prefix`, up to `limit`.
    pub(crate) fn count(&self, prefix: &str, limit: usize) -> Result<usize, Error> {
        self.open_store()?.count(prefix, limit)
    }

    /// The names directly under `prefix` (which ends in `/` or is empty); a folder's name ends in `/`.
    pub(crate) fn children(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut names: Vec<String> = Vec::new();
        for key in self.open_store()?.keys(prefix, None, usize::MAX)? {
            let rest = &key[prefix.len()..];
            let name = rest.find('/').map_or(rest, |slash| &rest[..=slash]);
            if names.last().map(String::as_str) != Some(name) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Opens every value; answers the keys of those that do not open, up to `limit` of them, and how many there are.
    pub(crate) fn damaged(&self, limit: usize) -> Result<(Vec<String>, usize), Error> {
        const AT_ONCE: usize = 256;
        let (mut keys, mut count) = (Vec::new(), 0);
        let mut last: Option<String> = None;
        loop {
            let ciphers = self.ciphers()?;
            let entries = self.store.scan("", last.as_deref(), AT_ONCE)?;
            let Some((end, _)) = entries.last() else { return Ok((keys, count)) };
            last = Some(end.clone());
            for (key, sealed) in entries.iter().filter(|(key, _)| !is_beside(key)) {
                if ciphers.open(key, sealed).is_err() {
                    count += 1;
                    if keys.len() < limit {
                        keys.push(key.clone());
                    }
                }
            }
        }
    }

    /// Seals a value that is kept elsewhere, so that it opens only for the same purpose.
    pub(crate) fn seal<T: Serialize>(&self, purpose: &str, value: &T) -> Result<Vec<u8>, Error> {
        let plain = serde_json::to_vec(value)
            .map_err(|e| Error::Internal(format!("the value for {purpose} has no JSON form: {e}")))?;
        self.ciphers()?.newest()?.seal(purpose, &zeroize::Zeroizing::new(plain))
    }

    /// Opens what [`Barrier::seal`] made for the same purpose.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: &str, sealed: &[u8]) -> Result<T, Error> {
        self.decode(purpose, sealed)
    }

    /// Sets what is written with every batch: the key and the value, in clear, where there is something new.
    pub(crate) fn ride(&self, rider: impl Fn() -> Option<(String, Vec<u8>)> + Send + Sync + 'static) {
        // The first one stays.
        let _ = self.rider.set(Box::new(rider));
    }

    fn rides(&self) -> Option<(String, Vec<u8>)> {
        self.rider.get().and_then(|rider| rider())
    }

    /// What is wrong with the store: why the last commit failed; none since one succeeded.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.store.trouble()
    }

    /// Seals and applies the batch atomically; durable when it returns.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<(), Error> {
        self.commit_with(RawBatch::default(), batch).await
    }

    /// As [`Barrier::commit`], together with what is sealed already.
    pub(crate) async fn commit_with(&self, mut raw: RawBatch, batch: Batch) -> Result<(), Error> {
        let ciphers = self.ciphers()?;
        let cipher = ciphers.newest()?;
        for (key, plain) in batch.writes {
            let sealed = plain.map(|plain| cipher.seal(&key, &plain)).transpose()?;
            raw.writes.push((key, sealed));
        }
        if let Some((key, plain)) = self.rides() {
            let sealed = cipher.seal(&key, &plain)?;
            raw.writes.push((key, Some(sealed)));
        }
        if raw.writes.is_empty() {
            return Ok(());
        }
        self.store.commit(raw).await
    }
}
