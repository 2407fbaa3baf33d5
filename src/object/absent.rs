//! What is declared not to be there.

use super::kind::Kind;
use super::place::Place;

/// An object that is declared not to be there: it goes if it is ours, and nobody else's is touched.
#[derive(Clone, Debug)]
pub struct Absent {
    /// Its sort.
    pub kind: &'static Kind,
    /// Its path.
    pub path: String,
    /// The app it was lowered from, if from one.
    pub app: Option<String>,
    /// Where that is declared.
    pub place: Place,
    /// Why.
    pub absence: Absence,
}

/// Why a declared object is not to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// `absent = true`.
    Declared,
    /// `expires`, and that day has come.
    Expired(String),
}

impl std::fmt::Display for Absence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Declared => f.write_str("declared absent"),
            Self::Expired(day) => write!(f, "expired on {day}"),
        }
    }
}
