//! `cubbyhole/`: what a token keeps for itself. Nobody else sees it, not even the root token, and it ends with the token
//! (Vault API, "Cubbyhole secrets engine").
//!
//! Stored beside the tokens, under `cubbyhole/<hash>/<path>`, so that the end of a token removes it. What a wrapping
//! token wraps lies here as well.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use crate::engine::backend::{Backend, Call, Class};
use crate::engine::kernel::barrier::Batch;
use crate::engine::lease::core::Core;
use crate::engine::lease::wrapping::RESPONSE;
use crate::engine::setup::Config;
use crate::engine::token::keep::cubbyhole_key;
use crate::engine::wire::error::Error;
use crate::engine::wire::path::Shape::Rest;
use crate::engine::wire::path::{Row, takes};
use crate::engine::wire::request::Operation::{self, Delete, List, Read, Write};
use crate::engine::wire::response::Response;

struct Cubbyhole;

/// The backend.
pub(crate) fn backend(_config: &Config) -> Box<dyn Backend> {
    Box::new(Cubbyhole)
}

const PATHS: &[Row] = &[
    Row::new("", &[List], "The names at the top"),
    Row::new("*path", &[Read, Write, Delete, List], "What the caller's token keeps, or a folder's names")
        .with(&[takes("path", Rest, "Path of what is kept")])
        .creates(),
];

impl Backend for Cubbyhole {
    fn kind(&self) -> &'static str {
        "cubbyhole"
    }

    fn class(&self) -> Class {
        Class::BuiltIn { path: "cubbyhole/", description: "per-token private secret storage" }
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[PATHS]
    }

    fn exists(&self, core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
        Ok(Some(core.barrier.get::<Map<String, Value>>(&key(*call)?)?.is_some()))
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        handle(core, call).boxed()
    }
}

fn key(call: Call<'_>) -> Result<String, Error> {
    let token = call.token.ok_or(Error::Unauthenticated)?;
    if token.is_batch() {
        return Err(Error::Invalid("cubbyhole operations are only supported by 'service' type tokens".to_owned()));
    }
    Ok(cubbyhole_key(&token.hash, call.path))
}

/// Serves one call.
async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let key = key(call)?;
    let mut batch = Batch::new();
    match call.request.operation {
        Operation::Read => {
            let data: Map<String, Value> = core.barrier.get(&key)?.ok_or(Error::NotFound)?;
            let answer = Response { data: Some(data), ..Response::default() };
            let is_wrapped = call.path == RESPONSE && call.token.is_some_and(|token| token.wraps());
            return Ok(if is_wrapped { answer.warn(DEPRECATED) } else { answer });
        }
        Operation::List => return Response::keys(core.barrier.children(&key)?),
        Operation::Write if call.request.data.is_empty() => {
            return Err(Error::Server("missing data fields".to_owned()));
        }
        Operation::Write => batch.put(key, &call.request.data)?,
        Operation::Delete => batch.delete(key),
        Operation::Patch => return Err(call.forgotten()),
    }
    let token = call.token.ok_or(Error::Unauthenticated)?;
    core.tokens.change_own(core, &token.hash, batch).await?;
    Ok(Response::empty())
}

/// As OpenBao says it, `vault/request_handling.go`.
const DEPRECATED: &str = "Reading from 'cubbyhole/response' is deprecated. Please use sys/wrapping/unwrap to unwrap \
                          responses, as it provides additional security checks and other benefits.";
