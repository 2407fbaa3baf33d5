//! `leasehold audit`.

use serde_json::{Value, json};

use super::answer::succeed;
use super::context::with_client;
use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::request::{body, mount_path};
use super::{answer, data, output, table};

/// Arguments of `leasehold audit`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    /// List the audit devices
    List {
        /// With their options
        #[arg(long)]
        detailed: bool,
    },
    /// Enable one
    #[command(after_help = "Examples:\n  leasehold audit enable file file_path=/var/log/leasehold/audit.log\n  \
                            leasehold audit enable -path=siem socket address=siem.example:9090")]
    Enable {
        /// Its type: file, socket or syslog
        #[arg(value_name = "TYPE")]
        kind: String,
        /// Its options
        #[arg(value_name = "KEY=VALUE")]
        options: Vec<String>,
        /// Its name [default: its type]
        #[arg(long)]
        path: Option<String>,
        /// A description for people
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Disable one
    Disable {
        /// Its name
        path: String,
    },
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    with_client(global, async |context, client| match args.action {
        Subcommand::List { detailed } => {
            let found =
                client.read("sys/audit").await.map_err(|error| context.failed("Error listing audits", &error))?;
            let devices = found.and_then(|found| found.data).unwrap_or_default();
            match format {
                Format::Table if devices.is_empty() => Err(CliError::plain(2, "No audit devices are enabled.")),
                Format::Table => {
                    let text =
                        |device: &Value, key| device.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                    // As Vault prints them (`command/audit_list.go`): each option as KEY=VALUE.
                    let options = |device: &Value| {
                        let all = device.get("options").and_then(Value::as_object);
                        let mut pairs: Vec<String> = all
                            .into_iter()
                            .flatten()
                            .map(|(key, value)| format!("{key}={}", table::plain(value)))
                            .collect();
                        pairs.sort();
                        pairs.join(" ")
                    };
                    let replication = |device: &Value| match device.get("local") {
                        Some(Value::Bool(true)) => "local".to_owned(),
                        _ => "replicated".to_owned(),
                    };
                    let row = |(path, device): (&String, &Value)| {
                        let mut row = vec![path.clone(), text(device, "type"), text(device, "description")];
                        if detailed {
                            row.extend([replication(device), options(device)]);
                        }
                        row
                    };
                    let mut rows: Vec<Vec<String>> = devices.iter().map(row).collect();
                    rows.sort();
                    let headings = ["Path", "Type", "Description", "Replication", "Options"];
                    let shown = if detailed { &headings[..] } else { &headings[..3] };
                    output::data(&output::printable(&table::headed(shown, rows))).map(|()| 0)
                }
                _ => answer::structured(&Value::Object(devices), format).map(|()| 0),
            }
        }
        Subcommand::Enable { kind, options, path, description } => {
            let path = mount_path(path.as_deref().unwrap_or(&kind));
            let options = data::parse(&options, &mut data::Real::default())?;
            let request = body(json!({"type": kind, "description": description, "options": options}));
            let done = client.write(&format!("sys/audit/{}", path.trim_end_matches('/')), &request).await;
            output::warnings(&done.map_err(|error| context.failed("Error enabling audit device", &error))?.warnings);
            succeed(&format!("Success! Enabled the {kind} audit device at: {path}"), format)
        }
        Subcommand::Disable { path } => {
            let path = mount_path(&path);
            let done = client.delete_with(&format!("sys/audit/{}", path.trim_end_matches('/')), &[]).await;
            output::warnings(&done.map_err(|error| context.failed("Error disabling audit device", &error))?.warnings);
            succeed(&format!("Success! Disabled audit device (if it was enabled) at: {path}"), format)
        }
    })
    .await
}
