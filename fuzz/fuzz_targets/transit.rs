//! Any bytes as what a key of a transit engine made: reading ends without a panic, what is read is written so that it reads the
//! same, and no error shows what it was about.
#![no_main]
#![allow(dead_code, missing_docs, unused_imports)]

#[path = "../../src/engine/wire/error.rs"]
mod error;
mod engine {
    pub(crate) mod wire {
        pub(crate) use crate::error;
    }
}
#[path = "../../src/engine/backend/transit/coded.rs"]
mod coded;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match coded::parse(text, "ciphertext") {
        Ok((version, coded)) => {
            if let Ok(plain) = coded::decode(coded) {
                let again = coded::versioned(version, &coded::encode(&plain));
                let (same, coded) = coded::parse(&again, "ciphertext").expect("what is written reads");
                assert_eq!((same, &*coded::decode(coded).expect("what is written is base64")), (version, &*plain));
            }
        }
        Err(error) => assert!(error.to_string().len() < 80, "an error is as long as what it is about"),
    }
    if let Ok(plain) = coded::decode_from_url(text) {
        assert_eq!(coded::encode_for_url(&plain), text, "there is one text for bytes");
    }
    let pem = coded::pem("PUBLIC KEY", bytes);
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    assert_eq!(&**coded::decode(&body).expect("base64"), bytes);
});
