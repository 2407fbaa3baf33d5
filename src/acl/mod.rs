//! The ACL policy language: what a token may do. Pure: texts in, values out; no file, no network, no clock.
//!
//! The engine asks it about each request; the reconciler compares what the policies of a token permit before
//! and after a change. Source: Vault, "Policies".

mod capability;
pub mod compare;
mod constraint;
pub mod document;
mod glob;
pub mod hcl;
pub mod matching;
mod paths;
mod reading;
pub mod template;

pub use self::capability::{Capabilities, Capability};
pub use self::matching::{Acl, Decision, in_lower_case};
