//! The engine's tables: what is mounted, which auth methods and audit devices there are.

use std::collections::{BTreeMap, HashMap};

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Map, Value};

use super::error::Error;
use super::snapshot::Snapshot;
use crate::api::{self, Client};
use crate::object::home::Table;
use crate::object::{Home, KINDS, Kind, Object, Shared, Taking, told_type};

/// Requests that are under way at one time while reading.
pub(super) const READS_AT_ONCE: usize = 64;

/// A kind's table, by its path; `None` where only the root namespace has it.
pub(super) type Answered = (&'static Kind, &'static str, Result<Option<Map<String, Value>>, Error>);

/// A table of the engine by its path; absent if this token may not read it.
pub(super) type Tables = HashMap<&'static str, Map<String, Value>>;

/// The tables that could be read; what is in them and not wanted is not ours.
pub(super) fn take_tables(
    client: &Client,
    answers: Vec<Answered>,
    wanted: &BTreeMap<&str, &'static Kind>,
    (desired, shared): (&[Object], &[Shared]),
    snapshot: &mut Snapshot,
) -> Result<Tables, Error> {
    let mut tables = Tables::new();
    for (kind, list, answer) in answers {
        let needed = wanted.values().any(|other| other.name == kind.name);
        let table = match answer {
            Ok(Some(table)) => table,
            Ok(None) => {
                let namespace = client.namespace().unwrap_or_default().to_owned();
                if let Some(object) = desired.iter().find(|object| object.kind.name == kind.name) {
                    let (path, place) = (object.path.clone(), object.place.clone());
                    return Err(Error::RootOnly { path, place, list: list.to_owned(), namespace });
                }
                snapshot.notes.push(format!(
                    "only the root namespace has {list}, so what is there is not looked at from the namespace \
                     `{namespace}`"
                ));
                // What the ledger says of it, from an apply that failed, is not there.
                tables.insert(list, Map::new());
                continue;
            }
            Err(Error::Api { source, .. }) if source.code() == Some(403) && !needed => {
                snapshot
                    .notes
                    .push(format!("this token may not read {list}, so what is not ours there is not counted"));
                continue;
            }
            Err(error) => return Err(error),
        };
        let entries = table.iter().filter(|(key, entry)| key.ends_with('/') && entry.get("type").is_some());
        for (key, _) in entries {
            let path = format!("{list}/{}", key.trim_end_matches('/'));
            let is_known = wanted.contains_key(path.as_str()) || shared.iter().any(|one| one.path == path);
            if !is_known && !kind.is_built_in(&path) {
                snapshot.unmanaged.push((kind.name, path));
            }
        }
        tables.insert(list, table);
    }
    Ok(tables)
}

/// A table; `None` where only the root namespace has it.
///
/// # Source
/// [`api::Said::RootOnly`]; Vault answers "unsupported path" (404) there.
pub(super) async fn table(client: &Client, of: &'static Table) -> Result<Option<Map<String, Value>>, Error> {
    let list = of.list;
    match get(client, list).await {
        Ok(Some(table)) => Ok(Some(table)),
        Err(Error::Api { source, .. }) if source.says(api::Said::RootOnly) && client.namespace().is_some() => Ok(None),
        Ok(None) if of.is_root_only && client.namespace().is_some() => Ok(None),
        // Every namespace has mounts and auth methods, so there is none: or it is another sort of server.
        Ok(None) => Err(match client.no_namespace() {
            Some(source) => Error::Api { path: list.to_owned(), source },
            None => Error::NoTable { address: client.address().to_owned(), list },
        }),
        Err(error) => Err(error),
    }
}

/// How the server takes the entries of tables in which an object is wanted, where it may be otherwise than by its API.
pub(super) async fn taking(
    client: &Client,
    wanted: &BTreeMap<&str, &'static Kind>,
) -> Result<BTreeMap<&'static str, Taking>, Error> {
    let mut taking = BTreeMap::new();
    for kind in wanted.values() {
        let Home::Entry(table) = kind.home else { continue };
        let Some(configured) = table.configured.as_ref().filter(|_| !taking.contains_key(table.list)) else { continue };
        let told = match get(client, configured.path).await {
            Ok(data) => match data.as_ref().and_then(|data| data.get(configured.by_api)).and_then(Value::as_bool) {
                Some(false) => Taking::FromConfiguration,
                Some(true) | None => Taking::ByApi,
            },
            Err(Error::Api { source, .. }) if source.code() == Some(403) => Taking::Unknown,
            // A server that has no such path, or not here.
            Err(Error::Api { source, .. }) if matches!(source.code(), Some(400 | 404 | 405)) => Taking::ByApi,
            Err(error) => return Err(error),
        };
        taking.insert(table.list, told);
    }
    Ok(taking)
}

/// Asks for the tables of all kinds.
pub(super) async fn all_tables(client: &Client) -> Vec<Answered> {
    let tables = KINDS.iter().filter_map(|&kind| match kind.home {
        Home::Entry(table) => Some((kind, table)),
        _ => None,
    });
    stream::iter(tables.map(|(kind, of)| async move { (kind, of.list, table(client, of).await) }))
        .buffered(READS_AT_ONCE)
        .collect()
        .await
}

/// Whether an object can be at a path: under a mount that is there and of its type, or where that is not known.
pub(super) fn is_mounted(kind: &Kind, path: &str, tables: &Tables) -> bool {
    let Some((table, before)) = kind.table().and_then(|table| Some((table, table.below?))) else { return true };
    let (Some(rest), Some(mounts)) = (path.strip_prefix(before), tables.get(table.list)) else { return true };
    let mount = rest.match_indices('/').find_map(|(at, _)| mounts.get(&rest[..=at]));
    // What is a setting of one type is a secret in another.
    mount.is_some_and(|mount| kind.mount_type().is_none_or(|of| told_type(mount).is_none_or(|told| told == of)))
}

/// What is at a path.
pub(super) async fn get(client: &Client, path: &str) -> Result<Option<Map<String, Value>>, Error> {
    let answer = client.read(path).await.map_err(|source| Error::Api { path: path.to_owned(), source })?;
    Ok(answer.and_then(api::Answer::into_data))
}
