//! `leasehold plan`.

use std::path::{Path, PathBuf};

use time::format_description::well_known::Rfc3339;

use super::app::RunArgs;
use super::context::{Context, Proposed, Warnings};
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::selection::{SelectionArgs, is_no_pattern};
use super::{output, saved};
use crate::plan::{Adopt, EVERYTHING};
use crate::proposal::{self, Purpose, Word};
use crate::ssh::PrivateKey;

/// Arguments of `leasehold plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Markers: + create, ~ update, > rename, - delete, = exists and is not ours, . forget (nothing is deleted).
An environment that does not set max_deletes allows 5 deletions in one plan.

A plan that is refused is not saved; one without changes is, and `leasehold apply` says so of it.

Exit codes: 0 nothing to do, 2 there are changes, 3 the plan is refused, 1 an error.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    dir: Option<PathBuf>,
    /// Plan to take over declared objects that exist and that no estate has; root keys stay as the engine has them, and
    /// count as meant. With `--adopt=PATTERN` only those whose paths are like it; may be repeated
    #[arg(long, value_name = "PATTERN", num_args = 0..=1, require_equals = true, default_missing_value = EVERYTHING)]
    adopt: Vec<String>,
    /// Plan to take over declared objects of this owner, as `leasehold ledger list` names it; may be repeated
    #[arg(long, value_name = "OWNER")]
    adopt_from: Vec<String>,
    /// Plan to lead a mount to another AWS account, though leases of it are out
    #[arg(long)]
    allow_account_change: bool,
    /// Plan with files of a commit that came before one that was applied
    #[arg(long)]
    allow_older: bool,
    /// Delete at most so many objects: fewer than the environment's `max_deletes`, or any number where it sets none
    #[arg(long, value_name = "N")]
    max_deletes: Option<u32>,
    #[command(flatten)]
    login: RunArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Save the plan, for `leasehold apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Sign the saved plan with this ssh key (ed25519, without a passphrase); the signature is FILE.sig
    #[arg(long, value_name = "KEY", requires = "out")]
    sign_key: Option<PathBuf>,
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
    let asked = global.format(forms::PLAN)?;
    let format = if args.json { Format::Json } else { asked };
    is_no_pattern(args.dir.as_deref(), &args.adopt)?;
    let context = Context::open(global)?.at(args.dir).telling(Warnings::of(args.strict)).logging_in(args.login.way()?);
    let asked = args.selection.asked();
    let word = Word {
        adopt: Adopt::like(&args.adopt),
        adopt_from: &args.adopt_from,
        account_change: args.allow_account_change,
        older: args.allow_older,
        max_deletes: args.max_deletes,
        asked: &asked,
    };
    let key = args.sign_key.as_deref().map(saved::key).transpose()?;
    let outcome = show(&context, word, format, args.verbose, args.out.as_deref().map(|file| Out { file, key })).await;
    context.close().await;
    outcome
}

/// Where a plan is saved, and who signs it.
struct Out<'a> {
    file: &'a Path,
    key: Option<PrivateKey>,
}

async fn show(
    context: &Context,
    word: Word<'_>,
    format: Format,
    verbose: bool,
    out: Option<Out<'_>>,
) -> Result<u8, CliError> {
    let Proposed { proposal, client, sources } =
        context.propose(context.workplace().await?, word, Purpose::Show).await?;
    let plan = &proposal.plan;
    output::data(&match format {
        Format::Json => format!("{:#}\n", plan.json()),
        Format::Markdown => plan.markdown(),
        Format::Junit => plan.junit(),
        Format::Html => plan.html(&proposal::graphs(&proposal)),
        _ => plan.page(output::colour(), verbose),
    })?;
    for missing in proposal.missing.iter().filter(|missing| missing.is_refused) {
        output::say(&format!("warning: {}", output::one_line(&missing.problem)));
    }
    match out {
        Some(Out { file, key }) if plan.refusals.is_empty() => {
            let made = context.clock().now().format(&Rfc3339);
            let made = made.map_err(|error| CliError::new(1, format!("the time can't be written: {error}")))?;
            let saved = proposal::save(&proposal, &sources, &client, word, made).await;
            saved::write(file, &saved.map_err(|error| context.unproposed(error))?, key.as_ref())?;
        }
        Some(Out { file, .. }) => {
            let file = output::printable(&file.display().to_string()).into_owned();
            output::say(&format!("Not saved to {file}: what is refused can't be applied."));
        }
        None => {}
    }
    Ok(plan.exit_code())
}
