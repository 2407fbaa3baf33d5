//! Stable digests of objects, and keyed ones of secrets.
//!
//! A plan binds each change to the live object it was computed from, and the ledger remembers what was
//! applied, both by digest: nothing that could be read back is kept. Desired and live objects that mean the
//! same have the same digest, because defaults are filled in and values are canonical on both sides.

use aws_lc_rs::{digest, hmac};
use serde_json::{Map, Value};

use super::{Access, Live, Object};
use crate::secret::Secret;

/// The digest of what an engine tells of a desired object once it is applied: 64 hexadecimal digits.
pub fn of(object: &Object) -> String {
    let fields = object.kind.fields.iter().filter(|field| field.access == Access::Readable);
    digest_of(object.kind.name, &object.path, fields.map(|field| (field.name, object.value(field.name))))
}

/// The digest of a live object.
pub fn of_live(live: &Live) -> String {
    digest_of(live.kind.name, &live.path, live.fields.iter().map(|(name, value)| (*name, value.clone())))
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
    let mut text = String::new();
    canonical(value, &mut text);
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

fn digest_of(kind: &str, path: &str, fields: impl Iterator<Item = (&'static str, Value)>) -> String {
    let fields: Map<String, Value> = fields.map(|(name, value)| (name.to_owned(), value)).collect();
    of_value(&Value::Array(vec![Value::from(kind), Value::from(path), Value::Object(fields)]))
}

/// JSON without white space, with sorted keys.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                canonical(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{of, of_live, of_secret};
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
