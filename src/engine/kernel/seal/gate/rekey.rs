//! A new unseal key in new shares, for which enough of the old ones are brought (Vault API, `/sys/rekey`), and a new
//! barrier key (`/sys/rotate`).
//!
//! The keyring is sealed anew in one commit, with what is said of the shares. Where the new shares are to be verified,
//! that commit waits until enough of them were brought back: who lost the answer still has the old ones.

use super::{Brought, Gate, Shares, changing_shares, lock, read_share};
use crate::engine::kernel::barrier::{Barrier, Batch, Cipher, KEYRING_KEY};
use crate::engine::kernel::random;
use crate::engine::kernel::seal::keyring::Keyring;
use crate::engine::kernel::seal::shamir::{self, Share};
use crate::engine::kernel::store::RawBatch;
use crate::engine::wire::error::Error;
use crate::secret::Secret;

/// A rekey on its way.
pub(super) struct Rekey {
    nonce: String,
    to: Shares,
    verify: bool,
    old: Brought,
    /// The new key, once it is made, and its shares as far as they were brought back.
    made: Option<(Cipher, Brought, String)>,
}

/// How far a rekey is.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// Under which nonce.
    pub(crate) nonce: String,
    /// What is asked for.
    pub(crate) to: Shares,
    /// How many shares were brought.
    pub(crate) progress: usize,
    /// Whether the new ones are to be brought back.
    pub(crate) verify: bool,
    /// The nonce of their verification, once they are made.
    pub(crate) verification: Option<String>,
}

/// What came of a share.
pub(crate) enum Taken {
    /// More are needed.
    More,
    /// These are the new shares; they are in force, or are to be verified under this nonce.
    Made(Vec<Share>, Option<String>),
}

impl Rekey {
    fn progress(&self) -> Progress {
        let progress = self.made.as_ref().map_or(self.old.progress(), |(_, brought, _)| brought.progress());
        let verification = self.made.as_ref().map(|(_, _, nonce)| nonce.clone());
        Progress { nonce: self.nonce.clone(), to: self.to, progress, verify: self.verify, verification }
    }
}

fn none() -> Error {
    Error::Invalid("no rekey in progress".to_owned())
}

fn is_under(nonce: &str, given: &str) -> Result<(), Error> {
    if nonce == given {
        return Ok(());
    }
    Err(Error::Invalid(format!("incorrect nonce supplied; nonce for this rekey operation is {nonce:?}")))
}

impl Gate {
    /// Begins a rekey.
    ///
    /// # Errors
    /// One is on its way; a store without shares.
    pub(crate) fn begin_rekey(&self, to: Shares, verify: bool) -> Result<Progress, Error> {
        changing_shares(self)?;
        let mut held = lock(&self.rekey);
        if held.is_some() {
            return Err(Error::Invalid("rekey already in progress".to_owned()));
        }
        let rekey = Rekey { nonce: random::uuid()?, to, verify, old: Brought::default(), made: None };
        Ok(held.insert(rekey).progress())
    }

    /// How far a rekey is, if there is one.
    pub(crate) fn rekeying(&self) -> Option<Progress> {
        lock(&self.rekey).as_ref().map(Rekey::progress)
    }

    /// Gives a rekey up: the old shares stay in force.
    pub(crate) fn cancel_rekey(&self) {
        *lock(&self.rekey) = None;
    }

    /// Takes an old share.
    ///
    /// # Errors
    /// Nothing to take it for; another nonce; shares that don't open the store: they are forgotten.
    pub(crate) async fn bring_old(&self, barrier: &Barrier, text: &Secret, nonce: &str) -> Result<Taken, Error> {
        let _turn = self.changing.lock().await;
        let of = changing_shares(self)?;
        let (enough, to, verify) = {
            let mut held = lock(&self.rekey);
            let rekey = held.as_mut().filter(|rekey| rekey.made.is_none()).ok_or_else(none)?;
            is_under(&rekey.nonce, nonce)?;
            let Some(enough) = rekey.old.add(read_share(text, of)?, of.threshold)? else { return Ok(Taken::More) };
            (enough, rekey.to, rekey.verify)
        };
        let wrong = || Error::Invalid("rekey failed, invalid key: bring the shares again".to_owned());
        let (_, keyring) = self.opened_by(&enough)?.ok_or_else(wrong)?;
        if verify {
            let (cipher, split) = to.draw()?;
            let verification = random::uuid()?;
            if let Some(rekey) = lock(&self.rekey).as_mut() {
                rekey.made = Some((cipher, Brought::default(), verification.clone()));
            }
            return Ok(Taken::Made(split, Some(verification)));
        }
        let (batch, cipher, split) = Self::sealed(&keyring, to)?;
        self.renew(barrier, batch, cipher).await?;
        Ok(Taken::Made(split, None))
    }

