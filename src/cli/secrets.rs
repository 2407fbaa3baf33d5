//! `leasehold secrets`.

use super::error::CliError;
use super::global::Global;
use super::mounts;

/// Arguments of `leasehold secrets`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: mounts::Subcommand,
}

const TABLE: mounts::MountTable = mounts::MountTable {
    path: "sys/mounts",
    name: "secrets engine",
    enabled: |kind, path| format!("Success! Enabled the {kind} secrets engine at: {path}"),
    disabled: |path| format!("Success! Disabled the secrets engine (if it existed) at: {path}"),
};

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    mounts::run(args.action, TABLE, global).await
}
