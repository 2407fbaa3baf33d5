//! `leasehold path-help`: what a server says of a path.

use serde_json::Value;

use super::context::with_client;
use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::{answer, forms, output, request};

/// Arguments of `leasehold path-help`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  leasehold path-help aws\n  leasehold path-help aws/roles/webapp")]
pub(crate) struct Args {
    /// The path, without /v1/, or that of a mount for all of its paths
    path: String,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let format = global.format(forms::TABLE)?;
    let path = request::path(&args.path);
    with_client(global, async |context, client| {
        let told = client.read_with(path, &[("help".to_owned(), "1".to_owned())]).await;
        let told = told.map_err(|error| context.failed(format!("Error retrieving help of {path}"), &error))?;
        let body = told.map(|told| told.body).unwrap_or(Value::Null);
        match (body.get("help").and_then(Value::as_str), format) {
            (Some(text), Format::Table) => output::line(&output::printable(text)).map(|()| 0),
            (Some(_), format) => answer::structured(&body, format).map(|()| 0),
            (None, _) => Err(CliError::plain(2, format!("there is no help of {path}"))),
        }
    })
    .await
}
