//! Policy documents as text: checked to be JSON and stripped of insignificant white space, with keys,
//! escapes, numbers and duplicate keys left exactly as they were written.

use serde::de::IgnoredAny;

/// The document without white space between its tokens; none if it is not JSON.
pub(super) fn compact(document: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(document).ok()?;
    let mut text = String::with_capacity(document.len());
    let mut in_string = false;
    let mut escaped = false;
    for c in document.chars() {
        match c {
            ' ' | '\t' | '\n' | '\r' if !in_string => continue,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        text.push(c);
    }
    Some(text)
}

/// A text in double quotes with Go's escapes, as `%q` prints it.
pub(super) fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\x0b' => quoted.push_str("\\v"),
            c if (c as u32) < 0x20 || c == '\x7f' => quoted.push_str(&format!("\\x{:02x}", c as u32)),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::{compact, go_quote};

    #[test]
    fn only_white_space_between_tokens_goes() {
        for (document, expected) in [
            (
                "{\n \"Version\" : \"2012-10-17\",\n \"Statement\": []\n}\n",
                r#"{"Version":"2012-10-17","Statement":[]}"#,
            ),
            (r#"{"b": 1.0, "a": "\u003c x", "a": 2}"#, r#"{"b":1.0,"a":"\u003c x","a":2}"#),
            (r#" {"k": "a \" b \\"} "#, r#"{"k":"a \" b \\"}"#),
            ("{}", "{}"),
        ] {
            assert_eq!(compact(document).as_deref(), Some(expected), "{document}");
        }
        for document in ["{bad", "", "{} {}", "{\"a\":}", "\u{feff}{}"] {
            assert_eq!(compact(document), None, "{document}");
        }
    }

    #[test]
    fn quotes_are_those_of_go() {
        assert_eq!(go_quote("{bad"), "\"{bad\"");
        assert_eq!(go_quote("a\"b\\\n\t\u{1}é"), "\"a\\\"b\\\\\\n\\t\\x01é\"");
    }
}
