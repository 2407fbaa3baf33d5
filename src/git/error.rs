//! Why git could not tell what was asked.

use std::path::{Path, PathBuf};

use crate::estate::Problem;

/// Why git could not tell what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// git refuses repositories that somebody else may have prepared.
    #[error("the git repository at {} belongs to another user", directory.display())]
    Owner {
        /// Its work tree, as far as it is known.
        directory: PathBuf,
    },
    /// There is no repository.
    #[error("{} is not inside a git repository", directory.display())]
    NoRepository {
        /// The estate.
        directory: PathBuf,
    },
    /// A text that does not name a commit or a range of commits.
    #[error("{what}")]
    Revision {
        /// What is wrong with it.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// A remote that can't be one.
    #[error("{what}")]
    Remote {
        /// What is wrong with it. Never a secret.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// A remote's branch could not be fetched.
    #[error("{remote} could not be fetched: {why}")]
    Fetch {
        /// The remote and its branch.
        remote: String,
        /// What git says.
        why: String,
    },
    /// The commit does not hold the estate.
    #[error("there is no estate at {} in {revision}", inside.display())]
    NoEstate {
        /// Where it would be, relative to the repository's root.
        inside: PathBuf,
        /// The revision, as it was asked for.
        revision: String,
    },
    /// An estate as a whole can't be read.
    #[error("the estate can't be read{}", first(problems))]
    Estate {
        /// What is wrong with it.
        problems: Vec<Problem>,
    },
    /// Anything else that git says.
    #[error("the git repository of {} could not be read: {}", directory.display(), source.message())]
    Git {
        /// The estate.
        directory: PathBuf,
        /// What git says.
        source: git2::Error,
    },
}

impl Error {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Owner { directory } => {
                format!("if you trust it: git config --global --add safe.directory {}", directory.display())
            }
            Self::NoRepository { .. } => "name the directory of an estate that is under git".to_owned(),
            Self::Revision { hint, .. } | Self::Remote { hint, .. } => hint.clone(),
            Self::Fetch { .. } => "try it by hand, as the same user: git ls-remote URL".to_owned(),
            Self::NoEstate { .. } => "name the estate's directory, or a commit that has it".to_owned(),
            Self::Estate { problems } => problems.first().and_then(|problem| problem.hint.clone()).unwrap_or_default(),
            Self::Git { .. } => "check it with `git status`".to_owned(),
        }
    }

    pub(super) fn git(directory: &Path, source: git2::Error) -> Self {
        Self::Git { directory: directory.to_owned(), source }
    }
}

fn first(problems: &[Problem]) -> String {
    problems.first().map(|problem| format!(": {}", problem.what)).unwrap_or_default()
}
