//! What of an engine is not as it was left: what there is to read for it, and who else has what.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use futures_util::stream::{self, StreamExt as _};
use serde_json::json;

use super::engine::{Basis, Proposal, Word, propose};
use super::error::Error;
use crate::api::Client;
use crate::drift::{self, Baseline, Drift, Fingerprints, Found, Input, Mounts, Verdict};
use crate::estate::{self, Estate};
use crate::git;
use crate::ledger::{self, Ledger};
use crate::live;
use crate::object::{Class, KINDS, Kind, Object, Owned, fingerprint, kind, policy_path};
use crate::plan::{self, Asked, Plan, Unmanaged};
use crate::review::Environment;
use crate::review::state::{self, Side};

/// Policies that are read at one time.
const READS_AT_ONCE: usize = 16;

/// Commits that are read for what was applied last: each is an estate to parse.
const COMMITS_MAX: usize = 16;

/// Compares an estate's engine with what was applied last and with the files. Writes nothing.
///
/// # Errors
/// [`Error::Git`], [`Error::Engine`].
pub async fn drift(estate: Estate, client: &Client, basis: Basis<'_>) -> Result<Drift, Error> {
    let proposal = propose(estate, client, basis, Word::cautious(&Asked::default())).await?;
    drift_of(&proposal, client, basis.dir).await
}

/// The same of a proposal that was made without taking anything over, of the estate in `dir`.
///
/// # Errors
/// [`Error::Engine`].
pub async fn drift_of(proposal: &Proposal, client: &Client, dir: &Path) -> Result<Drift, Error> {
    Ok(found(proposal, client, dir, COMMITS_MAX).await?.0)
}

/// The same, with what commits say of what is not known otherwise, of which so many are read.
pub(super) async fn found(
    proposal: &Proposal,
    client: &Client,
    dir: &Path,
    commits: usize,
) -> Result<(Drift, HashMap<String, Object>), Error> {
    let Proposal { estate, plan, ledger, live, .. } = proposal;
    let mut plan = Plan::clone(plan);
    let anothers = leave_to_others(client, ledger, &mut plan).await?;
    let mounts = mounts(estate, &anothers, &plan);
    let (mut policies, known) = policies(&mounts, client, &plan).await?;
    plan.notes.extend(known);
    let (desired, owned) = (&estate.objects, ledger.owned());
    if let Some(of_all) = policy_of_all(&mounts, client, &anothers, &mut plan.notes).await? {
        policies.insert(of_all.path.clone());
        plan.unmanaged.push(of_all);
    }
    let last = last_said(dir, &estate.environment.name, commits, &drift::lost(desired, owned, live));
    let input = Input { plan: &plan, desired, owned, live, last: &last, policies: &policies };
    let mut drift = Drift::of(input);
    drift.judge(&estate.environment.drift);
    if !drift.changed.is_empty() {
        let known = state::Context::from(estate);
        let last = drift::last_applied(input);
        let ours = live.iter().filter(|(path, _)| owned.contains_key(*path)).map(|(_, live)| live);
        let before = Side::of_live(last.values(), desired, owned, known);
        let after = Side::of_live(ours, desired, owned, known);
        drift.review = Some(Environment::new(&drift.environment, Some(&before), Some(&after), &[], Vec::new()));
    }
    Ok((drift, last))
}

/// The fingerprints of findings: each is the digest of the rule, the path and what the engine holds there now.
///
/// # Errors
/// [`Error::Engine`].
pub async fn fingerprints(client: &Client, found: Vec<Found>) -> Result<Fingerprints, Error> {
    let read = found.into_iter().map(|found| async move {
        let live = match live::read_one(client, found.kind, &found.path).await {
            Err(live::Error::Api { source, .. }) if source.code() == Some(403) => return Ok((found, None)),
            live => live?,
        };
        let held = live.map(|live| json!([fingerprint::of_live_as(&live, found.kind), live.hidden]));
        let print = fingerprint::of_value(&json!([found.rule.id(), found.path, held]));
        Ok::<_, Error>((found, Some(print)))
    });
    let mut read = stream::iter(read).buffer_unordered(READS_AT_ONCE);
    let mut prints = Fingerprints::new();
    while let Some(one) = read.next().await {
        let (found, print) = one?;
        prints.insert((found.rule, found.path), print);
    }
    Ok(prints)
}

/// Sets aside what a baseline accepts today.
///
/// # Errors
/// [`Error::Engine`].
pub async fn accept(drift: &mut Drift, baseline: &Baseline, client: &Client, today: &str) -> Result<(), Error> {
    let prints = fingerprints(client, baseline.asks(drift.acceptable(), today)).await?;
    drift.accept(baseline, &prints, today);
    Ok(())
}

