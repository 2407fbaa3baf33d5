//! What only an engine knows of the objects that a call names, asked for when it is sent: they have been written by then.

use serde_json::{Map, Value};

use crate::api::{self, Client};
use crate::object::{Call, Made, Read};

/// Why a call can't be sent.
#[derive(Debug)]
pub(super) enum Unfilled {
    /// An engine did not tell.
    Api(api::Error),
    /// There is no such object, or it tells nothing of the sort.
    Missing {
        /// The object.
        path: String,
        /// What it should tell.
        part: &'static str,
    },
}

impl Unfilled {
    /// What is missing, and what to do.
    pub(super) fn words(path: &str, part: &str) -> String {
        format!(
            "it names {path}, and the engine has none, or does not tell its {part}: declare it, make it by hand, or name \
             another"
        )
    }
}

/// The body of a call, with what the engine makes.
///
/// # Errors
/// [`Unfilled`].
pub(super) async fn body(client: &Client, call: &Call) -> Result<Map<String, Value>, Unfilled> {
    let mut body = call.body.clone();
    for Made { parameter, part, of, is_list } in &call.made {
        let mut values = Vec::with_capacity(of.len());
        for read in of {
            values.push(told(client, read, part).await?);
        }
        let value = if *is_list { Value::Array(values) } else { values.pop().unwrap_or_default() };
        body.insert((*parameter).to_owned(), value);
    }
    Ok(body)
}

/// A part of what an engine answers of an object.
async fn told(client: &Client, read: &Read, part: &'static str) -> Result<Value, Unfilled> {
    let path = match read {
        Read::At(path) => path.as_str(),
        Read::Entry { list, .. } => list,
    };
    let answer = client.read(path).await.map_err(Unfilled::Api)?;
    let data = answer.and_then(api::Answer::into_data);
    let object = match read {
        Read::At(_) => data,
        Read::Entry { key, .. } => data.and_then(|table| table.get(key)?.as_object().cloned()),
    };
    let value = object.and_then(|object| object.get(part).filter(|value| value.is_string()).cloned());
    value.ok_or_else(|| Unfilled::Missing { path: read.to_string(), part })
}
