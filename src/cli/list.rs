//! `leasehold list`.

use std::collections::BTreeSet;

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
    /// With what the engine tells of each
    #[arg(long)]
    detailed: bool,
    #[command(flatten)]
    wrap: WrapArgs,
}

/// Runs the command and answers the exit code: 2 when there is nothing.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.answer_format()?;
    let path = request::path(&args.path);
    with_client(global, async |context, client| {
        let client = args.wrap.client(&client);
        let found = match args.detailed {
            // Ours tells of policies only where it is asked; others don't look at it.
            true => client.list_page(path, "", usize::MAX >> 1).await,
            false => client.list(path).await,
        };
        let format = global.answer_format()?;
        if let Ok(Some(told)) = &found
            && args.detailed
            && format == Format::Table
            && let Some(table) = detailed(told)
        {
            output::warnings(&told.warnings);
            return output::data(&output::printable(&table)).map(|()| 0);
        }
        print(found.map_err(|error| context.failed(format!("Error listing {path}"), &error))?.as_ref(), path, global)
    })
    .await
}

/// The names with what is told of each, a column for each thing; none where nothing is.
fn detailed(found: &Answer) -> Option<String> {
    let data = found.data.as_ref()?;
    let names = data.get("keys")?.as_array()?;
    let infos = data.get("key_info")?.as_object().filter(|infos| !infos.is_empty())?;
    let info = |name: &Value| infos.get(name.as_str()?)?.as_object();
    let columns: BTreeSet<&String> = names.iter().filter_map(info).flat_map(|info| info.keys()).collect();
    let rows = names.iter().map(|name| {
        let told = columns.iter().map(|column| info(name).and_then(|info| info.get(*column)).map(table::plain));
        std::iter::once(table::plain(name)).chain(told.map(Option::unwrap_or_default)).collect()
    });
    let headings: Vec<&str> = std::iter::once("Keys").chain(columns.iter().map(|column| column.as_str())).collect();
    Some(table::headed(&headings, rows.collect()))
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
