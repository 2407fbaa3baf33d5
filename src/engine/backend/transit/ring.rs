//! A key with those of its versions that a request needs: what encrypts and decrypts, signs and verifies.
//!
//! A nonce is random, but where texts converge: then it is made of the text, by a key that is made for the context as the
//! one that encrypts is (the third scheme of OpenBao's, `sdk/helper/keysutil/policy.go`).

use std::collections::BTreeMap;

use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use aws_lc_rs::signature::KeyPair;
use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

use super::bytes::Bytes;
use super::digest::Hash;
use super::key::{Key, load};
use super::material::Material;
use super::signer::{Manner, Marshaling};
use super::{aead, coded, signer};
use crate::engine::kernel::mounts::Mount;
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;

/// How many bytes the key has that makes the nonces of texts that converge.
const NONCE_KEY_BYTES: usize = 32;

/// How many bytes the seed has of an Ed25519 key that is made for a context.
const DERIVED_SEED_BYTES: usize = 32;

const NO_CONTEXT: &str = "missing 'context' for key derivation; the key was created using a derived key, which means \
                          additional, per-request information must be included in order to perform operations with the key";

/// A key with those of its secrets that were asked for.
pub(super) struct Ring<'a> {
    core: &'a Core,
    mount: &'a Mount,
    /// The key.
    pub(super) key: Key,
    loaded: BTreeMap<i64, Material>,
}

/// What beside a text is needed for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beside<'a> {
    /// What a key is derived for; empty for none.
    pub(super) context: &'a [u8],
    /// What has to be the same when the text is decrypted.
    pub(super) associated: &'a [u8],
}

/// A signature, and what is told with it.
pub(super) struct Signed {
    /// The text.
    pub(super) signature: String,
    /// The version that made it.
    pub(super) version: i64,
    /// The public key, where it is one that was made for the context, in base64.
    pub(super) public: Option<String>,
}

