//! The gate: whether there is a key in memory, and the shares that people bring to make one.
//!
//! With the key file there is nothing to bring. With shares a store is begun by [`Gate::first`], and what is said of
//! them, in clear, lies beside the keyring: how many there are, and how many make the key.
//!
//! **What a kill leaves behind.** A store begins with one commit, of the keyring, what is said of the shares, and all else
//! that is in it: killed before that, there is nothing, and it is begun anew. Killed after it, before somebody has read
//! the shares, there is a store that nobody can ever open, and in which nothing ever was: it is removed. Unsealing writes
//! nothing of its own, so a kill loses the shares that were brought and nothing else. A new key (a rotation) and new
//! shares (a rekey) are one commit each, made before anybody is told of them: before it the old ones hold, after it
//! the new ones; of new shares that nobody has read the same is true as at the beginning, which is what their
//! verification is for.
//!
//! Shares never leave this file but in answers to who makes them; nothing here is printed.

pub(crate) mod recovery;
pub(crate) mod rekey;
pub(crate) mod root;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::keyring::Keyring;
use super::shamir::{self, Share};
use crate::clock::Clock;
use crate::engine::kernel::barrier::{Barrier, Cipher, KEY_LEN, KEYRING_KEY, SHARES_KEY};
use crate::engine::kernel::random;
use crate::engine::kernel::snapshot::{self, Checked};
use crate::engine::kernel::store::{RawBatch, Store};
use crate::engine::setup::{Config, OpenError, Seal, Storage};
use crate::engine::wire::error::Error;
use crate::secret::Secret;

/// Longer texts are no shares.
const TEXT_BYTES_MAX: usize = 1024;

/// In how many shares a key is, and how many make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Shares {
    /// How many there are.
    pub(crate) shares: usize,
    /// How many make the key.
    pub(crate) threshold: usize,
}

impl Shares {
    /// As somebody asks for them.
    ///
    /// # Errors
    /// That make no sense.
    pub(crate) fn new(shares: i64, threshold: i64) -> Result<Self, Error> {
        shamir::check(shares, threshold).map_err(|why| Error::Invalid(why.to_owned()))?;
        let number = |given: i64| usize::try_from(given).unwrap_or(shamir::SHARES_MAX);
        Ok(Self { shares: number(shares), threshold: number(threshold) })
    }

    /// Draws a new key, and splits it so.
    fn draw(self) -> Result<(Cipher, Vec<Share>), Error> {
        let key = Zeroizing::new(random::bytes::<KEY_LEN>()?);
        Ok((Cipher::new(&key)?, shamir::split(&key, self.shares, self.threshold, random::fill)?))
    }
}

/// Shares that are brought one by one, under a nonce that the first one draws.
#[derive(Default)]
pub(crate) struct Brought {
    nonce: String,
    shares: Vec<Share>,
}

impl Brought {
    /// Under which nonce.
    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// How many there are.
    pub(crate) fn progress(&self) -> usize {
        self.shares.len()
    }

    /// Takes one more. All of them, once they are enough: then there are none here.
    fn add(&mut self, share: Share, threshold: usize) -> Result<Option<Vec<Share>>, Error> {
        if self.nonce.is_empty() {
            self.nonce = random::uuid()?;
        }
        if !self.shares.contains(&share) {
            self.shares.push(share);
        }
        if self.shares.len() < threshold {
            return Ok(None);
        }
        Ok(Some(std::mem::take(&mut self.shares)))
    }
}

/// Where keys come from and go to.
pub(crate) struct Gate {
    store: Arc<dyn Store>,
    seal: Seal,
    clock: Clock,
    storage_type: &'static str,
    unsealing: Mutex<Brought>,
    /// The unseal key, while the engine is open: it seals the keyring when that changes.
    key: Mutex<Option<Arc<Cipher>>>,
    /// Held by who changes the keys.
    changing: tokio::sync::Mutex<()>,
    rekey: Mutex<Option<rekey::Rekey>>,
    root: Mutex<Option<root::Attempt>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these hold is only ever replaced whole, or added to.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    /// The gate before a store.
    ///
    /// # Errors
    /// The store is sealed in another way than it is to be opened.
    pub(crate) fn new(store: Arc<dyn Store>, seal: Seal, config: &Config) -> Result<Self, OpenError> {
        let is_sealed = store.get(KEYRING_KEY)?.is_some();
        let is_shared = store.get(SHARES_KEY)?.is_some();
        match seal {
            Seal::KeyFile | Seal::Kms if is_shared => {
                return Err(OpenError::Failed(
                    "this store is sealed by key shares: `leasehold server` opens it, with seal \"shamir\" {} in its \
                     configuration, and `leasehold operator unseal` brings the shares"
                        .to_owned(),
                ));
            }
            Seal::Shamir if is_sealed && !is_shared => {
                return Err(OpenError::Failed(
                    "this store is sealed by its key file unseal.key, or by AWS KMS: leave seal \"shamir\" out of the \
                     configuration; a store does not change from one to the other"
                        .to_owned(),
                ));
            }
            Seal::KeyFile | Seal::Kms | Seal::Shamir => {}
        }
        let storage_type = match &config.storage {
            Storage::Memory => "inmem",
            Storage::Disk { .. } => "sqlite",
        };
        let (clock, changing) = (config.clock.clone(), tokio::sync::Mutex::default());
        let (unsealing, key, rekey, root) = Default::default();
        Ok(Self { store, seal, clock, storage_type, unsealing, key, changing, rekey, root })
    }

