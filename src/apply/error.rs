//! Why nothing, or not all of the bookkeeping, could be done.

use crate::ledger;
use crate::live;
use crate::plan;

/// Why nothing, or not all of the bookkeeping, could be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The engine's objects.
    #[error(transparent)]
    Live(#[from] live::Error),
    /// The ledger, when all that was to be done is done or has failed.
    #[error("what became of it could not be written into the ledger: {source}")]
    Unrecorded {
        /// Why.
        source: ledger::Error,
        /// The exit code that what was done stands for ([`super::Report::exit_code`]).
        done: u8,
    },
    /// The lock is somebody else's: nothing was written since that was seen.
    #[error("{}: the lock was taken by {by}", if *begun { "stopped" } else { "nothing was applied" })]
    Unlocked {
        /// Who has it or took it away, for people.
        by: String,
        /// Whether something was done before.
        begun: bool,
    },
    /// The token may not revoke the leases that the plan says are revoked.
    #[error(
        "nothing was applied: the plan revokes leases (on_change), and this token may not: that takes `update` and `sudo` on {}",
        listed(paths)
    )]
    MayNotRevoke {
        /// Where they are revoked.
        paths: Vec<String>,
    },
    /// A plan that may not be applied was handed over.
    #[error("the plan is refused: {0}")]
    Refused(plan::Refusal),
}

/// How many paths a message names.
const PATHS_SHOWN_MAX: usize = 3;

/// Paths in a sentence.
fn listed(paths: &[String]) -> String {
    let shown = paths.iter().take(PATHS_SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(PATHS_SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl Error {
    /// The exit code it stands for: 3 refused, 4 somebody else writes or wrote meanwhile, 1 anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unlocked { .. } | Self::Ledger(ledger::Error::Locked { .. }) => 4,
            Self::Ledger(ledger::Error::Moved { .. }) => 4,
            // The worse of the two.
            Self::Unrecorded { source: ledger::Error::Moved { .. }, done } => 4.max(*done),
            Self::Unrecorded { done, .. } => 1.max(*done),
            Self::Refused(_) => 3,
            Self::MayNotRevoke { .. } | Self::Ledger(_) | Self::Live(_) => 1,
        }
    }

    /// What to do next, where there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Ledger(ledger::Error::Moved { .. }) => {
                Some("another apply runs or has just ended: look at a new plan, then apply again")
            }
            Self::Ledger(ledger::Error::Locked { .. }) => Some(
                "wait for it with --lock-timeout 10m; where it runs no more, its lock ends by itself within a minute, and \
                 `leasehold unlock` takes it away",
            ),
            Self::Unlocked { begun: true, .. } => Some(
                "the engine is as reported; the ledger still says what was intended. When nothing else runs, look at a \
                 new plan and apply again: it finds out",
            ),
            Self::Unlocked { begun: false, .. } => Some("when nothing else runs, look at a new plan and apply again"),
            Self::Ledger(ledger::Error::KeyHidden { .. }) => {
                Some("apply with a token whose policies grant `read` on it, as policies/acl/apply.hcl does")
            }
            Self::Ledger(ledger::Error::Taken { .. }) => {
                Some("move what is mounted at leasehold/ elsewhere, or use another engine")
            }
            Self::Unrecorded { .. } => Some(
                "the engine is as reported; the ledger still says what was intended. Apply again: it puts the ledger \
                 right, and writes once more only what no read tells",
            ),
            Self::Live(live::Error::RootOnly { .. }) => Some(
                "declare it in an estate that is applied without a namespace; what environments share is left out of one \
                 by its name, as in `override { audit = { NAME = null } }`",
            ),
            Self::MayNotRevoke { .. } => Some(
                "apply with a token whose policies grant it, as policies/acl/apply.hcl does; with `on_change = \"keep\"` the \
                 leases stay",
            ),
            Self::Live(live::Error::NoTable { .. }) => Some("look at the environment's address"),
            _ => None,
        }
    }
}
