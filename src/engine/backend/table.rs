//! The table of backends. A new secrets engine or auth method is one file (or folder) and one line here.

use super::{approle, aws, aws_login, cert, cubbyhole, identity, jwt, kubernetes, kv, sys, token, transit, userpass};
use crate::engine::backend::{Backend, Backends};
use crate::engine::setup::Config;

/// What makes a backend, as the engine is set up.
type Make = fn(&Config) -> Box<dyn Backend>;

/// All of them.
const BACKENDS: &[Make] = &[
    aws::backend,
    kv::backend,
    transit::backend,
    approle::backend,
    userpass::backend,
    jwt::backend,
    jwt::oidc_backend,
    kubernetes::backend,
    aws_login::backend,
    cert::backend,
    token::backend,
    identity::backend,
    cubbyhole::backend,
    sys::backend,
    #[cfg(test)]
    trial::backend,
    #[cfg(test)]
    trial_login::backend,
];

/// The backends of an engine.
pub(crate) fn all(config: &Config) -> Backends {
    Backends::new(BACKENDS.iter().map(|make| make(config)).collect())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod trial;
#[cfg(test)]
mod trial_login;
