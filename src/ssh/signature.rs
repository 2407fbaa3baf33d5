//! A signature with all that is needed to check it but the text (`PROTOCOL.sshsig`).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::Error;
use super::public_key::PublicKey;
use super::wire::{Reader, put};

/// What is read here.
const WHAT: &str = "the signature";

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// What signed bytes and signatures begin with.
const MAGIC: &[u8] = b"SSHSIG";

/// Characters of a line, as ssh writes them.
const LINE_CHARS: usize = 70;

/// A signature.
#[derive(Debug)]
pub struct Signature {
    key: PublicKey,
    namespace: String,
    hash: String,
    value: Vec<u8>,
}

impl Signature {
    /// Reads what `ssh-keygen -Y sign` writes, and git keeps with a commit.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::KeyType`].
    pub fn of_text(text: &str) -> Result<Self, Error> {
        let body = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
        let body: String = body.ok_or(Error::Malformed(WHAT))?.split_whitespace().collect();
        let bytes = STANDARD.decode(body).map_err(|_| Error::Malformed(WHAT))?;
        let mut reader = Reader::new(&bytes, WHAT);
        reader.exactly(MAGIC)?;
        if reader.number()? != 1 {
            return Err(Error::Malformed(WHAT));
        }
        let (key, namespace, _, hash) = (reader.bytes()?, reader.text()?, reader.bytes()?, reader.text()?);
        let value = reader.bytes()?.to_vec();
        reader.end()?;
        let (namespace, hash) = (namespace.to_owned(), hash.to_owned());
        Ok(Self { key: PublicKey::of_blob(key)?, namespace, hash, value })
    }

    /// The key that it says it was made with, if it was, of this text and for this purpose.
    ///
    /// # Errors
    /// [`Error::Namespace`], [`Error::Algorithm`], [`Error::Wrong`].
    pub fn verify(&self, namespace: &str, text: &[u8]) -> Result<&PublicKey, Error> {
        if self.namespace != namespace {
            return Err(Error::Namespace { found: self.namespace.clone(), wanted: namespace.to_owned() });
        }
        let hashed = match self.hash.as_str() {
            "sha512" => sha512(text),
            "sha256" => digest::digest(&digest::SHA256, text).as_ref().to_vec(),
            _ => return Err(Error::Algorithm(self.hash.clone())),
        };
        self.key.verify(&signed(namespace, &self.hash, &hashed), &self.value)?;
        Ok(&self.key)
    }
}

pub(super) fn sha512(text: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA512, text).as_ref().to_vec()
}

/// What is signed for a text.
pub(super) fn signed(namespace: &str, hash: &str, hashed: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for part in [namespace.as_bytes(), b"", hash.as_bytes(), hashed] {
        put(&mut bytes, part);
    }
    bytes
}

/// The text of a signature.
pub(super) fn armoured(key: &PublicKey, namespace: &str, value: &[u8]) -> String {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&1_u32.to_be_bytes());
    for part in [key.blob(), namespace.as_bytes(), b"", b"sha512", value] {
        put(&mut bytes, part);
    }
    let body = STANDARD.encode(bytes);
    let mut text = format!("{BEGIN}\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so every byte is a character.
        let (line, after) = rest.split_at(rest.len().min(LINE_CHARS));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text + END + "\n"
}