impl<'a> Ring<'a> {
    /// Of the key of this name, if there is one.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(super) fn open(core: &'a Core, mount: &'a Mount, name: &str) -> Result<Option<Self>, Error> {
        Ok(load(core, mount, name)?.map(|key| Self::of(core, mount, key)))
    }

    /// Of a key.
    pub(super) fn of(core: &'a Core, mount: &'a Mount, key: Key) -> Self {
        Self { core, mount, key, loaded: BTreeMap::new() }
    }

    /// The secrets of a version.
    ///
    /// # Errors
    /// If it is not there.
    pub(super) fn material(&mut self, version: i64) -> Result<&Material, Error> {
        use std::collections::btree_map::Entry;
        let missing = || Error::Invalid("no such key version".to_owned());
        match self.loaded.entry(version) {
            Entry::Occupied(found) => Ok(found.into_mut()),
            Entry::Vacant(place) => {
                let stored = self.core.barrier.get(&self.key.material_key(self.mount, version))?;
                Ok(place.insert(stored.ok_or_else(missing)?))
            }
        }
    }

    /// The version that makes a text, where `wanted` was asked for: 0 is the latest.
    ///
    /// # Errors
    /// If that is none, or may not.
    pub(super) fn version_for(&self, wanted: i64, what: &str) -> Result<i64, Error> {
        let refused = |why: &str| Err(Error::Invalid(format!("requested version for {what} is {why}")));
        match wanted {
            0 => Ok(self.key.latest_version),
            wanted if wanted < 0 => refused("negative"),
            wanted if wanted > self.key.latest_version => refused("higher than the latest key version"),
            wanted if wanted < self.key.min_encryption_version => {
                refused("less than the minimum encryption key version")
            }
            wanted => Ok(wanted),
        }
    }

    /// Refuses the version of a text that is not taken, or not yet made. `what` is what the text is.
    ///
    /// # Errors
    /// Why.
    pub(super) fn check_version(&self, version: i64, what: &str) -> Result<(), Error> {
        if version > self.key.latest_version {
            return Err(Error::Invalid(format!("invalid {what}: version is too new")));
        }
        if version < self.key.min_decryption_version {
            return Err(Error::Invalid("ciphertext or signature version is disallowed by policy (too old)".to_owned()));
        }
        Ok(())
    }

    /// So many bytes of the secret of a version, made for the context where keys are derived.
    fn secret(&mut self, version: i64, context: &[u8], bytes: usize) -> Result<Bytes, Error> {
        let derived = self.key.derived;
        if derived && context.is_empty() {
            return Err(Error::Invalid(NO_CONTEXT.to_owned()));
        }
        let secret = &self.material(version)?.key;
        if derived { derive(secret.expose(), context, bytes) } else { Ok(secret.clone()) }
    }

    /// Encrypts a text: what it comes to, and the version that did it.
    ///
    /// # Errors
    /// If the key does not encrypt, or not by that version, or not for that context.
    pub(super) fn encrypt(&mut self, wanted: i64, beside: Beside<'_>, plain: &[u8]) -> Result<(String, i64), Error> {
        self.key.refuse_put_away()?;
        let sort = self.key.sort;
        let version = self.version_for(wanted, "encryption")?;
        let Some(bytes) = sort.symmetric() else {
            let sealed = self.encrypt_for_pair(version, plain)?;
            return Ok((coded::versioned(version, &coded::encode(&sealed)), version));
        };
        // The nonce is made of the text alone, so texts that differ in nothing but these would share it, which shows what
        // tags are made by (NIST SP 800-38D, appendix A; RFC 8439, 4).
        if self.key.convergent && !beside.associated.is_empty() {
            return Err(Error::Invalid(
                "a convergent key takes no associated_data when it encrypts: texts that differ in that alone would not be \
                 safe; put it into the context"
                    .to_owned(),
            ));
        }
        let nonce_key_bytes = if self.key.convergent { NONCE_KEY_BYTES } else { 0 };
        let secret = self.secret(version, beside.context, bytes + nonce_key_bytes)?;
        let (secret, nonce_key) = secret.expose().split_at_checked(bytes).ok_or_else(|| damaged(&self.key.name))?;
        let mut nonce = vec![0; aead::nonce_len(sort)];
        if self.key.convergent {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, nonce_key), plain);
            let length = nonce.len();
            nonce.copy_from_slice(&tag.as_ref()[..length]);
        } else {
            random::fill(&mut nonce)?;
        }
        let sealed = aead::seal(sort, secret, &nonce, beside.associated, plain)?;
        Ok((coded::versioned(version, &coded::encode(&sealed)), version))
    }

    /// Decrypts a text.
    ///
    /// # Errors
    /// If it is none of this key's, or not for that context, or made by a version that is not taken.
    pub(super) fn decrypt(&mut self, beside: Beside<'_>, text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.key.refuse_put_away()?;
        let sort = self.key.sort;
        if !sort.encrypts() {
            return Err(Error::Invalid(format!("message decryption not supported for key type {}", sort.name())));
        }
        let (version, sealed) = coded::parse(text, "ciphertext")?;
        // The first server of this API began to count at zero.
        let version = version + i64::from(version == 0);
        self.check_version(version, "ciphertext")?;
        let sealed = coded::decode(sealed)
            .map_err(|_| Error::Invalid("invalid ciphertext: could not decode base64".to_owned()))?;
        match sort.symmetric() {
            Some(bytes) => {
                let secret = self.secret(version, beside.context, bytes)?;
                aead::open(sort, secret.expose(), beside.associated, &sealed)
            }
            None => self.decrypt_by_pair(version, &sealed),
        }
    }

    /// The public key of a version.
    ///
    /// # Errors
    /// If it is not there.
    pub(super) fn public(&self, version: i64) -> Result<Vec<u8>, Error> {
        let missing = || Error::Invalid("no such key version".to_owned());
        self.key.versions.get(&version).ok_or_else(missing)?.public()
    }

    /// RSA-OAEP with SHA-256 (RFC 8017, 7.1).
    fn encrypt_for_pair(&self, version: i64, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let sort = self.key.sort;
        if !sort.is_rsa() {
            return Err(Error::Invalid(format!("message encryption not supported for key type {}", sort.name())));
        }
        let failed = |_| Error::Internal(format!("a public key of {} does not read", self.key.name));
        let key = PublicEncryptingKey::from_der(&self.public(version)?).map_err(|_| failed(()))?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| failed(()))?;
        let most = key.max_plaintext_size(&OAEP_SHA256_MGF1SHA256);
        if plain.len() > most {
            return Err(Error::Invalid(format!(
                "failed to RSA encrypt the plaintext: it has {} bytes, and a key of the type {} takes {most}",
                plain.len(),
                sort.name()
            )));
        }
        let mut sealed = vec![0; key.ciphertext_size()];
        let length = key.encrypt(&OAEP_SHA256_MGF1SHA256, plain, &mut sealed, None).map_err(|_| failed(()))?.len();
        sealed.truncate(length);
        Ok(sealed)
    }

    fn decrypt_by_pair(&mut self, version: i64, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let name = self.key.name.clone();
        let failed = || Error::Internal(format!("a secret key of {name} does not read"));
        let key = PrivateDecryptingKey::from_pkcs8(self.material(version)?.key.expose()).map_err(|_| failed())?;
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| failed())?;
        let mut plain = Zeroizing::new(vec![0; key.min_output_size()]);
        // One text for all that can be wrong: more would tell about the plaintext.
        let length = key
            .decrypt(&OAEP_SHA256_MGF1SHA256, sealed, &mut plain, None)
            .map_err(|_| Error::Invalid("failed to RSA decrypt the ciphertext".to_owned()))?
            .len();
        plain.truncate(length);
        Ok(plain)
    }

    /// Signs an input.
    ///
    /// # Errors
    /// If the key does not sign, or not by that version, for that context or in that manner.
    pub(super) fn sign(&mut self, wanted: i64, context: &[u8], manner: Manner, input: &[u8]) -> Result<Signed, Error> {
        self.key.refuse_put_away()?;
        let version = self.version_for(wanted, "signing")?;
        let sort = self.key.sort;
        let secret = self.secret(version, context, DERIVED_SEED_BYTES)?;
        let made = signer::sign(sort, secret.expose(), manner, input)?;
        let made = match manner.marshaling {
            Marshaling::Asn1 => coded::encode(&made),
            Marshaling::Jws => coded::encode_for_url(&made),
        };
        let public = self.key.derived.then(|| signer::ed25519(secret.expose())).transpose()?;
        let public = public.map(|pair| coded::encode(pair.public_key().as_ref()));
        Ok(Signed { signature: coded::versioned(version, &made), version, public })
    }

    /// Whether a signature is one of the input.
    ///
    /// # Errors
    /// If it is no text of a key, or made by a version that is not taken; or if the key does not sign in that manner.
    pub(super) fn verify(&mut self, context: &[u8], manner: Manner, input: &[u8], text: &str) -> Result<bool, Error> {
        self.key.refuse_put_away()?;
        let (version, signature) = coded::parse(text, "signature")?;
        self.check_version(version, "signature")?;
        let signature = match manner.marshaling {
            Marshaling::Asn1 => coded::decode(signature),
            Marshaling::Jws => coded::decode_from_url(signature),
        };
        let signature = signature.map_err(|_| Error::Invalid("invalid base64 signature value".to_owned()))?;
        let public = match self.key.derived {
            true => {
                let secret = self.secret(version, context, DERIVED_SEED_BYTES)?;
                signer::ed25519(secret.expose())?.public_key().as_ref().to_vec()
            }
            false => self.public(version)?,
        };
        signer::verify(self.key.sort, &public, manner, input, &signature)
    }

    /// The public keys, in base64, that are derived for a context, of the versions that are taken.
    ///
    /// # Errors
    /// If a secret can't be read.
    pub(super) fn publics(&mut self, context: &[u8]) -> Result<BTreeMap<i64, String>, Error> {
        let versions: Vec<i64> =
            self.key.versions.range(self.key.min_decryption_version..).map(|(at, _)| *at).collect();
        let mut found = BTreeMap::new();
        for version in versions {
            let secret = self.secret(version, context, DERIVED_SEED_BYTES)?;
            found.insert(version, coded::encode(signer::ed25519(secret.expose())?.public_key().as_ref()));
        }
        Ok(found)
    }

    /// The HMAC of an input.
    ///
    /// # Errors
    /// If that version is none.
    pub(super) fn hmac(&mut self, version: i64, hash: Hash, input: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.refuse_put_away()?;
        hash.hmac(self.material(version)?.hmac.expose(), input)
    }
}

fn damaged(name: &str) -> Error {
    Error::Internal(format!("the secret of the transit key {name} is shorter than its sort says"))
}

/// A key for a context, of a secret (RFC 5869, with SHA-256 and no salt).
fn derive(secret: &[u8], context: &[u8], bytes: usize) -> Result<Bytes, Error> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut derived = Zeroizing::new(vec![0; bytes]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(secret)
        .expand(&[context], Length(bytes))
        .and_then(|made| made.fill(&mut derived))
        .map_err(|_| Error::Invalid("the context is too long to derive a key for".to_owned()))?;
    Ok(derived.into())
}

#[cfg(test)]
mod tests {
    use super::derive;

    /// RFC 5869, appendix A.3: no salt. Its info is empty, which no context is; the others have salts.
    #[test]
    fn keys_are_derived_as_the_standard_says() {
        let derived = derive(&[0x0b; 22], b"", 42).unwrap();
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
        assert_eq!(hex::encode(derived.expose()), expected);
    }
}
