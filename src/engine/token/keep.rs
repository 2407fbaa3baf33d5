//! The tokens as they are kept: made, found, counted, renewed.
//!
//! A token's name in the store is its HMAC-SHA-256, so neither the store nor a lookup compares or holds
//! the token itself. Records that were read stay in memory until they change, which makes the
//! authentication of a request one HMAC and one map lookup.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::{NewToken, Token, TokenType, batch};
use crate::engine::kernel::barrier::{Barrier, Batch};
use crate::engine::kernel::due::due_key;
use crate::engine::kernel::keyed::Keyed;
use crate::engine::kernel::locks::{Guard, Locks};
use crate::engine::kernel::random;
use crate::engine::kernel::{Kernel, now};
use crate::engine::wire::error::Error;
use crate::secret::Secret;

const KEY_KEY: &str = "core/token-key";

/// Records kept in memory; past it the cache starts anew.
const CACHE_TOKENS_MAX: usize = 16_384;

/// How long after its last use was counted the timer revokes a token whose request never ended, in
/// seconds: longer than any request may take.
const LAST_USE_GRACE: i64 = 120;

/// The tokens.
pub(crate) struct Tokens {
    names: Keyed,
    cache: Mutex<Cache>,
    /// Changes to one token take turns.
    turns: Locks,
}

#[derive(Default)]
struct Cache {
    /// Counts the changes, so that a record read before a change is not kept after it.
    generation: u64,
    records: HashMap<String, Arc<Token>>,
}

impl Tokens {
    /// Loads the key that token names are hashed with, or makes it, in `first`.
    pub(crate) fn open(barrier: &Barrier, first: &mut Batch) -> Result<Self, Error> {
        index_tokens(barrier, first)?;
        let names = Keyed::open(barrier, KEY_KEY, first)?;
        Ok(Self { names, cache: Mutex::default(), turns: Locks::default() })
    }

    /// A keyed hash of `parts`, in hex, that tells nothing about them: for names in the store.
    pub(crate) fn keyed_hash(&self, parts: &[&str]) -> String {
        self.names.hash(parts)
    }

    /// The text of a new token.
    ///
    /// # Errors
    /// If the random generator fails.
    pub(crate) fn draw(&self) -> Result<Secret, Error> {
        Ok(Secret::new(format!("hvs.{}", random::base62(36)?)))
    }

    /// A token's name in the store.
    pub(crate) fn hash(&self, token: &Secret) -> String {
        self.keyed_hash(&["token", token.expose()])
    }

