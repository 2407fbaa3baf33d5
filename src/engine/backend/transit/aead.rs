//! The ciphers that encrypt with the secret they decrypt with: a nonce, the encrypted text and a tag of 16 bytes, in that
//! order.
//!
//! # Source
//! NIST SP 800-38D (GCM), RFC 8439 (ChaCha20-Poly1305), draft-irtf-cfrg-xchacha-03 (XChaCha20-Poly1305: a key made of the
//! first 16 bytes of the nonce by HChaCha20, and ChaCha20-Poly1305 under it with the rest). AWS-LC has all but HChaCha20.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use chacha20::{R20, hchacha};
use zeroize::Zeroizing;

use super::key_type::KeyType;
use crate::engine::wire::error::Error;

const XNONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;

/// How many of the nonce's bytes make the key that is used.
const HEAD_LEN: usize = 16;

/// How many bytes the nonces of a sort have.
pub(super) fn nonce_len(sort: KeyType) -> usize {
    if sort == KeyType::XChaCha20Poly1305 { XNONCE_LEN } else { NONCE_LEN }
}

/// Encrypts `plain` under a nonce that no other text was encrypted under, but the same.
///
/// # Errors
/// If key or nonce have not the length of the sort.
pub(super) fn seal(sort: KeyType, key: &[u8], nonce: &[u8], associated: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
    let (cipher, short) = cipher(sort, key, nonce)?;
    let mut sealed = Vec::with_capacity(nonce.len() + plain.len() + TAG_LEN);
    sealed.extend_from_slice(nonce);
    sealed.extend_from_slice(plain);
    let (_, body) = sealed.split_at_mut(nonce.len());
    let tag = cipher
        .seal_in_place_separate_tag(short, Aad::from(associated), body)
        .map_err(|_| Error::Invalid("the plaintext is longer than the cipher takes".to_owned()))?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Decrypts what [`seal`] made.
///
/// # Errors
/// If it is no text of this key, nonce and associated data.
pub(super) fn open(sort: KeyType, key: &[u8], associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let short = || Error::Invalid("invalid ciphertext length".to_owned());
    let (nonce, body) = sealed.split_at_checked(nonce_len(sort)).ok_or_else(short)?;
    let (cipher, nonce) = cipher(sort, key, nonce)?;
    let mut body = Zeroizing::new(body.to_vec());
    let length = cipher
        .open_in_place(nonce, Aad::from(associated), &mut body)
        .map_err(|_| Error::Invalid("cipher: message authentication failed".to_owned()))?
        .len();
    body.truncate(length);
    Ok(body)
}

/// The cipher for a nonce, and the nonce that it is to be used with.
fn cipher(sort: KeyType, key: &[u8], nonce: &[u8]) -> Result<(LessSafeKey, Nonce), Error> {
    let wrong = || Error::Internal(format!("a key or a nonce of {} has not the length of its sort", sort.name()));
    let algorithm = match sort {
        KeyType::Aes128Gcm96 => &AES_128_GCM,
        KeyType::Aes256Gcm96 => &AES_256_GCM,
        KeyType::ChaCha20Poly1305 | KeyType::XChaCha20Poly1305 => &CHACHA20_POLY1305,
        _ => return Err(wrong()),
    };
    let ready = |key: &[u8], nonce: &[u8]| {
        let key = UnboundKey::new(algorithm, key).map_err(|_| wrong())?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        Ok((LessSafeKey::new(key), nonce))
    };
    if sort != KeyType::XChaCha20Poly1305 {
        return ready(key, nonce);
    }
    let (head, tail) = nonce.split_at_checked(HEAD_LEN).ok_or_else(wrong)?;
    let (key, head) = (key.try_into().map_err(|_| wrong())?, head.try_into().map_err(|_| wrong())?);
    let own: Zeroizing<[u8; 32]> = Zeroizing::new(hchacha::<R20>(key, head).into());
    ready(&own[..], &[&[0; 4], tail].concat())
}

#[cfg(test)]
mod tests {
    use super::{open, seal};
    use crate::engine::backend::transit::key_type::KeyType;

    const SUNSCREEN: &[u8] =
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                               sunscreen would be it.";

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    /// Test vectors: McGrew and Viega, "The Galois/Counter Mode", cases 4 and 16; RFC 8439, 2.8.2;
    /// draft-irtf-cfrg-xchacha-03, A.3.1.
    #[test]
    fn the_published_vectors_come_out() {
        let plain = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525\
                     b16aedf5aa0de657ba637b39";
        let gcm_aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
        let aad = "50515253c0c1c2c3c4c5c6c7";
        let key = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f";
        let cases = [
            (
                KeyType::Aes128Gcm96,
                "feffe9928665731c6d6a8f9467308308",
                "cafebabefacedbaddecaf888",
                gcm_aad,
                bytes(plain),
                "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05\
                 1ba30b396a0aac973d58e091",
                "5bc94fbc3221a5db94fae95ae7121a47",
            ),
            (
                KeyType::Aes256Gcm96,
                "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
                "cafebabefacedbaddecaf888",
                gcm_aad,
                bytes(plain),
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838\
                 c5f61e6393ba7a0abcc9f662",
                "76fc6ece0f4e1768cddf8853bb2d551b",
            ),
            (
                KeyType::ChaCha20Poly1305,
                key,
                "070000004041424344454647",
                aad,
                SUNSCREEN.to_vec(),
                "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b\
                 1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc\
                 3ff4def08e4b7a9de576d26586cec64b6116",
                "1ae10b594f09e26a7e902ecbd0600691",
            ),
            (
                KeyType::XChaCha20Poly1305,
                key,
                "404142434445464748494a4b4c4d4e4f5051525354555657",
                aad,
                SUNSCREEN.to_vec(),
                "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39\
                 ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9\
                 21f9664c97637da9768812f615c68b13b52e",
                "c0875924c1c7987947deafd8780acf49",
            ),
        ];
        for (sort, key, nonce, associated, plain, body, tag) in cases {
            let (key, nonce, associated) = (bytes(key), bytes(nonce), bytes(associated));
            let sealed = seal(sort, &key, &nonce, &associated, &plain).unwrap();
            assert_eq!(sealed, [nonce, bytes(body), bytes(tag)].concat(), "{sort:?}");
            assert_eq!(*open(sort, &key, &associated, &sealed).unwrap(), plain);
            for at in 0..sealed.len() {
                let mut other = sealed.clone();
                other[at] ^= 1;
                assert!(open(sort, &key, &associated, &other).is_err(), "{sort:?}, byte {at}");
            }
            assert!(open(sort, &key, b"other", &sealed).is_err());
            assert!(open(sort, &key, &associated, &sealed[..11]).is_err());
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_sealed_opens_with_the_same_alone(
            at in 0..4_usize,
            key: [u8; 32],
            nonce: [u8; 24],
            associated: Vec<u8>,
            plain: Vec<u8>,
        ) {
            let sort = KeyType::ALL[at];
            let key = &key[..sort.symmetric().unwrap()];
            let sealed = seal(sort, key, &nonce[..super::nonce_len(sort)], &associated, &plain).unwrap();
            proptest::prop_assert_eq!(open(sort, key, &associated, &sealed).unwrap().to_vec(), plain);
            let other: Vec<u8> = associated.iter().copied().chain([0]).collect();
            proptest::prop_assert!(open(sort, key, &other, &sealed).is_err());
            let other: Vec<u8> = key.iter().map(|byte| !byte).collect();
            proptest::prop_assert!(open(sort, &other, &associated, &sealed).is_err());
        }
    }
}
