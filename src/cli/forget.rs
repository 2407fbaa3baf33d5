//! `leasehold forget`: gives objects up, and leaves them as they are.

use super::context::Context;
use super::error::CliError;
use super::global::Global;
use super::request;
use super::{ledger, output};
use crate::apply;
use crate::ledger::describe;
use crate::plan::escape;

/// Arguments of `leasehold forget`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
They stay in the engine as they are. What the files still declare is refused by the next plan as not ours, until it is \
taken over again with --adopt; another estate that declares it takes it over in the same way.

If one of them is not in the ledger, none is forgotten. It takes a token that may apply.")]
pub(crate) struct Args {
    /// The objects, as `leasehold ledger show` prints them
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    global.no_field()?;
    let context = Context::open(global)?;
    let paths: Vec<&str> = args.paths.iter().map(|path| request::path(path)).collect();
    let outcome = forget(&context, &paths).await;
    context.close().await;
    outcome?;
    for path in paths {
        output::line(&format!("Forgotten: {}. It stays in the engine as it is.", escape(path)))?;
    }
    Ok(0)
}

async fn forget(context: &Context, paths: &[&str]) -> Result<(), CliError> {
    let (mut ledger, client) = ledger::read(context).await?;
    if let Some(path) = paths.iter().find(|path| !ledger.owned().contains_key(**path)) {
        let (path, whose) = (escape(path), describe(ledger.owner()));
        return Err(CliError::new(1, format!("nothing was forgotten: {path} is not in the ledger of {whose}"))
            .hint("`leasehold ledger show` prints what is"));
    }
    let written = ledger.write(&client, paths.iter().map(|path| ((*path).to_owned(), None))).await;
    written.map_err(|error| context.unproposed(apply::Error::Ledger(error).into()))
}