    /// The time.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where things are stored, as `seal-status` says it: `inmem` or `sqlite`.
    pub(crate) fn storage_type(&self) -> &'static str {
        self.storage_type
    }

    /// How the store is sealed.
    pub(crate) fn seal(&self) -> Seal {
        self.seal
    }

    /// Whether there is anything in the store.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) fn is_initialized(&self) -> Result<bool, Error> {
        Ok(self.store.get(KEYRING_KEY)?.is_some())
    }

    /// What is said of the shares; none before there are any. A key file counts as one.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn shares(&self) -> Result<Option<Shares>, Error> {
        if self.seal != Seal::Shamir {
            return Ok(Some(Shares { shares: 1, threshold: 1 }));
        }
        let read = |text: Vec<u8>| {
            let shares: Shares = serde_json::from_slice(&text).ok()?;
            let number = |n: usize| i64::try_from(n).unwrap_or(0);
            shamir::check(number(shares.shares), number(shares.threshold)).ok().map(|()| shares)
        };
        let damaged = || Error::Internal(format!("the value at {SHARES_KEY} is damaged"));
        self.store.get(SHARES_KEY)?.map(|text| read(text).ok_or_else(damaged)).transpose()
    }

    /// A new key in shares, the barrier over an empty store, and what is to be in its first commit. The key is not kept.
    ///
    /// # Errors
    /// If the random generator fails.
    pub(crate) fn first(&self, shares: Shares, unix: i64) -> Result<(Barrier, RawBatch, Vec<Share>), Error> {
        let keyring = Keyring::draw(unix)?;
        let (batch, _, split) = Self::sealed(&keyring, shares)?;
        Ok((Barrier::new(self.store.clone(), keyring.ciphers()?), batch, split))
    }

    /// A keyring under a new key in shares.
    fn sealed(keyring: &Keyring, shares: Shares) -> Result<(RawBatch, Cipher, Vec<Share>), Error> {
        let (cipher, split) = shares.draw()?;
        Ok((Self::under(keyring, shares, &cipher)?, cipher, split))
    }

    /// A keyring under a key, and what is said of its shares.
    fn under(keyring: &Keyring, shares: Shares, cipher: &Cipher) -> Result<RawBatch, Error> {
        let said = serde_json::to_vec(&shares)
            .map_err(|_| Error::Internal("what is said of the shares has no JSON form".to_owned()))?;
        let keyring = (KEYRING_KEY.to_owned(), Some(keyring.seal(cipher)?));
        Ok(RawBatch { writes: vec![keyring, (SHARES_KEY.to_owned(), Some(said))] })
    }

    /// How many shares were brought to unseal, and under which nonce.
    pub(crate) fn unsealing(&self) -> (usize, String) {
        let brought = lock(&self.unsealing);
        (brought.progress(), brought.nonce().to_owned())
    }

    /// Forgets the shares that were brought.
    pub(crate) fn reset(&self) {
        *lock(&self.unsealing) = Brought::default();
    }

    /// Takes a share to unseal; the barrier, once they are enough. Then their key is kept until [`Gate::close`].
    ///
    /// # Errors
    /// A text that is no share; shares that make no key, or another: they are forgotten.
    pub(crate) fn bring(&self, text: &Secret) -> Result<Option<Barrier>, Error> {
        if self.seal != Seal::Shamir {
            return Err(Error::Invalid(
                "this engine unseals with its key file, or by AWS KMS, when it starts: restart it to unseal it"
                    .to_owned(),
            ));
        }
        let shares = self.shares()?.ok_or_else(uninitialized)?;
        let share = read_share(text, shares)?;
        let Some(enough) = lock(&self.unsealing).add(share, shares.threshold)? else { return Ok(None) };
        self.reset();
        let wrong = || Error::Invalid("unseal failed, invalid key".to_owned());
        let (cipher, keyring) = self.opened_by(&enough)?.ok_or_else(wrong)?;
        let barrier = Barrier::new(self.store.clone(), keyring.ciphers()?);
        *lock(&self.key) = Some(Arc::new(cipher));
        Ok(Some(barrier))
    }

    /// The key that shares make and the keyring that it opens, if it does.
    fn opened_by(&self, shares: &[Share]) -> Result<Option<(Cipher, Keyring)>, Error> {
        let Some(key) = shamir::combine(shares) else { return Ok(None) };
        let cipher = Cipher::new(&key)?;
        let sealed = self.store.get(KEYRING_KEY)?.ok_or_else(uninitialized)?;
        Ok(Keyring::open(&cipher, &sealed).ok().map(|keyring| (cipher, keyring)))
    }

    /// Keeps the key of a key file.
    ///
    /// # Errors
    /// If the cipher can't be set up.
    pub(crate) fn keep(&self, key: &[u8; KEY_LEN]) -> Result<(), Error> {
        *lock(&self.key) = Some(Arc::new(Cipher::new(key)?));
        Ok(())
    }

    /// Keeps the key that shares make.
    ///
    /// # Errors
    /// Shares that make none.
    pub(crate) fn keep_shares(&self, shares: &[Share]) -> Result<(), Error> {
        let key = shamir::combine(shares).ok_or_else(|| Error::Internal("the shares make no key".to_owned()))?;
        self.keep(&key)
    }

    /// The key that is in force.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    fn key(&self) -> Result<Arc<Cipher>, Error> {
        lock(&self.key).clone().ok_or(Error::Sealed)
    }

    /// Writes a snapshot of the store into a file. May block.
    ///
    /// # Errors
    /// If the store can't be read, or the file not be written.
    pub(crate) fn save(&self, engine_id: &str, file: std::fs::File) -> Result<std::fs::File, Error> {
        snapshot::save(&*self.store, &*self.key()?, engine_id, self.clock.now().unix_timestamp(), file)
    }

    /// Lets somebody look through the store as it lies there.
    ///
    /// # Errors
    /// As they say.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&dyn Store) -> Result<T, Error>) -> Result<T, Error> {
        look(&*self.store)
    }

    /// Checks whether a snapshot may take the place of the store; with `force`, one of another key too. May block.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(&self, file: std::fs::File, force: bool) -> Result<Checked, Error> {
        snapshot::check(file, &*self.key()?, self.seal == Seal::Shamir, force)
    }

    /// The barrier over what is in the store by now, where the key that is in force opens it.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn again(&self) -> Result<Option<Barrier>, Error> {
        let key = self.key()?;
        let Some(sealed) = self.store.get(KEYRING_KEY)? else { return Ok(None) };
        let Ok(keyring) = Keyring::open(&key, &sealed) else { return Ok(None) };
        Ok(Some(Barrier::new(self.store.clone(), keyring.ciphers()?)))
    }

    /// Forgets the key.
    pub(crate) fn close(&self) {
        *lock(&self.key) = None;
        self.reset();
        self.cancel_rekey();
        self.cancel_root();
    }
}

