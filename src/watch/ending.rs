//! How a round ends: one value, from which follow what it came to, why, and the exit code of `leasehold watch --once`.

use super::outcome::Outcome;
use crate::apply::Report;
use crate::drift::Extent;
use crate::object::Object;
use crate::plan::{ChangeAction, Plan};

/// How a round ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It looked, and had nothing to write or was not to.
    Looked(Extent),
    /// What there is to do is not done, because somebody has to look first.
    Refused(String),
    /// What there is to do is not done, because secrets for it are missing.
    Lacking(String),
    /// Somebody else is at it.
    Waits(String),
    /// All that there was to do was done, and the engine is so far from what was left there now.
    Applied {
        /// What there is to know of it besides.
        why: Option<String>,
        /// How far the engine is from it, read anew.
        left: Extent,
    },
    /// Not all of it was done.
    Incomplete {
        /// What was not, and why.
        why: String,
        /// What that stands for.
        exit_code: u8,
    },
    /// It could not be looked.
    Failed {
        /// Why.
        why: String,
        /// What that stands for.
        exit_code: u8,
    },
}

/// What an apply came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// All was done, but for what is left to a server's configuration; with what there is to know besides.
    Whole(Option<String>),
    /// Not all was.
    Short(Ending),
}

impl Ending {
    /// What the round came to.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Looked(Extent::Clean) => Outcome::Clean,
            Self::Looked(Extent::Pending) => Outcome::Pending,
            Self::Looked(Extent::Drift) => Outcome::Drift,
            Self::Refused(_) | Self::Lacking(_) => Outcome::Refused,
            Self::Waits(_) => Outcome::Waits,
            Self::Applied { .. } => Outcome::Applied,
            Self::Incomplete { .. } => Outcome::Incomplete,
            Self::Failed { .. } => Outcome::Failed,
        }
    }

    /// The exit code of a loop of one round.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Looked(left) | Self::Applied { left, .. } => left.exit_code(),
            Self::Refused(_) => 3,
            Self::Lacking(_) => 1,
            Self::Waits(_) => 4,
            Self::Incomplete { exit_code, .. } | Self::Failed { exit_code, .. } => *exit_code,
        }
    }

    /// Why it ended so, where that is to be said.
    pub fn why(self) -> Option<String> {
        match self {
            Self::Looked(_) => None,
            Self::Applied { why, .. } => why,
            Self::Refused(why)
            | Self::Lacking(why)
            | Self::Waits(why)
            | Self::Incomplete { why, .. }
            | Self::Failed { why, .. } => Some(why),
        }
    }

    /// Why a plan is not applied, if it is not. `missing` are the secrets that it would write and that are not there.
    pub fn refused(plan: &Plan, missing: &[&str], is_dirty: bool, allow_deletes: bool) -> Option<Self> {
        if is_dirty && !plan.is_empty() {
            // Somebody may be in the middle of bringing them up to date.
            let why = "the files are not as their commit has them\nhelp: commit them: a loop applies commits, or files of no \
                       repository";
            return Some(Self::Refused(why.to_owned()));
        }
        if !plan.refusals.is_empty() {
            let told = plan.refusals.iter().map(|refusal| format!("{refusal}\nhelp: {}", refusal.hint()));
            let mut told: Vec<String> = told.collect();
            if !allow_deletes && plan.changes.iter().any(|change| change.action == ChangeAction::Delete) {
                told.push("help: `leasehold watch` deletes nothing without --allow-deletes".to_owned());
            }
            return Some(Self::Refused(told.join("\n")));
        }
        (!missing.is_empty()).then(|| Self::Lacking(format!("secrets are missing\n{}", missing.join("\n"))))
    }
}

impl Written {
    /// What a report says. `desired` are the objects that the plan was computed from.
    pub fn of(report: &Report, desired: &[Object]) -> Self {
        let problems = report.problems(desired);
        match report.exit_code() {
            // What is left to a server's configuration is found in the next look.
            0 | 2 => Self::Whole((!problems.is_empty()).then(|| problems.trim_end().to_owned())),
            exit_code => {
                let why = format!("{}\n{}", report.summary(), problems.trim_end());
                Self::Short(Ending::Incomplete { why, exit_code })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ending, Outcome};
    use crate::drift::Extent;

    #[test]
    fn each_ending_has_its_outcome_its_code_and_its_reason() {
        let why = || "why".to_owned();
        for (ending, outcome, exit_code, is_told) in [
            (Ending::Looked(Extent::Clean), Outcome::Clean, 0, false),
            (Ending::Looked(Extent::Pending), Outcome::Pending, 2, false),
            (Ending::Looked(Extent::Drift), Outcome::Drift, 5, false),
            (Ending::Refused(why()), Outcome::Refused, 3, true),
            (Ending::Lacking(why()), Outcome::Refused, 1, true),
            (Ending::Waits(why()), Outcome::Waits, 4, true),
            (Ending::Applied { why: None, left: Extent::Clean }, Outcome::Applied, 0, false),
            (Ending::Applied { why: Some(why()), left: Extent::Pending }, Outcome::Applied, 2, true),
            (Ending::Applied { why: None, left: Extent::Drift }, Outcome::Applied, 5, false),
            (Ending::Incomplete { why: why(), exit_code: 4 }, Outcome::Incomplete, 4, true),
            (Ending::Failed { why: why(), exit_code: 1 }, Outcome::Failed, 1, true),
        ] {
            assert_eq!((ending.outcome(), ending.exit_code()), (outcome, exit_code), "{ending:?}");
            assert_eq!(ending.clone().why().is_some(), is_told, "{ending:?}");
        }
    }
}
