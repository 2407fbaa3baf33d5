//! The loop of who keeps an engine as its files say: what it knows, when it looks next, and what it tells.
//!
//! One round after another, each made by the same functions as `plan`, `drift` and `apply`, which the command line calls.
//! Here is what stands between two rounds: the state that survives restarts, what a round's end means, when the next one
//! begins. Nothing here reads an engine or files of an estate.

mod edges;
mod ending;
mod endpoint;
mod finding;
mod held;
mod memory;
mod message;
mod metrics;
mod moment;
mod outcome;
mod page;
mod round;
mod schedule;
mod shown;
mod store;

pub use self::edges::{Event, Known, News, Of, news};
pub use self::ending::{Ending, Written};
pub use self::endpoint::serve;
pub use self::finding::Finding;
pub use self::held::{Held, HeldOf};
pub use self::memory::{At, Memory, Run, Standing};
pub use self::message::Form;
pub use self::moment::Moment;
pub use self::outcome::{Mode, Outcome};
pub use self::round::{Left, Made, Round, told};
pub use self::schedule::{Pace, is_due, patience};
pub use self::shown::Shown;
pub use self::store::{Store, StoreError, Suspension};
