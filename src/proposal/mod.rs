//! What files mean for an engine: files and engine, two commits, or files alone become a reviewed plan, a review, a
//! verdict or drift. Commands ask here and render what they get, so that all of them judge alike.

mod carried;
mod commits;
mod demand;
mod drift;
mod engine;
mod error;
mod graphs;
mod imported;
mod leases;
mod prepare;
mod repair;
mod reviewed;
mod saved;
mod secrets;
mod validity;

pub use self::carried::carried;
pub use self::commits::{Compared, against_engine, between};
pub use self::demand::unsigned;
pub use self::drift::{accept, drift, drift_of, fingerprints};
pub use self::engine::{Basis, Proposal, Purpose, Word, propose};
pub use self::error::Error;
pub use self::graphs::graphs;
pub use self::imported::{Base, Imported, import};
pub use self::leases::{Out, outstanding};
pub use self::prepare::{Prepared, Wish, prepare};
pub use self::repair::repair;
pub use self::saved::{files, reopen, save};
pub use self::secrets::{Missing, own_secret};
pub use self::validity::{Demand, Validity, Verdict};
