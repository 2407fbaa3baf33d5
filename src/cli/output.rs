//! Data to stdout, talk to stderr. The only file that prints.
//!
//! A reader that goes away (`| head`) ends the output and is no error. Text that comes from files or
//! from an engine passes through [`printable`] on its way to a person, so that it cannot drive the
//! terminal; names and keys through [`one_line`]. No line that is meant for people begins as a command to a CI does.
//! anstream drops colours when the stream is no terminal or `NO_COLOR` is set.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};

use super::error::CliError;
use crate::review::Colour;
pub(crate) use crate::text::{one_line, printable};

/// Prints data to stdout.
///
/// # Errors
/// When stdout cannot be written for another reason than that nobody reads it any more.
pub(crate) fn data(text: &str) -> Result<(), CliError> {
    exact(&defused(text))
}

/// Prints data to stdout, as it is: a form that a program reads, in which a text of several lines may stand.
///
/// # Errors
/// As [`data`].
pub(crate) fn exact(text: &str) -> Result<(), CliError> {
    let mut stdout = anstream::stdout().lock();
    finish(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Prints data to stdout past anstream, which would take escape sequences out of it: for a raw value.
///
/// # Errors
/// As [`data`].
pub(crate) fn raw(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    let written = match io::stdout().is_terminal() {
        true => written.and_then(|()| stdout.write_all(b"\n")),
        false => written,
    };
    finish(written.and_then(|()| stdout.flush()))
}

/// Prints one line of data to stdout.
///
/// # Errors
/// As [`data`].
pub(crate) fn line(text: &str) -> Result<(), CliError> {
    data(&format!("{text}\n"))
}

/// Prints data to stdout while somebody reads it; answers whether somebody does.
///
/// # Errors
/// As [`data`].
pub(crate) fn streamed(text: &str) -> Result<bool, CliError> {
    let mut stdout = anstream::stdout().lock();
    let written = stdout.write_all(defused(text).as_bytes()).and_then(|()| stdout.flush());
    let is_read = !matches!(&written, Err(error) if error.kind() == ErrorKind::BrokenPipe);
    finish(written).map(|()| is_read)
}

fn finish(written: io::Result<()>) -> Result<(), CliError> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CliError::new(1, format!("stdout could not be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says something to the person at the terminal, on stderr.
pub(crate) fn say(text: &str) {
    // There is nowhere left to complain about a stderr that cannot be written.
    let _ = writeln!(anstream::stderr().lock(), "{}", defused(text));
}

/// Asks the person at the terminal, without ending the line.
pub(crate) fn ask(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
}

/// Prints an engine's warnings the way Vault's command line does.
pub(crate) fn warnings(warnings: &[String]) {
    if warnings.is_empty() {
        return;
    }
    say("WARNING! The following warnings were returned from Vault:\n");
    for warning in warnings {
        say(&format!("  * {}\n", wrapped(&printable(warning), 4, 78)));
    }
}

/// Prints how a command failed.
pub(crate) fn failure(error: &CliError) {
    match error.plain {
        true => say(&printable(&error.message)),
        false => say(&format!("Error: {}", printable(&error.message))),
    }
    for hint in &error.hints {
        say(&format!("  = help: {}", printable(hint)));
    }
}

/// Prints what was wrong with the arguments, which are shown as they were given: to a terminal in colours, and to a log
/// so that none of them has a say there.
pub(crate) fn usage(error: &clap::Error) {
    match io::stderr().is_terminal() {
        // There is nowhere left to complain about a stderr that cannot be written.
        true => drop(error.print()),
        false => say(printable(&error.render().to_string()).trim_end_matches('\n')),
    }
}

/// Settles colour for the whole process: `--no-color` and Vault's variable say never, else the stream
/// decides.
pub(crate) fn set_colour(never: bool) {
    if never {
        anstream::ColorChoice::Never.write_global();
    }
}

/// Whether what goes to stdout may have colours.
pub(crate) fn colour() -> Colour {
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => Colour::Never,
        _ => Colour::Always,
    }
}

/// A text in which no line is a command to GitHub Actions: it takes `::error::` and its like at the beginning of a
/// line, after white space, from whatever a step prints (GitHub, "Workflow commands").
fn defused(text: &str) -> Cow<'_, str> {
    // `:::` is how a place beside the first one is shown, and no command.
    let is_command = |line: &str| line.trim_start().strip_prefix("::").is_some_and(|name| !name.starts_with(':'));
    if !text.lines().any(is_command) {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive('\n').map(|line| match is_command(line) {
        true => line.replacen(':', "\\u{3a}", 1),
        false => line.to_owned(),
    });
    Cow::Owned(lines.collect())
}

/// Breaks a text at spaces into lines of at most `width` characters; the lines after the first are
/// indented by `indent`.
fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let mut lines = vec![String::new()];
    let mut used = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        let begins = lines.last().is_none_or(String::is_empty);
        if !begins && used + 1 + length > width {
            lines.push(" ".repeat(indent));
            used = indent;
        } else if !begins {
            used += 1;
            if let Some(line) = lines.last_mut() {
                line.push(' ');
            }
        }
        used += length;
        if let Some(line) = lines.last_mut() {
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{defused, one_line, wrapped};

    #[test]
    fn no_line_is_a_command_to_a_ci() {
        assert_eq!(defused("::a\n \t::b::c\nx ::d\n"), "\\u{3a}:a\n \t\\u{3a}:b::c\nx ::d\n");
        assert_eq!(one_line("a\n::b\u{1b}"), "a\\n::b\\u{1b}");
    }

    #[test]
    fn long_texts_are_broken_at_spaces_with_a_hanging_indent() {
        assert_eq!(wrapped("one two three", 4, 11), "one two\n    three");
        assert_eq!(wrapped("averylongwordthatdoesnotfit x", 2, 10), "averylongwordthatdoesnotfit\n  x");
        assert_eq!(wrapped("", 2, 10), "");
    }
}
