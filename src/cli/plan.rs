//! `leasehold plan`.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use super::Global;
use super::context::{Context, Warnings};
use super::error::CliError;
use super::forms;
use super::global::Format;
use super::output;
use super::secret_source::{self, Missing};
use crate::api::Client;
use crate::apply::{self, Prepared, Reading, Wish, prepare_from};
use crate::estate::Estate;
use crate::git;
use crate::guardrail;
use crate::ledger;
use crate::live;
use crate::plan::{Adopt, Colour, MAX_DELETES_DEFAULT};
use crate::review;
use crate::review::effective::{self, Side};
use crate::review::judgement::{self, Scope};

/// Arguments of `leasehold plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Markers: + create, ~ update, - delete, = exists and is not ours, . forget (nothing is deleted).
An environment that does not set max_deletes allows 5 deletions in one plan.

Exit codes: 0 nothing to do, 2 there are changes, 3 the plan is refused, 1 an error.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    dir: Option<PathBuf>,
    /// Plan to take over declared objects that exist and that no estate has; root keys stay as the engine has them, and
    /// count as meant
    #[arg(long)]
    adopt: bool,
    /// Plan to take over declared objects of this owner, as `leasehold ledger list` names it; may be repeated
    #[arg(long, value_name = "OWNER")]
    adopt_from: Vec<String>,
    /// Plan to lead a mount to another AWS account, though leases of it are out
    #[arg(long)]
    allow_account_change: bool,
    /// Plan with files of a commit that came before one that was applied
    #[arg(long)]
    allow_older: bool,
    /// Take warnings about the files for errors
    #[arg(long)]
    strict: bool,
    /// Show all of a plan of more than 30 changes
    #[arg(long)]
    verbose: bool,
    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let as_json = args.json || global.format(forms::TABLE)? == Format::Json;
    let context = Context::open(global)?.at(args.dir).telling(Warnings::of(args.strict));
    let word = Word {
        adopt: adoption(args.adopt),
        adopt_from: &args.adopt_from,
        account_change: args.allow_account_change,
        older: args.allow_older,
    };
    let outcome = show(&context, word, as_json, args.verbose).await;
    context.close().await;
    // Two means that there are changes, and nothing else.
    outcome.map_err(|error| CliError { exit_code: if error.exit_code == 2 { 1 } else { error.exit_code }, ..error })
}

/// What somebody said that the plan may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    /// About objects that are nobody's.
    pub(super) adopt: Adopt,
    /// The owners whose objects are taken over.
    pub(super) adopt_from: &'a [String],
    /// Whether a mount may leave the AWS account in which it has leases.
    pub(super) account_change: bool,
    /// Whether the files may have come before those of an earlier apply.
    pub(super) older: bool,
}

async fn show(context: &Context, word: Word<'_>, as_json: bool, verbose: bool) -> Result<u8, CliError> {
    let Proposal { prepared: Prepared { plan, .. }, .. } = propose(context, word).await?;
    match as_json {
        true => output::data(&format!("{:#}\n", plan.json()))?,
        false => output::data(&plan.page(colour(), verbose))?,
    }
    Ok(plan.exit_code())
}

/// A plan, and what it takes to carry it out.
pub(super) struct Proposal {
    /// The estate, its secrets resolved as far as they are there.
    pub(super) estate: Estate,
    /// The secrets that are not.
    pub(super) missing: Vec<Missing>,
    /// A client to the environment's engine.
    pub(super) client: Client,
    /// The plan and the ledger.
    pub(super) prepared: Prepared,
}

/// Reads the estate and its engine, and computes the plan.
pub(super) async fn propose(context: &Context, word: Word<'_>) -> Result<Proposal, CliError> {
    let (mut estate, client) = context.environment().await?;
    let commit =
        git::commit(&context.estate_dir()).map_err(|error| CliError::new(1, error.to_string()).hint(error.hint()))?;
    let (environment, guardrails) = (estate.environment.clone(), estate.guardrails.clone());
    let wish = Wish {
        environment: &environment.name,
        estate: environment.estate.as_deref(),
        shared: context.is_remote(&environment),
        commit: commit.as_deref(),
        max_deletes: environment.max_deletes.unwrap_or(MAX_DELETES_DEFAULT),
        adopt: word.adopt,
        adopt_from: word.adopt_from,
        guardrails: &guardrails,
    };
    // Secrets of an engine are read while the rest is.
    let dir = context.estate_dir();
    let (reading, secrets) =
        tokio::join!(Reading::of(&client, &wish, &estate.objects), secret_source::look_up_all(&estate, &dir, &client));
    let unplanned = |error| failed(context, &error);
    let reading = reading.map_err(unplanned)?;
    let missing = secret_source::resolve(&mut estate, &secrets);
    let mut prepared = prepare_from(reading, &client, &wish, &mut estate.objects).await.map_err(unplanned)?;
    for object in &mut estate.objects {
        if let Some(kept) = prepared.plan.with_kept(object) {
            *object = kept;
        }
    }
    if word.account_change {
        prepared.plan.allow_account_change();
    }
    if !word.older {
        refuse_older(context, &mut prepared)?;
    }
    if !prepared.plan.changes.is_empty() {
        let (review, old) = reviewed(&estate, &prepared, &context.today());
        prepared.plan.notes.extend(old);
        prepared.plan.add_review(review);
    }
    Ok(Proposal { estate, client, prepared, missing })
}

