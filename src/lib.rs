//! Leasehold: declarative, reviewed and accounted-for AWS credentials.
//!
//! Two halves meet only at the Vault HTTP API. The reconciler turns files into desired objects
//! ([`estate`], [`object`]), reads the same objects from an engine, compares, plans and applies. The
//! engine serves that API. `tests/it/tidy.rs` checks which room may name which.

pub mod acl;
pub mod api;
pub mod apply;
pub mod cli;
pub mod clock;
pub mod drift;
mod durable;
pub mod engine;
pub mod estate;
pub mod git;
pub mod guardrail;
pub mod iam;
pub mod ledger;
pub mod live;
pub mod object;
pub mod plan;
mod proof;
pub mod proposal;
pub mod review;
pub mod sandbox;
pub mod secret;
pub mod text;
pub mod trail;
pub mod units;
mod username;
