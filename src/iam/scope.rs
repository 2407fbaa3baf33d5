//! Which actions or resources a statement is about.

use super::pattern::Pattern;

/// The actions or resources of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Whether it is everything but these (`NotAction`, `NotResource`).
    pub negated: bool,
    /// The patterns; any may match.
    pub patterns: Vec<Pattern>,
}
