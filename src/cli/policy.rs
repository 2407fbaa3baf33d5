//! `leasehold policy`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::answer::succeed;
use super::context::with_client;
use super::data::Sources as _;
use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::request::body;
use super::{answer, data, fmt, output, table};

/// Arguments of `leasehold policy`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    #[command(flatten)]
    Stored(Stored),
    /// Lay out a file with a policy's rules, in HCL or JSON
    Fmt {
        /// The file
        file: PathBuf,
    },
}

/// What is done with the policies of an engine.
#[derive(Debug, clap::Subcommand)]
enum Stored {
    /// List the ACL policies
    List,
    /// Print a policy's rules
    Read {
        /// The policy
        name: String,
    },
    /// Create a policy or replace its rules
    Write {
        /// The policy
        name: String,
        /// A file with the rules, or - for stdin
        file: String,
    },
    /// Delete a policy
    Delete {
        /// The policy
        name: String,
    },
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    let action = match args.action {
        Subcommand::Stored(action) => action,
        Subcommand::Fmt { file } => {
            global.no_form()?;
            if global.sketch()?.is_some() {
                return Err(CliError::new(1, "this command sends no request that could be printed"));
            }
            return succeed(&format!("Success! Formatted policy: {}", fmt::one(&file)?), Format::Table);
        }
    };
    let format = global.answer_format()?;
    with_client(global, async |context, client| match action {
        Stored::List => {
            let found = client.list("sys/policies/acl").await;
            let found = found.map_err(|error| context.failed("Error listing policies", &error))?;
            let names = found.and_then(|found| found.data).and_then(|data| data.get("keys").cloned());
            let names = names.unwrap_or_else(|| json!([]));
            if format != Format::Table {
                return answer::structured(&names, format).map(|()| 0);
            }
            let names = names.as_array().map(Vec::as_slice).unwrap_or_default();
            let text: String = names.iter().map(|name| table::plain(name) + "\n").collect();
            output::data(&output::printable(&text)).map(|()| 0)
        }
        Stored::Read { name } => {
            let name = name.trim().to_lowercase();
            let found = client.read(&format!("sys/policies/acl/{name}")).await;
            let found = found.map_err(|error| context.failed(format!("Error reading policy named {name}"), &error))?;
            let rules = found.and_then(|found| found.data).and_then(|data| {
                data.get("policy").or_else(|| data.get("rules")).and_then(Value::as_str).map(str::to_owned)
            });
            match (rules, format) {
                (None, _) => Err(CliError::plain(2, format!("No policy named: {name}"))),
                (Some(rules), Format::Table) => output::line(&output::printable(rules.trim())).map(|()| 0),
                (Some(rules), _) => answer::structured(&json!({ "policy": rules }), format).map(|()| 0),
            }
        }
        Stored::Write { name, file } => {
            let name = name.trim().to_lowercase();
            let mut sources = data::Real::default();
            let rules = if file == "-" { sources.stdin()? } else { sources.file(&file)? };
            let done = client.write(&format!("sys/policies/acl/{name}"), &body(json!({ "policy": rules }))).await;
            output::warnings(&done.map_err(|error| context.failed("Error uploading policy", &error))?.warnings);
            succeed(&format!("Success! Uploaded policy: {name}"), format)
        }
        Stored::Delete { name } => {
            let name = name.trim().to_lowercase();
            let done = client.delete_with(&format!("sys/policies/acl/{name}"), &[]).await;
            output::warnings(&done.map_err(|error| context.failed(format!("Error deleting {name}"), &error))?.warnings);
            succeed(&format!("Success! Deleted policy: {name}"), format)
        }
    })
    .await
}
