//! What somebody said of objects that are declared and there, and that no estate has.

use super::selection::{Unknown, are_of};
use crate::guardrail::Names;
use crate::object::Object;

/// The pattern that everything is like.
pub const EVERYTHING: &str = "*";

/// What to do about an object that is declared and there, and that no estate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopt<'a> {
    /// Leave it alone and refuse the plan.
    Refuse,
    /// Make it ours, and as declared but for a key that stays, which counts as meant.
    Take,
    /// The same, where its path is like one of these.
    Like(&'a [String]),
}

impl<'a> Adopt<'a> {
    /// What it is if these patterns were said; none is said for nothing.
    pub fn like(patterns: &'a [String]) -> Self {
        if patterns.is_empty() { Self::Refuse } else { Self::Like(patterns) }
    }

    /// Whether an object is taken.
    pub fn takes(self, path: &str) -> bool {
        match self {
            Self::Refuse => false,
            Self::Take => true,
            Self::Like(patterns) => Names::new(patterns).has(path),
        }
    }
}

/// Looks that what was said of taking over is about something that the files declare.
///
/// # Errors
/// [`Unknown`]: it would stay another's word, and nobody would see why.
pub fn check_adopt(adopt: Adopt<'_>, desired: &[Object]) -> Result<(), Unknown> {
    let Adopt::Like(patterns) = adopt else { return Ok(()) };
    // Without a word more it is about whatever there is to take over, if anything.
    let named: Vec<String> = patterns.iter().filter(|pattern| *pattern != EVERYTHING).cloned().collect();
    let paths: Vec<&str> = desired.iter().map(|object| object.path.as_str()).collect();
    are_of("--adopt", "object", &named, &paths)
}
