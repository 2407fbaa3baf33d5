//! `leasehold creds`.

use super::Global;
use super::error::CliError;

/// Arguments of `leasehold creds`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs the command and answers the exit code.
pub(crate) async fn run(_args: Args, _global: &Global) -> Result<u8, CliError> {
    Err(CliError::new(1, "not built yet"))
}
