//! What files mean for an engine: files and engine, two commits, or files alone become a reviewed plan, a review, a
//! verdict or drift. Commands ask here and render what they get, so that all of them judge alike.

mod commits;
mod drift;
mod engine;
mod secrets;

pub use self::commits::{Compared, against_engine, between, judged_files};
pub use self::drift::drift;
pub use self::engine::{Basis, Proposal, Word, propose};
pub use self::secrets::Missing;

use crate::estate::{Estate, Problem, Sources};
use crate::review::judgement::{self, Scope};
use crate::review::state::Side;
use crate::review::{self, Revision};
use crate::{apply, git};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// git.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// Engine or ledger could not be read, or refused it.
    #[error(transparent)]
    Engine(Box<apply::Error>),
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

fn counted(problems: &[Problem]) -> String {
    use crate::estate::Severity;
    match problems.iter().filter(|problem| problem.severity == Severity::Error).count() {
        1 => "1 error".to_owned(),
        errors => format!("{errors} errors"),
    }
}

/// Compares two sides of one environment and judges what is after by its guardrails. `today` is a day as `2026-11-25`.
fn reviewed(
    name: &str,
    before: Option<&Side<'_>>,
    after: Option<(&Side<'_>, &Estate)>,
    files: &[String],
    scope: Scope,
    today: &str,
) -> review::Environment {
    let judged = after.map(|(side, estate)| judgement::judge(before, side, &estate.guardrails, scope, today));
    review::Environment::new(name, before, after.map(|(side, _)| side), files, judged.unwrap_or_default())
}
