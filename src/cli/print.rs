//! `leasehold print token`: the token that commands show, for other programs.

use super::context::with_client;
use super::error::CliError;
use super::global::Global;
use super::output;

/// Arguments of `leasehold print`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  curl -H \"X-Vault-Token: $(leasehold print token)\" $VAULT_ADDR/v1/aws/roles/web")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print the token: of the environment, or of the last login
    Token,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(Args { command: Command::Token }: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    with_client(global, async |_, client| match client.token() {
        Some(token) => output::line(token.expose()).map(|()| 0),
        None => Err(CliError::new(1, "there is no token").hint("`leasehold login` keeps one")),
    })
    .await
}
