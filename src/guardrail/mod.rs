//! What may never be granted: rules over what a role or an app may do, exceptions with an end, and verdicts.
//!
//! Pure, and named by both halves: the reconciler judges plans and reviews, the engine judges each credential
//! just before it is issued. Guardrails travel to the engine as JSON.

mod declared;
mod judge;
mod pack;
mod rule;
mod subject;
mod violation;
pub mod wire;

pub use self::declared::{DEFAULT, ENDED_FIX, Exception, Guardrail};
pub(crate) use self::declared::{Names, names};
pub use self::judge::{expired, judge};
pub use self::pack::{PACKS, pack};
pub use self::rule::{
    Block, Clause, Complaint, Deny, Described, Escalation, Holds, Malformed, Path, RULES, Rule, Scope, Shape,
    Unreadable, Without, Word, blocks, check_paths, of_block, paths,
};
pub use self::subject::{Bound, Login, Subject, Terms, Who};
pub use self::violation::{Judged, Severity, Violation, Violator};

#[cfg(test)]
mod tests;
