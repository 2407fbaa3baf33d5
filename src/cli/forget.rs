//! `leasehold forget`: gives objects up, and leaves them as they are.

use super::app::RunArgs;
use super::context::{Context, owner_of};
use super::error::CliError;
use super::global::Global;
use super::lock::{self, LockArgs, Locking};
use super::output;
use super::request;
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
    #[command(flatten)]
    login: RunArgs,
    #[command(flatten)]
    lock: LockArgs,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    global.no_field()?;
    let context = Context::open(global)?.logging_in(args.login.way()?);
    let paths: Vec<&str> = args.paths.iter().map(|path| request::path(path)).collect();
    let outcome = forget(&context, &args.lock, &paths).await;
    context.close().await;
    outcome?;
    for path in paths {
        output::line(&format!("Forgotten: {}. It stays in the engine as it is.", escape(path)))?;
    }
    Ok(0)
}

async fn forget(context: &Context, args: &LockArgs, paths: &[&str]) -> Result<(), CliError> {
    let environment = context.chosen()?;
    let client = context.operator(&environment).await?.patient();
    let owner = owner_of(&environment);
    let locking = Locking::new(context, &client, owner, "forget", args)?;
    let seen = locking.wait().await?;
    let (mut ledger, client) = super::ledger::read(context).await?;
    if let Some(path) = paths.iter().find(|path| !ledger.owned().contains_key(**path)) {
        let (path, whose) = (escape(path), describe(ledger.owner()));
        return Err(CliError::new(1, format!("nothing was forgotten: {path} is not in the ledger of {whose}"))
            .hint("`leasehold ledger show` prints what is"));
    }
    let Some(held) = locking.take(&mut ledger, seen).await? else {
        return Err(CliError::new(4, "nothing was forgotten: somebody else has applied since this was begun")
            .hint("look at `leasehold ledger show`, then forget again"));
    };
    let written = ledger.write(&client, paths.iter().map(|path| ((*path).to_owned(), None))).await;
    lock::free(held).await;
    written.map_err(|error| lock::failed(context, error))
}
