//! What files are worth alone: what is wrong with them, and what guardrails say of them.

use super::reviewed;
use crate::estate::{self, Checked, Estate, Problem, Severity, Sources};
use crate::guardrail::{self, Judged, Violator};
use crate::review::judgement::Scope;
use crate::review::state::Side;
use crate::review::state::reckoning::{self, Contradiction};

/// What was found in files.
pub struct Validity {
    /// What is wrong with them or worth knowing, and how much they declare.
    pub checked: Checked,
    /// What guardrails say, wherever it comes from, with the environment that they say it of. Nothing of files that are not
    /// valid.
    pub violations: Vec<(String, Judged)>,
}

/// What is taken for a failure beside errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Warnings.
    pub strict: bool,
    /// What guardrails deny.
    pub guardrails: bool,
}

/// How files do by a [`Demand`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Well.
    Valid,
    /// There are so many errors.
    Errors(usize),
    /// There are so many warnings, which count.
    Warnings(usize),
    /// An exception from a guardrail has ended.
    Ended,
    /// Guardrails deny something, and say so much.
    Violated(usize),
}

impl Verdict {
    /// The exit code of a process that was asked (docs/cli.md, "Exit codes").
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Errors(_) | Self::Warnings(_) | Self::Ended => 1,
            Self::Violated(_) => 3,
        }
    }
}

impl Validity {
    /// Looks at files, for each environment that they declare or for the named one. `today` is as `2026-01-31`.
    pub fn of(sources: &Sources, environment: Option<&str>, today: &str) -> Self {
        let (mut checked, estates) = estate::check(sources, environment);
        for problem in estates.iter().flat_map(|estate| futile(sources, estate)) {
            if !checked.problems.contains(&problem) {
                checked.problems.push(problem);
            }
        }
        Self { checked, violations: estates.iter().flat_map(|estate| judged(estate, today)).collect() }
    }

    /// How many problems there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.checked.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    /// How the files do.
    pub fn verdict(&self, demand: Demand) -> Verdict {
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        let any = |of: fn(&Judged) -> bool| self.violations.iter().any(|(_, judged)| of(judged));
        match () {
            () if errors > 0 => Verdict::Errors(errors),
            () if demand.strict && warnings > 0 => Verdict::Warnings(warnings),
            () if any(|judged| matches!(judged.violation.subject, Violator::Exception(_))) => Verdict::Ended,
            () if demand.guardrails && any(|judged| judged.violation.severity == guardrail::Severity::Deny) => {
                Verdict::Violated(self.violations.len())
            }
            () => Verdict::Valid,
        }
    }
}

/// What files say of how long things live that does not hold, because something else that they say is shorter.
fn futile(sources: &Sources, estate: &Estate) -> Vec<Problem> {
    let found = reckoning::contradictions(&Side::of_estate(estate)).into_iter();
    found.map(|Contradiction { what, place, hint }| sources.warning(&place, what, hint)).collect()
}

fn judged(estate: &Estate, today: &str) -> Vec<(String, Judged)> {
    let all = reviewed::judged(None, &Side::of_estate(estate), estate, Scope::All, today);
    all.into_iter().map(|judged| (estate.environment.name.clone(), judged)).collect()
}
