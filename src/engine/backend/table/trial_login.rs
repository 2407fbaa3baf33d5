//! An auth method that is only in the tests, for the kinds of `object/trial.rs`: it keeps what it is told.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use crate::engine::backend::{Backend, Call, Class};
use crate::engine::kernel::barrier::Batch;
use crate::engine::lease::core::Core;
use crate::engine::setup::Config;
use crate::engine::wire::error::Error;
use crate::engine::wire::path::{Row, Shape, takes};
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

const PATHS: &[Row] = &[
    Row::new("config", &[Operation::Read, Operation::Write], "Whom it believes").with(&[takes(
        "issuer",
        Shape::Text,
        "An address",
    )]),
    Row::new("map/?", &[Operation::List], "The names that may log in"),
    Row::new("map/:name", &[Operation::Read, Operation::Write, Operation::Delete], "A name that may log in").with(&[
        takes("name", Shape::Word("-"), "The name"),
        takes("word", Shape::Text, "What it has to say"),
        takes("token_policies", Shape::List, "ACL policies of its tokens"),
        takes("token_ttl", Shape::Seconds, "How long a token lives"),
        takes("token_max_ttl", Shape::Seconds, "How long a token lives at most"),
        takes("token_no_default_policy", Shape::Bool, "Whether tokens go without the policy default"),
    ]),
];

struct TrialLogin;

/// The backend.
pub(crate) fn backend(_config: &Config) -> Box<dyn Backend> {
    Box::new(TrialLogin)
}

impl Backend for TrialLogin {
    fn kind(&self) -> &'static str {
        "trial-login"
    }

    fn class(&self) -> Class {
        Class::Auth
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[PATHS]
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        serve(core, call).boxed()
    }
}

async fn serve(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let key = call.mount.storage(call.path.trim_end_matches('/'));
    match call.request.operation {
        Operation::List => Response::keys(core.barrier.children(&format!("{key}/"))?),
        Operation::Read => match core.barrier.get::<Map<String, Value>>(&key)? {
            Some(told) => Ok(Response::data(Value::Object(told))),
            None => Err(Error::NotFound),
        },
        Operation::Write => {
            let mut told = core.barrier.get::<Map<String, Value>>(&key)?.unwrap_or_default();
            told.extend(call.request.data.clone());
            let mut batch = Batch::new();
            batch.put(key, &told)?;
            core.barrier.commit(batch).await?;
            Ok(Response::empty())
        }
        Operation::Delete => {
            let mut batch = Batch::new();
            batch.delete(key);
            core.barrier.commit(batch).await?;
            Ok(Response::empty())
        }
        Operation::Patch => Err(call.forgotten()),
    }
}
