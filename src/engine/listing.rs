//! Lists that carry what they list: with the query parameter `detailed=true`, a list of roles or policies
//! has in `key_info` each entry as a read of it would answer.
//!
//! An extension of the Vault API, for planning: thousands of reads become one list. A list says less than
//! reads do, so each entry is in it only if the caller may also read that entry; and it is bounded, so an
//! absent entry means nothing but that it must be read by itself.

use serde_json::{Map, Value};

use super::core::{Call, Core};
use super::error::Error;
use super::policy::Capability;
use super::request::{Operation, Response};

/// Entries that come after this many bytes are left out; clients take answers of a few times the size.
const BYTES_MAX: usize = 24 << 20;

/// What a number, a null or a key costs, roughly.
const FIELD_BYTES: usize = 24;

/// Whether the request asks for the entries as well.
pub(crate) fn is_wanted(call: Call<'_>) -> bool {
    call.request.operation == Operation::List
        && call.request.data.get("detailed").and_then(Value::as_str) == Some("true")
}

/// Adds to a list's answer the entries that the caller may read, by name.
///
/// # Errors
/// The first of `entries`, or a policy that can't be read.
pub(crate) fn add(
    core: &Core,
    call: Call<'_>,
    mut answer: Response,
    entries: impl Iterator<Item = Result<(String, Value), Error>>,
) -> Result<Response, Error> {
    let token = call.token.ok_or(Error::Unauthenticated)?;
    let acl = core.policies.acl(core, &token.policies)?;
    let nothing = Map::new();
    let folder = call.request.path.trim_end_matches('/');
    let mut infos = Map::new();
    let mut bytes = 0;
    for entry in entries {
        let (name, body) = entry?;
        if !acl.decide(Operation::Read, Capability::Read, &format!("{folder}/{name}"), &nothing).allowed {
            continue;
        }
        bytes += size(&body);
        if bytes > BYTES_MAX {
            break;
        }
        infos.insert(name, body);
    }
    if let (Some(data), false) = (&mut answer.data, infos.is_empty()) {
        data.insert("key_info".to_owned(), Value::Object(infos));
    }
    Ok(answer)
}

/// About how many bytes of JSON a value makes.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => FIELD_BYTES + text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(|field| FIELD_BYTES + size(field)).sum(),
        _ => FIELD_BYTES,
    }
}
