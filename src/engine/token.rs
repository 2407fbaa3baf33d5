//! Tokens: who is asking, for how long, and with which policies.
//!
//! Here are the records and what can be told from a record alone; [`Tokens`] keeps them, and
//! `auth/token` is their API.

mod batch;
pub(crate) mod keep;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Value, json};

pub(crate) use self::keep::Tokens;
use crate::engine::identity::{Identity, Person};
use crate::engine::kernel::Kernel;
use crate::engine::kernel::due::lease_key;
use crate::engine::policy::{self, Grants};
use crate::engine::wire::cidr;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Origin;
use crate::secret::Secret;

/// How a token is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// In the store, with all that follows: it is renewed, revoked, counted, and has children.
    #[default]
    Service,
    /// Nowhere.
    Batch,
}

impl TokenType {
    /// As the API has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// The record of one token, stored under `token/<hash>`. Times are Unix seconds.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Token {
    /// HMAC-SHA-256 of the token, in hex: its name in the store. The token itself is not kept.
    pub(crate) hash: String,
    /// How it is kept. What is stored is a service token.
    #[serde(skip)]
    pub(crate) kind: TokenType,
    /// The accessor: 24 base62 characters; empty for a batch token.
    pub(crate) accessor: String,
    /// The hash of the parent; none for orphans.
    #[serde(default)]
    pub(crate) parent: Option<String>,
    /// Policy names, sorted: its own, without those of the entity.
    pub(crate) policies: Vec<String>,
    /// The entity that logged in; empty for a token that nobody logged in for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) entity_id: String,
    /// Who that is by now: of a token that [`Token::known`] made, and of no stored one.
    #[serde(skip)]
    pub(crate) person: Option<Arc<Person>>,
    /// `meta`: what the login or the creator said about it.
    #[serde(default)]
    pub(crate) meta: IndexMap<String, String>,
    /// What the login's method needs to renew it; told to nobody.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(crate) kept: IndexMap<String, String>,
    /// `root`, `token`, `token-x`, `approle`.
    pub(crate) display_name: String,
    /// The token role that it was made by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
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
    /// Set once its revocation was decided: no new request is let in, and from this time (Unix seconds)
    /// on the timer finishes what a crash may have left. Not in the future once the revocation began;
    /// in the future while the request of its last use is being served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) doomed: Option<i64>,
}

impl Token {
    /// Whether the request being served is the token's last: `num_uses` is -1 from the moment its last
    /// use was counted.
    pub(crate) fn is_last_use(&self) -> bool {
        self.num_uses < 0
    }

    /// Whether it is carried and not kept.
    pub(crate) fn is_batch(&self) -> bool {
        self.kind == TokenType::Batch
    }

    /// The hash of the token with which its leases end: its own, or, as nobody sees a batch token end, its parent's;
    /// empty for one without.
    pub(crate) fn lease_owner(&self) -> &str {
        match self.kind {
            TokenType::Service => &self.hash,
            TokenType::Batch => self.parent.as_deref().unwrap_or_default(),
        }
    }

    /// Whether it is the token of an answer that lies wrapped.
    pub(crate) fn wraps(&self) -> bool {
        self.policies == [policy::RESERVED]
    }

    /// Whether it is the all-powerful kind.
    pub(crate) fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == "root")
    }

    /// The same, with who its entity is by now.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn known(self, kernel: &Kernel, identity: &Identity) -> Result<Self, Error> {
        let person = match self.entity_id.as_str() {
            "" => None,
            id => identity.person(kernel, id)?,
        };
        Ok(Self { person, ..self })
    }

    /// Whether its entity, if it has one, lets it be used: one that is gone or disabled does not. Of a token that is known.
    pub(crate) fn is_anybody(&self) -> bool {
        self.entity_id.is_empty() || self.person.as_ref().is_some_and(|person| !person.disabled)
    }

    /// What the entity and its groups add to its policies. Of a token that is known.
    pub(crate) fn identity_policies(&self) -> &[String] {
        self.person.as_ref().map_or(&[], |person| &person.policies)
    }

    /// By which policies it is judged: its own and those of its entity. Of a token that is known.
    pub(crate) fn judged_by(&self) -> Grants<'_> {
        let names = match self.identity_policies() {
            [] => Cow::Borrowed(self.policies.as_slice()),
            more => Cow::Owned(policy::sanitise(&[&self.policies, more].concat())),
        };
        Grants { names, facts: self.person.as_ref().map(|person| &person.facts) }
    }

    /// Whether it can still be used at `now` (Unix seconds).
    pub(crate) fn is_alive(&self, now: i64) -> bool {
        self.doomed.is_none() && self.num_uses >= 0 && self.expire_time.is_none_or(|end| now < end)
    }

    /// The lease that the token is; none for a token that never ends.
    pub(crate) fn lease_id(&self) -> Option<String> {
        self.expire_time.map(|_| format!("{}/h{}", self.path, self.hash))
    }

    /// The key of its lease in the store.
    pub(crate) fn lease_key(&self) -> Option<String> {
        self.lease_id().map(|id| lease_key(&id))
    }

    /// Whether a request from `remote` may use it.
    fn admits(&self, remote: Option<IpAddr>) -> bool {
        cidr::admits(&self.bound_cidrs, remote)
    }

    /// The TTL it was last given, in seconds; 0 never ends.
    fn lease_duration(&self) -> i64 {
        let since = self.last_renewal.unwrap_or(self.creation_time);
        self.expire_time.map_or(0, |end| end.saturating_sub(since))
    }

    /// The `auth` object of an answer that hands out the token, or renews it. Of a token that is known.
    pub(crate) fn auth_block(&self, client_token: &Secret) -> Value {
        let mut block = json!({
            "client_token": client_token.expose(),
            "accessor": self.accessor,
            "policies": self.judged_by().names,
            "token_policies": self.policies,
            "metadata": if self.meta.is_empty() { Value::Null } else { json!(self.meta) },
            "lease_duration": self.lease_duration(),
            "renewable": self.renewable,
            "entity_id": self.entity_id,
            "token_type": self.kind.name(),
            "orphan": self.parent.is_none(),
            "mfa_requirement": null,
            "num_uses": self.num_uses.max(0),
        });
        if !self.identity_policies().is_empty() {
            block["identity_policies"] = json!(self.identity_policies());
        }
        block
    }
}

/// What a new token shall be.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewToken {
    /// How it is kept.
    pub(crate) kind: TokenType,
    /// A token text of the caller's choice; none makes a random one.
    pub(crate) id: Option<Secret>,
    /// The parent's hash; none makes an orphan.
    pub(crate) parent: Option<String>,
    /// Policy names.
    pub(crate) policies: Vec<String>,
    /// The entity that it is of; empty for nobody.
    pub(crate) entity_id: String,
    /// `meta`.
    pub(crate) meta: IndexMap<String, String>,
    /// What the login's method needs to renew it.
    pub(crate) kept: IndexMap<String, String>,
    /// The display name.
    pub(crate) display_name: String,
    /// The token role that makes it.
    pub(crate) role: Option<String>,
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
