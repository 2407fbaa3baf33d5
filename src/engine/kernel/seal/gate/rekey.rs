//! A new unseal key in new shares, for which enough of the old ones are brought (Vault API, `/sys/rekey`), a new recovery
//! key likewise (`/sys/rekey-recovery-key`), and a new barrier key (`/sys/rotate`).
//!
//! The keyring is sealed anew in one commit, with what is said of the shares; of a recovery key that is what is written of
//! it. Where the new shares are to be verified,
//! that commit waits until enough of them were brought back: who lost the answer still has the old ones.

use super::recovery::SharedKey;
use super::{Brought, Gate, Shares, lock, read_share};
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
    /// The new shares.
    Made {
        /// Each of them.
        shares: Vec<Share>,
        /// How many they are, and how many make the key.
        of: Shares,
        /// Under which nonce they are to be verified; in force where there is none.
        verification: Option<String>,
    },
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
    /// Begins a rekey. The first recovery key is made at once: there are no old shares to bring.
    ///
    /// # Errors
    /// One is on its way; another key than the one that people have in shares.
    pub(crate) async fn begin_rekey(
        &self,
        barrier: &Barrier,
        asked: SharedKey,
        to: Shares,
        verify: bool,
    ) -> Result<Taken, Error> {
        let _turn = self.changing.lock().await;
        self.has_in_shares(asked)?;
        let is_first = asked == SharedKey::Recovery && self.recovery()?.is_none();
        let nonce = random::uuid()?;
        {
            let mut held = lock(&self.rekey);
            if held.is_some() {
                return Err(Error::Invalid("rekey already in progress".to_owned()));
            }
            *held = Some(Rekey { nonce, to, verify, old: Brought::default(), made: None });
        }
        if !is_first {
            return Ok(Taken::More);
        }
        let made = self.make(barrier, to, verify).await;
        made.inspect_err(|_| self.cancel_rekey())
    }

    /// Makes a new key for a rekey: to be verified, or in force.
    async fn make(&self, barrier: &Barrier, to: Shares, verify: bool) -> Result<Taken, Error> {
        let (cipher, split) = to.draw()?;
        if !verify {
            self.renew(barrier, to, cipher).await?;
            return Ok(Taken::Made { shares: split, of: to, verification: None });
        }
        let verification = random::uuid()?;
        if let Some(rekey) = lock(&self.rekey).as_mut() {
            rekey.made = Some((cipher, Brought::default(), verification.clone()));
        }
        Ok(Taken::Made { shares: split, of: to, verification: Some(verification) })
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
    /// Nothing to take it for; another nonce; shares that make another key: they are forgotten.
    pub(crate) async fn bring_old(&self, barrier: &Barrier, text: &Secret, nonce: &str) -> Result<Taken, Error> {
        let _turn = self.changing.lock().await;
        let of = self.in_shares()?;
        let (enough, to, verify) = {
            let mut held = lock(&self.rekey);
            let rekey = held.as_mut().filter(|rekey| rekey.made.is_none()).ok_or_else(none)?;
            is_under(&rekey.nonce, nonce)?;
            let Some(enough) = rekey.old.add(read_share(text, of)?, of.threshold)? else { return Ok(Taken::More) };
            (enough, rekey.to, rekey.verify)
        };
        match self.proves(&enough)? {
            true => self.make(barrier, to, verify).await,
            false => Err(Error::Invalid("rekey failed, invalid key: bring the shares again".to_owned())),
        }
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
        self.renew(barrier, to, cipher).await?;
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

    /// Puts a new key in force.
    async fn renew(&self, barrier: &Barrier, to: Shares, cipher: Cipher) -> Result<(), Error> {
        match self.shared_key() {
            SharedKey::Unseal => {
                let batch = Self::under(&self.keyring()?, to, &cipher)?;
                barrier.commit_with(batch, Batch::new()).await?;
                *lock(&self.key) = Some(std::sync::Arc::new(cipher));
                tracing::info!("the unseal key is another one");
            }
            SharedKey::Recovery => {
                barrier.commit_with(self.recoverable(to, &cipher)?, Batch::new()).await?;
                tracing::info!("the recovery key is another one");
            }
        }
        self.cancel_rekey();
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
