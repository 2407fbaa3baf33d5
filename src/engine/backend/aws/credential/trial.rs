//! A type that is only in the tests: what one costs. This file, and a line in the table.
//!
//! Its credentials are words that nobody keeps: nothing is removed when a lease ends, and none can be renewed.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::craft::{Craft, CredentialType, Intent, Order, Outcome};
use crate::engine::kernel::random;
use crate::engine::lease::{Lease, Terms, Told};
use crate::engine::wire::error::Error;

/// The type.
pub(super) static TYPE: CredentialType = CredentialType {
    name: "trial",
    fields: &["default_sts_ttl"],
    problems: |role| match role.policy_document.as_str() {
        "" => vec!["a trial needs a policy_document".to_owned()],
        _ => Vec::new(),
    },
    craft: Some(&Trial),
    ..CredentialType::PLAIN
};

struct Trial;

impl Craft for Trial {
    fn is_renewable(&self) -> bool {
        false
    }

    fn terms(&self, order: &Order<'_>) -> Result<Terms, Error> {
        let increment = order.call.fields().seconds("ttl")?.unwrap_or_default();
        Ok(Terms { increment, backend_ttl: order.role.default_sts_ttl, ..Terms::default() })
    }

    fn intend<'a>(&'a self, _order: Order<'a>) -> BoxFuture<'a, Result<Box<dyn Intent>, Error>> {
        let word = random::base62(8).map(|word| Box::new(Word(word)) as Box<dyn Intent>);
        std::future::ready(word).boxed()
    }

    fn told(&self, made: &Value) -> Told {
        Told { holder: made["word"].as_str().unwrap_or_default().to_owned(), ..Told::default() }
    }
}

struct Word(String);

impl Intent for Word {
    fn made(&self) -> Result<Value, Error> {
        Ok(json!({ "word": self.0 }))
    }

    fn make<'a>(self: Box<Self>, _order: Order<'a>, _lease: &'a Lease) -> BoxFuture<'a, Outcome> {
        let answer = json!({ "word": self.0, "session_token": "s" });
        std::future::ready(Outcome { made: self.made(), answer: Ok(answer), until: None }).boxed()
    }
}