    /// Waits until nothing else changes what `hash` names, and keeps others waiting.
    pub(crate) async fn turn(&self, hash: &str) -> Guard<'_> {
        self.turns.lock(hash).await
    }

    /// The record under `hash`, whatever its state.
    pub(crate) fn load(&self, kernel: &Kernel, hash: &str) -> Result<Option<Arc<Token>>, Error> {
        let generation = {
            let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(token) = cache.records.get(hash) {
                return Ok(Some(token.clone()));
            }
            cache.generation
        };
        let Some(token) = kernel.barrier.get::<Token>(&token_key(hash))? else { return Ok(None) };
        let token = Arc::new(token);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.generation == generation {
            if cache.records.len() >= CACHE_TOKENS_MAX {
                cache.records.clear();
            }
            cache.records.insert(hash.to_owned(), token.clone());
        }
        Ok(Some(token))
    }

    /// Commits changes to the record under `hash`; nobody sees the old one once it returns.
    pub(crate) async fn commit(&self, kernel: &Kernel, hash: &str, batch: Batch) -> Result<(), Error> {
        let result = kernel.barrier.commit(batch).await;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.generation += 1;
        cache.records.remove(hash);
        result
    }

    /// The token's record, if it is valid here and now; counts a use.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for everything that makes it invalid, alike.
    pub(crate) async fn authenticate(
        &self,
        kernel: &Kernel,
        token: &Secret,
        remote: Option<IpAddr>,
    ) -> Result<Token, Error> {
        let hash = self.hash(token);
        if batch::is_one(token) {
            return self.carried(kernel, token, hash, remote);
        }
        let record = self.admitted(kernel, &hash, remote)?;
        if record.num_uses == 0 {
            return Ok((*record).clone());
        }
        let _turn = self.turn(&hash).await;
        // Again, now that no other request can count at the same time.
        let mut record = (*self.admitted(kernel, &hash, remote)?).clone();
        let mut batch = Batch::new();
        if record.num_uses == 1 {
            let doomed = now(kernel) + LAST_USE_GRACE;
            record.num_uses = -1;
            record.doomed = Some(doomed);
            batch.put(due_key(doomed, "token", &hash), &true)?;
            kernel.timer.notice(doomed);
        } else {
            record.num_uses -= 1;
        }
        batch.put(token_key(&hash), &record)?;
        self.commit(kernel, &hash, batch).await?;
        Ok(record)
    }

    /// Whether the token is valid here and now. Counts no use.
    pub(crate) fn is_valid(&self, kernel: &Kernel, token: &Secret, remote: Option<IpAddr>) -> bool {
        let hash = self.hash(token);
        match batch::is_one(token) {
            true => self.carried(kernel, token, hash, remote).is_ok(),
            false => self.admitted(kernel, &hash, remote).is_ok(),
        }
    }

    fn admitted(&self, kernel: &Kernel, hash: &str, remote: Option<IpAddr>) -> Result<Arc<Token>, Error> {
        let record = self.load(kernel, hash)?.ok_or(Error::Unauthenticated)?;
        // An expired token is refused at once, whether or not the timer has come to it.
        if record.is_alive(now(kernel)) && record.admits(remote) { Ok(record) } else { Err(Error::Unauthenticated) }
    }

    /// What a batch token carries, if it is valid here and now.
    fn carried(&self, kernel: &Kernel, text: &Secret, hash: String, remote: Option<IpAddr>) -> Result<Token, Error> {
        let token = self.opened(kernel, text, hash)?.filter(|token| token.admits(remote));
        token.ok_or(Error::Unauthenticated)
    }

    /// What a batch token carries, if its time and its parent last.
    fn opened(&self, kernel: &Kernel, text: &Secret, hash: String) -> Result<Option<Token>, Error> {
        let token = batch::open(&kernel.barrier, text, hash).filter(|token| token.is_alive(now(kernel)));
        match token.as_ref().and_then(|token| token.parent.as_deref()) {
            Some(parent) if self.find_hash(kernel, parent)?.is_none() => Ok(None),
            _ => Ok(token),
        }
    }

    /// The record of a valid token.
    pub(crate) fn find(&self, kernel: &Kernel, token: &Secret) -> Result<Option<Arc<Token>>, Error> {
        if batch::is_one(token) {
            return Ok(self.opened(kernel, token, self.hash(token))?.map(Arc::new));
        }
        self.find_hash(kernel, &self.hash(token))
    }

    /// The record of a valid token by its accessor.
    pub(crate) fn find_accessor(&self, kernel: &Kernel, accessor: &str) -> Result<Option<Arc<Token>>, Error> {
        match kernel.barrier.get::<String>(&accessor_key(accessor))? {
            Some(hash) => self.find_hash(kernel, &hash),
            None => Ok(None),
        }
    }

    /// The record of a valid token by its hash.
    pub(crate) fn find_hash(&self, kernel: &Kernel, hash: &str) -> Result<Option<Arc<Token>>, Error> {
        Ok(self.load(kernel, hash)?.filter(|token| token.is_alive(now(kernel))))
    }

    /// The accessors of all tokens, in order.
    pub(crate) fn accessors(&self, kernel: &Kernel) -> Result<Vec<String>, Error> {
        let keys = kernel.barrier.keys(ACCESSOR_PREFIX, None, usize::MAX)?;
        Ok(keys.iter().map(|key| key[ACCESSOR_PREFIX.len()..].to_owned()).collect())
    }

    /// Makes a token; durable when it returns.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the chosen id is taken or the parent ended meanwhile.
    pub(crate) async fn create(&self, kernel: &Kernel, new: NewToken) -> Result<(Secret, Token), Error> {
        self.create_with(kernel, new, Batch::new()).await
    }

    /// Makes a token and applies `batch` with it, both or neither: how a login uses up a secret id.
    pub(crate) async fn create_with(
        &self,
        kernel: &Kernel,
        mut new: NewToken,
        mut batch: Batch,
    ) -> Result<(Secret, Token), Error> {
        if new.kind == TokenType::Batch {
            return self.create_batch(kernel, new, batch).await;
        }
        let chosen = new.id.take();
        let secret = match &chosen {
            Some(id) => id.clone(),
            None => self.draw()?,
        };
        let token = self.record(now(kernel), new, &secret)?;
        // A parent that is being revoked must not get children that its revocation does not see.
        let _turn = match (&token.parent, &chosen) {
            (Some(parent), _) => Some(self.turn(parent).await),
            (None, Some(_)) => Some(self.turn(&token.hash).await),
            (None, None) => None,
        };
        if let Some(parent) = &token.parent
            && self.find_hash(kernel, parent)?.is_none()
        {
            return Err(Error::Invalid("parent token not found".to_owned()));
        }
        if chosen.is_some() && self.load(kernel, &token.hash)?.is_some() {
            return Err(Error::Invalid("cannot create a token with a duplicate ID".to_owned()));
        }
        batch.put(token_key(&token.hash), &token)?;
        batch.put(accessor_key(&token.accessor), &token.hash)?;
        if let Some(parent) = &token.parent {
            batch.put(child_key(parent, &token.hash), &true)?;
        }
        if let Some(end) = token.expire_time {
            batch.put(due_key(end, "token", &token.hash), &true)?;
        }
        if let Some(key) = token.lease_key() {
            batch.put(key, &true)?;
        }
        self.commit(kernel, &token.hash, batch).await?;
        if let Some(end) = token.expire_time {
            kernel.timer.notice(end);
        }
        Ok((secret, token))
    }

    /// Makes a token that is not kept; what is durable when it returns is `batch`.
    async fn create_batch(&self, kernel: &Kernel, new: NewToken, batch: Batch) -> Result<(Secret, Token), Error> {
        if let Some(parent) = &new.parent
            && self.find_hash(kernel, parent)?.is_none()
        {
            return Err(Error::Invalid("parent token not found".to_owned()));
        }
        let token = self.record(now(kernel), new, &Secret::new(""))?;
        let text = batch::carry(&kernel.barrier, token)?;
        let hash = self.hash(&text);
        let odd = || Error::Internal("a batch token does not open".to_owned());
        let token = batch::open(&kernel.barrier, &text, hash).ok_or_else(odd)?;
        kernel.barrier.commit(batch).await?;
        Ok((text, token))
    }

    /// The first root token, in `first`, unless the store has it.
    pub(crate) fn make_root(
        &self,
        barrier: &Barrier,
        unix: i64,
        secret: &Secret,
        first: &mut Batch,
    ) -> Result<(), Error> {
        let root = NewToken {
            policies: vec!["root".to_owned()],
            display_name: "root".to_owned(),
            path: "auth/token/root".to_owned(),
            ..NewToken::default()
        };
        let token = self.record(unix, root, secret)?;
        if barrier.get::<Token>(&token_key(&token.hash))?.is_none() {
            first.put(token_key(&token.hash), &token)?;
            first.put(accessor_key(&token.accessor), &token.hash)?;
        }
        Ok(())
    }

    fn record(&self, creation_time: i64, new: NewToken, secret: &Secret) -> Result<Token, Error> {
        let expire_time = match new.ttl {
            ttl if ttl > 0 => Some(creation_time.saturating_add(ttl)),
            0 if new.policies == ["root"] => None,
            _ => return Err(Error::Internal("only root tokens may live for ever".to_owned())),
        };
        Ok(Token {
            hash: self.hash(secret),
            kind: new.kind,
            accessor: random::base62(24)?,
            parent: new.parent,
            policies: new.policies,
            entity_id: new.entity_id,
            person: None,
            meta: new.meta,
            kept: new.kept,
            display_name: new.display_name,
            role: new.role,
            path: new.path,
            num_uses: new.num_uses,
            creation_time,
            creation_ttl: new.ttl,
            expire_time,
            last_renewal: None,
            explicit_max_ttl: new.explicit_max_ttl,
            period: new.period,
            max_ttl: new.max_ttl,
            renewable: new.renewable,
            bound_cidrs: new.bound_cidrs,
            origin: new.origin,
            doomed: None,
        })
    }

    /// Changes what a token keeps for itself, unless it has ended.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when it has.
    pub(crate) async fn change_own(&self, kernel: &Kernel, hash: &str, batch: Batch) -> Result<(), Error> {
        // So that nothing is written behind the back of who removes it.
        let _turn = self.turn(hash).await;
        let ends = |token: &Token| token.doomed.is_some_and(|doomed| doomed <= now(kernel));
        match self.load(kernel, hash)? {
            Some(token) if !ends(&token) => kernel.barrier.commit(batch).await,
            _ => Err(Error::Unauthenticated),
        }
    }

    /// Gives a token `ttl` seconds from now, and the period that its role has by now.
    pub(crate) async fn extend(&self, kernel: &Kernel, hash: &str, ttl: i64, period: i64) -> Result<Token, Error> {
        let _turn = self.turn(hash).await;
        let found = self.find_hash(kernel, hash)?.ok_or_else(|| Error::Invalid("token not found".to_owned()))?;
        let mut token = (*found).clone();
        let mut batch = Batch::new();
        if let Some(end) = token.expire_time {
            batch.delete(due_key(end, "token", hash));
        }
        let end = now(kernel).saturating_add(ttl);
        token.expire_time = Some(end);
        token.last_renewal = Some(now(kernel));
        token.period = period;
        batch.put(due_key(end, "token", hash), &true)?;
        batch.put(token_key(hash), &token)?;
        self.commit(kernel, hash, batch).await?;
        kernel.timer.notice(end);
        Ok(token)
    }
}