    /// Takes a new share back; answers whether they are in force.
    ///
    /// # Errors
    /// Nothing to verify; another nonce; shares that don't make the new key: they are forgotten.
    pub(crate) async fn bring_new(&self, barrier: &Barrier, text: &Secret, nonce: &str) -> Result<bool, Error> {
        let _turn = self.changing.lock().await;
        let (enough, to) = {
            let mut held = lock(&self.rekey);
            let rekey = held.as_mut().ok_or_else(none)?;
            let (_, brought, verification) = rekey.made.as_mut().ok_or_else(none)?;
            is_under(verification, nonce)?;
            let share = read_share(text, rekey.to)?;
            let Some(enough) = brought.add(share, rekey.to.threshold)? else { return Ok(false) };
            (enough, rekey.to)
        };
        let wrong = || Error::Invalid("rekey verification failed, invalid key: bring the shares again".to_owned());
        let key = shamir::combine(&enough).ok_or_else(wrong)?;
        let cipher = Cipher::new(&key)?;
        // That it is the new one: it opens what that one seals.
        let probe = {
            let held = lock(&self.rekey);
            let (made, ..) = held.as_ref().and_then(|rekey| rekey.made.as_ref()).ok_or_else(none)?;
            made.seal(KEYRING_KEY, &[])?
        };
        cipher.open(KEYRING_KEY, &probe).map_err(|_| wrong())?;
        let batch = Self::under(&self.keyring()?, to, &cipher)?;
        self.renew(barrier, batch, cipher).await?;
        Ok(true)
    }

    /// Begins the verification of new shares again, under another nonce.
    ///
    /// # Errors
    /// Nothing to verify.
    pub(crate) fn verify_again(&self) -> Result<(), Error> {
        let mut held = lock(&self.rekey);
        let made = held.as_mut().and_then(|rekey| rekey.made.as_mut()).ok_or_else(none)?;
        (made.1, made.2) = (Brought::default(), random::uuid()?);
        Ok(())
    }

    /// Puts a new unseal key in force.
    async fn renew(&self, barrier: &Barrier, batch: RawBatch, cipher: Cipher) -> Result<(), Error> {
        barrier.commit_with(batch, Batch::new()).await?;
        *lock(&self.key) = Some(std::sync::Arc::new(cipher));
        self.cancel_rekey();
        tracing::info!("the unseal key is another one");
        Ok(())
    }

    /// The keyring, by the key that is in memory.
    fn keyring(&self) -> Result<Keyring, Error> {
        let key = self.key()?;
        Keyring::open(&key, &self.store.get(KEYRING_KEY)?.ok_or(Error::Sealed)?)
    }

    /// Puts a new barrier key in force. The old ones still open.
    ///
    /// # Errors
    /// If the store takes nothing.
    pub(crate) async fn rotate(&self, barrier: &Barrier) -> Result<(), Error> {
        let _turn = self.changing.lock().await;
        let mut keyring = self.keyring()?;
        keyring.rotate(self.clock.now().unix_timestamp())?;
        let key = self.key()?;
        let writes = vec![(KEYRING_KEY.to_owned(), Some(keyring.seal(&key)?))];
        barrier.commit_with(RawBatch { writes }, Batch::new()).await?;
        barrier.rekeyed(Some(keyring.ciphers()?));
        tracing::info!(term = keyring.term(), "the barrier key is another one");
        Ok(())
    }
}
