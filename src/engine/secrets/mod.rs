//! Secrets engines.

pub(crate) mod aws;
pub(crate) mod kv;
