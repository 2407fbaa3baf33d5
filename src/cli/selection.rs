//! Which of the changes a plan makes, as it is said on the command line.

use std::path::Path;

use super::error::CliError;
use super::output;
use crate::plan::{Asked, EVERYTHING};

/// Refuses a directory that is none where it looks like the pattern of an `--adopt` without one.
///
/// # Errors
/// It does.
pub(crate) fn is_no_pattern(dir: Option<&Path>, adopt: &[String]) -> Result<(), CliError> {
    match dir {
        Some(dir) if !dir.exists() && adopt.iter().any(|pattern| pattern == EVERYTHING) => {
            let dir = output::one_line(&dir.display().to_string()).into_owned();
            Err(CliError::new(1, format!("there is no directory {dir}"))
                .hint(format!("the pattern of --adopt follows an equals sign: --adopt={dir}")))
        }
        _ => Ok(()),
    }
}

/// Flags of commands that plan.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct SelectionArgs {
    /// Only changes of objects at this path, with * and ? as wildcards, or of this name at its end; what they need and is
    /// not there yet comes along; may be repeated
    #[arg(long = "target", value_name = "PATTERN")]
    targets: Vec<String>,
    /// No changes of objects at this path, with wildcards; may be repeated
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Only changes of what belongs to this app, and what that needs; may be repeated
    #[arg(long, value_name = "APP")]
    only_app: Vec<String>,
}

impl SelectionArgs {
    /// Of changes of these objects alone.
    pub(crate) fn of(targets: Vec<String>) -> Self {
        Self { targets, ..Self::default() }
    }

    /// What is asked for.
    pub(crate) fn asked(&self) -> Asked {
        Asked { target: self.targets.clone(), exclude: self.exclude.clone(), only_app: self.only_app.clone() }
    }

    /// The flags, and whether each is said.
    pub(crate) fn said(&self) -> [(&'static str, bool); 3] {
        [
            ("--target", !self.targets.is_empty()),
            ("--exclude", !self.exclude.is_empty()),
            ("--only-app", !self.only_app.is_empty()),
        ]
    }
}
