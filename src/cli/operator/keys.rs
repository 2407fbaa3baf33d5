//! `leasehold operator key-status` and `leasehold operator rotate`.

use serde_json::Map;

use crate::api::{Answer, Client};
use crate::cli::context::{Context, with_client};
use crate::cli::error::CliError;
use crate::cli::format::Format;
use crate::cli::global::Global;
use crate::cli::{answer, output, table};

/// Runs `key-status` and answers the exit code.
pub(super) async fn status(global: &Global) -> Result<u8, CliError> {
    global.answer_format()?;
    with_client(global, async |context, client| show(context, &client, global).await).await
}

/// Runs `rotate` and answers the exit code.
pub(super) async fn rotate(global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    with_client(global, async |context, client| {
        let rotated = client.write("sys/rotate", &Map::new()).await;
        rotated.map_err(|error| context.failed("Error rotating key", &error))?;
        if format == Format::Table && global.field.is_none() {
            output::line("Success! Rotated key\n")?;
        }
        show(context, &client, global).await
    })
    .await
}

async fn show(context: &Context, client: &Client, global: &Global) -> Result<u8, CliError> {
    let found =
        client.read("sys/key-status").await.map_err(|error| context.failed("Error reading key status", &error))?;
    let found = found.ok_or_else(|| CliError::plain(2, "No value found at sys/key-status"))?;
    if global.answer_format()? != Format::Table || global.field.is_some() {
        return answer::print(&found, global);
    }
    output::data(&output::printable(&rows(&found))).map(|()| 0)
}

/// The rows that Vault's users know; the last one is of servers that count.
fn rows(found: &Answer) -> String {
    let rows = [("Key Term", "term"), ("Install Time", "install_time"), ("Encryption Count", "encryptions")];
    let value = |key: &str| found.data.as_ref().and_then(|data| data.get(key)).filter(|value| !value.is_null());
    let told = rows.iter().filter_map(|(name, key)| Some(vec![(*name).to_owned(), table::plain(value(key)?)]));
    table::columns(&told.collect::<Vec<_>>())
}
