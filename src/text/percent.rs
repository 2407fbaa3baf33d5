//! Percent coding (RFC 3986) and form coding (URL Standard, `application/x-www-form-urlencoded`). What can't be decoded
//! whole is refused.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a path can't carry. Slashes separate its segments and stay.
const NOT_IN_PATH: &AsciiSet = &RESERVED
    .remove(b'/')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b':')
    .remove(b'@')
    .remove(b'=')
    .remove(b'+')
    .remove(b'&');

/// All but RFC 3986's unreserved characters, and the slashes between segments.
const RESERVED_IN_REFERENCE: &AsciiSet = &RESERVED.remove(b'/');

/// Encodes all but RFC 3986's unreserved characters.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Encodes what a path can't carry.
pub fn encode_path(path: &str) -> String {
    utf8_percent_encode(path, NOT_IN_PATH).to_string()
}

/// Encodes all of a relative path but RFC 3986's unreserved characters and the slashes between its segments.
pub fn encode_in_reference(path: &str) -> String {
    utf8_percent_encode(path, RESERVED_IN_REFERENCE).to_string()
}

/// Why a text can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// A percent sign without two hexadecimal digits.
    Escape,
    /// What comes out is not UTF-8.
    Utf8,
}

/// Undoes form coding.
///
/// # Errors
/// [`Undecodable`].
pub fn decode_form(text: &str) -> Result<String, Undecodable> {
    let is_escape = |rest: &str| rest.as_bytes().get(..2).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    if !text.split('%').skip(1).all(is_escape) {
        return Err(Undecodable::Escape);
    }
    let spaced = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| Undecodable::Utf8)?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::{decode_form, encode, encode_path};

    #[test]
    fn texts_are_encoded_and_decoded_whole() {
        assert_eq!(encode("{\"a\": \"*~-_.\"}/é"), "%7B%22a%22%3A%20%22%2A~-_.%22%7D%2F%C3%A9");
        assert_eq!(encode_path("a b/é%/c=d,e:f@g+h&i(j)"), "a%20b/%C3%A9%25/c=d,e:f@g+h&i(j)");
        for (form, text) in [("a+b%2B", Ok("a b+")), ("%C3%a9", Ok("é")), ("", Ok("")), ("a/b=c", Ok("a/b=c"))] {
            assert_eq!(decode_form(form), text.map(str::to_owned), "{form}");
        }
        for form in ["%", "%4", "a%zz", "%%41", "%ff", "%+1", "é%é"] {
            assert!(decode_form(form).is_err(), "{form}");
        }
    }
}
