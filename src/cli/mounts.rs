//! What secrets engines and auth methods share: listing, enabling, disabling, tuning mounts.

use serde_json::{Map, Value, json};

use super::answer::succeed;
use super::context::{Context, with_client};
use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::request::{body, mount_path};
use super::{answer, output, table};

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
    List,
    /// Enable one
    Enable(Enable),
    /// Disable one, ending its leases
    Disable {
        /// Where it is
        path: String,
    },
    /// Change the settings of one
    Tune(Tune),
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
        Subcommand::List => list(mounts, context, &client, format).await,
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
            if let Some(description) = &tune.description {
                request.insert("description".to_owned(), json!(description));
            }
            if request.is_empty() {
                return Err(
                    CliError::new(1, "nothing to tune").hint("--default-lease-ttl, --max-lease-ttl or --description")
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

async fn list(
    mounts: MountTable,
    context: &Context,
    client: &crate::api::Client,
    format: Format,
) -> Result<u8, CliError> {
    let found = client.read(mounts.path).await;
    let found = found.map_err(|error| context.failed(format!("Error listing {}s", mounts.name), &error))?;
    let mounts = found.and_then(|found| found.data).unwrap_or_default();
    if format != Format::Table {
        return answer::structured(&Value::Object(mounts), format).map(|()| 0);
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
