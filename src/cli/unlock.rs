//! `leasehold unlock`: who holds an estate's lock, and taking it away.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::app::RunArgs;
use super::context::{Context, owner_of};
use super::error::CliError;
use super::global::Global;
use super::lock::{claim, failed};
use super::output;
use crate::ledger;
use crate::ledger::lock;
use crate::plan::escape;

/// Arguments of `leasehold unlock`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An apply that still runs stops before its next write, in words; the next one goes on from there. The lock of one that was \
killed ends by itself within a minute, on the same machine at once.

Exit codes: 0 nobody holds it (any more), 1 an error or it was left alone.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Take it away without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    login: RunArgs,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    global.no_field()?;
    let context = Context::open(global)?.at(args.dir).logging_in(args.login.way()?);
    let outcome = unlock(&context, args.yes).await;
    context.close().await;
    outcome
}

async fn unlock(context: &Context, yes: bool) -> Result<u8, CliError> {
    let environment = context.chosen()?;
    let client = context.operator(&environment).await?.patient();
    let owner = owner_of(&environment);
    let whose = escape(&ledger::describe(&owner));
    let seen = lock::look(&client, context.clock(), &owner).await.map_err(|error| failed(context, error))?;
    let Some(held) = seen.held() else {
        output::line(&format!("Nobody holds the lock of {whose}."))?;
        return Ok(0);
    };
    output::line(&format!("The lock of {whose} is held by {}.", escape(&held.by.to_string())))?;
    if let Some(ended) = held.ended {
        output::line(&format!("Nobody has to wait for it: {}.", ended.words()))?;
    }
    if !yes {
        confirm()?;
    }
    let taken = lock::take_away(&client, context.clock(), &owner, &seen, &claim(context, "unlock")?).await;
    taken.map_err(|error| match error {
        ledger::Error::Moved { .. } => CliError::new(1, "nothing was taken away: it is not held by them any more"),
        error => failed(context, error),
    })?;
    output::line("It is free now. If that still runs, it stops before its next write.")?;
    Ok(0)
}

fn confirm() -> Result<(), CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::new(1, "the lock was left alone: there is no terminal to ask on")
            .hint("`leasehold unlock --yes` takes it away without asking"));
    }
    output::ask("Take it away? Only `yes` does: ");
    let mut answer = String::new();
    match (std::io::stdin().read_line(&mut answer), answer.trim()) {
        (Ok(_), "yes") => Ok(()),
        _ => Err(CliError::new(1, "the lock was left alone: the answer was not `yes`")),
    }
}
