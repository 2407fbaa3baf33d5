//! The environment between rounds.

use std::path::PathBuf;

use crate::cli::app::RunArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::global::Global;

/// What an environment is reached by between rounds: the files as the last round had them.
pub(super) struct Near {
    global: Global,
    login: RunArgs,
    files: Files,
}

/// The files of the last round.
pub(super) enum Files {
    /// Of a directory.
    Directory(PathBuf),
    /// Of the copy of a remote.
    Fetched(PathBuf),
}

impl Near {
    /// Of a loop that was told this.
    pub(super) fn new(global: Global, login: RunArgs, files: Files) -> Self {
        Self { global, login, files }
    }

    /// The environment as it was last read.
    ///
    /// # Errors
    /// Settings that can't be used.
    pub(super) fn context(&self) -> Result<Context, CliError> {
        let context = Context::open(&self.global)?.logging_in(self.login.way()?);
        Ok(match &self.files {
            Files::Directory(directory) => context.at(Some(directory.clone())),
            Files::Fetched(directory) => context.at_head_of(directory.clone()),
        })
    }
}
