//! What requests share: the kernel, who asks, what they may do, and what they were given. It knows no backend.

use std::ops::Deref;
use std::sync::Arc;

use super::Leases;
use crate::engine::identity::Identity;
use crate::engine::kernel::Kernel;
use crate::engine::policy::Policies;
use crate::engine::quota::Quotas;
use crate::engine::token::{Token, Tokens};
use crate::engine::wire::error::Error;

/// Everything a request may touch.
pub(crate) struct Core {
    /// What all of it stands on.
    pub(crate) kernel: Arc<Kernel>,
    /// Entities and groups.
    pub(crate) identity: Identity,
    /// Tokens.
    pub(crate) tokens: Tokens,
    /// ACL policies.
    pub(crate) policies: Policies,
    /// Rate limits.
    pub(crate) quotas: Quotas,
    /// Leases.
    pub(crate) leases: Leases,
}

impl Core {
    /// A token with who its entity is by now.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn known(&self, token: &Token) -> Result<Token, Error> {
        token.clone().known(&self.kernel, &self.identity)
    }
}

/// What needs the kernel alone takes a [`Kernel`], and is given the core all the same.
impl Deref for Core {
    type Target = Kernel;

    fn deref(&self) -> &Kernel {
        &self.kernel
    }
}
