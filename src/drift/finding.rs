//! One finding, and the rule that it is of.

use crate::object::Place;

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// An object of ours was changed.
    Changed,
    /// An object is nobody's.
    NotOurs,
    /// The files say something that was not applied.
    Pending,
}

impl Rule {
    pub(super) const ALL: [Self; 3] = [Self::Changed, Self::NotOurs, Self::Pending];

    /// Its name, which stays.
    pub fn id(self) -> &'static str {
        match self {
            Self::Changed => "changed-behind-our-back",
            Self::NotOurs => "not-ours",
            Self::Pending => "not-yet-applied",
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Changed => "An object was changed behind our back",
            Self::NotOurs => "An object is not ours",
            Self::Pending => "What is committed is not yet applied",
        }
    }

    /// Of what is committed nobody has to be called.
    pub fn is_failure(self) -> bool {
        self != Self::Pending
    }

    pub(super) fn level(self) -> &'static str {
        if self.is_failure() { "error" } else { "note" }
    }
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What it is.
    pub rule: Rule,
    /// The object.
    pub path: String,
    /// In a line.
    pub what: String,
    /// What else there is to say, a line each.
    pub more: Vec<String>,
    /// Where it is declared.
    pub place: Option<Place>,
}