const ACCESSOR_PREFIX: &str = "token-accessor/";

pub(crate) fn token_key(hash: &str) -> String {
    format!("token/{hash}")
}

pub(crate) fn accessor_key(accessor: &str) -> String {
    format!("{ACCESSOR_PREFIX}{accessor}")
}

pub(crate) fn child_key(parent: &str, hash: &str) -> String {
    format!("token-child/{parent}/{hash}")
}

/// What a token keeps for itself at `path`; all of it lies under the empty one.
pub(crate) fn cubbyhole_key(hash: &str, path: &str) -> String {
    format!("cubbyhole/{hash}/{path}")
}

/// Writes the leases of tokens that were made before tokens were leases, in `first`.
fn index_tokens(barrier: &Barrier, first: &mut Batch) -> Result<(), Error> {
    for entry in barrier.each::<Token>("token/", None, usize::MAX) {
        let Some(key) = entry?.1.lease_key() else { continue };
        // They were all written together, and each later one with its token: one is there, so all are.
        if barrier.get::<bool>(&key)?.is_some() {
            return Ok(());
        }
        first.put(key, &true)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::index_tokens;
    use crate::engine::kernel::barrier::Batch;
    use crate::engine::kernel::seal::{Key, unseal};
    use crate::engine::kernel::store::MemoryStore;

    #[tokio::test]
    async fn tokens_from_before_get_their_leases_once() {
        let (barrier, _) = unseal(Arc::new(MemoryStore::default()), &Key::new([7; 32]), 0).unwrap();
        let token = |hash: &str, end: Value| {
            json!({ "hash": hash, "accessor": "", "policies": [], "display_name": "", "path": "auth/approle/login",
                    "creation_time": 0, "creation_ttl": 0, "renewable": true, "expire_time": end })
        };
        let mut batch = Batch::new();
        for (hash, end) in [("a", json!(9)), ("b", Value::Null), ("c", json!(9))] {
            batch.put(format!("token/{hash}"), &token(hash, end)).unwrap();
        }
        barrier.commit(batch).await.unwrap();
        let leases = || barrier.keys("lease/", None, 9).unwrap();
        let mut first = Batch::new();
        index_tokens(&barrier, &mut first).unwrap();
        barrier.commit(first).await.unwrap();
        assert_eq!(leases(), ["lease/auth/approle/login/ha", "lease/auth/approle/login/hc"]);
        let mut again = Batch::new();
        index_tokens(&barrier, &mut again).unwrap();
        assert!(again.is_empty());
    }
}
