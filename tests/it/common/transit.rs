//! Transit engines as OpenBao has them, as far as their mounts and keys go, before an engine of ours, which has none.
//!
//! Source: what a server of OpenBao 2.6 answers; `builtin/logical/transit/path_keys.go` and `path_keys_config.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::fake::Asked;

/// What is mounted, and the keys by their paths.
#[derive(Default)]
pub(crate) struct Transit {
    mounts: BTreeMap<String, Value>,
    keys: BTreeMap<String, Value>,
}

/// A status and a body.
type Answer = (u16, Value);

/// What of a key's `config` is taken as it is.
const SETTINGS: [&str; 3] = ["deletion_allowed", "min_decryption_version", "min_encryption_version"];

impl Transit {
    /// The answer to what is about such an engine.
    pub(crate) fn answer(&mut self, asked: &Asked) -> Option<Answer> {
        let (method, path) = asked.line.split_once(" /v1/")?;
        let path = path.split('?').next()?;
        let body: Map<String, Value> = serde_json::from_str(&asked.body).unwrap_or_default();
        if let Some(mount) = path.strip_prefix("sys/mounts/") {
            return self.mount(method, mount, body);
        }
        let mount = self.mounts.keys().find(|mount| path.starts_with(&format!("{mount}/")))?;
        let listed = format!("{mount}/keys");
        if path.trim_end_matches('/') == listed {
            let names: Vec<&str> = self.keys.keys().filter_map(|key| key.strip_prefix(&format!("{listed}/"))).collect();
            return Some(if names.is_empty() { nothing() } else { (200, json!({ "data": { "keys": names } })) });
        }
        Some(self.key(method, path, &body))
    }

    /// What the table of mounts has besides.
    pub(crate) fn add_mounts(&self, table: &mut Value) {
        for (mount, entry) in &self.mounts {
            table["data"][format!("{mount}/")] = entry.clone();
        }
    }

    fn mount(&mut self, method: &str, mount: &str, body: Map<String, Value>) -> Option<Answer> {
        let tuned = mount.strip_suffix("/tune");
        match (method, tuned) {
            ("PUT" | "POST", Some(mount)) => {
                let entry = self.mounts.get_mut(mount)?;
                if let Some(description) = body.get("description") {
                    entry["description"] = description.clone();
                }
            }
            ("PUT" | "POST", None) if body.get("type").is_some_and(|of| of == "transit") => {
                let entry = json!({ "type": "transit", "description": body.get("description"), "config": body.get("config"),
                    "options": {} });
                self.mounts.insert(mount.to_owned(), entry);
            }
            ("DELETE", None) => {
                self.mounts.remove(mount)?;
                self.keys.retain(|key, _| !key.starts_with(&format!("{mount}/")));
            }
            _ => return None,
        }
        Some((204, Value::Null))
    }

    fn key(&mut self, method: &str, path: &str, body: &Map<String, Value>) -> Answer {
        let (of, part) = match ["config", "rotate"].iter().find_map(|part| Some((path.strip_suffix(*part)?, *part))) {
            Some((key, part)) => (key.trim_end_matches('/'), part),
            None => (path, ""),
        };
        let Some(key) = self.keys.get_mut(of) else {
            return match (method, part) {
                ("PUT" | "POST", "") => {
                    let key = made(body);
                    self.keys.insert(of.to_owned(), key.clone());
                    (200, json!({ "data": key }))
                }
                ("GET", _) => nothing(),
                _ => refused(&format!("no existing key named {of} could be found")),
            };
        };
        match (method, part) {
            ("DELETE", "") if key["deletion_allowed"] != true => refused("deletion is not allowed for this key"),
            ("DELETE", "") => {
                self.keys.remove(of);
                (204, Value::Null)
            }
            (_, "rotate") => {
                key["latest_version"] = json!(key["latest_version"].as_i64().unwrap() + 1);
                (200, json!({ "data": key }))
            }
            (_, "config") => {
                for name in SETTINGS.into_iter().filter(|name| body.contains_key(*name)) {
                    key[name] = body[name].clone();
                }
                // The way back is taken with success, and nothing is done.
                for name in ["exportable", "allow_plaintext_backup"] {
                    key[name] = json!(key[name] == true || body.get(name).is_some_and(|on| *on == true));
                }
                if let Some(period) = body.get("auto_rotate_period") {
                    key["auto_rotate_period"] = period.clone();
                }
                (200, json!({ "data": key }))
            }
            // What is there stays, whatever is asked for.
            _ => (200, json!({ "data": key })),
        }
    }
}

/// A key as it is made.
fn made(body: &Map<String, Value>) -> Value {
    let of = |name: &str, default: Value| body.get(name).cloned().unwrap_or(default);
    let mut key = json!({
        "type": of("type", json!("aes256-gcm96")),
        "derived": of("derived", json!(false)),
        "exportable": of("exportable", json!(false)),
        "allow_plaintext_backup": of("allow_plaintext_backup", json!(false)),
        "auto_rotate_period": of("auto_rotate_period", json!(0)),
        "deletion_allowed": false,
        "min_decryption_version": 1,
        "min_encryption_version": 0,
        "latest_version": 1,
        "imported_key": false,
    });
    if key["derived"] == true {
        key["convergent_encryption"] = of("convergent_encryption", json!(false));
    }
    if let Some(size) = body.get("key_size") {
        key["key_size"] = size.clone();
    }
    key
}

fn nothing() -> Answer {
    (404, json!({ "errors": [] }))
}

fn refused(what: &str) -> Answer {
    (400, json!({ "errors": [what] }))
}
