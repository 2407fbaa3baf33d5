//! An answer that was put away, and the token it is fetched with: what the answer says instead of itself.
//!
//! Source: Vault API, "Response wrapping"; OpenBao, `sdk/helper/wrapping/wrapinfo.go`.

use serde_json::{Value, json};

use crate::secret::Secret;

/// What is told of an answer that lies wrapped.
#[derive(Debug)]
pub(crate) struct WrapInfo {
    /// Fetches the answer, once.
    pub(crate) token: Secret,
    /// The token's accessor.
    pub(crate) accessor: String,
    /// How long the answer lies there, in seconds.
    pub(crate) ttl: i64,
    /// RFC 3339.
    pub(crate) creation_time: String,
    /// The path that answered.
    pub(crate) creation_path: String,
    /// The accessor of the token or the secret id that the answer hands out.
    pub(crate) wrapped_accessor: Option<String>,
}

impl WrapInfo {
    /// The `wrap_info` of an answer, and of its line in the trail.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = json!({
            "token": self.token.expose(),
            "accessor": self.accessor,
            "ttl": self.ttl,
            "creation_time": self.creation_time,
            "creation_path": self.creation_path,
        });
        if let Some(accessor) = &self.wrapped_accessor {
            shown["wrapped_accessor"] = accessor.as_str().into();
        }
        shown
    }
}
