//! `leasehold drift`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt as _};

use super::context::{Context, Warnings};
use super::error::CliError;
use super::forms;
use super::global::Format;
use super::plan::{Proposal, Word, colour, failed, propose};
use super::{Global, output};
use crate::api::Client;
use crate::apply::{self, Prepared};
use crate::drift::{self, Drift, Input, Mounts, Verdict};
use crate::estate;
use crate::git;
use crate::ledger;
use crate::live;
use crate::object::{Class, Object, Owned, fingerprint, kind};
use crate::plan::{self, Adopt, Plan};
use crate::review::Environment;
use crate::review::effective::{self, Side};

/// Policies that are read at one time.
const READS_AT_ONCE: usize = 16;

/// Commits that are read for what was applied last: each is an estate to parse.
const COMMITS_MAX: usize = 16;

/// Arguments of `leasehold drift`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It needs no secret, and no more than policies/acl/plan.hcl grants.

Exit codes: 0 no drift, 5 something was changed behind our back or is not ours, 2 the files were not applied yet and \
nothing else, 1 an error.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    dir: Option<PathBuf>,
    /// Print what drifted as JSON, as --format json does
    #[arg(long)]
    json: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let asked = global.format(forms::DRIFT)?;
    let format = if args.json { Format::Json } else { asked };
    let context = Context::open(global)?.at(args.dir).telling(Warnings::Untold);
    let outcome = find(&context).await;
    context.close().await;
    // Two and five say what was found, and nothing else.
    let drift = outcome.map_err(|error| CliError { exit_code: 1, ..error })?;
    output::data(&match format {
        Format::Json => format!("{:#}\n", drift.json()),
        Format::Markdown => drift.markdown(),
        _ => drift.text(colour()),
    })?;
    Ok(drift.exit_code())
}

async fn find(context: &Context) -> Result<Drift, CliError> {
    let word = Word { adopt: Adopt::Refuse, adopt_from: &[], account_change: false, older: false };
    let Proposal { estate, client, mut prepared, .. } = propose(context, word).await?;
    let anothers = leave_to_others(context, &client, &mut prepared).await?;
    let Prepared { mut plan, ledger, mut live } = prepared;
    let mounts = mounts(&estate.objects, &anothers);
    let (policies, known) = policies(&mounts, &client, &plan).await.map_err(|error| failed(context, &error))?;
    plan.notes.extend(known);
    let (desired, owned) = (&estate.objects, ledger.owned());
    let last = last_said(&context.estate_dir(), &estate.environment.name, &drift::lost(desired, owned, &live));
    let input = Input { plan: &plan, desired, owned, live: &live, last: &last, policies: &policies };
    let mut drift = Drift::of(input);
    if !drift.changed.is_empty() {
        let known = effective::Context { managed_policies: &estate.managed_policies };
        let last = drift::last_applied(input);
        live.retain(|path, _| owned.contains_key(path));
        let before = Side::of_live(&last, desired, owned, known);
        let after = Side::of_live(&live, desired, owned, known);
        drift.review = Some(Environment::new(&drift.environment, Some(&before), Some(&after), &[], Vec::new()));
    }
    Ok(drift)
}

/// What commits say of objects that were written from them: that which has the digest of what was written. A commit that
/// this clone lacks, or can't read any more, says nothing.
fn last_said(dir: &Path, environment: &str, lost: &BTreeMap<&str, Vec<(&str, &Owned)>>) -> HashMap<String, Object> {
    let mut said = HashMap::new();
    for (commit, objects) in lost.iter().take(COMMITS_MAX) {
        let hash = commit.split('-').next().unwrap_or_default();
        let Ok(tree) = git::sources(dir, hash) else { continue };
        let Ok(estate) = estate::load(&tree.sources, Some(environment)) else { continue };
        for (path, owned) in objects {
            let Some(object) = estate.object(path) else { continue };
            let object = plan::with_adopted(object, owned);
            if fingerprint::of(&object) == owned.fingerprint {
                said.insert((*path).to_owned(), object);
            }
        }
    }
    said
}

/// Takes out what other estates on the engine have made; answers what they have.
async fn leave_to_others(
    context: &Context,
    client: &Client,
    prepared: &mut Prepared,
) -> Result<HashSet<String>, CliError> {
    match prepared.ledger.readable_others(client, ledger::owners(client).await).await {
        Ok(Some(others)) => {
            let anothers: HashSet<String> = others.iter().flat_map(|other| other.owned().keys().cloned()).collect();
            prepared.plan.unmanaged.retain(|object| !anothers.contains(&object.path));
            Ok(anothers)
        }
        Ok(None) => {
            let note = "this token may not list the ledgers of other estates, so what they made counts as not ours";
            prepared.plan.notes.push(note.to_owned());
            Ok(HashSet::new())
        }
        Err(error) => Err(failed(context, &apply::Error::Ledger(error))),
    }
}

/// What is mounted: where grants are findings, and what estates have.
fn mounts(desired: &[Object], anothers: &HashSet<String>) -> Mounts {
    let mut mounts = Mounts { ledger: ledger::MOUNT, ..Mounts::default() };
    mounts.declared.extend(desired.iter().filter_map(|object| object.kind.below(&object.path)));
    let paths = desired.iter().map(|object| object.path.as_str());
    for path in paths.chain(anothers.iter().map(String::as_str)) {
        if let Some(engine) = path.strip_prefix("sys/mounts/") {
            mounts.engines.insert(engine.to_owned());
        } else if let Some(method) = path.strip_prefix("sys/auth/") {
            mounts.methods.insert(method.to_owned());
        }
    }
    mounts
}

/// The policies of nobody that are findings, and of which it is said that they are not.
async fn policies(
    mounts: &Mounts,
    client: &Client,
    plan: &Plan,
) -> Result<(HashSet<String>, BTreeSet<String>), apply::Error> {
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
        let Some(policy) = policy.map_err(apply::Error::Live)? else { continue };
        match mounts.judge(policy.fields.get("policy").and_then(|value| value.as_str()).unwrap_or_default()) {
            Verdict::Elsewhere => {}
            Verdict::Grants => drop(found.insert(path)),
            Verdict::Ships(file) => drop(known.insert(format!("{path} is not counted: it is {file}, as it ships"))),
        }
    }
    Ok((found, known))
}
