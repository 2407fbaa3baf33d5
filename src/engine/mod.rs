//! The Vault API as a server: dynamic AWS credentials under leases, tokens, policies, AppRole, KV.

mod barrier;
mod duration;
mod error;
mod field;
mod lease;
mod random;
mod request;
mod store;
mod token;
