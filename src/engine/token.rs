//! Tokens: who is asking, for how long, and with which policies.

use std::net::IpAddr;
use std::sync::Arc;

use indexmap::IndexMap;

use super::barrier::Barrier;
use super::core::Core;
use super::error::Error;
use super::request::Origin;
use crate::secret::Secret;

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

impl Token {
    /// Whether the request being served is the token's last: `num_uses` is -1 from the moment its last
    /// use was counted.
    pub(crate) fn is_last_use(&self) -> bool {
        self.num_uses < 0
    }
}

/// What a new token shall be.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewToken {
    /// A token text of the caller's choice; none makes a random one.
    pub(crate) id: Option<Secret>,
    /// The parent's hash; none makes an orphan.
    pub(crate) parent: Option<String>,
    /// Policy names.
    pub(crate) policies: Vec<String>,
    /// `meta`.
    pub(crate) meta: IndexMap<String, String>,
    /// The display name.
    pub(crate) display_name: String,
    /// The path that makes it.
    pub(crate) path: String,
    /// 0 is unlimited.
    pub(crate) num_uses: i64,
    /// Seconds, after the TTL rules; 0 never ends.
    pub(crate) ttl: i64,
    /// Seconds; 0 is none.
    pub(crate) explicit_max_ttl: i64,
    /// Seconds; 0 is none.
    pub(crate) period: i64,
    /// Seconds; 0 is the mount's.
    pub(crate) max_ttl: i64,
    /// Whether it can be renewed.
    pub(crate) renewable: bool,
    /// Networks it may be used from.
    pub(crate) bound_cidrs: Vec<String>,
    /// The login role's origin.
    pub(crate) origin: Option<Origin>,
}

/// The tokens.
pub(crate) struct Tokens {
    stub: std::sync::Mutex<Option<Token>>,
}

impl Tokens {
    /// Loads or makes the key that token names are hashed with.
    pub(crate) async fn open(_barrier: &Barrier) -> Result<Self, Error> {
        Ok(Self { stub: std::sync::Mutex::new(None) })
    }

    /// The token's record, if it is valid here and now; counts a use.
    pub(crate) async fn authenticate(
        &self,
        _core: &Arc<Core>,
        _token: &Secret,
        _remote: Option<IpAddr>,
    ) -> Result<Token, Error> {
        let stub = self.stub.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        stub.clone().ok_or(Error::Unauthenticated)
    }

    /// After a request: revokes a token whose last use it was.
    pub(crate) async fn used(&self, _core: &Arc<Core>, _token: &Token) {}

    /// Makes a token.
    pub(crate) async fn create(&self, _core: &Arc<Core>, new: NewToken) -> Result<(Secret, Token), Error> {
        let token = Token {
            hash: "stub".to_owned(),
            accessor: "stub".to_owned(),
            parent: new.parent,
            policies: new.policies,
            meta: new.meta,
            display_name: new.display_name,
            path: new.path,
            num_uses: new.num_uses,
            creation_time: 0,
            creation_ttl: new.ttl,
            expire_time: None,
            last_renewal: None,
            explicit_max_ttl: new.explicit_max_ttl,
            period: new.period,
            max_ttl: new.max_ttl,
            renewable: new.renewable,
            bound_cidrs: new.bound_cidrs,
            origin: new.origin,
        };
        *self.stub.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(token.clone());
        Ok((new.id.unwrap_or_else(|| Secret::new("s.stub")), token))
    }

    /// Revokes a token, its children and their leases.
    pub(crate) async fn revoke(&self, _core: &Arc<Core>, _hash: &str, _reason: &str) -> Result<(), Error> {
        Ok(())
    }
}
