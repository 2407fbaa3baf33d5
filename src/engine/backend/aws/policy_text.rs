//! Policy documents as text: checked to be JSON and stripped of insignificant white space, with keys,
//! escapes, numbers and duplicate keys left exactly as they were written.

use serde::de::IgnoredAny;

pub(super) use crate::username::go_quote;

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

#[cfg(test)]
mod tests {
    use super::compact;

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
}