/// Refuses a plan from a checkout that came before what was applied: it would take back what others have reviewed.
fn refuse_older(context: &Context, prepared: &mut Prepared) -> Result<(), CliError> {
    if prepared.plan.changes.is_empty() {
        return Ok(());
    }
    let written = prepared.ledger.owned().iter();
    // An apply that only took objects away is known by the ledger alone.
    let gone = prepared.ledger.commits().map(|commit| (commit, "something that is gone now"));
    let kept = written.filter_map(|(path, owned)| Some((owned.commit.as_deref()?, path.as_str())));
    let written: BTreeMap<&str, &str> = gone.chain(kept).collect();
    let newer = git::newer(&context.estate_dir(), written.keys().copied())
        .map_err(|error| CliError::new(1, error.to_string()).hint(error.hint()))?;
    if let Some(newer) = newer {
        prepared.plan.refuse_older(newer, written.get(newer).copied().unwrap_or_default());
    }
    Ok(())
}

/// What the engine's objects let apps do now, and what the files would let them do. With it, what is denied and
/// was there before: the plan may be applied, and Leasehold's engine issues nothing from such a role.
fn reviewed(estate: &Estate, prepared: &Prepared, today: &str) -> (review::Environment, Vec<String>) {
    let known = effective::Context { managed_policies: &estate.managed_policies };
    let before = Side::of_live(&prepared.live, &estate.objects, prepared.ledger.owned(), known);
    let after = Side::of_estate(estate);
    let violations = judgement::judge(Some(&before), &after, &estate.guardrails, Scope::All, today);
    let mut reviewed = review::Environment::new(&estate.environment.name, Some(&before), Some(&after), &[], violations);
    let written: HashSet<guardrail::Violator> = prepared
        .plan
        .changes
        .iter()
        .filter_map(|change| change.path.rsplit_once("/roles/"))
        .map(|(mount, role)| guardrail::Violator::Role(format!("{mount}/{role}")))
        .collect();
    let denied = |judged: &&guardrail::Judged| {
        !judged.introduced
            && judged.violation.severity == guardrail::Severity::Deny
            && written.contains(&judged.violation.subject)
    };
    let old = reviewed.violations.iter().filter(denied).map(|judged| {
        let guardrail::Violation { guardrail, subject, what, .. } = &judged.violation;
        format!(
            "the guardrail {guardrail} denies what was there before: {subject}: {what}. Leasehold's own engine issues no \
             credential of it until that is changed or excepted"
        )
    });
    let old = old.collect();
    reviewed.violations.retain(|judged| judged.introduced);
    (reviewed, old)
}

/// Why a plan could not be made or carried out, with the hints that fit.
pub(super) fn failed(context: &Context, error: &apply::Error) -> CliError {
    let failure = match error {
        apply::Error::Ledger(ledger::Error::Api { path, source }) => {
            context.failed(format!("The ledger could not be read or written ({path})"), source)
        }
        apply::Error::Unrecorded(ledger::Error::Api { path, source }) => {
            context.failed(format!("What became of it could not be written into the ledger ({path})"), source)
        }
        apply::Error::Live(live::Error::Api { path, source }) => {
            context.failed(format!("{path} could not be read"), source)
        }
        other => CliError::new(1, other.to_string()),
    };
    let failure = CliError { exit_code: error.exit_code(), ..failure };
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

pub(super) fn adoption(adopt: bool) -> Adopt {
    if adopt { Adopt::Take } else { Adopt::Refuse }
}

pub(super) fn colour() -> Colour {
    if output::colour() { Colour::Always } else { Colour::Never }
}
