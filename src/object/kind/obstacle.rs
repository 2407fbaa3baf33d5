//! What stands in the way of a change though each field is good for itself: what an engine would refuse in the middle of an
//! apply, or do and never take back. It follows from what is declared and from what is live, so a plan can say it.

use super::live::Live;
use super::object::Object;

/// What is about to happen to an object, for [`Kind::obstacle`](super::Kind::obstacle).
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// It is made.
    Create(&'a Object),
    /// It is changed, or taken over, in these fields.
    Change {
        /// As declared.
        object: &'a Object,
        /// As it stands.
        live: &'a Live,
        /// What differs.
        fields: &'a [&'static str],
    },
    /// It is taken away.
    TakeAway(&'a Live),
}

/// Why it can't happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What is in the way, in half a sentence after the object's path.
    pub what: String,
    /// What to do.
    pub hint: String,
}
