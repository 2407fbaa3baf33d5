//! The half of a key that signs.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::error::Error;
use super::public_key::PublicKey;
use super::signature;
use super::wire::{Reader, put};
use crate::secret::Secret;

/// What is read here.
const WHAT: &str = "the private key";

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";

/// What the bytes of a key file begin with.
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// A private key of the type `ssh-ed25519`.
pub struct PrivateKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({})", self.public)
    }
}

impl PrivateKey {
    /// Reads a key as `ssh-keygen -t ed25519` writes it, without a passphrase.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Encrypted`], [`Error::Signs`].
    pub fn of_text(text: &Secret) -> Result<Self, Error> {
        let malformed = || Error::Malformed(WHAT);
        let (_, body) = text.expose().split_once(BEGIN).ok_or_else(malformed)?;
        let (body, _) = body.split_once(END).ok_or_else(malformed)?;
        let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
        let bytes = Zeroizing::new(STANDARD.decode(body.as_bytes()).map_err(|_| malformed())?);
        let mut reader = Reader::new(&bytes, WHAT);
        reader.exactly(MAGIC)?;
        let (cipher, _, _) = (reader.text()?, reader.bytes()?, reader.bytes()?);
        if cipher != "none" {
            return Err(Error::Encrypted);
        }
        if reader.number()? != 1 {
            return Err(malformed());
        }
        let public = reader.bytes()?;
        let private = reader.bytes()?;
        reader.end()?;
        let mut reader = Reader::new(private, WHAT);
        if reader.number()? != reader.number()? {
            return Err(malformed());
        }
        match reader.text()? {
            "ssh-ed25519" => {}
            other => return Err(Error::Signs(other.to_owned())),
        }
        let own = reader.bytes()?;
        let seed = reader.bytes()?.get(..32).ok_or_else(malformed)?;
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, own).map_err(|_| malformed())?;
        let public = PublicKey::of_blob(public)?;
        let mut expected = Vec::new();
        put(&mut expected, b"ssh-ed25519");
        put(&mut expected, own);
        if public.blob() == expected { Ok(Self { pair, public }) } else { Err(malformed()) }
    }

    /// Signs a text for a purpose, as `ssh-keygen -Y sign` does; the answer is what it writes into a `.sig` file.
    pub fn sign(&self, namespace: &str, text: &[u8]) -> String {
        let made = self.pair.sign(&signature::signed(namespace, "sha512", &signature::sha512(text)));
        let mut value = Vec::new();
        put(&mut value, b"ssh-ed25519");
        put(&mut value, made.as_ref());
        signature::armoured(&self.public, namespace, &value)
    }
}
