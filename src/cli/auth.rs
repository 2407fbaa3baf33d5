//! `leasehold auth`.

use super::app::login;
use super::context::with_client;
use super::error::CliError;
use super::global::Global;
use super::{mounts, output};
use crate::api::Answer;

/// Arguments of `leasehold auth`.
#[derive(Debug, clap::Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    #[command(flatten)]
    Mounts(Box<mounts::Subcommand>),
    /// Say how to log in by a method
    Help {
        /// A type such as approle, or where a method is mounted
        #[arg(value_name = "TYPE|PATH")]
        method: String,
    },
}

const TABLE: mounts::MountTable = mounts::MountTable {
    path: "sys/auth",
    name: "auth method",
    enabled: |kind, path| format!("Success! Enabled {kind} auth method at: {path}"),
    disabled: |path| format!("Success! Disabled the auth method (if it existed) at: {path}"),
};

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    match args.action {
        Subcommand::Mounts(action) => mounts::run(*action, TABLE, global).await,
        Subcommand::Help { method } => help(&method, global).await,
    }
}

/// Says how to log in by a method of a type, which nobody has to be asked about, or by the one at a path.
async fn help(method: &str, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    if let Some(text) = login::help(method, method) {
        return output::data(&text).map(|()| 0);
    }
    with_client(global, async |context, client| {
        let found = client.read("sys/auth").await;
        let found = found.map_err(|error| context.failed("Error listing auth methods", &error))?;
        let mounts = found.and_then(Answer::into_data).unwrap_or_default();
        let path = login::mount_named(method);
        let kind = mounts.get(&format!("{path}/")).and_then(|mount| mount.get("type")?.as_str());
        let kind = kind.ok_or_else(|| {
            CliError::new(2, format!("there is no auth method of the type or at the path {method}"))
                .hint("`leasehold auth list` shows those that are enabled")
        })?;
        let text = login::help(kind, &path).ok_or_else(|| {
            CliError::new(2, format!("logins by {kind} are not for this command line"))
                .hint(format!("`leasehold path-help auth/{path}/login` says what one takes"))
        })?;
        output::data(&text).map(|()| 0)
    })
    .await
}
