//! How many leases an engine has.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};

use super::list::keys;
use crate::api::Client;

/// How many levels of a lease folder are walked.
const LEASE_FOLDERS_DEEP: usize = 4;

/// How many folders are walked, in one count: one for each role that has leases.
const LEASE_FOLDERS_MAX: usize = 50_000;

/// Folders of leases that are listed at one time.
pub const LEASE_LISTS_AT_ONCE: usize = 16;

/// How many leases there are under a prefix of lease ids, in each folder that has some. `None` if this token may not
/// know, or if there are too many folders.
pub async fn count_leases(client: &Client, prefix: &str) -> Option<BTreeMap<String, usize>> {
    let mut level = vec![prefix.trim_end_matches('/').to_owned()];
    let (mut leases, mut walked) = (BTreeMap::new(), 0);
    for _ in 0..=LEASE_FOLDERS_DEEP {
        walked += level.len();
        if walked > LEASE_FOLDERS_MAX {
            return None;
        }
        let listing = level.into_iter().map(|folder| async move {
            let names = listed(client, &folder).await;
            (folder, names)
        });
        let mut listing = stream::iter(listing).buffer_unordered(LEASE_LISTS_AT_ONCE);
        let mut below = Vec::new();
        while let Some((folder, names)) = listing.next().await {
            for name in names? {
                match name.strip_suffix('/') {
                    Some(inner) => below.push(format!("{folder}/{inner}")),
                    None => *leases.entry(folder.clone()).or_default() += 1,
                }
            }
        }
        if below.is_empty() {
            return Some(leases);
        }
        level = below;
    }
    None
}

/// The folders below a prefix of lease ids that have leases in them. `None` if this token may not know.
pub async fn folders_of_leases(client: &Client, prefix: &str) -> Option<BTreeSet<String>> {
    let names = listed(client, prefix).await?;
    Some(names.iter().filter_map(|name| name.strip_suffix('/')).map(str::to_owned).collect())
}

async fn listed(client: &Client, folder: &str) -> Option<Vec<String>> {
    let answer = client.list(&format!("sys/leases/lookup/{folder}")).await.ok()?;
    Some(answer.as_ref().map(keys).unwrap_or_default())
}
