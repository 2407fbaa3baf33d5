//! `leasehold status`.

use serde_json::Value;

use super::context::with_client;
use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::{answer, output, table};

/// Arguments of `leasehold status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code: 0 unsealed, 2 sealed, 1 when the engine can't be asked")]
pub(crate) struct Args {}

/// Runs the command and answers the exit code: 0 unsealed, 2 sealed, 1 for an error.
pub(crate) async fn run(_args: Args, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    with_client(global, async |context, client| {
        let asked = client.read("sys/seal-status").await;
        // Here 2 means sealed, so not to know must be something else.
        let failed = |error| context.failed_as(1, "Error checking seal status", &error);
        let Some(found) = asked.map_err(failed)? else {
            return Err(CliError::plain(1, "No value found at sys/seal-status"));
        };
        let status = found.body;
        let sealed = status.get("sealed").and_then(Value::as_bool).unwrap_or(true);
        if let Some(name) = &global.field {
            answer::print_field(status.get(name).filter(|value| !value.is_null()).cloned(), name, format)?;
        } else if format == Format::Table {
            // A server without this path has one node.
            let leader = client.read("sys/leader").await.ok().flatten().map(|leader| leader.body);
            output::data(&output::printable(&table::pairs(rows(&status, leader.as_ref()))))?;
        } else {
            answer::structured(&status, format)?;
        }
        Ok(if sealed { 2 } else { 0 })
    })
    .await
}

/// The rows, with the names and in the order that Vault's users know.
fn rows(status: &Value, leader: Option<&Value>) -> Vec<(String, String)> {
    let sealed = status.get("sealed").and_then(Value::as_bool).unwrap_or(true);
    let mut rows = Vec::new();
    let mut row = |name: &str, value: Option<&Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            rows.push((name.to_owned(), table::plain(value)));
        }
    };
    row("Seal Type", status.get("type"));
    row("Initialized", status.get("initialized"));
    row("Sealed", status.get("sealed"));
    row("Total Shares", status.get("n"));
    row("Threshold", status.get("t"));
    if sealed {
        let number = |key| status.get(key).map(table::plain).unwrap_or_default();
        row("Unseal Progress", Some(&Value::String(format!("{}/{}", number("progress"), number("t")))));
        row("Unseal Nonce", status.get("nonce"));
    }
    row("Version", status.get("version"));
    row("Leasehold Version", status.get("leasehold_version"));
    row("Build Date", status.get("build_date"));
    row("Storage Type", status.get("storage_type"));
    row("Cluster Name", status.get("cluster_name"));
    row("Cluster ID", status.get("cluster_id"));
    row("HA Enabled", Some(leader.and_then(|leader| leader.get("ha_enabled")).unwrap_or(&Value::Bool(false))));
    rows
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_sealed_engine_shows_how_far_unsealing_is() {
        let status = json!({"type": "shamir", "initialized": true, "sealed": true, "t": 3, "n": 5, "progress": 1,
            "nonce": "", "version": "1.0", "storage_type": "file"});
        let text = super::table::pairs(super::rows(&status, None));
        let expected = "\
Key                Value
---                -----
Seal Type          shamir
Initialized        true
Sealed             true
Total Shares       5
Threshold          3
Unseal Progress    1/3
Unseal Nonce       n/a
Version            1.0
Storage Type       file
HA Enabled         false
";
        assert_eq!(text, expected);
    }
}
