//! JSON text as Go's encoder writes it, which is what readers of Vault's audit log expect: `<`, `>`, `&`
//! and the two line separators of JavaScript are escaped.

use serde_json::{Map, Value};

/// Appends `text` as a JSON string.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut clean = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            b'<' => b"\\u003c",
            b'>' => b"\\u003e",
            b'&' => b"\\u0026",
            0..0x20 => b"",
            // U+2028 and U+2029 are E2 80 A8 and E2 80 A9; the byte before them is already copied.
            0xE2 if bytes.get(at + 1) == Some(&0x80) && matches!(bytes.get(at + 2), Some(0xA8 | 0xA9)) => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[clean..at]);
        clean = at + 1;
        if !escape.is_empty() {
            out.extend_from_slice(escape);
        } else if byte == 0xE2 {
            out.extend_from_slice(if bytes[at + 2] == 0xA8 { b"\\u2028" } else { b"\\u2029" });
            clean = at + 3;
        } else {
            out.extend_from_slice(b"\\u00");
            super::hash::write_hex(&[byte], out);
        }
    }
    out.extend_from_slice(&bytes[clean..]);
    out.push(b'"');
}

/// Appends `"key":`, after a comma unless it is the first member.
pub(super) fn write_key(key: &str, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    write_string(key, out);
    out.push(b':');
}

/// Appends a value; every string leaf goes through `leaf` with its nearest map key.
pub(super) fn write_value(
    value: &Value,
    nearest_key: &str,
    leaf: &mut impl FnMut(&str, &str, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => leaf(nearest_key, text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(item, nearest_key, leaf, out);
            }
            out.push(b']');
        }
        Value::Object(map) => write_map(map, leaf, out),
    }
}

/// Appends a map as it is, empty members included.
pub(super) fn write_map(map: &Map<String, Value>, leaf: &mut impl FnMut(&str, &str, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'{');
    for (key, value) in map {
        write_key(key, out);
        write_value(value, key, leaf, out);
    }
    out.push(b'}');
}

/// Whether Go's `omitempty` would leave the value out.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::write_string;

    #[test]
    fn strings_are_escaped_as_go_does() {
        for (text, expected) in [
            ("plain", r#""plain""#),
            ("a<b>&c", r#""a\u003cb\u003e\u0026c""#),
            ("\"\\\n\r\t\u{1}", r#""\"\\\n\r\t\u0001""#),
            ("x\u{2028}y\u{2029}", r#""x\u2028y\u2029""#),
            ("grüß €", r#""grüß €""#),
        ] {
            let mut out = Vec::new();
            write_string(text, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
