//! The half of a key that anybody may have, and what it vouches for.

use std::fmt;

use aws_lc_rs::{digest, signature as aws};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::error::Error;
use super::wire::Reader;

/// What is read here.
const WHAT: &str = "the public key";

/// A public key. Two are equal if they are the same key, whatever is written behind them.
#[derive(Clone)]
pub struct PublicKey {
    blob: Vec<u8>,
    comment: String,
}

impl PublicKey {
    /// Reads a key as it stands in a `.pub` file: its type, its base64, and whatever else its owner wrote.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::KeyType`].
    pub fn of_line(line: &str) -> Result<Self, Error> {
        let mut words = line.trim().splitn(3, ' ');
        let (Some(name), Some(base64)) = (words.next(), words.next()) else { return Err(Error::Malformed(WHAT)) };
        let blob = STANDARD.decode(base64).map_err(|_| Error::Malformed(WHAT))?;
        let key = Self { comment: words.next().unwrap_or_default().trim().to_owned(), ..Self::of_blob(&blob)? };
        if key.type_name()? == name { Ok(key) } else { Err(Error::Malformed(WHAT)) }
    }

    pub(super) fn of_blob(blob: &[u8]) -> Result<Self, Error> {
        let key = Self { blob: blob.to_vec(), comment: String::new() };
        key.parts()?;
        Ok(key)
    }

    pub(super) fn blob(&self) -> &[u8] {
        &self.blob
    }

    fn type_name(&self) -> Result<&str, Error> {
        Reader::new(&self.blob, WHAT).text()
    }

    fn parts(&self) -> Result<Parts<'_>, Error> {
        let mut reader = Reader::new(&self.blob, WHAT);
        let parts = match reader.text()? {
            "ssh-ed25519" => Parts::Ed25519(reader.bytes()?),
            name @ ("ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384") => {
                let curve = reader.text()?;
                if !name.ends_with(curve) {
                    return Err(Error::Malformed(WHAT));
                }
                Parts::Ecdsa { curve, point: reader.bytes()? }
            }
            "ssh-rsa" => Parts::Rsa { e: reader.positive()?, n: reader.positive()? },
            other => return Err(Error::KeyType(other.to_owned())),
        };
        reader.end()?;
        Ok(parts)
    }

    /// Whether a signature, with its algorithm before it, is by this key and of this text.
    pub(super) fn verify(&self, text: &[u8], signature: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(signature, "the signature");
        let (algorithm, value) = (reader.text()?, reader.bytes()?);
        reader.end()?;
        let unfit = || Error::Algorithm(algorithm.to_owned());
        let verified = match (self.parts()?, algorithm) {
            (Parts::Ed25519(key), "ssh-ed25519") => aws::UnparsedPublicKey::new(&aws::ED25519, key).verify(text, value),
            (Parts::Ecdsa { curve: "nistp256", point }, "ecdsa-sha2-nistp256") => {
                let value = fixed(value, 32)?;
                aws::UnparsedPublicKey::new(&aws::ECDSA_P256_SHA256_FIXED, point).verify(text, &value)
            }
            (Parts::Ecdsa { curve: "nistp384", point }, "ecdsa-sha2-nistp384") => {
                let value = fixed(value, 48)?;
                aws::UnparsedPublicKey::new(&aws::ECDSA_P384_SHA384_FIXED, point).verify(text, &value)
            }
            (Parts::Rsa { e, n }, _) => {
                let parameters = match algorithm {
                    "rsa-sha2-256" => &aws::RSA_PKCS1_2048_8192_SHA256,
                    "rsa-sha2-512" => &aws::RSA_PKCS1_2048_8192_SHA512,
                    _ => return Err(unfit()),
                };
                aws::RsaPublicKeyComponents { n, e }.verify(parameters, text, value)
            }
            _ => return Err(unfit()),
        };
        verified.map_err(|_| Error::Wrong)
    }
}

/// What a key is made of.
enum Parts<'a> {
    Ed25519(&'a [u8]),
    Ecdsa { curve: &'a str, point: &'a [u8] },
    Rsa { e: &'a [u8], n: &'a [u8] },
}

/// The two numbers of an ECDSA signature, each at its full length.
fn fixed(value: &[u8], length: usize) -> Result<Vec<u8>, Error> {
    let mut reader = Reader::new(value, "the signature");
    let mut both = Vec::with_capacity(2 * length);
    for _ in 0..2 {
        let number = reader.positive()?;
        let missing = length.checked_sub(number.len()).ok_or(Error::Malformed("the signature"))?;
        both.extend(std::iter::repeat_n(0, missing));
        both.extend_from_slice(number);
    }
    reader.end()?;
    Ok(both)
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.blob == other.blob
    }
}

impl Eq for PublicKey {}

impl fmt::Display for PublicKey {
    /// Its fingerprint, as ssh tells it, and what its owner wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", STANDARD_NO_PAD.encode(digest::digest(&digest::SHA256, &self.blob)))?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " ({})", self.comment) }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