/// The error for who asks something of a store in which there is nothing yet.
fn uninitialized() -> Error {
    Error::Invalid("server is not yet initialized".to_owned())
}

/// What a text says that may be a share: in hex, or base64.
///
/// # Errors
/// One that can't be.
pub(crate) fn bytes(text: &Secret) -> Result<Zeroizing<Vec<u8>>, Error> {
    let given = text.expose().trim();
    if given.len() > TEXT_BYTES_MAX {
        return Err(Error::Invalid("invalid key: it is longer than any share".to_owned()));
    }
    let bytes = hex::decode(given).ok().or_else(|| BASE64.decode(given).ok()).map(Zeroizing::new);
    bytes.ok_or_else(|| Error::Invalid("'key' must be a valid hex or base64 string".to_owned()))
}

/// A share from its text.
fn read_share(text: &Secret, of: Shares) -> Result<Share, Error> {
    let bytes = bytes(text)?;
    let expected = shamir::share_bytes(of.shares);
    if bytes.len() != expected {
        let found = bytes.len();
        return Err(Error::Invalid(format!("invalid key: it has {found} bytes, and each share {expected}")));
    }
    Ok(bytes)
}

/// Shares as answers have them: in hex, and in base64.
pub(crate) fn texts(shares: &[Share]) -> (Vec<String>, Vec<String>) {
    (
        shares.iter().map(|share| hex::encode(&**share)).collect(),
        shares.iter().map(|share| BASE64.encode(&**share)).collect(),
    )
}
