//! Tokens: who is asking, for how long, and with which policies.

use indexmap::IndexMap;

use super::request::Origin;

/// The record of one token, stored under `token/<hash>`. Times are Unix seconds.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Token {
    /// HMAC-SHA-256 of the token, in hex: its name in the store. The token itself is not kept.
    pub(crate) hash: String,
    /// The accessor: 24 base62 characters.
    pub(crate) accessor: String,
    /// The hash of the parent; none for orphans.
    #[serde(default)]
    pub(crate) parent: Option<String>,
    /// Policy names, sorted.
    pub(crate) policies: Vec<String>,
    /// `meta`: what the login or the creator said about it.
    #[serde(default)]
    pub(crate) meta: IndexMap<String, String>,
    /// `root`, `token`, `token-x`, `approle`.
    pub(crate) display_name: String,
    /// The path that made it: `auth/token/create`, `auth/approle/login`.
    pub(crate) path: String,
    /// Uses left; 0 is unlimited.
    #[serde(default)]
    pub(crate) num_uses: i64,
    /// When it was made.
    pub(crate) creation_time: i64,
    /// The TTL it was made with, in seconds; 0 never ends.
    pub(crate) creation_ttl: i64,
    /// When it ends; none for a root token without TTL.
    #[serde(default)]
    pub(crate) expire_time: Option<i64>,
    /// When it was last renewed.
    #[serde(default)]
    pub(crate) last_renewal: Option<i64>,
    /// A hard end, in seconds after creation; 0 is none.
    #[serde(default)]
    pub(crate) explicit_max_ttl: i64,
    /// The period of a periodic token, in seconds; 0 is none.
    #[serde(default)]
    pub(crate) period: i64,
    /// The maximum TTL that the login's role set, in seconds; 0 is the mount's.
    #[serde(default)]
    pub(crate) max_ttl: i64,
    /// Whether it can be renewed.
    pub(crate) renewable: bool,
    /// Networks it may be used from; empty is everywhere.
    #[serde(default)]
    pub(crate) bound_cidrs: Vec<String>,
    /// Where the login role was declared; its `app` names the app in the trail.
    #[serde(default)]
    pub(crate) origin: Option<Origin>,
}
