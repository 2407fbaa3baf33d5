//! `leasehold delete`.

use super::answer::succeed;
use super::context::with_client;
use super::error::CliError;
use super::global::Global;
use super::request;
use super::{answer, data, output, table};

/// Arguments of `leasehold delete`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  leasehold delete aws/roles/webapp")]
pub(crate) struct Args {
    /// The path, without /v1/
    path: String,
    /// Parameters of the request
    #[arg(value_name = "KEY=VALUE")]
    parameters: Vec<String>,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    let path = request::path(&args.path);
    let query: Vec<(String, String)> = data::parse(&args.parameters, &mut data::Real::default())?
        .iter()
        .map(|(key, value)| (key.clone(), table::plain(value)))
        .collect();
    with_client(global, async |context, client| {
        let deleted = client.delete_with(path, &query).await;
        let deleted = deleted.map_err(|error| context.failed(format!("Error deleting {path}"), &error))?;
        if deleted.data.is_some() {
            return answer::print(&deleted, global);
        }
        output::warnings(&deleted.warnings);
        succeed(&format!("Success! Data deleted (if it existed) at: {path}"), format)
    })
    .await
}
