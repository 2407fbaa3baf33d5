//! `leasehold auth`.

use super::error::CliError;
use super::global::Global;
use super::mounts;

/// Arguments of `leasehold auth`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: mounts::Subcommand,
}

const TABLE: mounts::MountTable = mounts::MountTable {
    path: "sys/auth",
    name: "auth method",
    enabled: |kind, path| format!("Success! Enabled {kind} auth method at: {path}"),
    disabled: |path| format!("Success! Disabled the auth method (if it existed) at: {path}"),
};

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    mounts::run(args.action, TABLE, global).await
}
