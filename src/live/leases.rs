//! How many leases an engine has.

use std::collections::BTreeMap;

use super::keys;
use crate::api::Client;

/// How many levels of a lease folder are walked.
const LEASE_FOLDERS_DEEP: usize = 4;

/// How many folders are walked, in one count.
const LEASE_FOLDERS_MAX: usize = 200;

/// How many leases there are under a prefix of lease ids, in each folder that has some. `None` if this token may not
/// know.
pub async fn count_leases(client: &Client, prefix: &str) -> Option<BTreeMap<String, usize>> {
    let mut folders = vec![(prefix.trim_end_matches('/').to_owned(), 0)];
    let (mut leases, mut walked) = (BTreeMap::new(), 0);
    while let Some((folder, depth)) = folders.pop() {
        walked += 1;
        if walked > LEASE_FOLDERS_MAX || depth > LEASE_FOLDERS_DEEP {
            return None;
        }
        let answer = client.list(&format!("sys/leases/lookup/{folder}")).await.ok()?;
        for key in answer.as_ref().map(keys).unwrap_or_default() {
            match key.strip_suffix('/') {
                Some(inner) => folders.push((format!("{folder}/{inner}"), depth + 1)),
                None => *leases.entry(folder.clone()).or_default() += 1,
            }
        }
    }
    Some(leases)
}
