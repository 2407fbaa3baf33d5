//! The secrets of one version of a key, and how they are made.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::bytes::Bytes;
use super::key_type::KeyType;
use super::pair;
use crate::engine::wire::error::Error;

/// How many bytes the key has that a version's HMACs are made with, where that is none of its own.
pub(super) const HMAC_BYTES: usize = 32;

const SEED_BYTES: usize = 32;

/// The secrets of one version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Material {
    /// What it encrypts with.
    pub(super) key: Bytes,
    /// What it makes HMACs with.
    pub(super) hmac: Bytes,
}

/// New secrets, and what belongs to them and is none.
pub(super) struct Made {
    /// The secrets.
    pub(super) material: Material,
    /// The public key, of a pair: a SubjectPublicKeyInfo, or the 32 bytes of Ed25519.
    pub(super) public: Option<Vec<u8>>,
}

impl Made {
    /// Those of a new version; `size` is how many bytes an HMAC's key has. Pairs of RSA take their time, which is nobody
    /// else's.
    ///
    /// # Errors
    /// If none are to be had.
    pub(super) async fn make(sort: KeyType, size: usize) -> Result<Self, Error> {
        if !sort.is_rsa() {
            return Self::at_once(sort, size);
        }
        let made = tokio::task::spawn_blocking(move || Self::at_once(sort, size)).await;
        made.map_err(|error| Error::Internal(format!("a key pair was not made: {error}")))?
    }

    fn at_once(sort: KeyType, size: usize) -> Result<Self, Error> {
        let hmac = Bytes::random(HMAC_BYTES)?;
        let (key, public) = match sort.symmetric() {
            Some(bytes) => (Bytes::random(bytes)?, None),
            None if sort == KeyType::Hmac => {
                let key = Bytes::random(size)?;
                return Ok(Self { material: Material { hmac: key.clone(), key }, public: None });
            }
            None => make_pair(sort)?,
        };
        Ok(Self { material: Material { key, hmac }, public })
    }
}

/// A new key pair: the secret as it is kept, and the public key.
fn make_pair(sort: KeyType) -> Result<(Bytes, Option<Vec<u8>>), Error> {
    let failed = || Error::Internal(format!("a key pair of the type {} was not made", sort.name()));
    let kept = |bytes: &[u8]| Bytes::from(Zeroizing::new(bytes.to_vec()));
    if sort == KeyType::Ed25519 {
        let seed = Bytes::random(SEED_BYTES)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| failed())?;
        let public = pair.public_key().as_ref().to_vec();
        // As Go has it: of derived keys all of it counts.
        let both = Zeroizing::new([seed.expose(), &public].concat());
        return Ok((both.into(), Some(public)));
    }
    if let Some(curve) = sort.curve().map(pair::algorithm) {
        let document = EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new()).map_err(|_| failed())?;
        let pair = EcdsaKeyPair::from_pkcs8(curve, document.as_ref()).map_err(|_| failed())?;
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(|_| failed())?;
        return Ok((kept(document.as_ref()), Some(public.as_ref().to_vec())));
    }
    let size = match sort {
        KeyType::Rsa2048 => KeySize::Rsa2048,
        KeyType::Rsa3072 => KeySize::Rsa3072,
        KeyType::Rsa4096 => KeySize::Rsa4096,
        _ => return Err(failed()),
    };
    let pair = RsaKeyPair::generate(size).map_err(|_| failed())?;
    let secret = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| failed())?;
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(|_| failed())?;
    Ok((kept(secret.as_ref()), Some(public.as_ref().to_vec())))
}

#[cfg(test)]
mod tests {
    use super::{Made, Material};
    use crate::engine::backend::transit::key_type::KeyType;

    #[test]
    fn a_secret_is_read_back_and_not_printed() {
        let made = Made::at_once(KeyType::Aes128Gcm96, 0).unwrap().material;
        assert_eq!(format!("{made:?}"), "Material { key: ***, hmac: *** }");
        let stored = serde_json::to_vec(&made).unwrap();
        let read: Material = serde_json::from_slice(&stored).unwrap();
        assert_eq!((read.key.expose(), read.hmac.expose()), (made.key.expose(), made.hmac.expose()));
        assert_eq!((made.key.expose().len(), made.hmac.expose().len()), (16, 32));
        let broken = serde_json::from_str::<Material>(r#"{"key": "s3cret!", "hmac": ""}"#).unwrap_err().to_string();
        assert!(!broken.contains("s3cret"), "{broken}");
    }
}
