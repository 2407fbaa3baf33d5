//! A simulated AWS account: IAM and STS over their wire protocol, for trying, for tests and for CI.
//!
//! It opens nothing real. It exists because no public stand-in keeps IAM's quotas, pages its lists or knows
//! all that stops DeleteUser, and because tests need faults and a clock. Every answer says what it is.
//! Requests must be signed: by the fixed root pair, or by a key that the account issued.

mod account;
mod action;
mod authorize;
mod connector;
mod direct;
mod document;
mod error;
mod fault;
mod identity;
mod journal;
mod order;
mod params;
pub mod policy;
mod principal;
mod request_context;
mod server;
mod signature;
mod state;
mod trust;
mod validate;
mod verified;
mod wire;
mod xml;

pub use self::account::Account;
pub use self::connector::{connector, remote_connector};
pub use self::direct::Key;
pub use self::error::Refusal;
pub use self::fault::{CALLS_KEPT_MAX, Call, Effect, Fault, Faults};
pub use self::identity::{
    ACCOUNT_ID, ENGINE_ACCESS_KEY, ENGINE_USER, ROOT_ACCESS_KEY, ROOT_SECRET, SECOND_ACCOUNT_ID,
    SECOND_ROOT_ACCESS_KEY, engine_key, root_key,
};
pub use self::journal::OpenError;
pub use self::server::{Control, ServeError, serve};
