//! An audit device as it is stored.

use indexmap::IndexMap;

/// One device as it is stored. The salt keys its hashes and is a secret; what is stored is sealed.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Device {
    /// `file/`.
    pub(super) path: String,
    /// `file`, `socket` or `syslog`. Stores that are older say nothing: there were only files.
    #[serde(rename = "type", default = "file")]
    pub(super) kind: String,
    /// What people read.
    pub(super) description: String,
    /// As they were given.
    pub(super) options: IndexMap<String, String>,
    /// Kept, and means nothing.
    pub(super) local: bool,
    /// Keys its hashes.
    pub(super) salt: String,
}

fn file() -> String {
    "file".to_owned()
}
