//! Asking for a secret on a terminal.

use std::io::{BufRead, IsTerminal};

use super::error::CliError;
use super::output;
use crate::secret::Secret;

/// Asks for a secret. The terminal does not show what is typed.
///
/// # Errors
/// When there is no terminal, with `hint` at how it is given without one.
pub(crate) fn prompt(question: &str, hint: &str) -> Result<Secret, CliError> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let what = question.split(' ').next().unwrap_or_default().to_lowercase();
        return Err(
            CliError::new(1, format!("no {what} was given, and there is no terminal to ask on")).hint(hint.to_owned())
        );
    }
    let failed =
        |error: rustix::io::Errno| CliError::new(1, format!("the terminal can't be told not to echo: {error}"));
    let before = tcgetattr(&stdin).map_err(failed)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    output::ask(question);
    tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(failed)?;
    let mut text = String::new();
    let read = stdin.lock().read_line(&mut text);
    // Whatever happened, the terminal must show again what is typed.
    let restored = tcsetattr(&stdin, OptionalActions::Flush, &before);
    output::say("");
    restored.map_err(failed)?;
    read.map_err(|error| CliError::new(1, format!("the terminal could not be read: {error}")))?;
    let secret = Secret::new(text.trim_end_matches(['\r', '\n']));
    zeroize::Zeroize::zeroize(&mut text);
    Ok(secret)
}
