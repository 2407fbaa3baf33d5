//! Objects read one by one: what an engine answers, as their kinds read it.

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Map, Value};

use super::error::Error;
use super::tables::{READS_AT_ONCE, get};
use super::{anywhere, named};
use crate::api::Client;
use crate::object::{Field, Kind, Live, Object, Read, field};

/// Reads one object now; `None` if there is none.
///
/// # Errors
/// [`Error`].
pub async fn read_one(client: &Client, kind: &'static Kind, path: &str) -> Result<Option<Live>, Error> {
    let mut live = read_as_told(client, kind, path).await?;
    // That somebody in it is unknown is told where everything is read.
    drop(named::settle(client, live.iter_mut()).await?);
    Ok(live)
}

/// Reads one object with ids where an engine tells them.
pub(super) async fn read_as_told(client: &Client, kind: &'static Kind, path: &str) -> Result<Option<Live>, Error> {
    match kind.read(path) {
        Read::At(at) => match anywhere::get(client, kind, &at).await? {
            Some(data) => parsed(kind, path, &data).map(Some),
            None => Ok(None),
        },
        Read::Entry { list, key } => {
            let table = get(client, list).await?.unwrap_or_default();
            table.get(&key).and_then(Value::as_object).map(|entry| parsed(kind, path, entry)).transpose()
        }
    }
}

/// Reads one object now, with what is told apart from it of that which is declared, as far as this token may.
///
/// # Errors
/// [`Error`].
pub async fn read_whole(
    client: &Client,
    kind: &'static Kind,
    path: &str,
    object: Option<&Object>,
) -> Result<Option<Live>, Error> {
    let Some(mut live) = read_one(client, kind, path).await? else { return Ok(None) };
    for (field, at) in object.into_iter().flat_map(Object::apart) {
        match get(client, &at).await {
            Ok(answer) => live.apart.extend(told_apart(field, answer)),
            Err(Error::Api { source, .. }) if source.code() == Some(403) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(live))
}

/// Reads objects one by one.
pub(super) async fn read_each(
    client: &Client,
    asked: Vec<(String, &'static Kind)>,
) -> HashMap<String, Result<Option<Live>, Error>> {
    stream::iter(asked.into_iter().map(|(path, kind)| async move {
        let live = read_as_told(client, kind, &path).await;
        (path, live)
    }))
    .buffer_unordered(READS_AT_ONCE)
    .collect()
    .await
}

/// A field out of the answer that tells it.
pub(super) fn told_apart(field: &'static Field, answer: Option<Map<String, Value>>) -> Option<(&'static str, Value)> {
    let value = answer?.remove(field.name)?;
    Some((field.name, field::normalise(field.shape, &value).unwrap_or(value)))
}

/// What an engine answers as an object.
pub(super) fn parsed(kind: &'static Kind, path: &str, data: &Map<String, Value>) -> Result<Live, Error> {
    kind.live(path, data).map_err(|what| Error::Odd { path: path.to_owned(), kind: kind.name, what })
}
