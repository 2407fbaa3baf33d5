//! The versions of key-value engines. Both have one type and other paths: what is a setting in one is a secret in the
//! other. So mounts go here by the names that command lines have for both ([`told_type`]).
//!
//! Source: Vault API, "KV secrets engine"; what a server of OpenBao 2.6 answers.

use serde_json::{Map, Value};

/// The type on the wire.
pub const TYPE: &str = "kv";

/// Its mounts of version 1.
pub const PLAIN: &str = "kv-v1";

/// Its mounts of version 2.
pub const VERSIONED: &str = "kv-v2";

/// The field of a mount that says which version it has.
pub(super) const VERSION: &str = "version";

/// What mounts hold that is no object: in which mounts, what it is, and below them where its names are listed.
pub(super) static CONTENTS: [(&str, &str, &str); 2] = [(PLAIN, "secret", ""), (VERSIONED, "secret", "/metadata")];

/// The type by which a mount of these goes.
pub(super) fn type_of(mount_type: &str, version: i64) -> &str {
    match (mount_type, version) {
        (TYPE, 2) => VERSIONED,
        (TYPE, _) => PLAIN,
        (other, _) => other,
    }
}

/// The version that a mount has by the table of mounts; none where its type has no versions.
pub(super) fn version_told(entry: &Map<String, Value>) -> Option<i64> {
    let is_kv = entry.get("type").and_then(Value::as_str) == Some(TYPE);
    let told = entry.get("options").and_then(|options| options.get(VERSION)).and_then(Value::as_str);
    // Where nobody gave one, it is the first.
    is_kv.then(|| if told == Some("2") { 2 } else { 1 })
}

/// The type by which the mount of an entry of the table of mounts goes.
pub fn told_type(entry: &Value) -> Option<String> {
    let entry = entry.as_object()?;
    let mount_type = entry.get("type")?.as_str()?;
    Some(type_of(mount_type, version_told(entry).unwrap_or_default()).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::told_type;

    #[test]
    fn a_mount_goes_by_its_type_and_its_version() {
        for (entry, expected) in [
            (json!({"type": "kv", "options": null}), "kv-v1"),
            (json!({"type": "kv", "options": {"version": "1"}}), "kv-v1"),
            (json!({"type": "kv", "options": {"version": "2"}}), "kv-v2"),
            (json!({"type": "aws", "options": {"version": "2"}}), "aws"),
        ] {
            assert_eq!(told_type(&entry).as_deref(), Some(expected), "{entry}");
        }
    }
}
