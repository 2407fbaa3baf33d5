//! `leasehold test`: what must hold of apps, proved.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::context::{Context, Warnings};
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::output;
use crate::estate::Estate;
use crate::review::state::assertion::Outcomes;
use crate::text::did_you_mean;

/// Arguments of `leasehold test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Runs the `test` blocks of the estate. Needs no engine, credentials or network: `allow` is judged, `deny`,
`never` and `at_most` are proved for every request that matches. Without --env, for each environment.

Exit codes: 0 all passed (or there are none), 1 something failed, or an error.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    dir: Option<PathBuf>,
    /// Only tests whose name holds this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write the outcomes into a file as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Name the statements that no assertion exercises
    #[arg(long)]
    verbose: bool,
    /// Take warnings about the files for errors
    #[arg(long)]
    strict: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let format = global.format(forms::TEXT)?;
    let context = Context::open(global)?.at(args.dir).telling(Warnings::of(args.strict));
    let filter = args.filter.unwrap_or_default();
    let estates = context.estates()?;
    let outcomes: Vec<Outcomes> = estates.iter().map(|estate| Outcomes::of(estate, &filter)).collect();
    if let Some(file) = &args.junit {
        std::fs::write(file, Outcomes::junit(&outcomes))
            .map_err(|error| CliError::new(1, format!("{} could not be written: {error}", file.display())))?;
    }
    if !filter.is_empty() && outcomes.iter().all(|outcomes| outcomes.tests.is_empty()) {
        return Err(unmatched(&estates, &filter));
    }
    let none = outcomes.iter().all(|outcomes| outcomes.tests.is_empty());
    let failed = outcomes.iter().any(|outcomes| outcomes.counts().1 > 0);
    match format {
        Format::Json => {
            let environments: Vec<Value> = outcomes.iter().map(Outcomes::json).collect();
            output::data(&format!("{:#}\n", json!({"format_version": 1, "environments": environments})))?;
        }
        _ if none => output::line("The estate has no tests.")?,
        _ => {
            let texts: Vec<String> = outcomes.iter().map(|outcomes| outcomes.text(args.verbose)).collect();
            output::data(&texts.join("\n"))?;
        }
    }
    Ok(u8::from(failed))
}

/// That a filter chooses no test: what was to be proved is not.
fn unmatched(estates: &[Estate], filter: &str) -> CliError {
    let names: Vec<&str> = estates.iter().flat_map(|estate| &estate.tests).map(|test| test.name.as_str()).collect();
    let near = did_you_mean(filter, names.iter().copied());
    let error = CliError::new(1, format!("no test has `{filter}` in its name"));
    match near {
        Some(near) => error.hint(near),
        None if names.is_empty() => error.hint("the estate has no tests"),
        None => error.hint("`leasehold test` without --filter names them all"),
    }
}
