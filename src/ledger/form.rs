//! What a document of the ledger says, and how it is kept.
//!
//! Format 2 keeps a document's entries as one text: engines bound how many texts a request holds, and put each of
//! them into their audit trail. It is the JSON of format 1, deflated (RFC 1950) and in base64:
//!
//! ```text
//! {"format": 2, "entries": "<base64>", "commit": "<hash>"}    {"format": 3, "split": true}
//! {"format": 1, "entries": {"<path>": {...}}}                 {"format": 2, "split": true}
//! ```
//!
//! A document that is split says so in format 3: who reads format 2 looks for eight parts of it only, and would miss what
//! lies in two.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde_json::{Map, Value, json};

use crate::object::{Malformed, Owned};

/// The format of entries that this version writes, and the newest it reads.
const FORMAT: u64 = 2;

/// The format of a document that others stand for.
const FORMAT_OF_SPLIT: u64 = 3;

/// The longest JSON that is read; a document of ours is a few hundred entries, of less than 1 kB each.
const JSON_BYTES_MAX: u64 = 64 << 20;

/// Why a document is not understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It has none.
    #[error("it has no entries")]
    NoEntries,
    /// A newer version wrote it, in this format.
    #[error("it has the format {0}; use the version that wrote it")]
    Newer(u64),
    /// It says no format.
    #[error("it has no format")]
    NoFormat,
    /// One of its entries.
    #[error("{path}: {source}")]
    Entry {
        /// Its object.
        path: String,
        /// What is wrong with it.
        source: Malformed,
    },
    /// Its text is not base64.
    #[error("its entries are not base64")]
    NoBase64,
    /// Its bytes are not deflated.
    #[error("its entries can't be inflated: {0}")]
    NotInflated(#[source] std::io::Error),
    /// They are more than any document of ours.
    #[error("its entries are longer than {} bytes", JSON_BYTES_MAX)]
    Long,
    /// What was deflated is no JSON.
    #[error("its entries are no JSON: {0}")]
    NoJson(#[source] serde_json::Error),
}

/// What a document says.
#[derive(Debug)]
pub(super) enum Content {
    /// Objects that are ours.
    Entries {
        /// By path.
        entries: Vec<(String, Owned)>,
        /// Whether an older version wrote it.
        old: bool,
        /// The commit of the apply that wrote it last.
        commit: Option<String>,
    },
    /// That other documents hold what it held.
    Split,
}

/// Reads a document.
///
/// # Errors
/// What is not understood; a newer format is not guessed at.
pub(super) fn read(data: &Map<String, Value>) -> Result<Content, Error> {
    let (entries, old) = match data.get("format").and_then(Value::as_u64) {
        Some(1) => (data.get("entries").and_then(Value::as_object).cloned().ok_or(Error::NoEntries)?, true),
        Some(FORMAT | FORMAT_OF_SPLIT) if data.get("split") == Some(&Value::Bool(true)) => return Ok(Content::Split),
        Some(FORMAT) => {
            let text = data.get("entries").and_then(Value::as_str).ok_or(Error::NoEntries)?;
            (inflated(text)?, false)
        }
        Some(newer) => return Err(Error::Newer(newer)),
        None => return Err(Error::NoFormat),
    };
    let entry = |(path, entry): (&String, &Value)| match Owned::decode(entry) {
        Ok(owned) => Ok((path.clone(), owned)),
        Err(source) => Err(Error::Entry { path: path.clone(), source }),
    };
    let commit = data.get("commit").and_then(Value::as_str).map(str::to_owned);
    Ok(Content::Entries { entries: entries.iter().map(entry).collect::<Result<_, Error>>()?, old, commit })
}

/// Writes a document of entries.
///
/// # Errors
/// None that is known: memory does not refuse to be written to.
pub(super) fn of_entries<'a>(
    entries: impl Iterator<Item = (&'a str, &'a Owned)>,
    commit: Option<&str>,
) -> std::io::Result<Value> {
    let entries: Map<String, Value> = entries.map(|(path, owned)| (path.to_owned(), owned.encode())).collect();
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::default());
    deflated.write_all(Value::Object(entries).to_string().as_bytes())?;
    let mut data = json!({"format": FORMAT, "entries": STANDARD.encode(deflated.finish()?)});
    if let Some(commit) = commit {
        data["commit"] = commit.into();
    }
    Ok(data)
}

/// Writes a document that others stand for.
pub(super) fn of_split() -> Value {
    json!({"format": FORMAT_OF_SPLIT, "split": true})
}

fn inflated(text: &str) -> Result<Map<String, Value>, Error> {
    let bytes = STANDARD.decode(text).map_err(|_| Error::NoBase64)?;
    let mut json = Vec::new();
    ZlibDecoder::new(bytes.as_slice()).take(JSON_BYTES_MAX + 1).read_to_end(&mut json).map_err(Error::NotInflated)?;
    if json.len() as u64 > JSON_BYTES_MAX {
        return Err(Error::Long);
    }
    serde_json::from_slice(&json).map_err(Error::NoJson)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Content, Error, of_entries, of_split, read};

    fn said(data: &Value) -> Result<Content, Error> {
        read(data.as_object().expect("a map"))
    }

    #[test]
    fn a_document_is_one_text() {
        let entry = json!({"kind": "aws role", "file": "a.hcl", "line": 1, "column": 1, "fingerprint": "ab",
                           "secrets": {}, "state": "applied", "protect": false});
        let old = json!({"format": 1, "entries": {"aws/roles/a": entry, "aws/roles/b": entry}});
        let Ok(Content::Entries { entries, old: true, commit: None }) = said(&old) else { panic!("it is read") };
        let new = of_entries(entries.iter().map(|(path, owned)| (path.as_str(), owned)), Some("c0ffee"))
            .expect("it is written");
        assert!(new["entries"].is_string() && new.as_object().expect("a map").len() == 3, "{new}");
        let Ok(Content::Entries { entries: read, old: false, commit: Some(_) }) = said(&new) else {
            panic!("it is read")
        };
        let all = |entries: &[(String, crate::object::Owned)]| -> Vec<(String, Value)> {
            entries.iter().map(|(path, owned)| (path.clone(), owned.encode())).collect()
        };
        assert_eq!(all(&read), all(&entries));
        assert!(matches!(said(&of_split()), Ok(Content::Split)));
    }

    #[test]
    fn what_is_not_understood_is_not_guessed_at() {
        for (data, part) in [
            (json!({"format": 3, "entries": ""}), "format 3"),
            (json!({"entries": {}}), "no format"),
            (json!({"format": 1}), "no entries"),
            (json!({"format": 1, "entries": {"aws/roles/x": {"kind": "new"}}}), "aws/roles/x"),
            (json!({"format": 2, "entries": {}}), "no entries"),
            (json!({"format": 2, "entries": "!"}), "not base64"),
            (json!({"format": 2, "entries": "AAAA"}), "can't be inflated"),
            (json!({"format": 2, "entries": "eJwDAAAAAAE="}), "no JSON"),
        ] {
            let error = said(&data).expect_err("refused");
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
