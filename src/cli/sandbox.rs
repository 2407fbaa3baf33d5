//! `leasehold sandbox`.

mod ask;

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::TcpListener;

use super::error::CliError;
use super::global::Global;
use super::output;
use super::server::{log_to_stderr, stopped};
use crate::clock::Clock;
use crate::sandbox::{self, ACCOUNT_ID, Account, Control, OpenError, ROOT_ACCESS_KEY, ROOT_SECRET};

/// Arguments of `leasehold sandbox`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// Listen on this loopback address; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4566")]
    listen: SocketAddr,
    /// Keep the account in this directory [default: in memory]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Let tests order faults and read the calls under /_sandbox/
    #[arg(long)]
    control: bool,
    /// How much to log to stderr: error, warn, info, debug (every call) or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: String,
    #[command(subcommand)]
    action: Option<ask::Question>,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    if let Some(action) = &args.action {
        return ask::run(action);
    }
    log_to_stderr(&args.log_level, false)?;
    let account = Account::open(args.data_dir.as_deref(), Clock::system()).map_err(|error| opening(&error))?;
    account.add_engine_user().map_err(|error| CliError::new(1, error.to_string()))?;
    let failed = |what: &str, error: std::io::Error| CliError::new(1, format!("{what}: {error}"));
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        failed(&format!("cannot listen on {}", args.listen), error).hint("--listen chooses another address")
    })?;
    let address = listener.local_addr().map_err(|error| failed("the listener has no address", error))?;
    if address.ip().is_loopback() {
        output::data(&banner(address, &args))?;
    }
    let control = if args.control { Control::Enabled } else { Control::Disabled };
    sandbox::serve(account, listener, control, stopped()?)
        .await
        .map_err(|error| CliError::new(1, error.to_string()))?;
    Ok(0)
}

fn opening(error: &OpenError) -> CliError {
    let shown = CliError::new(1, error.to_string());
    match error {
        OpenError::InUse { address: Some(address), .. } => {
            shown.hint(format!("use the one that is running: --endpoint-url {address}"))
        }
        OpenError::InUse { address: None, .. } => shown
            .hint("a command that has this sandbox open is not done yet; wait for it, or choose another --data-dir"),
        OpenError::Damaged { .. } => shown.hint("nothing in a sandbox is real: remove the file to start afresh"),
        OpenError::Io { .. } => shown,
    }
}

fn banner(address: SocketAddr, args: &Args) -> String {
    let state = args.data_dir.as_ref().map_or_else(|| "in memory".to_owned(), |data| data.display().to_string());
    format!(
        "Simulated AWS account (IAM and STS). Nothing here is real, and its credentials open nothing in AWS.\n\n\
         Endpoint       http://{address}\n\
         Account        {ACCOUNT_ID}\n\
         Root key       {ROOT_ACCESS_KEY}\n\
         Root secret    {ROOT_SECRET}\n\
         State          {state}\n\n\
         To look around:\n  \
         AWS_ACCESS_KEY_ID={ROOT_ACCESS_KEY} AWS_SECRET_ACCESS_KEY={ROOT_SECRET} AWS_DEFAULT_REGION=us-east-1 \\\n    \
         aws --endpoint-url http://{address} iam list-users\n"
    )
}
