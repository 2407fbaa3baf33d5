//! One state of the world: what it lets each app do, for how long, and what can be asked of it.

mod app;
pub mod assertion;
pub mod graph;
pub mod holder;
mod known;
pub mod lifetime;
mod object;
mod person;
mod readable;
pub mod reckoning;
mod side;
mod unknown;

pub use self::app::App;
pub use self::object::{Fields, SideObject};
pub(in crate::review) use self::readable::Policies;
pub use self::side::{Context, Rewritten, Role, Side, Via};
pub use self::unknown::Unknown;
