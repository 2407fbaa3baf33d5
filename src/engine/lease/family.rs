//! The end of tokens: by hand, by time, by their last use, with their parent.
//!
//! First the whole family is marked, so that none of it is let in and none gets another child; then,
//! youngest first, its leases are marked for revocation and the records removed. A crash in between
//! leaves marked records with a due key, and the timer goes on.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::core::Core;
use super::now;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::due::due_key;
use crate::engine::token::keep::{accessor_key, child_key, cubbyhole_key, token_key};
use crate::engine::token::{Token, Tokens};
use crate::engine::wire::error::Error;
use crate::engine::wire::given::Given;
use crate::trail::{Event, LineType, Record};

/// How many records a tidying reads at a time.
const PAGE: usize = 512;

impl Tokens {
    /// After a request: revokes a token whose last use it was.
    pub(crate) async fn used(&self, core: &Arc<Core>, token: &Token) {
        if token.is_last_use() {
            // Should this fail, the timer does it: the due key was written with the count.
            if let Err(error) = self.revoke(core, &token.hash, "last-use").await {
                tracing::error!(display_name = token.display_name, %error, "a token could not be revoked after its last use");
            }
        }
    }

    /// Revokes a token, its children and their leases. The leases are only marked: their credentials
    /// are removed by the worker. A token that is not there is revoked already.
    pub(crate) async fn revoke(&self, core: &Arc<Core>, hash: &str, reason: &str) -> Result<(), Error> {
        let mut family = vec![hash.to_owned()];
        let mut marked = 0;
        while marked < family.len() {
            let member = family[marked].clone();
            self.doom(core, &member).await?;
            family.extend(children(core, &member)?);
            marked += 1;
        }
        for member in family.iter().rev() {
            self.remove(core, member, reason).await?;
        }
        Ok(())
    }

    /// Revokes a token and its leases, and makes orphans of its children.
    pub(crate) async fn revoke_orphan(&self, core: &Arc<Core>, hash: &str, reason: &str) -> Result<(), Error> {
        self.doom(core, hash).await?;
        for child in children(core, hash)? {
            let _turn = self.turn(&child).await;
            let mut batch = Batch::new();
            batch.delete(child_key(hash, &child));
            if let Some(record) = self.load(core, &child)? {
                batch.put(token_key(&child), &Token { parent: None, ..(*record).clone() })?;
            }
            self.commit(core, &child, batch).await?;
        }
        self.remove(core, hash, reason).await
    }

    /// Called by the timer when a token is due: revokes it if it has really ended.
    pub(crate) async fn expire(&self, core: &Arc<Core>, hash: &str) -> Result<(), Error> {
        let Some(token) = self.load(core, hash)? else { return Ok(()) };
        let ended = |end: Option<i64>| end.is_some_and(|end| end <= now(core));
        if ended(token.expire_time) {
            self.revoke(core, hash, "expired").await
        } else if ended(token.doomed) {
            // Somebody began this, and may have been cut off.
            self.revoke(core, hash, "token-revoked").await
        } else {
            Ok(())
        }
    }

    /// Revokes every token whose time is over; answers how many there were.
    pub(crate) async fn tidy(&self, core: &Arc<Core>) -> Result<usize, Error> {
        let (mut ended, mut after) = (0, None::<String>);
        loop {
            let page = core.barrier.scan::<Token>("token/", after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(ended) };
            after = Some(last.clone());
            for (_, token) in page.iter().filter(|(_, token)| !token.is_alive(now(core))) {
                self.expire(core, &token.hash).await?;
                ended += 1;
            }
        }
    }

    /// Marks a token as ending. From here on it opens nothing.
    pub(crate) async fn doom(&self, core: &Arc<Core>, hash: &str) -> Result<(), Error> {
        let _turn = self.turn(hash).await;
        let Some(found) = self.load(core, hash)? else { return Ok(()) };
        let time = now(core);
        if found.doomed.is_some_and(|doomed| doomed <= time) {
            return Ok(());
        }
        let mut batch = Batch::new();
        if let Some(doomed) = found.doomed {
            batch.delete(due_key(doomed, "token", hash));
        }
        batch.put(due_key(time, "token", hash), &true)?;
        batch.put(token_key(hash), &Token { doomed: Some(time), ..(*found).clone() })?;
        self.commit(core, hash, batch).await
    }

    async fn remove(&self, core: &Arc<Core>, hash: &str, reason: &str) -> Result<(), Error> {
        let _turn = self.turn(hash).await;
        let Some(token) = self.load(core, hash)? else { return Ok(()) };
        core.leases.revoke_for_token(core, hash, reason).await?;
        let mut batch = Batch::new();
        batch.delete(token_key(hash));
        batch.delete(accessor_key(&token.accessor));
        if let Some(parent) = &token.parent {
            batch.delete(child_key(parent, hash));
        }
        if let Some(key) = token.lease_key() {
            batch.delete(key);
        }
        for key in core.barrier.keys(&cubbyhole_key(hash, ""), None, usize::MAX)? {
            batch.delete(key);
        }
        for end in [token.expire_time, token.doomed].into_iter().flatten() {
            batch.delete(due_key(end, "token", hash));
        }
        self.commit(core, hash, batch).await?;
        record(core, &token, reason);
        Ok(())
    }
}

/// A new token, as what an answer hands out.
struct MadeToken {
    core: Arc<Core>,
    hash: String,
}

/// A new token, as what an answer hands out; none for one that nothing takes back.
pub(crate) fn given(core: &Arc<Core>, token: &Token) -> Option<Box<dyn Given>> {
    if token.is_batch() {
        return None;
    }
    Some(Box::new(MadeToken { core: core.clone(), hash: token.hash.clone() }))
}

impl Given for MadeToken {
    fn take_back<'a>(&'a self, reason: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.core.tokens.revoke(&self.core, &self.hash, reason).boxed()
    }
}

impl std::fmt::Debug for MadeToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Token").field(&self.hash).finish()
    }
}

/// The line in the trail. What the engine does by itself does not wait for it.
fn record(core: &Core, token: &Token, reason: &str) {
    let mut auth = serde_json::Map::new();
    auth.insert("accessor".into(), token.accessor.as_str().into());
    auth.insert("display_name".into(), token.display_name.as_str().into());
    auth.insert("policies".into(), token.policies.clone().into());
    let name = if reason == "expired" { "token-expired" } else { "token-revoked" };
    drop(core.trail.append(&Record {
        time: core.clock.now(),
        kind: LineType::System,
        error: None,
        auth: Some(auth),
        request: None,
        response: None,
        credential: None,
        event: Some(Event { name: name.to_owned(), reason: reason.to_owned(), detail: None }),
        clear_request_keys: vec![],
        clear_response_keys: vec![],
    }));
}

fn children(core: &Core, hash: &str) -> Result<Vec<String>, Error> {
    let prefix = child_key(hash, "");
    let keys = core.barrier.keys(&prefix, None, usize::MAX)?;
    Ok(keys.iter().map(|key| key[prefix.len()..].to_owned()).collect())
}
