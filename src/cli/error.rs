//! How a command ends badly: an exit code, what happened, and what to do next.

/// The end of a command that did not do what it was asked.
#[derive(Debug)]
pub(crate) struct CliError {
    /// The process's exit code (README, "Exit codes").
    pub(crate) exit_code: u8,
    /// What happened, where. Never a secret. May have several lines.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hints: Vec<String>,
}

impl CliError {
    /// An error with an exit code.
    pub(crate) fn new(exit_code: u8, message: impl Into<String>) -> Self {
        Self { exit_code, message: message.into(), hints: Vec::new() }
    }

    /// The same error with one more hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}
