//! `leasehold list`.

use serde_json::Value;

use super::context::with_client;
use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::request;
use super::wrap::WrapArgs;
use super::{answer, output, table};
use crate::api::Answer;

/// Arguments of `leasehold list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  leasehold list aws/roles")]
pub(crate) struct Args {
    /// The path, without /v1/
    path: String,
    #[command(flatten)]
    wrap: WrapArgs,
}

/// Runs the command and answers the exit code: 2 when there is nothing.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.answer_format()?;
    let path = request::path(&args.path);
    with_client(global, async |context, client| {
        let found = args.wrap.client(&client).list(path).await;
        print(found.map_err(|error| context.failed(format!("Error listing {path}"), &error))?.as_ref(), path, global)
    })
    .await
}

/// Prints the names under a path.
///
/// # Errors
/// When stdout can't be written; exit code 2 where there is nothing.
pub(crate) fn print(found: Option<&Answer>, path: &str, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    if let Some(wrapped) = found.filter(|found| found.wrap_info.is_some()) {
        return answer::print(wrapped, global);
    }
    let keys = found.and_then(|found| found.data.as_ref()).and_then(|data| data.get("keys"));
    match (keys, format) {
        (Some(keys @ Value::Array(names)), format) if !names.is_empty() => {
            output::warnings(found.map(|found| found.warnings.as_slice()).unwrap_or_default());
            match format {
                Format::Table => {
                    let rows = names.iter().map(|name| vec![table::plain(name)]).collect();
                    output::data(&output::printable(&table::headed(&["Keys"], rows)))?;
                }
                _ => answer::structured(keys, format)?,
            }
            Ok(0)
        }
        (_, Format::Table) => Err(CliError::plain(2, format!("No value found at {path}"))),
        _ => answer::structured(&Value::Object(serde_json::Map::new()), format).map(|()| 2),
    }
}
