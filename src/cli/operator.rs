//! `leasehold operator`: what is done to a server as a whole, as Vault's command line does it.

mod check;
mod generate_root;
mod init;
mod keys;
mod progress;
mod raft;
mod rekey;
mod unseal;

use serde_json::Map;

use super::answer;
use super::context::with_client;
use super::error::CliError;
use super::global::Global;

/// Arguments of `leasehold operator`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    /// Begin a server's store, and print the shares of the key that opens it
    Init(init::Args),
    /// Bring a share of the key that opens the store
    Unseal(unseal::Args),
    /// Close the store: nothing is served until it is unsealed
    Seal,
    /// Show which barrier key seals what is stored, and since when
    KeyStatus,
    /// Seal with a new barrier key from now on
    Rotate,
    /// Split a new unseal key, or recovery key, into other shares, for which enough of the old ones are brought
    Rekey(rekey::Args),
    /// Save the whole store into a file, or restore one
    Raft(raft::Args),
    /// Look through a store, and tell what is wrong with it
    Check(check::Args),
    /// Make a root token, for which enough shares are brought
    GenerateRoot(generate_root::Args),
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    match args.action {
        Subcommand::Init(args) => init::run(&args, global).await,
        Subcommand::Unseal(args) => unseal::run(&args, global).await,
        Subcommand::Seal => seal(global).await,
        Subcommand::KeyStatus => keys::status(global).await,
        Subcommand::Rotate => keys::rotate(global).await,
        Subcommand::Rekey(args) => rekey::run(&args, global).await,
        Subcommand::Raft(args) => raft::run(&args, global).await,
        Subcommand::Check(args) => check::run(&args, global).await,
        Subcommand::GenerateRoot(args) => generate_root::run(&args, global).await,
    }
}

async fn seal(global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    with_client(global, async |context, client| {
        let sealed = client.write("sys/seal", &Map::new()).await;
        sealed.map_err(|error| context.failed("Error sealing", &error))?;
        answer::succeed("Success! Vault is sealed.", format)
    })
    .await
}
