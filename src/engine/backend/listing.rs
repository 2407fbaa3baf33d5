//! Lists that carry what they list, page by page: with the query parameter `detailed=true`, a list of roles or
//! policies has in `key_info` each entry as a read of it would answer; `limit` and `after` ask for so many
//! names that come after a name.
//!
//! An extension of the Vault API, for planning: thousands of reads become a few lists, of which no more than
//! one is in memory. A list says less than reads do, so each entry is in it only if the caller may also read
//! that entry; and it is bounded, so an absent entry means nothing but that it must be read by itself.

use serde_json::{Map, Value};

use super::Call;
use crate::acl::Capability;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::response::Response;

/// Entries that come after this many bytes are left out; clients take answers of a few times the size.
const BYTES_MAX: usize = 24 << 20;

/// What a number, a null or a key costs, roughly.
const FIELD_BYTES: usize = 24;

/// What a list asks for.
pub(crate) struct Page {
    /// Only names after this one; empty for all.
    after: String,
    limit: usize,
    /// Whether the entries are wanted with the names.
    pub(crate) detailed: bool,
}

impl Page {
    /// The page that a request asks for.
    ///
    /// # Errors
    /// A limit that is no number.
    pub(crate) fn of(call: Call<'_>) -> Result<Self, Error> {
        let fields = Fields(&call.request.data);
        let limit = fields.int("limit")?.and_then(|limit| usize::try_from(limit).ok()).filter(|&limit| limit > 0);
        Ok(Self {
            after: fields.string("after")?.unwrap_or_default(),
            limit: limit.unwrap_or(usize::MAX),
            detailed: fields.bool("detailed")?.unwrap_or_default(),
        })
    }

    /// Of names in order, those on this page.
    pub(crate) fn cut(&self, names: Vec<String>) -> Vec<String> {
        names.into_iter().filter(|name| *name > self.after).take(self.limit).collect()
    }

    /// The names on this page of a folder of the store, whose name ends in `/` and which has no folders in it.
    fn names(&self, core: &Core, folder: &str) -> Result<Vec<String>, Error> {
        let keys = core.barrier.keys(folder, self.start(folder).as_deref(), self.limit)?;
        Ok(keys.into_iter().map(|key| key[folder.len()..].to_owned()).collect())
    }

    /// The stored entries on this page of a folder, by name.
    fn entries<T: serde::de::DeserializeOwned>(
        &self,
        core: &Core,
        folder: &str,
    ) -> impl Iterator<Item = Result<(String, T), Error>> {
        let found = core.barrier.each(folder, self.start(folder), self.limit);
        found.map(|entry| entry.map(|(key, value)| (key[folder.len()..].to_owned(), value)))
    }

    fn start(&self, folder: &str) -> Option<String> {
        (!self.after.is_empty()).then(|| format!("{folder}{}", self.after))
    }
}

/// A list of a folder of the store whose entries are `T`: their names, and where the page asks for them, what a read of
/// each would answer.
///
/// # Errors
/// A page that is none, or if the store can't be read.
pub(crate) fn of_folder<T: serde::de::DeserializeOwned>(
    core: &Core,
    call: Call<'_>,
    folder: &str,
    shown: impl Fn(&T) -> Value,
) -> Result<Response, Error> {
    let page = Page::of(call)?;
    let answer = Response::keys(page.names(core, folder)?)?;
    if !page.detailed {
        return Ok(answer);
    }
    let entries = page.entries::<T>(core, folder);
    add(core, call, answer, entries.map(|entry| entry.map(|(name, stored)| (name, shown(&stored)))))
}

/// The same, of those entries alone that are `shown`.
///
/// # Errors
/// As those of [`of_folder`].
pub(crate) fn of_some<T: serde::de::DeserializeOwned>(
    core: &Core,
    call: Call<'_>,
    folder: &str,
    shown: impl Fn(&str, &T) -> Option<Value>,
) -> Result<Response, Error> {
    let page = Page::of(call)?;
    let every = core.barrier.each::<T>(folder, page.start(folder), usize::MAX);
    let told = every.filter_map(|entry| match entry {
        Ok((key, stored)) => {
            shown(&key[folder.len()..], &stored).map(|body| Ok((key[folder.len()..].to_owned(), body)))
        }
        Err(error) => Some(Err(error)),
    });
    let entries: Vec<(String, Value)> = told.take(page.limit).collect::<Result<_, Error>>()?;
    let answer = Response::keys(entries.iter().map(|(name, _)| name.clone()).collect())?;
    match page.detailed {
        true => add(core, call, answer, entries.into_iter().map(Ok)),
        false => Ok(answer),
    }
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
    let judged_by = call.token.ok_or(Error::Unauthenticated)?.judged_by();
    let nothing = Map::new();
    let folder = call.request.path.trim_end_matches('/');
    let mut infos = Map::new();
    let mut bytes = 0;
    for entry in entries {
        let (name, body) = entry?;
        if !core.policies.check(core, &judged_by, Capability::Read, &format!("{folder}/{name}"), &nothing)?.allowed {
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
