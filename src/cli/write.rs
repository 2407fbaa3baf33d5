//! `leasehold write`.

use super::context::with_client;
use super::error::CliError;
use super::global::Global;
use super::request;
use super::wrap::WrapArgs;
use super::{answer, data, output};
use crate::api::Answer;

/// Arguments of `leasehold write`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  leasehold write aws/config/lease lease=1h lease_max=2h\n  leasehold write aws/roles/webapp credential_type=iam_user policy_document=@iam/webapp.json\n  leasehold write -f aws/config/rotate-root"
)]
pub(crate) struct Args {
    /// The path, without /v1/
    path: String,
    /// Data: KEY=VALUE, KEY=@FILE, KEY=- for stdin; or - or @FILE for a JSON object
    #[arg(value_name = "KEY=VALUE")]
    data: Vec<String>,
    /// Write without data
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
        let written = args.wrap.writer(&client, path).write(path, &body).await;
        let written = written.map_err(|error| context.failed(format!("Error writing data to {path}"), &error))?;
        tell(&written, path, global)
    })
    .await
}

/// Prints what an engine answers to a write, or that it was done.
///
/// # Errors
/// When stdout can't be written, or a field is not there.
pub(crate) fn tell(written: &Answer, path: &str, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    let says_something = written.data.is_some() || written.auth.is_some() || written.wrap_info.is_some();
    if says_something || !written.lease_id.is_empty() {
        return answer::print(written, global);
    }
    output::warnings(&written.warnings);
    match &global.field {
        Some(name) => answer::print_field(None, name, format),
        None => answer::succeed(&format!("Success! Data written to: {path}"), format),
    }
}
