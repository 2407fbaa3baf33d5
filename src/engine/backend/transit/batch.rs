//! What operations on texts take and answer: one text, or many at once, of which each comes out by itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::coded;
use crate::engine::backend::Call;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::response::Response;

/// After so many items it is somebody else's turn: each may be a signature, which takes milliseconds.
const AT_ONCE: usize = 8;

/// What a request asks for, in order.
pub(super) struct Batch<'a> {
    /// Each of them.
    pub(super) items: Vec<Fields<'a>>,
    /// Whether they came as a batch, and are answered as one.
    pub(super) is_batch: bool,
}

impl<'a> Batch<'a> {
    /// The `batch_input` of a request, or the request itself.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn of(call: Call<'a>) -> Result<Self, Error> {
        let refuse = |why: String| Err(Error::Invalid(format!("failed to parse batch input: {why}")));
        match call.request.data.get("batch_input") {
            None | Some(Value::Null) => Ok(Self { items: vec![call.fields()], is_batch: false }),
            Some(Value::Array(items)) if items.is_empty() => {
                Err(Error::Invalid("missing batch input to process".to_owned()))
            }
            Some(Value::Array(items)) => {
                let mut all = Vec::with_capacity(items.len());
                for (at, item) in items.iter().enumerate() {
                    match item {
                        Value::Object(fields) => all.push(Fields(fields)),
                        _ => return refuse(format!("[{at}] is no map")),
                    }
                }
                Ok(Self { items: all, is_batch: true })
            }
            Some(_) => refuse("source data must be an array or slice".to_owned()),
        }
    }

    /// Refuses a batch of which an item has no such text.
    ///
    /// # Errors
    /// Which one; of a single one, what its operation lacks.
    pub(super) fn require(&self, name: &str, lacks: &str) -> Result<(), Error> {
        match self.items.iter().position(|item| !item.has(name)) {
            None => Ok(()),
            Some(at) if self.is_batch => {
                Err(Error::Invalid(format!("failed to parse batch input: '[{at}].{name}' {lacks}")))
            }
            Some(_) => Err(Error::Invalid(lacks.to_owned())),
        }
    }

    /// Whether contexts are given; all items have one, or none.
    ///
    /// # Errors
    /// If some have, or one is no text.
    pub(super) fn has_contexts(&self) -> Result<bool, Error> {
        let mut given = Vec::with_capacity(self.items.len());
        for item in &self.items {
            given.push(item.string("context")?.is_some_and(|context| !context.is_empty()));
        }
        match given.iter().all(|has| *has == given[0]) {
            true => Ok(given[0]),
            false => {
                Err(Error::Invalid("context should be set either in all the request blocks or in none".to_owned()))
            }
        }
    }

    /// Does each of them, and answers: a failure of the engine's own fails all, what is wrong with one is told with that one.
    ///
    /// # Errors
    /// What is wrong with a single one.
    pub(super) async fn answer(
        &self,
        call: Call<'_>,
        manners: Manners,
        mut each: impl FnMut(usize, Fields<'_>) -> Result<Map<String, Value>, Error> + Send,
    ) -> Result<Response, Error> {
        if !self.is_batch {
            return Ok(Response { data: Some(each(0, self.items[0])?), ..Response::default() });
        }
        let (mut results, mut failed, mut done) = (Vec::with_capacity(self.items.len()), false, false);
        for (at, item) in self.items.iter().enumerate() {
            if at % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            let reference = item.string("reference").ok().flatten().unwrap_or_default();
            let mut result = match each(at, *item) {
                Ok(result) => {
                    done = true;
                    result
                }
                Err(Error::Invalid(why)) => {
                    failed = true;
                    let mut result = (manners.blank)();
                    result.insert("error".to_owned(), why.into());
                    result
                }
                Err(other) => return Err(other),
            };
            result.insert("reference".to_owned(), reference.into());
            results.push(Value::Object(result));
        }
        let mut response = Response::data(json!({ "batch_results": results }));
        if failed && manners.status != 200 {
            response.status = Some(manners.status);
            let other = call.fields().int("partial_failure_response_code")?.filter(|_| done);
            match other.map(|code| u16::try_from(code).ok().filter(|code| (1..600).contains(code))) {
                None => {}
                // What HTTP has as informational ends no answer, and three have no body.
                Some(Some(code)) if code >= 200 && ![204, 205, 304].contains(&code) => response.status = Some(code),
                Some(_) => {
                    response = response.warn(format!(
                        "invalid HTTP response code override from partial_failure_response_code, reverting to {}",
                        manners.status
                    ));
                }
            }
        }
        Ok(match self.unknown(manners.takes) {
            Some(warning) => response.warn(warning),
            None => response,
        })
    }

    /// The warning about what items have and is not looked at.
    fn unknown(&self, known: &[&str]) -> Option<String> {
        let names = self.items.iter().flat_map(|item| item.0.keys().map(String::as_str));
        let names: BTreeSet<&str> = names.filter(|name| *name != "reference" && !known.contains(name)).collect();
        let names = names.into_iter().collect::<Vec<_>>().join(" ");
        (!names.is_empty())
            .then(|| format!("Items of batch_input have these parameters, which count for nothing: [{names}]"))
    }
}

/// How an operation answers for items.
#[derive(Clone, Copy)]
pub(super) struct Manners {
    /// The status of the answer where something is wrong with one.
    pub(super) status: u16,
    /// What stands with the error, for clients that look for it first.
    pub(super) blank: fn() -> Map<String, Value>,
    /// What an item may have.
    pub(super) takes: &'static [&'static str],
}

/// The bytes that a parameter has in base64; none where it is empty or not given.
///
/// # Errors
/// If it is no base64.
pub(super) fn bytes(fields: Fields<'_>, name: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    match fields.0.get(name) {
        Some(Value::String(text)) => coded::decode(text),
        _ => coded::decode(&fields.string(name)?.unwrap_or_default()),
    }
}