/// What commits say of objects that were written from them: that which has the digest of what was written. A commit that
/// this clone lacks, or can't read any more, says nothing.
fn last_said(
    dir: &Path,
    environment: &str,
    commits: usize,
    lost: &BTreeMap<&str, Vec<(&str, &Owned)>>,
) -> HashMap<String, Object> {
    let mut said = HashMap::new();
    for (commit, objects) in lost.iter().take(commits) {
        let hash = commit.split('-').next().unwrap_or_default();
        let Ok(tree) = git::sources(dir, hash) else { continue };
        let Ok(estate) = estate::load(&tree.sources, Some(environment)) else { continue };
        for (path, owned) in objects {
            let Some(object) = estate.object(path) else { continue };
            let object = plan::with_adopted(object, owned);
            if owned.is_of(&object) {
                said.insert((*path).to_owned(), object);
            }
        }
    }
    said
}

/// Takes out what other estates on the engine have made; answers what they have.
async fn leave_to_others(client: &Client, ledger: &Ledger, plan: &mut Plan) -> Result<HashSet<String>, Error> {
    let Some(others) = ledger.readable_others(client, ledger::owners(client).await).await? else {
        let note = "this token may not list the ledgers of other estates, so what they made counts as not ours";
        plan.notes.push(note.to_owned());
        return Ok(HashSet::new());
    };
    let anothers: HashSet<String> = others.iter().flat_map(|other| other.owned().keys().cloned()).collect();
    plan.unmanaged.retain(|object| !anothers.contains(&object.path));
    Ok(anothers)
}

/// What is mounted: where grants are findings, and what estates have.
fn mounts(estate: &Estate, anothers: &HashSet<String>, plan: &Plan) -> Mounts {
    let (desired, shared) = (&estate.objects, &estate.shared);
    let mut mounts = Mounts { ledger: ledger::MOUNT, ..Mounts::default() };
    mounts.declared.extend(desired.iter().filter_map(|object| object.kind.below(&object.path)));
    mounts.declared.extend(shared.iter().filter_map(|shared| shared.kind.below(&shared.path)));
    mounts.written.extend(desired.iter().flat_map(|object| object.kind.written_at(&object.path)));
    let paths = desired.iter().map(|object| object.path.as_str()).chain(shared.iter().map(|one| one.path.as_str()));
    for path in paths.chain(anothers.iter().map(String::as_str)) {
        if let Some(engine) = path.strip_prefix("sys/mounts/") {
            mounts.engines.insert(engine.to_owned());
        } else if let Some(method) = path.strip_prefix("sys/auth/") {
            mounts.methods.insert(method.to_owned());
        }
    }
    for object in desired {
        if let (Some(engine), Some(of)) = (object.path.strip_prefix("sys/mounts/"), object.value("type").as_str()) {
            mounts.types.insert(engine.to_owned(), of.to_owned());
        }
    }
    let strange = plan.unmanaged.iter().filter_map(|object| object.path.strip_prefix("sys/mounts/"));
    mounts.strange.extend(strange.map(str::to_owned));
    mounts
}

/// The policy that all tokens have, where nobody declared it and it grants something of ours.
async fn policy_of_all(
    mounts: &Mounts,
    client: &Client,
    anothers: &HashSet<String>,
    notes: &mut Vec<String>,
) -> Result<Option<Unmanaged>, Error> {
    let path = policy_path("default");
    let of_policies = |kind: &&&'static Kind| kind.class == Class::Policy && kind.name_of(&path) == Some("default");
    let Some(kind) = KINDS.iter().find(of_policies).filter(|_| !anothers.contains(&path)) else { return Ok(None) };
    let policy = match live::read_one(client, kind, &path).await {
        Err(live::Error::Api { source, .. }) if source.code() == Some(403) => {
            notes.push(format!("this token may not read {path}, so what all tokens may do is not looked at"));
            return Ok(None);
        }
        policy => policy?,
    };
    let Some(policy) = policy else { return Ok(None) };
    let text = policy.fields.get("policy").and_then(|value| value.as_str()).unwrap_or_default();
    let is_found = mounts.judge_of_all(text) == Verdict::Grants;
    Ok(is_found.then_some(Unmanaged { kind: kind.name, path }))
}

/// The policies of nobody that are findings, and of which it is said that they are not.
async fn policies(mounts: &Mounts, client: &Client, plan: &Plan) -> Result<(HashSet<String>, BTreeSet<String>), Error> {
    let policies = plan.unmanaged.iter().filter_map(|object| {
        let kind = kind(object.kind).filter(|kind| kind.class == Class::Policy)?;
        Some((kind, object.path.as_str()))
    });
    let mut read = stream::iter(
        policies.map(|(kind, path)| async move { (path.to_owned(), live::read_one(client, kind, path).await) }),
    )
    .buffer_unordered(READS_AT_ONCE);
    let (mut found, mut known) = (HashSet::new(), BTreeSet::new());
    while let Some((path, policy)) = read.next().await {
        let Some(policy) = policy? else { continue };
        match mounts.judge(policy.fields.get("policy").and_then(|value| value.as_str()).unwrap_or_default()) {
            Verdict::Elsewhere => {}
            Verdict::Grants => drop(found.insert(path)),
            Verdict::Ships(file) => drop(known.insert(format!("{path} is not counted: it is {file}, as it ships"))),
        }
    }
    Ok((found, known))
}
