//! `leasehold status`.

use serde_json::{Value, json};

use super::context::with_client;
use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::{answer, output, table};
use crate::api::{self, Health, Node};

/// Arguments of `leasehold status`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Where several addresses are named, each node is shown besides, and which one is used.\n\nExit code: 0 unsealed, 2 sealed (of a cluster: no node can be used, and one is sealed), 1 when the engine can't be asked"
)]
pub(crate) struct Args {}

/// Runs the command and answers the exit code: 0 unsealed, 2 sealed, 1 for an error.
pub(crate) async fn run(_args: Args, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    with_client(global, async |context, client| {
        let nodes = if client.is_cluster() { client.nodes().await } else { Vec::new() };
        if !nodes.is_empty() && !nodes.iter().any(|node| node.is_used) {
            return unusable(nodes, format);
        }
        let asked = client.read("sys/seal-status").await;
        // Here 2 means sealed, so not to know must be something else.
        let failed = |error| context.failed_as(1, "Error checking seal status", &error);
        let Some(found) = asked.map_err(failed)? else {
            return Err(CliError::plain(1, "No value found at sys/seal-status"));
        };
        let mut status = found.body;
        let sealed = status.get("sealed").and_then(Value::as_bool).unwrap_or(true);
        if let Some(name) = &global.field {
            answer::print_field(status.get(name).filter(|value| !value.is_null()).cloned(), name, format)?;
        } else if format == Format::Table {
            // A server without this path has one node.
            let leader = client.read("sys/leader").await.ok().flatten().map(|leader| leader.body);
            output::data(&output::printable(&table::pairs(rows(&status, leader.as_ref()))))?;
            if !nodes.is_empty() {
                output::data(&format!("\n{}", output::printable(&table_of(&nodes))))?;
            }
        } else {
            if let Some(status) = status.as_object_mut().filter(|_| !nodes.is_empty()) {
                status.insert("nodes".to_owned(), json_of(&nodes));
            }
            answer::structured(&status, format)?;
        }
        Ok(if sealed { 2 } else { 0 })
    })
    .await
}

/// Shows a cluster of which no node can be used.
///
/// # Errors
/// None of them is sealed, so that it is not known how the engine is.
fn unusable(nodes: Vec<Node>, format: Format) -> Result<u8, CliError> {
    match format {
        Format::Table => output::data(&output::printable(&table_of(&nodes)))?,
        _ => answer::structured(&json!({ "nodes": json_of(&nodes) }), format)?,
    }
    if nodes.iter().any(|node| node.health == Health::Sealed) {
        return Ok(2);
    }
    Err(CliError::api_as(1, "Error checking seal status", &api::Error::NoNode { nodes }))
}

fn table_of(nodes: &[Node]) -> String {
    let row = |node: &Node| {
        let state = node.health.word().replace('_', " ");
        let state = match &node.health {
            Health::Unreachable { why, .. } => format!("{state}: {why}"),
            Health::Silent | Health::Odd { .. } => format!("{state}: it {}", node.health),
            _ => state,
        };
        let used = if node.is_used { "yes" } else { "no" };
        vec![node.address.clone(), used.to_owned(), node.version.clone().unwrap_or_default(), state]
    };
    table::headed(&["Node", "Used", "Version", "State"], nodes.iter().map(row).collect())
}

fn json_of(nodes: &[Node]) -> Value {
    let of = |node: &Node| {
        json!({
            "address": node.address, "state": node.health.word(), "used": node.is_used, "version": node.version,
            "cluster_id": node.cluster_id, "what": node.health.to_string(),
        })
    };
    nodes.iter().map(of).collect()
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
    let recovery = status.get("recovery_seal").and_then(Value::as_bool).unwrap_or(false);
    row("Seal Type", status.get("type"));
    if recovery {
        row("Recovery Seal Type", status.get("recovery_seal_type").or(Some(&Value::from("shamir"))));
    }
    row("Initialized", status.get("initialized"));
    row("Sealed", status.get("sealed"));
    row(if recovery { "Total Recovery Shares" } else { "Total Shares" }, status.get("n"));
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
