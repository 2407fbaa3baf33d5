//! Audit records: one JSON line each, hash-chained, durable before an answer leaves.

mod record;

pub use record::{Credential, Event, Kind, Record};
