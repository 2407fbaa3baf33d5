//! Why there is no plan, review, verdict or drift.

use std::collections::BTreeMap;

use crate::estate::{Problem, Severity, Sources};
use crate::plan::saved::Unfit;
use crate::plan::{Unknown, escape, short};
use crate::review::Revision;
use crate::{apply, git, ledger, live};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// git.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// Engine or ledger could not be read, or refused it.
    #[error(transparent)]
    Engine(Box<apply::Error>),
    /// Objects shall be taken over from somebody who has no ledger on this engine.
    #[error("nobody called `{owner}` has a ledger on this engine: there are those of {}", if known.is_empty() { "nobody else".to_owned() } else { known.join(", ") })]
    NoOwner {
        /// Who.
        owner: String,
        /// Who has one.
        known: Vec<String>,
    },
    /// More deletions are asked for than the environment allows.
    #[error("--max-deletes {said} is more than the environment `{environment}` allows: max_deletes = {allowed}")]
    LimitRaised {
        /// The environment.
        environment: String,
        /// What it allows.
        allowed: u32,
        /// What was said.
        said: u32,
    },
    /// Something was asked for that nothing is.
    #[error(transparent)]
    Unselectable(#[from] Unknown),
    /// A saved plan is not of here and now.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// An engine does not tell which one it is.
    #[error("the engine at {address} does not tell which one it is: sys/seal-status has no `cluster_id`")]
    Nameless {
        /// Its address.
        address: String,
    },
    /// What was applied last is not known any more, of what somebody changed since.
    #[error("nothing was put back: of what was changed it is not known what was applied{}", forgotten(objects))]
    Forgotten {
        /// The objects, by the commit that they were written from.
        objects: BTreeMap<Option<String>, Vec<String>>,
    },
    /// One side of a change is not valid.
    #[error("the estate is not valid in {}: {}", revision.label(), counted(problems))]
    Invalid {
        /// Everything that is wrong with it.
        problems: Vec<Problem>,
        /// Its files.
        sources: Box<Sources>,
        /// Which side.
        revision: Revision,
    },
    /// What an engine has can't be written as files that are an estate together.
    #[error("no valid estate comes of what the engine has: {}", counted(problems))]
    Undrafted {
        /// What is wrong with the files that would be.
        problems: Vec<Problem>,
        /// These files.
        sources: Box<Sources>,
    },
    /// Files for what an engine has are refused again and again.
    #[error("no estate comes of what the engine has in {drafts} drafts; the last was refused: {}", refused.join("; "))]
    Unsettled {
        /// How many were made.
        drafts: usize,
        /// Why the last was refused.
        refused: Vec<String>,
    },
    /// Neither side of a change declares the environment, or any.
    #[error("neither side declares an environment{}", wanted.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default())]
    NoEnvironment {
        /// The environment that was asked for.
        wanted: Option<String>,
    },
}

impl From<apply::Error> for Error {
    fn from(error: apply::Error) -> Self {
        Self::Engine(Box::new(error))
    }
}

impl From<ledger::Error> for Error {
    fn from(error: ledger::Error) -> Self {
        apply::Error::from(error).into()
    }
}

impl From<live::Error> for Error {
    fn from(error: live::Error) -> Self {
        apply::Error::from(error).into()
    }
}

fn forgotten(objects: &BTreeMap<Option<String>, Vec<String>>) -> String {
    let line = |(commit, paths): (&Option<String>, &Vec<String>)| {
        let why = match commit {
            Some(commit) => {
                format!("of commit {}, which this clone does not have, or says something else of it", short(commit))
            }
            None => "of files outside git, which say something else since".to_owned(),
        };
        paths.iter().map(|path| format!("\n  {}: {why}", escape(path))).collect::<String>()
    };
    objects.iter().map(line).collect()
}

fn counted(problems: &[Problem]) -> String {
    match problems.iter().filter(|problem| problem.severity == Severity::Error).count() {
        1 => "1 error".to_owned(),
        errors => format!("{errors} errors"),
    }
}
