//! `leasehold schema`: the JSON Schema of estates in YAML.

use super::error::CliError;
use super::global::Global;
use super::output;
use crate::estate::json_schema;

/// Arguments of `leasehold schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For editors, of files in YAML. It knows words and shapes, and not what they mean together: `leasehold validate` does.

Exit codes: 0 printed, 1 an error.")]
pub(crate) struct Args {}

/// Runs the command and answers the exit code.
pub(crate) async fn run(Args {}: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    global.no_field()?;
    output::data(&format!("{:#}\n", json_schema()))?;
    Ok(0)
}
