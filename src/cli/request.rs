//! What commands by hand say to an engine: paths as people paste them, and bodies.

use serde_json::{Map, Value};

/// A path without the white space and the slashes around it that people paste.
pub(crate) fn path(text: &str) -> &str {
    text.trim().trim_matches('/')
}

/// A mount's path, with the slash at its end.
pub(crate) fn mount_path(text: &str) -> String {
    format!("{}/", path(text))
}

/// A request's body from a literal; anything but an object has no keys.
pub(crate) fn body(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
