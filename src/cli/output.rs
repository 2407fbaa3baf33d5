//! Data to stdout, talk to stderr. The only file that prints.

use super::error::CliError;

/// Prints how a command failed.
pub(crate) fn failure(error: &CliError) {
    anstream::eprintln!("Error: {}", error.message);
    for hint in &error.hints {
        anstream::eprintln!("  = help: {hint}");
    }
}
