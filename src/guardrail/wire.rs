//! Guardrails between the halves: the value of the header `X-Leasehold-Guardrails`, base64 of a JSON list.
//!
//! Both halves read and write it here. Nothing unknown is passed over at any depth: an engine that is older than the
//! reconciler refuses the write, and does not drop a demand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::declared::Guardrail;

/// Why a header is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not base64.
    #[error("it is not base64")]
    Base64(#[source] base64::DecodeError),
    /// It is no list of guardrails, or one of them says what this program does not know.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// The guardrails of a role as JSON. Where they are declared may move without them saying anything else, so that is
/// left empty.
///
/// # Errors
/// None is known: each rule is an object of its words.
pub fn value<'g>(guardrails: impl Iterator<Item = &'g Guardrail>) -> Result<Value, serde_json::Error> {
    guardrails.map(|one| serde_json::to_value(Guardrail { place: String::new(), ..one.clone() })).collect()
}

/// The header for a value.
pub fn header(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

/// The header for a role that has none: without a word, an engine would keep those it has.
pub fn header_of_none() -> String {
    STANDARD.encode("[]")
}

/// Reads the header.
///
/// # Errors
/// What of it is not understood.
pub fn read(header: &str) -> Result<Vec<Guardrail>, Error> {
    let bytes = STANDARD.decode(header).map_err(Error::Base64)?;
    Ok(serde_json::from_slice(&bytes)?)
}
