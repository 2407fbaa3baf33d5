//! `leasehold kv`: secrets of key-value engines, of either version. Which version a path has the engine is asked.
//!
//! Words, flags and what is printed follow Vault's command line, so that its tutorials hold.

use serde_json::{Map, Value, json};

use self::home::{At, Home};
use super::answer::succeed;
use super::context::{Context, with_client};
use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::wrap::WrapArgs;
use super::{answer, data, list, output, request, table, write};
use crate::api::{Answer, Client};

mod home;
mod metadata;
mod shown;

/// Arguments of `leasehold kv`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  leasehold kv put -mount=secret app/db user=web password=@password.txt\n  leasehold kv get -field=password secret/app/db\n  leasehold kv rollback -version=2 secret/app/db"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write a secret, as a new version of it
    Put(Put),
    /// Change some fields of a secret, as a new version of it
    Patch(Patch),
    /// Read a secret
    Get(Get),
    /// List the names in a folder
    List(Folder),
    /// Delete a secret, or versions of it so that they can be restored
    Delete(Delete),
    /// Restore versions that were deleted
    Undelete(Versions),
    /// Remove the data of versions for good
    Destroy(Versions),
    /// Write an older version again, as a new one
    Rollback(Rollback),
    /// Turn a mount of version 1 into one of version 2
    EnableVersioning {
        /// The mount
        path: String,
    },
    /// What is kept of a secret beside its data
    #[command(subcommand)]
    Metadata(metadata::Command),
}

#[derive(Debug, clap::Args)]
struct Put {
    #[command(flatten)]
    at: At,
    /// Data: KEY=VALUE, KEY=@FILE, KEY=- for stdin; or - or @FILE for a JSON object
    #[arg(value_name = "KEY=VALUE")]
    data: Vec<String>,
    /// The version that this one follows; 0: there is none
    #[arg(long, value_name = "VERSION")]
    cas: Option<u64>,
    #[command(flatten)]
    wrap: WrapArgs,
}

#[derive(Debug, clap::Args)]
struct Patch {
    #[command(flatten)]
    put: Put,
    /// How: by the engine, or by reading and writing; where it is not said, as the token may
    #[arg(long, value_enum)]
    method: Option<Method>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Method {
    /// The engine merges them
    Patch,
    /// The secret is read and written
    Rw,
}

#[derive(Debug, clap::Args)]
struct Get {
    #[command(flatten)]
    at: At,
    /// Which version [default: the latest]
    #[arg(long, value_name = "VERSION")]
    version: Option<u64>,
    #[command(flatten)]
    wrap: WrapArgs,
}

#[derive(Debug, clap::Args)]
struct Folder {
    /// The mount; PATH is then below it
    #[arg(long)]
    mount: Option<String>,
    /// The folder
    path: Option<String>,
    #[command(flatten)]
    wrap: WrapArgs,
}

#[derive(Debug, clap::Args)]
struct Delete {
    #[command(flatten)]
    at: At,
    /// Which versions [default: the latest]
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    versions: Vec<u64>,
}

#[derive(Debug, clap::Args)]
struct Versions {
    #[command(flatten)]
    at: At,
    /// Which versions
    #[arg(long, value_name = "VERSION", value_delimiter = ',', required = true)]
    versions: Vec<u64>,
}

#[derive(Debug, clap::Args)]
struct Rollback {
    #[command(flatten)]
    at: At,
    /// Which version is written again
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    version: u64,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.answer_format()?;
    with_client(global, async |context, client| {
        let asked = Asked { context, client: &client, global };
        match args.command {
            Command::Put(put) => asked.put(put).await,
            Command::Patch(patch) => asked.patch(patch).await,
            Command::Get(get) => asked.get(get).await,
            Command::List(folder) => asked.list(folder).await,
            Command::Delete(delete) => asked.delete(delete).await,
            Command::Undelete(versions) => asked.on_versions(versions, "undelete", "Undelete").await,
            Command::Destroy(versions) => asked.on_versions(versions, "destroy", "Destroy").await,
            Command::Rollback(rollback) => asked.rollback(rollback).await,
            Command::EnableVersioning { path } => asked.enable_versioning(&path).await,
            Command::Metadata(command) => metadata::run(command, &asked).await,
        }
    })
    .await
}

/// Whom a command asks, and how it is to be answered.
struct Asked<'a> {
    context: &'a Context,
    client: &'a Client,
    global: &'a Global,
}

