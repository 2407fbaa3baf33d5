//! Which of the changes a plan makes, as it is said on the command line.

use crate::plan::Asked;

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
