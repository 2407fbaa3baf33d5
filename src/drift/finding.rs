//! One finding, and the rule that it is of.

use serde_json::{Value, json};

use crate::estate::Level;
use crate::object::{Kind, Place};

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// An object of ours was changed.
    Changed,
    /// An object is nobody's.
    NotOurs,
    /// The files say something that was not applied.
    Pending,
}

impl Rule {
    /// Those of what is not as it was left, which somebody may accept for a while.
    pub(super) const ACCEPTABLE: [Self; 2] = [Self::Changed, Self::NotOurs];

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
    pub(super) fn is_failure(self) -> bool {
        self != Self::Pending
    }

    pub(super) fn level(self) -> Level {
        if self.is_failure() { Level::Error } else { Level::Note }
    }
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What it is.
    pub rule: Rule,
    /// How much it matters.
    pub level: Level,
    /// The object.
    pub path: String,
    /// In a line.
    pub what: String,
    /// What else there is to say, a line each.
    pub more: Vec<String>,
    /// Where it is declared.
    pub place: Option<Place>,
}

/// A finding that can be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub rule: Rule,
    /// The object's sort.
    pub kind: &'static Kind,
    /// Its path.
    pub path: String,
}

/// A place, for programs.
pub(super) fn place(place: &Place) -> Value {
    json!({"file": &*place.file, "line": place.line, "column": place.column})
}

impl Listed {
    /// Whether somebody has to look at it.
    pub fn is_failure(&self) -> bool {
        self.rule.is_failure() && self.level > Level::Note
    }
}
