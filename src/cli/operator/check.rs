//! `leasehold operator check`.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::context::with_client;
use crate::cli::error::CliError;
use crate::cli::format::Format;
use crate::cli::global::Global;
use crate::cli::{answer, output};
use crate::clock::Clock;
use crate::engine::lease::sound;
use crate::engine::{KeyFile, OpenError};
use crate::text::count;

const PATH: &str = "sys/leasehold/check";

/// Arguments of `leasehold operator check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code: 0 the store is sound, 2 something is wrong with it, 1 when it can't be looked at")]
pub(super) struct Args {
    /// Look at the store in this directory, which no server uses, instead of asking a server
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the key of that store is [default: unseal.key in the directory]
    #[arg(long, value_name = "FILE", requires = "data_dir")]
    unseal_key: Option<PathBuf>,
}

/// Runs the command and answers the exit code.
pub(super) async fn run(args: &Args, global: &Global) -> Result<u8, CliError> {
    global.answer_format()?;
    let Some(directory) = &args.data_dir else {
        return with_client(global, async |context, client| {
            let asked = client.read(PATH).await;
            // Here 2 means that something is wrong, so not to know must be something else.
            let asked = asked.map_err(|error| context.failed_as(1, "Error checking the store", &error))?;
            let data = asked.and_then(crate::api::Answer::into_data).map(Value::Object);
            show(
                &data.ok_or_else(|| CliError::new(1, "the server does not check its store: it is another program"))?,
                global,
            )
        })
        .await;
    };
    if global.sketch()?.is_some() {
        return Err(CliError::new(1, "with --data-dir nothing is sent that could be printed"));
    }
    let key = args.unseal_key.clone().map_or(KeyFile::Beside, KeyFile::Given);
    let unix = Clock::system().now().unix_timestamp();
    let found = sound::offline(directory, &key, unix).map_err(|error| {
        let failed = CliError::new(1, error.to_string());
        match error {
            OpenError::Locked { .. } => failed.hint("ask the server, without --data-dir; or stop it"),
            OpenError::Failed(_) => failed,
        }
    })?;
    if found.is_sealed {
        output::say(
            "note: the store is sealed by key shares, so only its file was looked at; the server that has it, unsealed, looks \
             at all of it\n",
        );
    }
    show(&json!({ "entries": found.entries, "leases": found.leases, "problems": found.problems }), global)
}

fn show(found: &Value, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    let problems: Vec<&str> = found["problems"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let Some(name) = &global.field {
        answer::print_field(found.get(name).cloned(), name, format)?;
    } else if format != Format::Table {
        answer::structured(found, format)?;
    } else if problems.is_empty() {
        let number = |name: &str| found[name].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
        let leases = count(number("leases"), "lease");
        output::line(&format!("The store is sound: {} entries, {leases}", number("entries")))?;
    } else {
        problems.iter().try_for_each(|problem| output::line(&format!("- {}", output::one_line(problem))))?;
    }
    Ok(if problems.is_empty() { 0 } else { 2 })
}
