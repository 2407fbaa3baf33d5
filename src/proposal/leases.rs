//! How many leases are out under what a plan changes, and for how long at most.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt as _};

use crate::api::Client;
use crate::estate::Estate;
use crate::live::{self, LEASE_LISTS_AT_ONCE};
use crate::object::{Leases, Live, RolePath};
use crate::plan::{Change, ChangeAction, Folder, LeaseFate, Outstanding, Plan};
use crate::review::state::{Context, Side, SideObject};

/// How many leases are out, by path of the change; `None` where it can't be known.
#[derive(Debug, Default)]
pub(super) struct Counted(HashMap<String, Option<BTreeMap<String, usize>>>);

impl Counted {
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
        let unmounted: Vec<String> = plan
            .changes
            .iter()
            .filter(|change| unmounts(change))
            .filter_map(|change| change.kind.below(&change.path))
            .collect();
        let terms = LazyCell::new(|| terms(live));
        for change in &mut plan.changes {
            let (Some(counted), Some(prefix)) = (self.0.get(&change.path), lease_prefixes(change).into_iter().next())
            else {
                continue;
            };
            // They are told with the mount that takes them along.
            if !unmounts(change) && unmounted.iter().any(|folder| change.path.starts_with(folder)) {
                continue;
            }
            if counted.is_none() {
                unknown.push(prefix.clone());
            }
            let folder = |(name, leases): (&String, &usize)| {
                (name.clone(), Folder { leases: *leases, seconds_max: terms.get(name).copied() })
            };
            let folders = counted.as_ref().map(|counted| counted.iter().map(folder).collect());
            change.leases = Some(Outstanding { prefix, fate: fate(change), folders });
        }
        plan.notes.extend(uncounted(&unknown));
    }
}

/// A role's leases that are out: the app that it belongs to, if to one, the role, and how many.
pub type Out = (Option<String>, String, usize);

/// The leases that are out under the roles of an estate, of those that have some. `None` if this token may not know, or if
/// there are too many.
pub async fn outstanding(client: &Client, estate: &Estate) -> Option<Vec<Out>> {
    let mut roles: BTreeMap<String, (Option<String>, String)> = BTreeMap::new();
    for object in &estate.objects {
        let leased = matches!(object.kind.leases, Leases::Issued(_));
        let Some(role) = RolePath::of(object.kind, &object.path).filter(|_| leased) else { continue };
        roles.extend(role.issued_at().map(|folder| (folder, (object.app.clone(), role.label()))));
    }
    // One walk of what is below a mount's folder tells of all roles there.
    let folders: BTreeSet<&str> = roles.keys().filter_map(|folder| Some(folder.rsplit_once('/')?.0)).collect();
    let mut out: BTreeMap<(Option<String>, String), usize> = BTreeMap::new();
    for folder in folders {
        for (folder, leases) in live::count_leases(client, folder).await? {
            if let Some(role) = roles.get(&folder) {
                *out.entry(role.clone()).or_default() += leases;
            }
        }
    }
    Some(out.into_iter().map(|((app, role), leases)| (app, role, leases)).collect())
}

/// For how many more seconds the leases in a folder are out at most, by the terms that the engine has.
fn terms(live: &HashMap<String, Live>) -> HashMap<String, i64> {
    let side = Side::of_objects(live.values().map(|live| SideObject::live(live, None, None)), Context::default());
    let mut terms = HashMap::new();
    for role in side.roles() {
        // Where there is no end, nothing is said of it.
        let most = Some(side.role_terms(role).max).filter(|most| *most < i64::MAX);
        let Some(most) = most else { continue };
        terms.extend(role.at.issued_at().map(|folder| (folder, most)));
    }
    terms
}

/// What becomes of the leases that are out under what a change concerns.
fn fate(change: &Change) -> LeaseFate {
    match change.action {
        _ if unmounts(change) || change.revokes => LeaseFate::Revoked,
        ChangeAction::Delete | ChangeAction::Forget => LeaseFate::Stay,
        _ if matches!(change.kind.leases, Leases::Issued(_)) => LeaseFate::KeepOlder,
        _ => LeaseFate::Out,
    }
}

fn unmounts(change: &Change) -> bool {
    change.action == ChangeAction::Delete && change.kind.below(&change.path).is_some()
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
        ChangeAction::Create => Vec::new(),
        ChangeAction::Forget if !change.revokes => Vec::new(),
        _ if change.live.as_ref().and_then(Live::mount).is_some_and(|mount| !mount.issues()) => Vec::new(),
        _ => change.kind.lease_prefixes(&change.path),
    }
}
