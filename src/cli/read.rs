//! `leasehold read`.

use super::context::with_client;
use super::error::CliError;
use super::global::Global;
use super::wrap::WrapArgs;
use super::{answer, data, request, table};

/// Arguments of `leasehold read`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  leasehold read aws/roles/webapp\n  leasehold read -field=access_key aws/creds/webapp"
)]
pub(crate) struct Args {
    /// The path, without /v1/
    path: String,
    /// Parameters of the request
    #[arg(value_name = "KEY=VALUE")]
    parameters: Vec<String>,
    #[command(flatten)]
    wrap: WrapArgs,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.answer_format()?;
    let path = request::path(&args.path);
    let query: Vec<(String, String)> = data::parse(&args.parameters, &mut data::Real::default())?
        .iter()
        .map(|(key, value)| (key.clone(), table::plain(value)))
        .collect();
    with_client(global, async |context, client| {
        let client = args.wrap.client(&client);
        let found = client.read_with(path, &query).await;
        match found.map_err(|error| context.failed(format!("Error reading {path}"), &error))? {
            Some(found) => answer::print(&found, global),
            None => Err(CliError::plain(2, format!("No value found at {path}"))),
        }
    })
    .await
}
