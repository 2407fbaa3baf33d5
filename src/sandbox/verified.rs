//! A request whose signature holds.

use super::action::Handler;
use super::identity::{Caller, Which};
use super::params::Params;

/// A request whose signature holds.
#[derive(Clone, Debug)]
pub(super) struct Verified {
    pub(super) which: Which,
    pub(super) caller: Caller,
    pub(super) key_id: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) name: String,
    pub(super) action: Handler,
    pub(super) params: Params,
}
