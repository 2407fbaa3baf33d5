//! ACL policies: what a token may do.

pub(crate) mod sys;

use serde_json::{Map, Value};

use super::barrier::Barrier;
use super::core::Core;
use super::error::Error;
use super::request::Operation;
use super::token::Token;

/// What a policy rule can allow on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Capability {
    /// `create`: a write of something that is not there.
    Create,
    /// `read`.
    Read,
    /// `update`: any other write.
    Update,
    /// `delete`.
    Delete,
    /// `list`.
    List,
    /// `sudo`: root-protected paths, beside the operation's own capability.
    Sudo,
    /// `deny`.
    Deny,
    /// `patch`.
    Patch,
}

/// What the policies of a token say about one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decision {
    /// Whether the request may go on.
    pub(crate) allowed: bool,
    /// Whether the path's rule also grants `sudo`.
    pub(crate) sudo: bool,
    /// The names of the policies that grant it.
    pub(crate) granting: Vec<String>,
}

/// The policies.
pub(crate) struct Policies {}

impl Policies {
    /// Loads what is needed at start; writes the built-in `default` at first use.
    pub(crate) async fn open(_barrier: &Barrier) -> Result<Self, Error> {
        Ok(Self {})
    }

    /// What `token` may do on `path`.
    pub(crate) fn check(
        &self,
        _core: &Core,
        token: &Token,
        _operation: Operation,
        _capability: Capability,
        _path: &str,
        _data: &Map<String, Value>,
    ) -> Result<Decision, Error> {
        let root = token.policies.iter().any(|name| name == "root");
        Ok(Decision { allowed: root, sudo: root, granting: if root { vec!["root".to_owned()] } else { vec![] } })
    }
}
