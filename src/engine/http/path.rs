//! The grammar of request paths: decoded once, here, and refused where two readers could see two paths.

use crate::text::percent::{Undecodable, decode_form};

/// Longer paths are refused, in bytes after decoding.
const PATH_BYTES_MAX: usize = 2048;

/// Decodes and checks the part of a URI path behind `/v1/`: percent-decoded once, without empty
/// segments; a trailing slash is kept.
///
/// # Errors
/// What is wrong, without quoting the path.
pub(super) fn parse(raw: &str) -> Result<String, &'static str> {
    let decoded = decode(raw)?;
    if decoded.len() > PATH_BYTES_MAX {
        return Err("the path is longer than 2048 bytes");
    }
    if decoded.chars().any(char::is_control) {
        return Err("the path contains a control character");
    }
    let mut path = String::with_capacity(decoded.len());
    for segment in decoded.split('/').filter(|segment| !segment.is_empty()) {
        if matches!(segment, "." | "..") {
            return Err("the path contains a . or .. segment");
        }
        path.push_str(segment);
        path.push('/');
    }
    if !decoded.ends_with('/') {
        path.pop();
    }
    Ok(path)
}

fn decode(raw: &str) -> Result<String, &'static str> {
    let bytes = raw.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            decoded.push(bytes[at]);
            at += 1;
            continue;
        }
        let byte = bytes.get(at + 1..at + 3).and_then(hex_pair).ok_or("the path has an incomplete percent escape")?;
        match byte {
            b'/' | b'\\' => return Err("the path contains an encoded slash"),
            // What decodes to a percent sign would decode differently a second time.
            b'%' => return Err("the path is percent-encoded twice"),
            _ => decoded.push(byte),
        }
        at += 3;
    }
    String::from_utf8(decoded).map_err(|_| "the path is not UTF-8")
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(pair[0])? * 16 + digit(pair[1])?)
}

/// The parameters of a query string, decoded, in order.
///
/// # Errors
/// What is wrong.
pub(super) fn query(raw: &str) -> Result<Vec<(String, String)>, &'static str> {
    let text = |part: &str| {
        decode_form(part).map_err(|why| match why {
            Undecodable::Utf8 => "the query is not UTF-8",
            Undecodable::Escape => "the query has an incomplete percent escape",
        })
    };
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((text(key)?, text(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{parse, query};

    #[test]
    fn paths_are_cleaned_of_empty_segments_only() {
        for (raw, path) in [
            ("aws/creds/webapp", "aws/creds/webapp"),
            ("aws//creds///webapp", "aws/creds/webapp"),
            ("/aws/roles/", "aws/roles/"),
            ("secret/data/a%20b", "secret/data/a b"),
            ("secret/data/...", "secret/data/..."),
            ("secret/data/a%C3%A9", "secret/data/aé"),
            ("", ""),
        ] {
            assert_eq!(parse(raw).as_deref(), Ok(path), "{raw}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for raw in [
            "a/../b",
            "a/./b",
            "..",
            "a/%2e%2e/b",
            "a/%2E/b",
            "a%2fb",
            "a%2Fb",
            "a%5cb",
            "a%00b",
            "a%252fb",
            "a%25b",
            "a%",
            "a%2",
            "a%zz",
            "a%ff",
            "a%0ab",
            "a\u{7f}",
        ] {
            assert!(parse(raw).is_err(), "{raw}");
        }
        assert!(parse(&"a".repeat(2049)).is_err());
    }

    #[test]
    fn queries_decode() {
        let pairs = |text: &str| query(text).unwrap();
        assert_eq!(pairs("list=true&a=b+c%26"), [("list".into(), "true".into()), ("a".into(), "b c&".into())]);
        assert_eq!(pairs("x"), [("x".to_owned(), String::new())]);
        assert!(query("a=%ff").is_err());
    }
}
