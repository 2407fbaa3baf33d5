//! Everything that is read before a plan: the ledger, the engine's objects, and the leases that are out under
//! what changes.

use futures_util::stream::{self, StreamExt as _};

use super::Error;
use crate::api::Client;
use crate::ledger::Ledger;
use crate::live;
use crate::object::{Object, aws_lease, aws_role, mount};
use crate::plan::{Action, Adopt, Change, Input, Plan, Unmanaged};

/// Leases are counted for at most this many changes: a plan that touches more is not read line by line.
const COUNTS_MAX: usize = 200;

/// Counts under way at one time.
const COUNTS_AT_ONCE: usize = 16;

/// What the engine shall be.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The environment.
    pub environment: &'a str,
    /// The estate's commit.
    pub commit: Option<&'a str>,
    /// The declared objects, secrets resolved.
    pub desired: &'a [Object],
    /// How many objects may be deleted.
    pub max_deletes: u32,
    /// What to do about declared objects that are not ours.
    pub adopt: Adopt,
}

/// A plan, and the ledger that it was computed from.
#[derive(Debug)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// The ledger, to be handed on to apply.
    pub ledger: Ledger,
}

/// Reads the engine and computes the plan. Writes nothing.
///
/// # Errors
/// [`Error`].
pub async fn prepare(client: &Client, wish: &Wish<'_>) -> Result<Prepared, Error> {
    let ledger = Ledger::read(client, wish.environment).await?;
    let snapshot = live::read(client, wish.desired, ledger.owned()).await?;
    let unmanaged = snapshot.unmanaged.into_iter().map(|(kind, path)| Unmanaged { kind, path }).collect();
    let mut plan = Plan::new(&Input {
        environment: wish.environment,
        commit: wish.commit,
        desired: wish.desired,
        live: &snapshot.objects,
        owned: ledger.owned(),
        key: ledger.key(),
        adopt: wish.adopt,
        max_deletes: wish.max_deletes,
        unmanaged,
        notes: snapshot.notes,
    })?;
    count_leases(client, &mut plan).await;
    Ok(Prepared { plan, ledger })
}

/// Says how many leases are out under what a plan changes, where this token may know.
async fn count_leases(client: &Client, plan: &mut Plan) {
    let asked: Vec<(usize, String)> = plan
        .changes
        .iter()
        .enumerate()
        .filter_map(|(index, change)| Some((index, lease_prefix(change)?)))
        .take(COUNTS_MAX)
        .collect();
    let counts: Vec<(usize, Option<usize>)> = stream::iter(
        asked.into_iter().map(|(index, prefix)| async move { (index, live::count_leases(client, &prefix).await) }),
    )
    .buffer_unordered(COUNTS_AT_ONCE)
    .collect()
    .await;
    for (index, count) in counts {
        if let Some(count @ 1..) = count {
            let effect = match plan.changes[index].action {
                Action::Delete if plan.changes[index].kind.name == mount::KIND.name => "revoked by this",
                Action::Update | Action::Adopt | Action::Create => "out from before this change",
                Action::Delete | Action::Forget => "out and stay until they end",
            };
            let leases = if count == 1 { "1 lease is".to_owned() } else { format!("{count} leases are") };
            plan.changes[index].effects.push(format!("{leases} {effect}"));
        }
    }
}

/// Where the leases of an object are, if changing it concerns any.
fn lease_prefix(change: &Change) -> Option<String> {
    if matches!(change.action, Action::Create | Action::Forget) {
        return None;
    }
    let kind = change.kind.name;
    if kind == aws_role::KIND.name {
        let (mount, role) = change.path.rsplit_once("/roles/")?;
        Some(format!("{mount}/creds/{role}"))
    } else if kind == aws_lease::KIND.name {
        change.path.strip_suffix("/config/lease").map(str::to_owned)
    } else if kind == mount::KIND.name {
        change.path.strip_prefix("sys/mounts/").map(str::to_owned)
    } else {
        None
    }
}
