use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::wire::put;
use super::{Error, PrivateKey, PublicKey, Signature};
use crate::secret::Secret;

/// A key file of this seed, as `ssh-keygen -t ed25519` writes one, and the line of its public half.
fn key(seed: u8) -> (Secret, String) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
    let own = pair.public_key().as_ref();
    let mut public = Vec::new();
    put(&mut public, b"ssh-ed25519");
    put(&mut public, own);
    let mut private = [0, 0, 0, 7, 0, 0, 0, 7].to_vec();
    private.extend_from_slice(&public);
    put(&mut private, &[&[seed; 32], own].concat());
    put(&mut private, b"alice");
    private.extend(1..=(8 - private.len() % 8) as u8);
    let mut bytes = b"openssh-key-v1\0".to_vec();
    for part in [&b"none"[..], b"none", b""] {
        put(&mut bytes, part);
    }
    bytes.extend_from_slice(&1_u32.to_be_bytes());
    put(&mut bytes, &public);
    put(&mut bytes, &private);
    let (begin, end) = ("-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----");
    let text = format!("{begin}\n{}\n{end}\n", STANDARD.encode(bytes));
    (Secret::new(text), format!("ssh-ed25519 {} alice", STANDARD.encode(public)))
}

#[test]
fn what_is_signed_is_by_its_key_for_its_purpose_and_of_its_text() {
    let (private, line) = key(1);
    let private = PrivateKey::of_text(&private).expect("a key");
    let public = PublicKey::of_line(&line).expect("a key");
    let signature = Signature::of_text(&private.sign("plan", b"text")).expect("a signature");
    assert_eq!(signature.verify("plan", b"text"), Ok(&public));
    assert_eq!(signature.verify("plan", b"Text").expect_err("another text"), Error::Wrong);
    let (found, wanted) = ("plan".to_owned(), "git".to_owned());
    assert_eq!(signature.verify("git", b"text").expect_err("another purpose"), Error::Namespace { found, wanted });
    assert_ne!(PublicKey::of_line(&key(2).1).expect("a key"), public);
    assert!(!format!("{private:?}").contains("openssh"), "{private:?}");
}

#[test]
fn no_byte_of_a_signature_can_be_another() {
    let private = PrivateKey::of_text(&key(1).0).expect("a key");
    let public = PublicKey::of_line(&key(1).1).expect("a key");
    let text = private.sign("plan", b"text");
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let bytes = STANDARD.decode(body).expect("base64");
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        let (begin, end) = ("-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----");
        let changed = format!("{begin}\n{}\n{end}", STANDARD.encode(bytes));
        let is_taken = Signature::of_text(&changed)
            .is_ok_and(|signature| signature.verify("plan", b"text").is_ok_and(|key| *key == public));
        assert!(!is_taken, "byte {at}");
    }
}

proptest! {
    #[test]
    fn whatever_there_is_it_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let body = STANDARD.encode(&bytes);
        let line = format!("ssh-ed25519 {body}");
        prop_assert!(PublicKey::of_line(&line).is_err());
        let signature = format!("-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----");
        prop_assert!(Signature::of_text(&signature).is_err());
        let magic = STANDARD.encode([b"openssh-key-v1\0".as_slice(), &bytes].concat());
        let key = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{magic}\n-----END OPENSSH PRIVATE KEY-----");
        prop_assert!(PrivateKey::of_text(&Secret::new(key)).is_err());
    }
}