impl Asked<'_> {
    fn format(&self) -> Result<Format, CliError> {
        self.global.answer_format()
    }

    fn failed(&self, doing: &str, path: &str, error: &crate::api::Error) -> CliError {
        self.context.failed(format!("Error {doing} {path}"), error)
    }

    /// Where a secret is; of version 2 only, for what version 1 does not have.
    async fn versioned(&self, at: &At, what: &str) -> Result<Home, CliError> {
        let home = Home::find(self, at).await?;
        match home.versioned {
            true => Ok(home),
            false => Err(CliError::plain(1, format!("{what} not supported on KV Version 1"))),
        }
    }

    async fn enable_versioning(&self, path: &str) -> Result<u8, CliError> {
        let mount = request::mount_path(path);
        let tuned = request::body(json!({ "options": { "version": "2" } }));
        let tuned = self.client.write(&format!("sys/mounts/{}/tune", mount.trim_end_matches('/')), &tuned).await;
        tuned.map_err(|error| self.failed("tuning secrets engine", &mount, &error))?;
        succeed(&format!("Success! Tuned the secrets engine at: {mount}"), self.format()?)
    }

    async fn put(&self, put: Put) -> Result<u8, CliError> {
        let Put { at, data, cas, wrap } = put;
        let client = wrap.client(self.client);
        let fields = written(&data)?;
        let home = Home::find(self, &at).await?;
        if !home.versioned {
            if cas.is_some() {
                return Err(CliError::new(1, "--cas is for KV Version 2: version 1 keeps no versions"));
            }
            let path = home.plain();
            let answer = client.write(&path, &fields).await;
            let answer = answer.map_err(|error| self.failed("writing data to", &path, &error))?;
            return write::tell(&answer, &path, self.global);
        }
        let path = home.of("data");
        let answer = client.write(&path, &versioned_body(fields, cas)).await;
        let answer = answer.map_err(|error| self.failed("writing data to", &path, &error))?;
        shown::version(&answer, &path, self.global)
    }

    async fn patch(&self, patch: Patch) -> Result<u8, CliError> {
        let Patch { put: Put { at, data, cas, wrap }, method } = patch;
        let client = wrap.client(self.client);
        let fields = written(&data)?;
        let home = Home::find(self, &at).await?;
        if !home.versioned {
            return Err(CliError::plain(2, "K/V engine mount must be version 2 for patch support"));
        }
        let path = home.of("data");
        if method != Some(Method::Rw) {
            match client.patch(&path, &versioned_body(fields.clone(), cas)).await {
                // An answer of 404 with a body tells of a version that was deleted.
                Ok(answer) if answer.status == 404 => return Err(deleted(&path)),
                Ok(answer) => return shown::version(&answer, &path, self.global),
                Err(error) if error.code() == Some(404) => return Err(nothing_at(&path)),
                // A token may have been given what Vault had before it had PATCH.
                Err(error) if method.is_none() && matches!(error.code(), Some(403 | 405)) => {}
                Err(error) => return Err(self.failed("writing data to", &path, &error)),
            }
        }
        let (mut all, version) = self.held(&path, None).await?;
        all.extend(fields);
        let answer = client.write(&path, &versioned_body(all, Some(cas.unwrap_or(version)))).await;
        let answer = answer.map_err(|error| self.failed("writing data to", &path, &error))?;
        shown::version(&answer, &path, self.global)
    }

    /// What a version holds, and its number. Deleted ones hold nothing.
    async fn held(&self, path: &str, version: Option<u64>) -> Result<(Map<String, Value>, u64), CliError> {
        let found = self.client.read_with(path, &of_version(version)).await;
        let found = found.map_err(|error| self.failed("reading", path, &error))?.ok_or_else(|| nothing_at(path))?;
        let mut data = found.data.unwrap_or_default();
        let number = data.get("metadata").and_then(|metadata| metadata["version"].as_u64()).unwrap_or_default();
        match data.remove("data") {
            Some(Value::Object(fields)) => Ok((fields, number)),
            _ if data.get("metadata").is_some_and(|metadata| metadata["destroyed"] == true) => {
                Err(CliError::new(2, format!("version {number} of {path} is destroyed")))
            }
            _ => Err(CliError::new(2, format!("version {number} of {path} is deleted"))
                .hint("`leasehold kv undelete` restores it")),
        }
    }

    async fn get(&self, get: Get) -> Result<u8, CliError> {
        let home = Home::find(self, &get.at).await?;
        if !home.versioned && get.version.is_some() {
            return Err(CliError::new(1, "--version is for KV Version 2: version 1 keeps no versions"));
        }
        let path = if home.versioned { home.of("data") } else { home.plain() };
        let found = get.wrap.client(self.client).read_with(&path, &of_version(get.version)).await;
        match found.map_err(|error| self.failed("reading", &path, &error))? {
            Some(found) if home.versioned => shown::secret(&found, &path, self.global),
            Some(found) => shown::plain(&found, self.global),
            None => Err(nothing_at(&path)),
        }
    }

    async fn list(&self, folder: Folder) -> Result<u8, CliError> {
        let path = folder.path.clone().unwrap_or_default();
        if folder.mount.is_none() && request::path(&path).is_empty() {
            return Err(CliError::new(1, "there is no mount and no path").hint("such as `leasehold kv list secret/`"));
        }
        let home = Home::find(self, &At { mount: folder.mount.clone(), path }).await?;
        let path = if home.versioned { home.of("metadata") } else { home.plain() };
        let path = request::path(&path);
        let found = folder.wrap.client(self.client).list(path).await;
        let found = found.map_err(|error| self.failed("listing", path, &error))?;
        list::print(found.as_ref(), path, self.global)
    }

    async fn delete(&self, delete: Delete) -> Result<u8, CliError> {
        let home = Home::find(self, &delete.at).await?;
        let path = match (home.versioned, delete.versions.is_empty()) {
            (false, true) => home.plain(),
            (false, false) => return Err(CliError::plain(1, "Deleting versions not supported on KV Version 1")),
            (true, true) => home.of("data"),
            (true, false) => home.of("delete"),
        };
        let answer = match delete.versions.as_slice() {
            [] => self.client.delete_with(&path, &[]).await,
            versions => self.client.write(&path, &request::body(json!({ "versions": versions }))).await,
        };
        let answer = answer.map_err(|error| self.failed("deleting", &path, &error))?;
        output::warnings(&answer.warnings);
        succeed(&format!("Success! Data deleted (if it existed) at: {path}"), self.format()?)
    }

    async fn on_versions(&self, asked: Versions, folder: &str, what: &str) -> Result<u8, CliError> {
        let path = self.versioned(&asked.at, what).await?.of(folder);
        let body = request::body(json!({ "versions": asked.versions }));
        let answer = self.client.write(&path, &body).await;
        let answer = answer.map_err(|error| self.failed("writing data to", &path, &error))?;
        output::warnings(&answer.warnings);
        succeed(&format!("Success! Data written to: {path}"), self.format()?)
    }

    async fn rollback(&self, rollback: Rollback) -> Result<u8, CliError> {
        let path = self.versioned(&rollback.at, "Rollback").await?.of("data");
        let (fields, _) = self.held(&path, Some(rollback.version)).await?;
        // Nobody else's version is rolled over: it follows the one that is the latest now.
        let latest = self.client.read_with(&path, &[]).await;
        let latest = latest.map_err(|error| self.failed("reading", &path, &error))?.and_then(|found| found.data);
        let latest = latest.and_then(|data| data.get("metadata")?["version"].as_u64());
        let answer = self.client.write(&path, &versioned_body(fields, latest)).await;
        let answer = answer.map_err(|error| self.failed("writing data to", &path, &error))?;
        answer::print(&answer, self.global)
    }
}

