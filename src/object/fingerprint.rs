//! Stable digests of objects, and keyed ones of secrets.
//!
//! A plan binds each change to the live object it was computed from, and the ledger remembers what was
//! applied, both by digest: nothing that could be read back is kept. Desired and live objects that mean the
//! same have the same digest, because defaults are filled in and values are canonical on both sides.

use std::borrow::Cow;

use aws_lc_rs::{digest, hmac};
use serde_json::Value;

use super::{Access, Live, Object};
use crate::secret::Secret;

/// The digest of what an engine tells of a desired object once it is applied: 64 hexadecimal digits.
pub fn of(object: &Object) -> String {
    let fields = object.kind.fields.iter().filter(|field| field.access == Access::Readable);
    digest_of(object.kind.name, &object.path, fields.map(|field| (field.name, Cow::Owned(object.value(field.name)))))
}

/// The digest of a live object.
pub fn of_live(live: &Live) -> String {
    digest_of(live.kind.name, &live.path, live.fields.iter().map(|(name, value)| (*name, Cow::Borrowed(value))))
}

/// The keyed digest of a field that an engine never tells. Path and field are part of it, so that two equal
/// secrets don't look alike.
pub fn of_secret(key: &[u8], path: &str, field: &str, secret: &Secret) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    for part in [path, field, secret.expose()] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    hex::encode(context.sign())
}

/// The digest of a value, whatever the order of its keys.
pub fn of_value(value: &Value) -> String {
    let mut text = Vec::new();
    canonical(value, &mut text);
    digested(&text)
}

/// The digest of `[kind, path, {fields}]`.
fn digest_of<'v>(kind: &str, path: &str, fields: impl Iterator<Item = (&'static str, Cow<'v, Value>)>) -> String {
    let mut fields: Vec<(&str, Cow<'v, Value>)> = fields.collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    let mut text = vec![b'['];
    for part in [kind, path] {
        quoted(part, &mut text);
        text.push(b',');
    }
    map(fields.iter().map(|(name, value)| (*name, value.as_ref())), &mut text);
    text.push(b']');
    digested(&text)
}

fn digested(text: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, text))
}

/// JSON without white space, with sorted keys.
fn canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(&str, &Value)> = fields.iter().map(|(key, value)| (key.as_str(), value)).collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            map(fields.into_iter(), out);
        }
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                canonical(item, out);
            }
            out.push(b']');
        }
        Value::String(text) => quoted(text, out),
        scalar => out.extend_from_slice(scalar.to_string().as_bytes()),
    }
}

fn map<'v>(sorted: impl Iterator<Item = (&'v str, &'v Value)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (key, value)) in sorted.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        quoted(key, out);
        out.push(b':');
        canonical(value, out);
    }
    out.push(b'}');
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    // Writing text to memory cannot fail.
    drop(serde_json::to_writer(out, text));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{of, of_live, of_secret, of_value};
    use crate::object::{mount, testing};
    use crate::secret::Secret;

    #[test]
    fn desired_and_live_of_one_meaning_agree() {
        let desired = testing::object(&mount::KIND, "sys/mounts/aws", &[("type", json!("aws"))]);
        let answer = json!({"type": "aws", "description": "", "config": {"default_lease_ttl": 0, "max_lease_ttl": 0}});
        let live = mount::KIND.live("sys/mounts/aws", answer.as_object().expect("a map")).expect("parses");
        assert_eq!(of(&desired), of_live(&live));
        let other =
            testing::object(&mount::KIND, "sys/mounts/aws", &[("type", json!("aws")), ("description", json!("x"))]);
        assert_ne!(of(&desired), of(&other));
    }

    #[test]
    fn a_digest_is_that_of_the_canonical_json() {
        let policy = "{\"a\":\"\u{e9}\\n\"}";
        let fields = [("type", json!("aws")), ("options", json!({"b": [1, null], "a": policy}))];
        let object = testing::object(&mount::KIND, "sys/mounts/aws", &fields);
        let all: serde_json::Map<String, serde_json::Value> =
            mount::KIND.fields.iter().map(|field| (field.name.to_owned(), object.value(field.name))).collect();
        assert_eq!(of(&object), of_value(&json!(["secrets engine", "sys/mounts/aws", all])));
        assert_eq!(of_value(&json!({"b": 1, "a": "x"})), of_value(&json!({"a": "x", "b": 1})));
        // As ledgers have it.
        assert_eq!(
            of_value(&json!(["k", "p", {"b": [true, "\u{1b}"], "a": null}])),
            "4faa96a1b3f833cf33bd827d6ad76b6d6caf8157d4a30dc52f77ed9a68c6a1a5"
        );
    }

    #[test]
    fn a_secrets_digest_depends_on_key_path_field_and_text() {
        let secret = Secret::new("s");
        let base = of_secret(b"k", "p", "f", &secret);
        assert_eq!(base, of_secret(b"k", "p", "f", &Secret::new("s")));
        for other in [
            of_secret(b"l", "p", "f", &secret),
            of_secret(b"k", "q", "f", &secret),
            of_secret(b"k", "p", "g", &secret),
            of_secret(b"k", "p", "f", &Secret::new("t")),
            of_secret(b"k", "pf", "", &secret),
        ] {
            assert_ne!(base, other);
        }
    }
}
