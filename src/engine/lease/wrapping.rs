//! Answers that lie wrapped: an answer is put into the cubbyhole of a new token, which is handed out instead of it and
//! can be used once.
//!
//! Whatever the answer hands out (a lease, a token) is the client's from then on, as if it had been told: it lives by
//! its own terms, also when nobody fetches the answer. But where the token does not reach its client, both are taken
//! back. An answer is fetched by using up its token first, so no two get it, whatever happens in between.
//!
//! Source: Vault, "Response wrapping"; OpenBao, `vault/wrapping.go`, for the texts.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::core::Core;
use super::now;
use crate::clock::rfc3339;
use crate::engine::kernel::barrier::Batch;
use crate::engine::policy::RESERVED;
use crate::engine::token::keep::cubbyhole_key;
use crate::engine::token::{NewToken, Token};
use crate::engine::wire::error::Error;
use crate::engine::wire::given::Given;
use crate::engine::wire::request::Request;
use crate::engine::wire::wrapped::WrapInfo;
use crate::secret::Secret;
use crate::trail::Credential;

/// Where the answer lies in the cubbyhole of its token, as the key `response`.
pub(crate) const RESPONSE: &str = "response";

/// Where it says there what was wrapped, when, and for how long.
pub(crate) const INFO: &str = "wrapinfo";

/// An answer to be put away.
pub(crate) struct Contents<'a> {
    /// What is fetched.
    pub(crate) body: &'a Secret,
    /// The path of the request that makes the token.
    pub(crate) path: &'a str,
    /// The path that answered.
    pub(crate) creation_path: &'a str,
    /// In seconds.
    pub(crate) ttl: i64,
    /// The accessor of what the answer hands out.
    pub(crate) wrapped_accessor: Option<String>,
}

/// Puts an answer away; durable when it returns. Answers what is told of it, and its token, by its hash.
///
/// # Errors
/// If the store fails.
pub(crate) async fn put_away(core: &Core, contents: Contents<'_>) -> Result<(WrapInfo, String), Error> {
    let secret = core.tokens.draw()?;
    let hash = core.tokens.hash(&secret);
    let creation_time = rfc3339(now(core));
    let mut batch = Batch::new();
    batch.put(cubbyhole_key(&hash, RESPONSE), &json!({ "response": contents.body.expose() }))?;
    let info = json!({
        "creation_time": creation_time,
        "creation_ttl": contents.ttl,
        "creation_path": contents.creation_path,
    });
    batch.put(cubbyhole_key(&hash, INFO), &info)?;
    let new = NewToken {
        id: Some(secret),
        policies: vec![RESERVED.to_owned()],
        path: contents.path.trim_end_matches('/').to_owned(),
        num_uses: 1,
        ttl: contents.ttl,
        explicit_max_ttl: contents.ttl,
        ..NewToken::default()
    };
    let (token, record) = core.tokens.create_with(core, new, batch).await?;
    let info = WrapInfo {
        token,
        accessor: record.accessor,
        ttl: contents.ttl,
        creation_time,
        creation_path: contents.creation_path.to_owned(),
        wrapped_accessor: contents.wrapped_accessor,
    };
    Ok((info, hash))
}

/// What lies in the cubbyhole of a wrapping token under `name`.
///
/// # Errors
/// If nothing does, or the store fails.
pub(crate) fn lying(core: &Core, hash: &str, name: &str) -> Result<Value, Error> {
    core.barrier.get(&cubbyhole_key(hash, name))?.ok_or_else(invalid)
}

/// The wrapping token in a request's body; none where the request's own token is meant.
///
/// # Errors
/// When it is no text, or none.
pub(crate) fn in_body(request: &Request) -> Result<Option<Secret>, Error> {
    let refused = |why: &str| Error::Forbidden(format!("error validating wrapping token: {why}"));
    match request.data.get("token") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) if token.is_empty() => Err(refused("empty token in request body")),
        Some(Value::String(token)) => Ok(Some(Secret::new(token.as_str()))),
        Some(_) => Err(refused("could not decode token in request body")),
    }
}

/// The wrapping token that a request is about, unused so far.
///
/// # Errors
/// That it is none.
pub(crate) fn meant(core: &Core, request: &Request) -> Result<Arc<Token>, Error> {
    let empty = || Error::Forbidden("error validating wrapping token: token is empty".to_owned());
    let token = in_body(request)?.or_else(|| request.token.clone()).ok_or_else(empty)?;
    core.tokens.find(core, &token)?.filter(|token| token.wraps()).ok_or_else(invalid)
}

/// That a token wraps nothing, or wrapped something once.
pub(crate) fn invalid() -> Error {
    Error::Invalid("wrapping token is not valid or does not exist".to_owned())
}

/// A wrapping token, by its hash, and what the answer that it wraps hands out, as what an answer hands out.
pub(crate) fn given(core: &Arc<Core>, hash: String, inner: Option<Box<dyn Given>>) -> Box<dyn Given> {
    Box::new(Wrapped { core: core.clone(), hash, inner })
}

struct Wrapped {
    core: Arc<Core>,
    hash: String,
    inner: Option<Box<dyn Given>>,
}

impl Given for Wrapped {
    fn credential(&self) -> Option<Credential> {
        self.inner.as_ref()?.credential()
    }

    fn is_leased(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.is_leased())
    }

    fn activate(&self) -> BoxFuture<'_, Result<(), Error>> {
        match &self.inner {
            Some(inner) => inner.activate(),
            None => std::future::ready(Ok(())).boxed(),
        }
    }

    fn undo<'a>(&'a self, reason: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.end(reason, |inner| inner.undo(reason)).boxed()
    }

    fn take_back<'a>(&'a self, reason: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.end(reason, |inner| inner.take_back(reason)).boxed()
    }
}

impl Wrapped {
    /// Ends both, whichever of the two fails.
    async fn end<'a>(
        &'a self,
        reason: &'a str,
        end: impl FnOnce(&'a dyn Given) -> BoxFuture<'a, Result<(), Error>>,
    ) -> Result<(), Error> {
        let wrapping = self.core.tokens.revoke(&self.core, &self.hash, reason).await;
        let inner = match &self.inner {
            Some(inner) => end(&**inner).await,
            None => Ok(()),
        };
        wrapping.and(inner)
    }
}

impl std::fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wrapped").field("token", &self.hash).field("inner", &self.inner).finish()
    }
}