/// The fields of a secret.
fn written(arguments: &[String]) -> Result<Map<String, Value>, CliError> {
    match arguments {
        [] => Err(CliError::plain(1, "Must supply data")),
        some => data::parse(some, &mut data::Real::default()),
    }
}

fn versioned_body(fields: Map<String, Value>, cas: Option<u64>) -> Map<String, Value> {
    let mut body = Map::from_iter([("data".to_owned(), Value::Object(fields))]);
    if let Some(cas) = cas {
        body.insert("options".to_owned(), json!({ "cas": cas }));
    }
    body
}

fn of_version(version: Option<u64>) -> Vec<(String, String)> {
    version.map(|version| ("version".to_owned(), version.to_string())).into_iter().collect()
}

fn deleted(path: &str) -> CliError {
    CliError::new(2, format!("the latest version of {path} is deleted or destroyed: there is nothing to change"))
        .hint("`leasehold kv undelete` restores what is deleted, `leasehold kv put` writes another")
}

fn nothing_at(path: &str) -> CliError {
    CliError::plain(2, format!("No value found at {path}"))
}

/// Prints a field of something in an answer, or the answer for a program; `None` where a person is to see it.
fn for_programs(answer: &Answer, of: Option<&Map<String, Value>>, global: &Global) -> Result<Option<u8>, CliError> {
    let format = global.answer_format()?;
    if answer.wrap_info.is_some() {
        return answer::print(answer, global).map(Some);
    }
    output::warnings(&answer.warnings);
    if let Some(name) = &global.field {
        let value = of.and_then(|of| of.get(name)).filter(|value| !value.is_null()).cloned();
        let value = value.or_else(|| table::field(answer, name));
        return answer::print_field(value, name, format).map(Some);
    }
    match format {
        Format::Table => Ok(None),
        _ => answer::structured(&table::envelope(answer), format).map(|()| Some(0)),
    }
}
