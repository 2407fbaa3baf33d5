//! How many leases are out under what a plan changes, and for how long at most.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt as _};

use crate::api::Client;
use crate::live::{self, LEASE_LISTS_AT_ONCE};
use crate::object::Live;
use crate::plan::{Change, ChangeAction, Plan};
use crate::review::state::{Context, Side, SideObject};
use crate::review::words_of_duration;

/// How many folders of leases are named before they are only counted.
const FOLDERS_SHOWN_MAX: usize = 5;

/// How many leases are out, by path of the change; `None` where it can't be known.
#[derive(Debug, Default)]
pub(super) struct Outstanding(HashMap<String, Option<BTreeMap<String, usize>>>);

impl Outstanding {
    /// Counts them. Of many roles in one folder the folder tells which have any, so that no request is made for the others.
    pub(super) async fn count(client: &Client, plan: &Plan) -> Self {
        let asked: Vec<(&str, String)> = plan
            .changes
            .iter()
            .flat_map(|change| lease_prefixes(change).into_iter().map(|prefix| (change.path.as_str(), prefix)))
            .collect();
        let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
        for (folder, _) in asked.iter().filter_map(|(_, prefix)| prefix.rsplit_once('/')) {
            *folders.entry(folder).or_default() += 1;
        }
        let many = folders.into_iter().filter(|(_, roles)| *roles > 1).map(|(folder, _)| folder);
        let listed: HashMap<&str, Option<BTreeSet<String>>> =
            stream::iter(many.map(|folder| async move { (folder, live::folders_of_leases(client, folder).await) }))
                .buffer_unordered(LEASE_LISTS_AT_ONCE)
                .collect()
                .await;
        let counts = asked.iter().map(|(path, prefix)| {
            let known = prefix.rsplit_once('/').and_then(|(folder, name)| Some((listed.get(folder)?.as_ref(), name)));
            async move {
                let counted = match known {
                    Some((None, _)) => None,
                    Some((Some(names), name)) if !names.contains(name) => Some(BTreeMap::new()),
                    _ => live::count_leases(client, prefix).await,
                };
                ((*path).to_owned(), counted)
            }
        });
        let counts: Vec<(String, Option<BTreeMap<String, usize>>)> =
            stream::iter(counts).buffer_unordered(LEASE_LISTS_AT_ONCE).collect().await;
        let mut all: HashMap<String, Option<BTreeMap<String, usize>>> = HashMap::new();
        for (path, counted) in counts {
            let known = all.entry(path).or_insert_with(|| Some(BTreeMap::new()));
            *known = known.take().zip(counted).map(|(mut known, counted)| {
                known.extend(counted);
                known
            });
        }
        Self(all)
    }

    /// Says it in the plan; where it can't be known, that. What is live says for how long they are out.
    pub(super) fn tell(&self, plan: &mut Plan, live: &HashMap<String, Live>) {
        let mut unknown = Vec::new();
        let mut side: Option<Side<'_>> = None;
        let unmounted: Vec<String> = plan
            .changes
            .iter()
            .filter(|change| unmounts(change))
            .filter_map(|change| change.kind.below(&change.path))
            .collect();
        for change in &mut plan.changes {
            let (Some(counted), Some(prefix)) = (self.0.get(&change.path), lease_prefixes(change).into_iter().next())
            else {
                continue;
            };
            let unmounts = unmounts(change);
            // They are told with the mount that takes them along.
            if !unmounts && unmounted.iter().any(|folder| change.path.starts_with(folder)) {
                continue;
            }
            let Some(counted) = counted else {
                // What revokes them says so itself.
                if unmounts {
                    change.effects.push("how many leases are revoked by this is not known".to_owned());
                }
                unknown.push(prefix);
                continue;
            };
            let (leases, stay) = match counted.values().sum() {
                0_usize => continue,
                1 => ("1 lease is".to_owned(), "stays until it ends"),
                count => (format!("{count} leases are"), "stay until they end"),
            };
            let side = side.get_or_insert_with(|| {
                Side::of_objects(live.values().map(|live| SideObject::live(live, None, None)), Context::default())
            });
            let longest = longest(side, &change.path);
            change.effects.push(match change.action {
                ChangeAction::Delete if unmounts => format!("{leases} revoked by this: {}", by_folder(counted)),
                ChangeAction::Update | ChangeAction::Adopt | ChangeAction::Create => {
                    format!("{leases} out from before this change{longest}")
                }
                ChangeAction::Delete | ChangeAction::Forget => format!("{leases} out and {stay}{longest}"),
            });
        }
        plan.notes.extend(uncounted(&unknown));
    }
}

fn unmounts(change: &Change) -> bool {
    change.action == ChangeAction::Delete && change.kind.below(&change.path).is_some()
}

/// For how much longer the leases of a role are out at most, by the terms that the engine has.
fn longest(side: &Side<'_>, path: &str) -> String {
    let terms = side.role(path).map(|role| side.role_terms(role));
    terms.map(|terms| format!(", for at most {} more", words_of_duration(terms.max))).unwrap_or_default()
}

/// Outstanding by the folders that they are in, those with the most first: `aws/creds/deploy 12, aws/creds/web 1`.
fn by_folder(counted: &BTreeMap<String, usize>) -> String {
    let mut folders: Vec<(&String, &usize)> = counted.iter().collect();
    folders.sort_by_key(|(folder, count)| (Reverse(**count), *folder));
    let shown = folders.iter().take(FOLDERS_SHOWN_MAX).map(|(folder, count)| format!("{folder} {count}"));
    let more = match folders.len().saturating_sub(FOLDERS_SHOWN_MAX) {
        0 => String::new(),
        more => format!(" and {more} more folders"),
    };
    shown.collect::<Vec<_>>().join(", ") + &more
}

/// That leases were not counted, and of what.
fn uncounted(paths: &[String]) -> Option<String> {
    let first = paths.first()?;
    let more = match paths.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more of these changes"),
    };
    Some(format!(
        "not known: how many leases are out under {first}{more}; that takes `list` and `sudo` on sys/leases/lookup/*, and \
         folders that are not too many"
    ))
}

/// Where the leases of an object are, if changing it concerns any.
fn lease_prefixes(change: &Change) -> Vec<String> {
    match change.action {
        ChangeAction::Create | ChangeAction::Forget => Vec::new(),
        _ => change.kind.lease_prefixes(&change.path),
    }
}
