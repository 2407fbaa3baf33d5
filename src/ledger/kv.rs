//! One document of the ledger's mount: read, and written with check-and-set.
//!
//! Source: Vault API, "KV secrets engine, version 2".

use serde_json::{Map, Value, json};

use super::error::Error;
use crate::api::{self, Client, Said};

/// Requests under way at one time.
pub(super) const REQUESTS_AT_ONCE: usize = 32;

/// How often a write is sent whose outcome is not known. In between the document is read, which waits for the server.
pub(super) const UNKNOWN_TRIES: u32 = 4;

/// A document as it was read.
#[derive(Debug)]
pub(super) struct Document {
    /// The version that check-and-set compares with.
    pub(super) version: u64,
    /// What it says.
    pub(super) data: Map<String, Value>,
    /// When it was written, by the engine's clock: RFC 3339.
    pub(super) written: Option<String>,
}

/// A document; `None` if there is none, or if its newest version is deleted.
///
/// # Errors
/// [`Error::Api`], [`Error::Odd`].
pub(super) async fn read(client: &Client, path: &str) -> Result<Option<Document>, Error> {
    let answer = client.read(path).await.map_err(|source| Error::Api { path: path.to_owned(), source })?;
    let Some(data) = answer.and_then(|answer| answer.data) else { return Ok(None) };
    // Servers answer what is known of a version that is deleted: some with 404 and this, others with this alone.
    if data.get("data").is_some_and(Value::is_null) {
        return Ok(None);
    }
    let metadata = data.get("metadata");
    let version = metadata.and_then(|metadata| metadata.get("version")).and_then(Value::as_u64);
    let written = metadata.and_then(|metadata| metadata.get("created_time")).and_then(Value::as_str);
    match (version, data.get("data").and_then(Value::as_object)) {
        (Some(version), Some(content)) => {
            Ok(Some(Document { version, data: content.clone(), written: written.map(str::to_owned) }))
        }
        _ => Err(Error::Odd { path: path.to_owned(), what: "it has no data or no version".to_owned() }),
    }
}

/// Writes a document if it has the version still, and answers the new one. Where the answer is lost, the document
/// tells whether it was written.
///
/// # Errors
/// [`Error::Moved`] if it has another version, [`Error::Api`], [`Error::Odd`].
pub(super) async fn put(client: &Client, path: &str, version: u64, data: &Value) -> Result<u64, Error> {
    let body = json!({"data": data, "options": {"cas": version}});
    let body = body.as_object().cloned().unwrap_or_default();
    let path = path.to_owned();
    let mut tries = 1;
    loop {
        let error = match client.write(&path, &body).await {
            Ok(answer) => {
                let version = answer.data.and_then(|data| data.get("version").and_then(Value::as_u64));
                let what = "the engine did not tell the new version".to_owned();
                return version.ok_or(Error::Odd { path, what });
            }
            Err(error) => error,
        };
        // A write of ours that was late makes the next one conflict.
        let conflict = error.says(Said::Conflict);
        if !(error.is_unknown() && tries < UNKNOWN_TRIES || conflict && tries > 1) {
            return Err(if conflict { Error::Moved { path } } else { Error::Api { path, source: error } });
        }
        match read(client, &path).await? {
            Some(found) if found.version == version + 1 && data.as_object() == Some(&found.data) => {
                return Ok(found.version);
            }
            found if !conflict && found.as_ref().map_or(0, |found| found.version) == version => tries += 1,
            _ => return Err(Error::Moved { path }),
        }
    }
}

/// The names of a list's answer.
pub(super) fn names(listed: Option<api::Answer>) -> Vec<String> {
    let keys = listed.and_then(|answer| answer.data).and_then(|mut data| data.remove("keys"));
    keys.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
