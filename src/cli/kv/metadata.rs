//! `leasehold kv metadata`: what is kept of a secret beside its data.

use serde_json::{Map, Value};

use super::home::At;
use super::{Asked, nothing_at, shown};
use crate::cli::answer::succeed;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::wrap::WrapArgs;

/// What is done with it.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show it, with all versions
    Get {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        wrap: WrapArgs,
    },
    /// Write it; what is not said goes back to its default
    Put(Put),
    /// Change some of it
    Patch(Patch),
    /// Delete it, with all versions of the secret
    Delete(At),
}

#[derive(Debug, clap::Args)]
pub(super) struct Put {
    #[command(flatten)]
    at: At,
    /// How many versions are kept; 0: as the mount says
    #[arg(long, value_name = "NUMBER")]
    max_versions: Option<u64>,
    /// Whether a write must say which version it follows
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    cas_required: Option<bool>,
    /// When a new version counts as deleted; 0s: never
    #[arg(long, value_name = "DURATION")]
    delete_version_after: Option<String>,
    /// A text of whoever keeps the secret; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    custom_metadata: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Patch {
    #[command(flatten)]
    put: Put,
    /// A text that goes; may be repeated
    #[arg(long, value_name = "KEY")]
    remove_custom_metadata: Vec<String>,
}

/// Does it, and answers the exit code.
pub(super) async fn run(command: Command, asked: &Asked<'_>) -> Result<u8, CliError> {
    match command {
        Command::Get { at, wrap } => {
            let path = path(asked, &at).await?;
            let found = wrap.client(asked.client).read(&path).await;
            let found = found.map_err(|error| asked.failed("reading", &path, &error))?;
            shown::metadata(&found.ok_or_else(|| nothing_at(&path))?, &path, asked.global)
        }
        Command::Put(put) => {
            let path = path(asked, &put.at).await?;
            let answer = asked.client.write(&path, &put.body()?).await;
            let answer = answer.map_err(|error| asked.failed("writing data to", &path, &error))?;
            output::warnings(&answer.warnings);
            succeed(&format!("Success! Data written to: {path}"), asked.format()?)
        }
        Command::Patch(Patch { put, remove_custom_metadata }) => {
            let path = path(asked, &put.at).await?;
            let mut body = put.body()?;
            if !remove_custom_metadata.is_empty() {
                let texts = body.entry("custom_metadata").or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(texts) = texts {
                    texts.extend(remove_custom_metadata.into_iter().map(|key| (key, Value::Null)));
                }
            }
            let answer = asked.client.patch(&path, &body).await;
            let answer = answer.map_err(|error| asked.failed("writing data to", &path, &error))?;
            output::warnings(&answer.warnings);
            succeed(&format!("Success! Data written to: {path}"), asked.format()?)
        }
        Command::Delete(at) => {
            let path = path(asked, &at).await?;
            let answer = asked.client.delete_with(&path, &[]).await;
            let answer = answer.map_err(|error| asked.failed("deleting", &path, &error))?;
            output::warnings(&answer.warnings);
            succeed(&format!("Success! Data deleted (if it existed) at: {path}"), asked.format()?)
        }
    }
}

async fn path(asked: &Asked<'_>, at: &At) -> Result<String, CliError> {
    Ok(asked.versioned(at, "Metadata").await?.of("metadata"))
}

impl Put {
    fn body(&self) -> Result<Map<String, Value>, CliError> {
        let texts = self.custom_metadata.iter().map(|pair| match pair.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), Value::from(value))),
            None => Err(CliError::new(1, "--custom-metadata is KEY=VALUE")),
        });
        let texts = texts.collect::<Result<Map<_, _>, _>>()?;
        let said = [
            ("max_versions", self.max_versions.map(Value::from)),
            ("cas_required", self.cas_required.map(Value::from)),
            ("delete_version_after", self.delete_version_after.clone().map(Value::from)),
            ("custom_metadata", (!texts.is_empty()).then_some(Value::Object(texts))),
        ];
        Ok(said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
    }
}
