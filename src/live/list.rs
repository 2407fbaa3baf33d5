//! Folders of objects: all that is in one, page by page, and what one page tells of some of them.
//!
//! Where an engine's list carries the objects themselves, a page of it is as good as a read of each. What a page does not
//! tell is not guessed: whoever needs it reads the object by itself. A page that is not full is the end of the folder on
//! Leasehold's own engine alone: OpenBao takes names out that a token may not see (`list_scan_response_keys_filter_path`
//! in a policy) after it has cut the page, so that even an empty one may not be the last. Names come from a list of all
//! there, asked for at the same time.

use std::collections::{BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;

use super::named;
use super::tables::READS_AT_ONCE;
use crate::api::{self, Client};
use crate::object::{Documents, Kind, Live};

/// Names in one answer of a list; with what is behind them a few MB at most, as a rule.
const KEYS_PER_PAGE: usize = 1000;

/// A folder of objects that can be listed.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) kind: &'static Kind,
    /// `aws/roles`.
    pub(super) path: String,
}

/// What a folder's list brought.
pub(super) type Listed = Result<(BTreeSet<String>, HashMap<String, Live>), api::Error>;

/// What a page of a folder told of some of its objects, by path.
#[derive(Debug, Default)]
pub struct Seen(HashMap<String, Option<Live>>);

impl Seen {
    /// An object as it stands, or that there is none; `None` where the page does not tell.
    pub fn take(&mut self, path: &str) -> Option<Option<Live>> {
        self.0.remove(path)
    }
}

/// Looks at objects of one kind in one folder of Leasehold's own engine with a single request, beginning at the first of
/// the paths, which are sorted. What can't be listed is not seen: a read of the object says why.
pub async fn look(client: &Client, kind: &'static Kind, paths: &[&str]) -> Seen {
    let Some((folder, first)) = paths.first().and_then(|path| path.rsplit_once('/')) else { return Seen::default() };
    let folder = Folder { kind, path: folder.to_owned() };
    let answer = match client.list_page(&folder.path, &before(first), paths.len()).await {
        Ok(Some(answer)) => answer,
        Ok(None) => return Seen(paths.iter().map(|path| ((*path).to_owned(), None)).collect()),
        Err(_) => return Seen::default(),
    };
    let names: BTreeSet<String> = keys(&answer).into_iter().collect();
    let mut found = HashMap::new();
    bodies(&folder, &answer, &mut found);
    if named::settle(client, found.values_mut()).await.is_err() {
        return Seen::default();
    }
    // A full page ends somewhere; one that is not full is the end of the folder.
    let last = names.iter().max().filter(|_| names.len() >= paths.len());
    let told = paths.iter().filter_map(|&path| {
        let (_, name) = path.rsplit_once('/')?;
        let is_covered = last.is_none_or(|last| name <= last.as_str());
        match found.remove(path) {
            Some(live) => Some((path.to_owned(), Some(live))),
            None => (is_covered && !names.contains(name)).then(|| (path.to_owned(), None)),
        }
    });
    Seen(told.collect())
}

/// A name that sorts before this one, with next to nothing in between: lists begin after a name.
fn before(name: &str) -> String {
    let mut chars = name.chars();
    let last = chars.next_back().and_then(|last| char::from_u32(u32::from(last).checked_sub(1)?));
    let start = chars.as_str().to_owned();
    last.map_or(start.clone(), |last| format!("{start}{last}~"))
}

/// Everything that a folder lists.
async fn list(client: &Client, folder: &Folder) -> Listed {
    match tokio::join!(client.list(&folder.path), pages(client, folder)) {
        (Ok(all), Ok((mut names, found))) => {
            names.extend(all.as_ref().map(keys).unwrap_or_default());
            Ok((names, found))
        }
        (Ok(all), Err(_)) => Ok((all.as_ref().map(keys).unwrap_or_default().into_iter().collect(), HashMap::new())),
        // A policy may allow pages alone (`pagination_limit`).
        (Err(_), paged) => paged,
    }
}

/// Lists folders.
pub(super) async fn list_all(client: &Client, folders: Vec<Folder>) -> Vec<(Folder, Listed)> {
    stream::iter(folders.into_iter().map(|folder| async move {
        let listed = list(client, &folder).await;
        (folder, listed)
    }))
    .buffered(READS_AT_ONCE)
    .collect()
    .await
}

/// A folder page by page, with the objects where the list carries them.
async fn pages(client: &Client, folder: &Folder) -> Listed {
    let (mut names, mut found, mut after) = (BTreeSet::new(), HashMap::new(), String::new());
    while let Some(answer) = client.list_page(&folder.path, &after, KEYS_PER_PAGE).await? {
        let page = keys(&answer);
        bodies(folder, &answer, &mut found);
        let (count, before) = (page.len(), names.len());
        let last = page.iter().max().cloned();
        names.extend(page);
        match last {
            // An engine that does not page answers with everything, again and again.
            Some(last) if count == KEYS_PER_PAGE && names.len() > before => after = last,
            _ => break,
        }
    }
    Ok((names, found))
}

pub(super) fn keys(answer: &api::Answer) -> Vec<String> {
    let keys = answer.data.as_ref().and_then(|data| data.get("keys")).and_then(Value::as_array);
    keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Takes the objects out of a list's `key_info`. A field that every answer of the kind has tells a
/// whole object from a few words about one.
fn bodies(folder: &Folder, answer: &api::Answer, found: &mut HashMap<String, Live>) {
    let Some(witness) = folder.kind.witness() else { return };
    let mut documents = Documents::default();
    let infos = answer.data.as_ref().and_then(|data| data.get("key_info")).and_then(Value::as_object);
    found.extend(infos.into_iter().flatten().filter_map(|(key, info)| {
        let path = format!("{}/{key}", folder.path);
        let info = info.as_object().filter(|info| info.contains_key(witness))?;
        let live = folder.kind.live_among(&path, info, &mut documents).ok()?;
        Some((path, live))
    }));
}

#[cfg(test)]
mod tests {
    use super::before;

    #[test]
    fn a_list_begins_before_the_first_name() {
        for name in ["a", "b1", "web-0", "web-.", "x_", "\u{e000}", "é", "\0"] {
            assert!(before(name).as_str() < name, "{name:?}");
        }
        assert_eq!(before("web-10"), "web-1/~");
        assert!(before("web-10").as_str() > "web-0999");
    }
}
