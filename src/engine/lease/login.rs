//! Tokens as leases: each token that ends is one, under the path that made it (`auth/approle/login/h<hash>`), so
//! that logins and wrapped answers are listed, looked up and revoked as credentials are. Source: Vault, "Lease, Renew,
//! and Revoke".
//!
//! The key under `lease/` is an index: it is written and removed with the token's record, which says everything
//! else, also when the token ends.

use std::sync::Arc;

use futures_util::TryStreamExt;
use serde_json::{Value, json};

use super::{Leases, now};
use crate::clock::rfc3339;
use crate::engine::kernel::due::lease_key;
use crate::engine::lease::core::Core;
use crate::engine::token::Token;
use crate::engine::wire::error::Error;

/// How many tokens one call marks at a time.
const MARKING_CONCURRENCY: usize = 16;

/// Hex digits of a token's hash.
const HASH_LEN: usize = 64;

/// The hash of the token whose lease has this id, if it can be a token's.
pub(crate) fn token_of(id: &str) -> Option<&str> {
    let (_, name) = id.rsplit_once('/')?;
    name.strip_prefix('h').filter(|hash| hash.len() == HASH_LEN && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Leases {
    /// Whether there is a lease of this id.
    pub(crate) fn is_there(&self, core: &Core, id: &str) -> Result<bool, Error> {
        let key = lease_key(id);
        Ok(core.barrier.keys(&key, None, 1)?.first() == Some(&key))
    }

    /// The token that is the lease `id`.
    fn token(&self, core: &Core, id: &str, hash: &str) -> Result<Option<Arc<Token>>, Error> {
        Ok(core.tokens.find_hash(core, hash)?.filter(|token| token.lease_id().as_deref() == Some(id)))
    }

    /// What a lookup says of a token's lease.
    pub(crate) fn describe_token(&self, core: &Core, id: &str, hash: &str) -> Result<Option<Value>, Error> {
        let Some(token) = self.token(core, id, hash)? else { return Ok(None) };
        let end = token.expire_time.unwrap_or_default();
        Ok(Some(json!({
            "id": id,
            "issue_time": rfc3339(token.creation_time),
            "expire_time": rfc3339(end),
            "last_renewal": token.last_renewal.map(rfc3339),
            "renewable": token.renewable,
            "ttl": end.saturating_sub(now(core)),
            "path": token.path,
            "namespace_path": "",
            "state": "active",
        })))
    }

    /// Revokes the token that is the lease `id`, with its children; their leases are marked.
    pub(super) async fn revoke_token(&self, core: &Arc<Core>, id: &str, hash: &str, reason: &str) -> Result<(), Error> {
        if self.is_there(core, id)? { core.tokens.revoke(core, hash, reason).await } else { Ok(()) }
    }

    /// Marks the tokens that are among these leases, so that they open nothing from now on and the timer revokes
    /// them; answers the other leases.
    pub(super) async fn revoke_tokens_later<'i>(
        &self,
        core: &Arc<Core>,
        ids: &'i [String],
    ) -> Result<Vec<&'i String>, Error> {
        let (tokens, others): (Vec<&String>, Vec<&String>) = ids.iter().partition(|id| token_of(id).is_some());
        futures_util::stream::iter(tokens.into_iter().map(Ok))
            .try_for_each_concurrent(MARKING_CONCURRENCY, |id| async move {
                match token_of(id) {
                    Some(hash) if self.is_there(core, id)? => core.tokens.doom(core, hash).await,
                    _ => Ok(()),
                }
            })
            .await?;
        Ok(others)
    }
}

#[cfg(test)]
mod tests {
    use super::token_of;

    #[test]
    fn a_tokens_lease_is_known_by_its_id() {
        let hash = "0123456789abcdef".repeat(4);
        assert_eq!(token_of(&format!("auth/approle/login/h{hash}")), Some(hash.as_str()));
        assert_eq!(token_of(&format!("auth/team/a/login/h{hash}")), Some(hash.as_str()));
        // Of an answer that lies wrapped.
        assert_eq!(token_of(&format!("aws/creds/r/h{hash}")), Some(hash.as_str()));
        for other in ["aws/creds/r/x", "auth/approle/login", "auth/approle/login/h01", "auth", ""] {
            assert_eq!(token_of(other), None);
        }
    }
}
