//! `leasehold patch`: changes what is at a path, and leaves what is not said.

use super::context::with_client;
use super::error::CliError;
use super::global::Global;
use super::wrap::WrapArgs;
use super::{data, request, write};

/// Arguments of `leasehold patch`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  leasehold patch secret/metadata/app/db max_versions=5")]
pub(crate) struct Args {
    /// The path, without /v1/
    path: String,
    /// Data: KEY=VALUE, KEY=@FILE, KEY=- for stdin; or - or @FILE for a JSON object
    #[arg(value_name = "KEY=VALUE")]
    data: Vec<String>,
    /// Send no data
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    wrap: WrapArgs,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    if args.data.is_empty() && !args.force {
        return Err(CliError::plain(1, "Must supply data or use -force"));
    }
    global.answer_format()?;
    let path = request::path(&args.path);
    let body = data::parse(&args.data, &mut data::Real::default())?;
    with_client(global, async |context, client| {
        let written = args.wrap.client(&client).patch(path, &body).await;
        let written = written.map_err(|error| context.failed(format!("Error writing data to {path}"), &error))?;
        if written.status == 404 {
            return Err(CliError::plain(2, format!("No value found at {path}: nothing is changed")));
        }
        write::tell(&written, path, global)
    })
    .await
}
