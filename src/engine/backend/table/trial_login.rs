//! An auth method that is only in the tests, for the kinds of `object/trial.rs`: it keeps what it is told.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::engine::backend::login::{Alias, Known, TokenTerms};
use crate::engine::backend::{Backend, Call, Class, listing, login};
use crate::engine::kernel::barrier::Batch;
use crate::engine::lease::core::Core;
use crate::engine::setup::Config;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::path::{Door, Parameter, Row, Shape, takes};
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

const NAME: Parameter = takes("name", Shape::Word("-"), "The name");
const WORD: Parameter = takes("word", Shape::Text, "What it has to say");
const MAP: &[Parameter] = &login::after::<2, { 2 + login::PARAMETERS.len() }>([NAME, WORD]);

const PATHS: &[Row] = &[
    Row::new("config", &[Operation::Read, Operation::Write], "Whom it believes").with(&[takes(
        "issuer",
        Shape::Text,
        "An address",
    )]),
    Row::new("map/?", &[Operation::List], "The names that may log in").with(&[
        takes("after", Shape::Text, "Only names after this one"),
        takes("limit", Shape::Int, "At most so many"),
        takes("detailed", Shape::Bool, "With what a read of each would answer").or("false"),
    ]),
    Row::new("map/:name", &[Operation::Read, Operation::Write, Operation::Delete], "A name that may log in").with(MAP),
    Row::new("login/:name", &[Operation::Write], "A token for a name and its word")
        .with(&[NAME, WORD])
        .door(Door::Open),
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
    if call.row.pattern == "login/:name" {
        return log_in(core, call).await;
    }
    let key = call.mount.storage(call.path.trim_end_matches('/'));
    match call.request.operation {
        Operation::List => {
            let folder = format!("{key}/");
            listing::of_folder(core, call, &folder, |told: &Map<String, Value>| Value::Object(told.clone()))
        }
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

async fn log_in(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let (name, said) = (call.at("name").to_owned(), call.fields().string("word")?);
    let told = core.barrier.get::<Map<String, Value>>(&call.mount.storage(&format!("map/{name}")))?;
    let told = told.filter(|told| said.is_some_and(|said| told.get("word") == Some(&Value::from(said))));
    let told = told.ok_or_else(|| Error::Invalid("that is not the word".to_owned()))?;
    let mut terms = TokenTerms::fresh();
    terms.merge(Fields(&told))?;
    let alias = Alias { name: name.clone(), ..Alias::default() };
    let (meta, kept) = (IndexMap::new(), IndexMap::new());
    let known = Known { terms, bound_cidrs: vec![], alias, meta, kept, name: Some(name), origin: None };
    known.log_in(core, call, Batch::new()).await
}
