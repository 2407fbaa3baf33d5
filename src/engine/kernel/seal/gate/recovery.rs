//! Which key people have in shares, and what it is known by: the unseal key, or where that comes from a file or a key
//! service, a recovery key (Vault documentation, "Seal/Unseal", recovery key). A recovery key opens nothing; enough of
//! its shares say that somebody may have a root token, or other shares.
//!
//! A store begins without one. The first is made for who may make one (a token with `sudo`), at once, as OpenBao does it
//! for stores that begin by themselves (`/sys/rotate/recovery/init`). What it is known by is a text that only it opens,
//! sealed by the unseal key, so that nobody who writes into the store puts another in its place; it is written with
//! one commit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Gate, Shares, lock, uninitialized};
use crate::engine::kernel::barrier::{Cipher, RECOVERY_KEY};
use crate::engine::kernel::seal::shamir::{self, Share};
use crate::engine::kernel::store::RawBatch;
use crate::engine::setup::Seal;
use crate::engine::wire::error::Error;

/// A key that people have in shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SharedKey {
    /// It opens the store.
    Unseal,
    /// It stands for who may have a root token of a store that opens by itself.
    Recovery,
}

impl std::fmt::Display for SharedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unseal => "unseal key",
            Self::Recovery => "recovery key",
        })
    }
}

/// What lies in the store.
#[derive(serde::Serialize, serde::Deserialize)]
struct Record {
    #[serde(flatten)]
    shares: Shares,
    /// Nothing, sealed by the recovery key, in base64.
    known_by: String,
}

impl Gate {
    /// Which key people have in shares.
    pub(crate) fn shared_key(&self) -> SharedKey {
        match self.seal {
            Seal::Shamir => SharedKey::Unseal,
            Seal::KeyFile | Seal::Kms => SharedKey::Recovery,
        }
    }

    /// In how many shares a recovery key is; none before there is one, and while the store is sealed.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn recovery(&self) -> Result<Option<Shares>, Error> {
        match lock(&self.key).is_some() && self.shared_key() == SharedKey::Recovery {
            true => Ok(self.recovery_record()?.map(|record| record.shares)),
            false => Ok(None),
        }
    }

    fn recovery_record(&self) -> Result<Option<Record>, Error> {
        let damaged = || Error::Internal(format!("the value at {RECOVERY_KEY} is damaged"));
        let Some(sealed) = self.store.get(RECOVERY_KEY)? else { return Ok(None) };
        let text = self.key()?.open(RECOVERY_KEY, &sealed).map_err(|_| damaged())?;
        serde_json::from_slice(&text).map(Some).map_err(|_| damaged())
    }

    /// What is said of the shares that people have.
    ///
    /// # Errors
    /// A store of which nobody has any.
    pub(super) fn in_shares(&self) -> Result<Shares, Error> {
        match self.shared_key() {
            SharedKey::Unseal => self.shares()?.ok_or_else(uninitialized),
            SharedKey::Recovery => self.recovery()?.ok_or_else(|| {
                Error::Invalid(format!(
                    "{}, and has no recovery key in shares yet: `leasehold operator rekey -init -target=recovery` makes \
                     one, with a token that has sudo",
                    self.how()
                ))
            }),
        }
    }

    /// That it is this key that people have in shares.
    ///
    /// # Errors
    /// It is the other one.
    pub(crate) fn has_in_shares(&self, asked: SharedKey) -> Result<(), Error> {
        match (asked, self.shared_key()) {
            (SharedKey::Unseal, SharedKey::Recovery) => Err(Error::Invalid(format!(
                "{}, and has no unseal key in shares: those of its recovery key are changed with -target=recovery",
                self.how()
            ))),
            (SharedKey::Recovery, SharedKey::Unseal) => Err(Error::Invalid(
                "recovery rekeying not supported: the unseal key of this store is in shares, and they do all that a \
                 recovery key's do"
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }

    fn how(&self) -> &'static str {
        match self.seal {
            Seal::Kms => "this store is sealed by AWS KMS",
            Seal::KeyFile => "this store is sealed by its key file",
            Seal::Shamir => "this store is sealed by key shares",
        }
    }

    /// Whether shares make the key that people have.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(super) fn proves(&self, shares: &[Share]) -> Result<bool, Error> {
        if self.shared_key() == SharedKey::Unseal {
            return Ok(self.opened_by(shares)?.is_some());
        }
        let (Some(key), Some(record)) = (shamir::combine(shares), self.recovery_record()?) else { return Ok(false) };
        let known_by = BASE64.decode(&record.known_by).unwrap_or_default();
        Ok(Cipher::new(&key)?.open(RECOVERY_KEY, &known_by).is_ok())
    }

    /// What is written for another recovery key.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub(super) fn recoverable(&self, shares: Shares, cipher: &Cipher) -> Result<RawBatch, Error> {
        let record = Record { shares, known_by: BASE64.encode(cipher.seal(RECOVERY_KEY, &[])?) };
        let text = serde_json::to_vec(&record)
            .map_err(|_| Error::Internal("what is said of the recovery key has no JSON form".to_owned()))?;
        let sealed = self.key()?.seal(RECOVERY_KEY, &text)?;
        Ok(RawBatch { writes: vec![(RECOVERY_KEY.to_owned(), Some(sealed))] })
    }
}
