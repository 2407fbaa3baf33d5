//! The keyring: the barrier keys, each with its term and since when it seals. It lies in the store as one value, sealed
//! under the unseal key; the newest seals, all of them open.
//!
//! A store's first keyring was its one key and nothing else: 32 bytes, which are read as term 1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::Key;
use crate::engine::kernel::barrier::{Cipher, Ciphers, KEY_LEN, KEYRING_KEY, seal};
use crate::engine::kernel::random;
use crate::engine::wire::error::Error;
use crate::secret::Secret;

/// The barrier keys, in clear.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Keyring {
    terms: Vec<Term>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Term {
    term: u32,
    /// In base64.
    #[serde(serialize_with = "seal")]
    key: Secret,
    /// Unix seconds; 0 is unknown.
    installed: i64,
}

impl Keyring {
    /// A keyring of one new key.
    ///
    /// # Errors
    /// If the random generator fails.
    pub(crate) fn draw(unix: i64) -> Result<Self, Error> {
        let mut keyring = Self { terms: Vec::new() };
        keyring.rotate(unix)?;
        Ok(keyring)
    }

    /// Adds a new key, which is to seal from now on.
    ///
    /// # Errors
    /// If the random generator fails.
    pub(crate) fn rotate(&mut self, unix: i64) -> Result<(), Error> {
        let key = Key::new(random::bytes::<KEY_LEN>()?);
        self.terms.push(Term { term: self.term() + 1, key: Secret::new(BASE64.encode(*key)), installed: unix });
        Ok(())
    }

    /// Opens what [`Keyring::seal`] made.
    ///
    /// # Errors
    /// Of another key's keyring, and of one that is damaged.
    pub(crate) fn open(cipher: &Cipher, sealed: &[u8]) -> Result<Self, Error> {
        let plain = cipher.open(KEYRING_KEY, sealed)?;
        if plain.len() == KEY_LEN {
            return Ok(Self { terms: vec![Term { term: 1, key: Secret::new(BASE64.encode(&*plain)), installed: 0 }] });
        }
        serde_json::from_slice(&plain).map_err(|_| Error::Internal("the keyring does not read".to_owned()))
    }

    /// Seals all of it.
    ///
    /// # Errors
    /// If the random generator fails.
    pub(crate) fn seal(&self, cipher: &Cipher) -> Result<Vec<u8>, Error> {
        let plain = serde_json::to_vec(self).map(Zeroizing::new);
        cipher.seal(KEYRING_KEY, &plain.map_err(|_| Error::Internal("the keyring has no JSON form".to_owned()))?)
    }

    /// The term of the key that seals; 0 where there is none yet.
    pub(crate) fn term(&self) -> u32 {
        self.terms.iter().map(|term| term.term).max().unwrap_or(0)
    }

    /// What opens and seals by these keys.
    ///
    /// # Errors
    /// A key that is none.
    pub(crate) fn ciphers(&self) -> Result<Ciphers, Error> {
        let mut ciphers = Ciphers::default();
        for term in &self.terms {
            let key = super::decode(term.key.expose());
            let key = key.ok_or_else(|| Error::Internal(format!("the barrier key of term {} is none", term.term)))?;
            ciphers.add(term.term, term.installed, Cipher::of_term(term.term, &key)?);
        }
        Ok(ciphers)
    }
}
