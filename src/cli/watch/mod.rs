//! `leasehold watch`: a round again and again, each made as `plan`, `drift` and `apply` are.

mod control;
mod credentials;
mod near;
mod receiver;
mod round;
mod settings;
mod signals;
mod token;
mod turns;

use std::path::PathBuf;
use std::time::Duration;

use self::control::Place;
use self::credentials::LogArgs;
use self::settings::Settings;
use super::app::RunArgs;
use super::error::CliError;
use super::global::Global;
use crate::units::duration;
use crate::watch::{Mode, StoreError};

/// Arguments of `leasehold watch`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
It tells, and writes nothing, unless --mode apply is said. Then it makes the engine as the commit says, under the estate's \
lock: what was changed by hand is taken back, what is not ours is left alone, and a plan that is refused or deletes \
something (without --allow-deletes) is told and not applied, not in part either.

SIGHUP begins a round now. SIGTERM or Ctrl-C lets the round end, and ends; once more stops what is being applied after what \
is being written.

Exit codes of --once are those of `leasehold drift`: 0 no drift, 5 something was changed behind our back or is not ours, 2 \
something is not applied and nothing else, 1 an error; and 3 an apply is refused, 4 somebody else is at it."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<control::Subcommand>,
    /// The estate's directory, which somebody else keeps up to date [default: the current one]
    dir: Option<PathBuf>,
    /// Fetch the estate from this git repository instead, each round
    #[arg(long, value_name = "URL", conflicts_with = "dir")]
    remote: Option<String>,
    /// The branch that is fetched
    #[arg(long, value_name = "NAME", default_value = "main", requires = "remote")]
    branch: String,
    /// The estate's directory in the repository [default: its root]
    #[arg(long, value_name = "PATH", requires = "remote")]
    path: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Count nothing that this file accepts on the day, as `leasehold drift --baseline`; it is read each round
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Whether it writes
    #[arg(long, value_enum, default_value = "report")]
    mode: ModeChoice,
    /// Let it delete what is ours and no longer declared, as far as the environment's limits allow
    #[arg(long)]
    allow_deletes: bool,
    /// Delete at most so many objects in one round: fewer than the environment's `max_deletes`
    #[arg(long, value_name = "N", requires = "allow_deletes")]
    max_deletes: Option<u32>,
    /// Read no commit but one that is signed by one of the ssh keys in this file, a public key a line
    #[arg(long, value_name = "FILE")]
    require_signed: Option<PathBuf>,
    /// How long from one round to the next
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = interval)]
    interval: Duration,
    /// Serve /metrics, /healthz and a page here; it asks nobody who he is
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "once")]
    listen: Option<String>,
    /// Send news as JSON to this address, or to the one in secret:env:NAME or secret:file:PATH: drift, refusals, failures and
    /// their end, each once
    #[arg(long, value_name = "URL")]
    notify: Option<String>,
    /// The same to an incoming webhook of Slack
    #[arg(long, value_name = "URL")]
    notify_slack: Option<String>,
    /// The same as comments on an issue of GitHub: https://api.github.com/repos/OWNER/REPO/issues/NUMBER/comments
    #[arg(long, value_name = "URL", requires = "notify_github_token")]
    notify_github: Option<String>,
    /// Where the token for these is kept: secret:env:NAME or secret:file:PATH
    #[arg(long, value_name = "SECRET", requires = "notify_github")]
    notify_github_token: Option<String>,
    /// Make one round, print what drifted, and end
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    login: RunArgs,
}

/// Whether it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ModeChoice {
    /// It tells what drifted and what would be applied
    Report,
    /// It applies what the commit says
    Apply,
}

impl From<ModeChoice> for Mode {
    fn from(choice: ModeChoice) -> Self {
        match choice {
            ModeChoice::Report => Self::Report,
            ModeChoice::Apply => Self::Apply,
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds = duration::parse(text)?;
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| "it is at least a second".to_owned())
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    match args.action {
        Some(action) => action.run(global),
        None => {
            global.no_form()?;
            turns::run(Settings::new(args, global)?).await
        }
    }
}

/// Why a state could not be had or kept, as commands tell it.
fn unkept(error: &StoreError) -> CliError {
    CliError::new(1, error.to_string()).hint(error.hint())
}
