//! Stable digests of objects, and keyed ones of secrets.
//!
//! A plan binds each change to the live object it was computed from, and the ledger remembers what was
//! applied, both by digest: nothing that could be read back is kept. Desired and live objects that mean the
//! same have the same digest, because defaults are filled in and values are canonical on both sides.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};
use serde_json::Value;

use super::any_object::Description;
use super::field::{Told, any};
use super::kind::Kind;
use super::kind::live::Live;
use super::kind::object::Object;
use crate::secret::Secret;

/// The digest of what an engine tells of a desired object once it is applied: 64 hexadecimal digits.
pub fn of(object: &Object) -> String {
    let fields = object.kind.fields.iter().filter(|field| field.told == Told::Readable);
    digest_of(object.kind, &object.path, fields.map(|field| (field.name, Cow::Owned(object.value(field.name)))))
}

/// The digest of a live object.
pub fn of_live(live: &Live) -> String {
    digest_of(live.kind, &live.path, live.fields.iter().map(|(name, value)| (*name, Cow::Borrowed(value))))
}

/// The digest of a live object in the fields that another kind of the same name has, where it brings its own table.
pub fn of_live_as(live: &Live, kind: &'static Kind) -> String {
    if Description::of(kind).is_none() {
        return of_live(live);
    }
    let told = kind.fields.iter().filter(|field| field.told == Told::Readable);
    let value = |name: &str| match live.fields.get(name) {
        Some(value) => Cow::Borrowed(value),
        None => Cow::Owned(live.others.get(name).map(any).unwrap_or_default()),
    };
    digest_of(kind, &live.path, told.map(|field| (field.name, value(field.name))))
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

/// The digest of a text, byte for byte.
pub fn of_text(text: &str) -> String {
    digested(text.as_bytes())
}

impl Object {
    /// The digests of the fields of [`Object::apart`], for the ledger.
    pub fn apart_digests(&self) -> BTreeMap<String, String> {
        let known = self.apart().filter(|(field, _)| !self.is_unresolved(field.name));
        known.map(|(field, _)| (field.name.to_owned(), of_value(&self.value(field.name)))).collect()
    }
}

/// The digest of `[kind, path, {fields}]`, without those of [`Special::later`](super::kind::Special::later) that are at
/// their defaults.
fn digest_of<'v>(kind: &Kind, path: &str, fields: impl Iterator<Item = (&'static str, Cow<'v, Value>)>) -> String {
    let is_new = |name: &str, value: &Value| {
        kind.special.later.contains(&name) && kind.field(name).is_some_and(|field| field.default_value() == *value)
    };
    let mut fields: Vec<(&str, Cow<'v, Value>)> = fields.filter(|(name, value)| !is_new(name, value)).collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    let mut text = vec![b'['];
    for part in [kind.name, path] {
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
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{of, of_live, of_secret, of_value};
    use crate::object::{KINDS, Object, Place, mount, testing, trial};
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
        let fields_of_ledgers =
            mount::KIND.fields.iter().filter(|field| !mount::KIND.special.later.contains(&field.name));
        let all: serde_json::Map<String, serde_json::Value> =
            fields_of_ledgers.map(|field| (field.name.to_owned(), object.value(field.name))).collect();
        assert_eq!(of(&object), of_value(&json!(["secrets engine", "sys/mounts/aws", all])));
        assert_eq!(of_value(&json!({"b": 1, "a": "x"})), of_value(&json!({"a": "x", "b": 1})));
        // As ledgers have it.
        assert_eq!(
            of_value(&json!(["k", "p", {"b": [true, "\u{1b}"], "a": null}])),
            "4faa96a1b3f833cf33bd827d6ad76b6d6caf8157d4a30dc52f77ed9a68c6a1a5"
        );
    }

    /// What ledgers have of objects that are at their defaults. A digest that moves makes every object of its kind look
    /// changed by hand: a field that is added to a kind belongs among its `later`.
    const AT_DEFAULTS: &[(&str, &str)] = &[
        ("audit device", "f4cd6c3affdc48712b4362520e61ce0bfc32c7193dd1eedf0a85d61ee99d0cc4"),
        ("secrets engine", "bb4de28b720e3aac0bedbab239dde0b6c09480ce373594bc7e64d9accccddff4"),
        ("auth method", "1792d3aa0a201c42b5462feb653beab09e7a6406223d335783cbda10f0b03cdc"),
        ("aws root", "72a39ffed02c8fd8833327d010604989fd92705a5103d056b5e154f31aa6cf5f"),
        ("aws lease", "a00fc231b41ef602acea78123d806a15d7a3ae7e7ac0ac751de11817a2b51091"),
        ("kv config", "a90f41218516a9434b32f20c46c3cb0a52ceb11a30beeb5ef1ef7ee8654d7118"),
        ("transit key", "884a818dd04208fc8ad6b84930e453df3d386d70da265be0887ed6c43ced38c0"),
        ("jwt config", "82f9f1b6e03ae19f2ebd49135d64bcfe40ff7fd3dc0e25d7692164b33761c3be"),
        ("oidc config", "dcae54554e9b0b33801eb7f82ba1e8f8bee03794e755ebf8bb87ec152b4f6ab6"),
        ("kubernetes config", "bd60e76bd1efa93b2e4398569321839bfaa9eb957bb3495c37cb0ab398677af3"),
        ("aws auth config", "4b73322802a463fa258a5aa0456957167740da4311cf8245608168ba77beb838"),
        ("aws auth identity", "a8ec7cc48df52585fbca5ad31222ba385238a4c76e0c7f5067ddb43cd7fa4ce2"),
        ("aws auth account", "e483e171c9c3a54d97446e2e29c257aa0de6bba31a3e2a5a3f60b0881b986555"),
        ("cert config", "90403e598e5541a94b18ebe186f8c4f686d1dfe3230efa4ad6a17c913f7e0a65"),
        ("token role", "9fa1fcd5bf182d5cc90f40d13046c53e7a6cb962e5e047334bdede39cc989f7d"),
        ("acl policy", "a3ec83e3200df9c3022462dc09271b726ef7d937e72e6c9aa4b0a8f2e23380ae"),
        ("password policy", "9512286928f3863f68ecbba8bf9c607bc912f0470752d8ecac4f2cfae970ef43"),
        ("rate limit", "7c9dd2fcd735d4bf7c6b3001faf8e42a4dcb1f72c0f78727ab62bdb9a698ed40"),
        ("object", "1808788827ddd74c65bfee7774949093f8d649d1085b313a06386a696e81a3ce"),
        ("aws role", "83f2ac4ab390c8c70b81f7d6313e2dbf913143dc29ac3e881f9e5d262aff426d"),
        ("aws static role", "0414ef7a83b77c13acb9c5dd8d42273a3eb27544a8861850f532cbca93b46f2b"),
        ("approle role", "f03014d84d1f8e0a9e104daf2ea4ad6fbdfa5cd11d5e72e266e257898970c97d"),
        ("userpass user", "9a03617b8ce7881cb17aaacc342c609a23231f7ea270c8228e6464255074c7de"),
        ("jwt role", "d6dfa8fd76be26858aafaa3253a70af477ae545b39cb4f720c4933c26627d6f4"),
        ("oidc role", "b246118810131e1ee3db114d3e7ff21f72dc7304e71b68b3d5d830e98b26d830"),
        ("kubernetes role", "5bb3ac069c4cccc0a275bb7ff22987718819bbce8f7407640915960d08aa2c9f"),
        ("aws auth role", "635e80eacfb4d22d6aa7d6fc44bb83392d5f3c3a91b9a5f7ccd894fe7a299754"),
        ("cert role", "bbbe6cf77ae570954502e7574631a93d43cd1e877acff69446b1958c3a0edfff"),
        ("entity", "a377b20d58791c46555ef9fb9b7df5e7f5e5e5e532053c2a944e277f4c7f572f"),
        ("group", "982ca67dcb4c3c8cac962ad16e1f97e83203d1537df4fbc84f7fbb54961b3513"),
        ("trial config", "f9956ed3501c93001cb5d4f437d3c442c52e24a28304f6bf1ab25c40f81c253c"),
        ("trial login", "8d01b894680c4c70badbf736ba79389244ea27d5764e9f16250586d4ad3e57d3"),
    ];

    #[test]
    fn a_kind_that_grows_keeps_the_digests_of_ledgers() {
        let place = Place { file: Arc::from("e.hcl"), line: 1, column: 1 };
        let found: Vec<(&str, String)> =
            KINDS.iter().map(|kind| (kind.name, of(&Object::at_defaults(kind, "p", None, &place)))).collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(name, digest)| (*name, digest.as_str())).collect();
        assert_eq!(found, AT_DEFAULTS);
    }

    #[test]
    fn a_field_that_came_later_counts_where_it_is_not_at_its_default() {
        let object = |fields: &[(&'static str, Value)]| testing::object(&trial::CONFIG, "p", fields);
        let issuer = ("issuer", json!("i"));
        let before = of_value(&json!(["trial config", "p", {"issuer": "i"}]));
        assert_eq!(of(&object(std::slice::from_ref(&issuer))), before);
        assert_ne!(of(&object(&[issuer, ("audience", json!("a"))])), before);
        for (answer, same) in [
            (json!({"issuer": "i"}), true),
            (json!({"issuer": "i", "audience": ""}), true),
            (json!({"issuer": "i", "audience": "a"}), false),
        ] {
            let live = trial::CONFIG.live("p", answer.as_object().expect("a map")).expect("parses");
            assert_eq!(of_live(&live) == before, same, "{answer}");
        }
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
