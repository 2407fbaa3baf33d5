//! How bytes and versions are written: base64 as Go's library reads it, which clients of the API are used to, and the texts
//! that keys make, `vault:v<version>:<base64>`.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::engine::wire::error::Error;

/// What every text of a key begins with.
const PREFIX: &str = "vault:v";

/// Padding is asked for, and bits behind the last byte are let be (Go, `encoding/base64`).
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Bytes as base64.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes as the base64 of URLs, without padding.
pub(super) fn encode_for_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a text in the base64 of URLs, without padding.
///
/// # Errors
/// Where it is none.
pub(super) fn decode_from_url(text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let decoded = URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new);
    decoded.map_err(|_| Error::Invalid("illegal base64 data".to_owned()))
}

/// A block of PEM (RFC 7468).
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    const LINE: usize = 64;
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut left = encode(der);
    while !left.is_empty() {
        let rest = left.split_off(LINE.min(left.len()));
        text.push_str(&left);
        text.push('\n');
        left = rest;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// The bytes of a text; ends of lines in it count for nothing.
///
/// # Errors
/// Where it is no base64: never what it holds.
pub(super) fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let decoded = match text.contains(['\r', '\n']) {
        true => LENIENT.decode(&*Zeroizing::new(text.replace(['\r', '\n'], ""))),
        false => LENIENT.decode(text),
    };
    decoded.map(Zeroizing::new).map_err(|error| {
        let at = match error {
            base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol { offset: at, .. } => at,
            base64::DecodeError::InvalidLength(at) => at,
            base64::DecodeError::InvalidPadding => text.len(),
        };
        Error::Invalid(format!("illegal base64 data at input byte {at}"))
    })
}

/// What a version of a key made, as it is told.
pub(super) fn versioned(version: i64, coded: &str) -> String {
    format!("{PREFIX}{version}:{coded}")
}

/// The version that made a text, and what it made, still coded. `what` is what the text is to be.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse<'a>(text: &'a str, what: &str) -> Result<(i64, &'a str), Error> {
    let invalid = |why: &str| Error::Invalid(format!("invalid {what}: {why}"));
    let rest = text.strip_prefix(PREFIX).ok_or_else(|| invalid("no prefix"))?;
    let (version, coded) = rest.split_once(':').ok_or_else(|| invalid("wrong number of fields"))?;
    let version = version.parse().map_err(|_| invalid("version number could not be decoded"))?;
    Ok((version, coded))
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, parse, versioned};

    #[test]
    fn base64_is_read_as_clients_of_the_api_know_it() {
        for (text, expected) in [
            ("aGk=", Ok("hi")),
            ("aG\r\nk=", Ok("hi")),
            ("", Ok("")),
            // Bits that no byte has.
            ("aGl=", Ok("hi")),
            ("!", Err("illegal base64 data at input byte 0")),
            ("aGk", Err("illegal base64 data at input byte 3")),
            ("aG-_", Err("illegal base64 data at input byte 2")),
        ] {
            let read = decode(text).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).map_err(|e| e.to_string());
            assert_eq!(read, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn texts_of_keys_are_taken_apart_or_refused() {
        assert_eq!(parse(&versioned(12, "aGk="), "ciphertext").unwrap(), (12, "aGk="));
        assert_eq!(parse("vault:v1:a:b", "ciphertext").unwrap(), (1, "a:b"));
        for (text, why) in [
            ("", "no prefix"),
            ("vault:1:aa", "no prefix"),
            ("vault:v1", "wrong number of fields"),
            ("vault:vx:aa", "version number could not be decoded"),
            ("vault:v99999999999999999999:aa", "version number could not be decoded"),
        ] {
            assert_eq!(
                parse(text, "signature").unwrap_err().to_string(),
                format!("invalid signature: {why}"),
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(version in 1_i64.., bytes: Vec<u8>) {
            let text = versioned(version, &encode(&bytes));
            let (read, coded) = parse(&text, "ciphertext").unwrap();
            proptest::prop_assert_eq!((read, decode(coded).unwrap().to_vec()), (version, bytes));
        }

        #[test]
        fn nothing_that_is_read_panics(text: String) {
            drop(parse(&text, "ciphertext").and_then(|(_, coded)| decode(coded)));
        }
    }
}
