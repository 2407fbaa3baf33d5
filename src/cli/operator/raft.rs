//! `leasehold operator raft snapshot`: the whole store in a file, and a store anew from one.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::api::FetchError;
use crate::cli::answer;
use crate::cli::context::with_client;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::one_line;
use crate::durable::Fresh;
use crate::engine::kernel::snapshot;

const PATH: &str = "sys/storage/raft/snapshot";
const FORCED: &str = "sys/storage/raft/snapshot-force";

/// Arguments of `leasehold operator raft`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Raft,
}

#[derive(Debug, clap::Subcommand)]
enum Raft {
    /// Save the whole store into a file, or restore one
    #[command(subcommand)]
    Snapshot(Snapshot),
}

#[derive(Debug, clap::Subcommand)]
enum Snapshot {
    /// Save the store as it is now into a file; what is in it stays encrypted
    Save {
        /// The file; one that is there is replaced
        file: PathBuf,
    },
    /// Put a saved store in the place of the one that is served
    Restore {
        /// The file
        file: PathBuf,
        /// Take one that another unseal key opens: the server is sealed after it
        #[arg(long)]
        force: bool,
    },
}

/// Runs the command and answers the exit code.
pub(super) async fn run(args: &Args, global: &Global) -> Result<u8, CliError> {
    match &args.action {
        Raft::Snapshot(Snapshot::Save { file }) => save(file, global).await,
        Raft::Snapshot(Snapshot::Restore { file, force }) => restore(file, *force, global).await,
    }
}

async fn save(path: &Path, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    with_client(global, async |context, client| {
        let kept = |error: &dyn std::fmt::Display| CliError::new(1, format!("{}: {error}", path.display()));
        let (mut bytes, mut refused) = (0, None);
        let fresh = tokio::task::block_in_place(|| {
            Fresh::write(path, |file| {
                let fetched = tokio::runtime::Handle::current().block_on(client.fetch(PATH, file));
                bytes = fetched.map_err(|error| match error {
                    FetchError::Kept(error) => error,
                    FetchError::Api(error) => {
                        refused = Some(context.failed("Error taking the snapshot", &error));
                        std::io::Error::other("there is none")
                    }
                })?;
                // The server may have ended in the middle, and what was saved is looked at when it is too late.
                snapshot::is_whole(file.try_clone()?).map_err(std::io::Error::other)
            })
        });
        match (fresh, refused) {
            (_, Some(refused)) => Err(refused),
            (Err(error), None) => Err(kept(&error).hint("no file was written, and what was there is as it was")),
            (Ok(fresh), None) => {
                fresh.put().map_err(|error| kept(&error))?;
                let path = path.display().to_string();
                answer::succeed(&format!("Success! Saved a snapshot of {bytes} bytes to {}", one_line(&path)), format)
            }
        }
    })
    .await
}

async fn restore(path: &Path, force: bool, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    let unreadable = |error: std::io::Error| CliError::new(1, format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if !found.is_file() {
        return Err(CliError::new(1, format!("{} is no file", path.display())));
    }
    with_client(global, async |context, client| {
        let name = path.display().to_string();
        let sent = client.send_file(if force { FORCED } else { PATH }, file, found.len(), &name).await;
        sent.map_err(|error| context.failed("Error installing the snapshot", &error))?;
        answer::succeed("Success! The store is as the snapshot has it.", format)
    })
    .await
}
