//! What a change of an estate means: who gains, loses and keeps which access, and on what terms.
//!
//! Pure: two sides in, a value out, and texts of that value. A gain is never missed: what can't be told
//! counts as one. What is proved is shown by a request that was denied before and is allowed now.

mod comparison;
mod describe;
pub(crate) mod escape;
mod finding;
pub mod judgement;
pub(crate) mod junit;
pub(crate) mod page;
mod render;
mod report;
pub mod state;
mod words;

pub use self::finding::{Access, Finding, Subject, Topic};
pub use self::render::{Colour, MARKER, sarif};
pub use self::report::{Environment, Presence, Review, Revision};
pub use self::words::duration as words_of_duration;
pub use crate::guardrail::Judged;
