//! `leasehold drift`.

use std::path::PathBuf;

use super::context::{Context, Warnings};
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::output;
use crate::drift::Drift;
use crate::git;
use crate::proposal;

/// Arguments of `leasehold drift`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It needs no secret, and no more than policies/acl/plan.hcl grants.

Exit codes: 0 no drift, 5 something was changed behind our back or is not ours, 2 the files were not applied yet and \
nothing else, 1 an error.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    dir: Option<PathBuf>,
    /// Print all of it, also where there is much
    #[arg(long)]
    verbose: bool,
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
    Ok(drift.exit_code())
}

async fn find(context: &Context) -> Result<Drift, CliError> {
    let (estate, client) = context.environment().await?;
    let (dir, today) = (context.estate_dir(), context.today());
    let basis = context.basis(&dir, &today, &estate.environment);
    proposal::drift(estate, &client, basis).await.map_err(|error| context.unproposed(error))
}
