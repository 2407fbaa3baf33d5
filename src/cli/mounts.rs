//! What secrets engines and auth methods share: listing, enabling, disabling, tuning mounts.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::answer::succeed;
use super::context::{Context, with_client};
use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::request::{body, mount_path};
use super::{answer, output, table};
use crate::api::Client;
use crate::units::duration;

/// Which of the tables of mounts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MountTable {
    /// `sys/mounts` or `sys/auth`.
    pub(crate) path: &'static str,
    /// `secrets engine` or `auth method`.
    pub(crate) name: &'static str,
    /// `the {} secrets engine`, as the success of enabling says it.
    pub(crate) enabled: fn(kind: &str, path: &str) -> String,
    /// The success of disabling.
    pub(crate) disabled: fn(path: &str) -> String,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Subcommand {
    /// List what is enabled
    List {
        /// With all that is told of each
        #[arg(long)]
        detailed: bool,
    },
    /// Enable one
    Enable(Enable),
    /// Disable one, ending its leases
    Disable {
        /// Where it is
        path: String,
    },
    /// Change the settings of one
    Tune(Tune),
    /// Give one another path
    Move {
        /// Where it is
        source: String,
        /// Where it is to be
        destination: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Enable {
    /// Its type, such as aws, kv or approle
    #[arg(value_name = "TYPE")]
    kind: String,
    /// Where to mount it [default: its type]
    #[arg(long)]
    path: Option<String>,
    /// A description for people
    #[arg(long, default_value = "")]
    description: String,
    #[command(flatten)]
    times: Times,
    #[command(flatten)]
    settings: Settings,
    /// An option of the type as KEY=VALUE; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// The version, for types that have more than one (kv)
    #[arg(long)]
    version: Option<u32>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Tune {
    /// Where it is
    path: String,
    /// A description for people
    #[arg(long)]
    description: Option<String>,
    #[command(flatten)]
    times: Times,
    #[command(flatten)]
    settings: Settings,
}

/// Settings of a mount besides how long things last.
#[derive(Debug, clap::Args)]
struct Settings {
    /// Whether who shows no token may see it: hidden or unauth
    #[arg(long, value_name = "WORD")]
    listing_visibility: Option<String>,
    /// A key of requests that audit logs have in clear; may be repeated
    #[arg(long, value_name = "KEY")]
    audit_non_hmac_request_keys: Vec<String>,
    /// A key of answers that audit logs have in clear; may be repeated
    #[arg(long, value_name = "KEY")]
    audit_non_hmac_response_keys: Vec<String>,
    /// A header of requests that the backend sees; may be repeated
    #[arg(long, value_name = "HEADER")]
    passthrough_request_headers: Vec<String>,
    /// A header that answers may have; may be repeated
    #[arg(long, value_name = "HEADER")]
    allowed_response_headers: Vec<String>,
    /// Of which type tokens of logins are: service, batch, default-service or default-batch
    #[arg(long, value_name = "TYPE")]
    token_type: Option<String>,
}

impl Settings {
    fn add_to(&self, config: &mut Map<String, Value>) {
        for (name, value) in [("listing_visibility", &self.listing_visibility), ("token_type", &self.token_type)] {
            if let Some(value) = value {
                config.insert(name.to_owned(), json!(value));
            }
        }
        for (name, values) in [
            ("audit_non_hmac_request_keys", &self.audit_non_hmac_request_keys),
            ("audit_non_hmac_response_keys", &self.audit_non_hmac_response_keys),
            ("passthrough_request_headers", &self.passthrough_request_headers),
            ("allowed_response_headers", &self.allowed_response_headers),
        ] {
            if !values.is_empty() {
                config.insert(name.to_owned(), json!(values));
            }
        }
    }
}

#[derive(Debug, clap::Args)]
struct Times {
    /// How long leases last unless told otherwise
    #[arg(long, value_name = "DURATION")]
    default_lease_ttl: Option<String>,
    /// How long leases may last at most
    #[arg(long, value_name = "DURATION")]
    max_lease_ttl: Option<String>,
}

impl Times {
    fn add_to(&self, config: &mut Map<String, Value>) {
        for (name, value) in [("default_lease_ttl", &self.default_lease_ttl), ("max_lease_ttl", &self.max_lease_ttl)] {
            if let Some(value) = value {
                config.insert(name.to_owned(), json!(value));
            }
        }
    }
}

/// Runs an action and answers the exit code.
pub(crate) async fn run(action: Subcommand, mounts: MountTable, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    with_client(global, async |context, client| match action {
        Subcommand::List { detailed } => list(mounts, context, &client, detailed, format).await,
        Subcommand::Move { source, destination } => {
            moved(mounts, context, &client, &source, &destination, format).await
        }
        Subcommand::Enable(enable) => {
            let path = mount_path(enable.path.as_deref().unwrap_or(&enable.kind));
            let request = enabling(&enable)?;
            let done = client.write(&format!("{}/{}", mounts.path, path.trim_end_matches('/')), &request).await;
            let done = done.map_err(|error| context.failed("Error enabling", &error))?;
            output::warnings(&done.warnings);
            succeed(&(mounts.enabled)(&enable.kind, &path), format)
        }
        Subcommand::Disable { path } => {
            let path = mount_path(&path);
            let done = client.delete_with(&format!("{}/{}", mounts.path, path.trim_end_matches('/')), &[]).await;
            let doing = format!("Error disabling {} at {path}", mounts.name);
            output::warnings(&done.map_err(|error| context.failed(doing, &error))?.warnings);
            succeed(&(mounts.disabled)(&path), format)
        }
        Subcommand::Tune(tune) => {
            let path = mount_path(&tune.path);
            let mut request = Map::new();
            tune.times.add_to(&mut request);
            tune.settings.add_to(&mut request);
            if let Some(description) = &tune.description {
                request.insert("description".to_owned(), json!(description));
            }
            if request.is_empty() {
                return Err(
                    CliError::new(1, "nothing to tune").hint("its help says what can be, such as --max-lease-ttl")
                );
            }
            let done = client.write(&format!("{}/{}/tune", mounts.path, path.trim_end_matches('/')), &request).await;
            let doing = format!("Error tuning {} {path}", mounts.name);
            output::warnings(&done.map_err(|error| context.failed(doing, &error))?.warnings);
            succeed(&format!("Success! Tuned the {} at: {path}", mounts.name), format)
        }
    })
    .await
}

fn enabling(enable: &Enable) -> Result<Map<String, Value>, CliError> {
    let mut config = Map::new();
    enable.times.add_to(&mut config);
    enable.settings.add_to(&mut config);
    let mut options = Map::new();
    for option in &enable.options {
        let Some((key, value)) = option.split_once('=') else {
            return Err(CliError::new(1, format!("the option {option:?} has no '='")).hint("--options KEY=VALUE"));
        };
        options.insert(key.to_owned(), json!(value));
    }
    // As in Vault's command line, `kv-v2` is a spelling of `kv` with an option.
    let (kind, version) = match enable.kind.as_str() {
        "kv-v1" => ("kv", Some(1)),
        "kv-v2" => ("kv", Some(2)),
        kind => (kind, enable.version),
    };
    if let Some(version) = version {
        options.insert("version".to_owned(), json!(version.to_string()));
    }
    let options = match options.is_empty() {
        true => Value::Null,
        false => Value::Object(options),
    };
    Ok(body(json!({"type": kind, "description": enable.description, "config": config, "options": options})))
}

/// A row of all that is told of each, under Vault's headings (`command/secrets_list.go`).
fn all_told(mounts: &Map<String, Value>) -> String {
    const COLUMNS: [(&str, &str); 9] = [
        ("Plugin", "/type"),
        ("Accessor", "/accessor"),
        ("Default TTL", "/config/default_lease_ttl"),
        ("Max TTL", "/config/max_lease_ttl"),
        ("Token Type", "/config/token_type"),
        ("Seal Wrap", "/seal_wrap"),
        ("Options", "/options"),
        ("Description", "/description"),
        ("UUID", "/uuid"),
    ];
    let mounts: std::collections::BTreeMap<&String, &Value> =
        mounts.iter().filter(|(_, mount)| mount.is_object()).collect();
    let told = |at: &str| mounts.values().any(|mount| mount.pointer(at).is_some());
    let columns: Vec<&(&str, &str)> = COLUMNS.iter().filter(|(_, at)| told(at)).collect();
    let cell = |mount: &Value, at: &str| match mount.pointer(at) {
        Some(Value::Number(seconds)) if at.ends_with("_ttl") => match seconds.as_i64() {
            Some(0) | None => "system".to_owned(),
            Some(seconds) => duration::shown(seconds),
        },
        None | Some(Value::Null) if at == "/options" => "map[]".to_owned(),
        None | Some(Value::Null) => String::new(),
        Some(value) => table::plain(value),
    };
    let rows = mounts.iter().map(|(path, mount)| {
        std::iter::once((*path).clone()).chain(columns.iter().map(|(_, at)| cell(mount, at))).collect()
    });
    let headings: Vec<&str> = std::iter::once("Path").chain(columns.iter().map(|(heading, _)| *heading)).collect();
    table::headed(&headings, rows.collect())
}

/// How long it is waited between two questions for a move, and how often it is asked.
const MOVE_PAUSE: Duration = Duration::from_millis(500);
const MOVE_QUESTIONS: u32 = 1200;

/// Moves a mount, and waits until the engine says what came of it.
async fn moved(
    mounts: MountTable,
    context: &Context,
    client: &Client,
    source: &str,
    destination: &str,
    format: Format,
) -> Result<u8, CliError> {
    let (from, to) = (mount_path(source), mount_path(destination));
    // Methods are moved by the paths that requests to them have.
    let whole = |path: &str| if mounts.path == "sys/auth" { format!("auth/{path}") } else { path.to_owned() };
    let doing = format!("Error moving {} {from} to {to}", mounts.name);
    let request = body(json!({ "from": whole(&from), "to": whole(&to) }));
    let begun = client.write("sys/remount", &request).await.map_err(|error| context.failed(&doing, &error))?;
    let id = begun.data.as_ref().and_then(|data| data.get("migration_id")?.as_str()).unwrap_or_default().to_owned();
    output::say(&format!("Started moving {} {from} to {to}, with migration ID {id}", mounts.name));
    for _ in 0..MOVE_QUESTIONS {
        let told = client.read(&format!("sys/remount/status/{id}")).await;
        let told = told.map_err(|error| context.failed(&doing, &error))?.and_then(|told| told.data);
        let status = told.as_ref().and_then(|told| told.get("migration_info")?["status"].as_str());
        match status {
            Some("success") => {
                let done = format!("Success! Finished moving {} {from} to {to}, with migration ID {id}", mounts.name);
                return succeed(&done, format);
            }
            Some("failure") => {
                return Err(CliError::new(2, format!("the move of {from} to {to} failed"))
                    .hint("the server's log says why; what was issued below it may be revoked by now"));
            }
            _ => tokio::time::sleep(MOVE_PAUSE).await,
        }
    }
    Err(CliError::new(2, format!("the move of {from} to {to} has not ended yet"))
        .hint(format!("leasehold read sys/remount/status/{id}")))
}

async fn list(
    mounts: MountTable,
    context: &Context,
    client: &Client,
    detailed: bool,
    format: Format,
) -> Result<u8, CliError> {
    let found = client.read(mounts.path).await;
    let found = found.map_err(|error| context.failed(format!("Error listing {}s", mounts.name), &error))?;
    let mounts = found.and_then(|found| found.data).unwrap_or_default();
    if format != Format::Table {
        return answer::structured(&Value::Object(mounts), format).map(|()| 0);
    }
    if detailed {
        return output::data(&output::printable(&all_told(&mounts))).map(|()| 0);
    }
    let text = |mount: &Value, key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut rows: Vec<Vec<String>> = mounts
        .iter()
        .filter(|(_, mount)| mount.is_object())
        .map(|(path, mount)| {
            vec![path.clone(), text(mount, "type"), text(mount, "accessor"), text(mount, "description")]
        })
        .collect();
    rows.sort();
    let table = table::headed(&["Path", "Type", "Accessor", "Description"], rows);
    output::data(&output::printable(&table)).map(|()| 0)
}
