//! Data to stdout, talk to stderr. The only file that prints.

use super::error::CliError;

/// Prints data to stdout, as it is.
///
/// # Errors
/// When stdout cannot be written for another reason than that nobody reads it any more.
pub(crate) fn data(text: &str) -> Result<(), CliError> {
    use std::io::Write;
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::new(1, format!("stdout could not be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints how a command failed.
pub(crate) fn failure(error: &CliError) {
    anstream::eprintln!("Error: {}", error.message);
    for hint in &error.hints {
        anstream::eprintln!("  = help: {hint}");
    }
}
