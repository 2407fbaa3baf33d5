//! `leasehold drift`.

use std::path::PathBuf;
use std::time::Duration;

use super::app::RunArgs;
use super::apply::{self, Repairing};
use super::audit_files;
use super::baseline::{self, Writing};
use super::context::{Context, Warnings, owner_of};
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::lock::{self, LockArgs};
use super::output;
use crate::drift::Drift;
use crate::git;
use crate::proposal;

/// Arguments of `leasehold drift`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It needs no secret, and no more than policies/acl/plan.hcl grants.

With --repair it needs what an apply needs, asks before it writes, and answers with the exit codes of an apply.

Exit codes: 0 no drift, 5 something was changed behind our back or is not ours, 2 the files were not applied yet and \
nothing else, 1 an error.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    dir: Option<PathBuf>,
    /// Print all of it, also where there is much
    #[arg(long)]
    verbose: bool,
    /// Count nothing that this file accepts today
    #[arg(long, value_name = "FILE", conflicts_with = "repair")]
    baseline: Option<PathBuf>,
    /// Tell who did it, when and from where, by this audit file of the engine, ours, OpenBao's or Vault's, and what was issued
    /// since; - is the standard input; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "repair")]
    audit: Vec<PathBuf>,
    #[command(flatten)]
    login: RunArgs,
    #[command(flatten)]
    writing: Writing,
    /// Put back what was changed behind our back: an apply of what was applied last, and of nothing that was not
    #[arg(long, conflicts_with = "json")]
    repair: bool,
    /// Put it back without asking
    #[arg(long, requires = "repair")]
    auto_approve: bool,
    /// Lead a mount back to the AWS account that it was in, though leases of it are out
    #[arg(long, requires = "repair")]
    allow_account_change: bool,
    /// Wait so long for an apply of this estate to end before it is put back, such as 10m [default: refuse at once]
    #[arg(long, value_name = "DURATION", value_parser = lock::wait, requires = "repair")]
    lock_timeout: Option<Duration>,
    /// Print what drifted as JSON, as --format json does
    #[arg(long)]
    json: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    if args.repair && args.writing.is_asked() {
        return Err(CliError::new(1, "--repair and --write-baseline: what is put back is not accepted"));
    }
    if args.repair {
        return repair(args, global).await;
    }
    global.no_field()?;
    let asked = global.format(forms::DRIFT)?;
    let format = if args.json { Format::Json } else { asked };
    let context = Context::open(global)?.at(args.dir.clone()).telling(Warnings::Untold).logging_in(args.login.way()?);
    let outcome = find(&context, &args).await;
    let estate_dir = context.estate_dir();
    context.close().await;
    let drift = outcome?;
    output::data(&match format {
        Format::Json => format!("{:#}\n", drift.json()),
        Format::Markdown => drift.markdown(),
        Format::Junit => drift.junit(),
        Format::Html => drift.html(),
        Format::Sarif => {
            format!("{:#}\n", drift.sarif(&git::directory_if_any(&estate_dir).map_err(super::access::git_failed)?))
        }
        _ => drift.page(output::colour(), args.verbose),
    })?;
    Ok(drift.extent().exit_code())
}

/// Shows what puts back what was changed, and does it.
async fn repair(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    let context = Context::open(global)?.at(args.dir).telling(Warnings::Untold).logging_in(args.login.way()?);
    let Args { auto_approve, allow_account_change, verbose, lock_timeout, .. } = args;
    let lock = LockArgs::of(lock_timeout);
    let outcome = apply::repair(&context, Repairing { auto_approve, allow_account_change, verbose, lock }).await;
    context.close().await;
    outcome
}

async fn find(context: &Context, args: &Args) -> Result<Drift, CliError> {
    let (estate, client) = context.environment().await?;
    let (dir, today, owner) = (context.estate_dir(), context.today(), owner_of(&estate.environment));
    let basis = context.basis(&dir, &today, &estate.environment);
    let mut drift = proposal::drift(estate, &client, basis).await.map_err(|error| context.unproposed(error))?;
    audit_files::attribute(&mut drift, &client, &owner, &args.audit).await?;
    baseline::accept(context, &mut drift, &client, args.baseline.as_deref()).await?;
    args.writing.write(context, &mut drift, &client).await?;
    Ok(drift)
}
