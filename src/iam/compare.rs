//! Two policies compared for every request at once: what the new one allows that the old one does not, and
//! the other way round.
//!
//! Each side is a list of [`PolicySet`]s: what one principal may do (an app with two roles has two sets), a
//! request being allowed if any of them allows it.

use super::policy::{PolicySet, Scope, Statement};
use super::request::Request;

/// What a new policy is to an old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// They allow the same requests.
    Equal,
    /// The new one allows less.
    Narrower,
    /// The new one allows more.
    Wider,
    /// Each allows requests that the other does not.
    Both,
    /// It could not be decided; counts as a gain.
    CannotTell,
}

/// How sure a difference or a reach is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A request that the evaluator allows on the one side and not on the other.
    Witness(Request),
    /// It may be so; why it can't be told.
    CannotTell(String),
}

/// Something that one side allows and the other does not.
#[derive(Clone, Debug)]
pub struct Difference<'a, S> {
    /// Which set of its side allows it.
    pub set: usize,
    /// The identity statement that allows it.
    pub statement: &'a Statement<S>,
    /// The part of the statement's actions, as in its `Action` or `NotAction`.
    pub actions: Scope,
    /// The part of the statement's resources, as in its `Resource` or `NotResource`.
    pub resources: Scope,
    /// What about it differs.
    pub extent: Extent,
    /// The request that shows it.
    pub proof: Proof,
}

/// What about an access differs between the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// The other side allows none of these actions, on any resource.
    Whole,
    /// The other side allows some of these actions on some resources, fewer than this one.
    Part,
    /// The other side allows these actions on these resources, under other conditions.
    Conditions,
}

/// Everything that differs.
#[derive(Clone, Debug)]
pub struct Comparison<'a, S> {
    /// What the new side allows and the old one does not, in the order of the new side's statements.
    pub gains: Vec<Difference<'a, S>>,
    /// What the old side allows and the new one does not, in the order of the old side's statements.
    pub losses: Vec<Difference<'a, S>>,
}

impl<S> Comparison<'_, S> {
    /// The verdict in one word. A gain that can't be told is a gain.
    pub fn relation(&self) -> Relation {
        unimplemented!()
    }
}

/// Compares what two principals may do.
pub fn compare<'a, S>(old: &'a [PolicySet<S>], new: &'a [PolicySet<S>]) -> Comparison<'a, S> {
    let _ = (old, new);
    unimplemented!()
}

/// Finds a request inside `within` (its effect does not matter) and outside all of `outside` that `access`
/// allows: whether a principal can do any of these things. `None` is a proof that there is no such request.
pub fn reach<S>(access: &[PolicySet<S>], within: &Statement<()>, outside: &[Statement<()>]) -> Option<Proof> {
    let _ = (access, within, outside);
    unimplemented!()
}
