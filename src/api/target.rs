//! Whom a client talks to, and what it sends with each request.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::DuplexStream;

use super::transport::pace::RateLimit;
use super::transport::tls::TlsOptions;
use crate::secret::Secret;
use crate::units::address::Addresses;

/// Whom a client talks to.
#[derive(Clone)]
pub enum Target {
    /// A server on the network.
    Network {
        /// `https://host:port`, perhaps with a path prefix; or those of a cluster's nodes.
        addresses: Addresses,
        /// How TLS is checked; not used for `http://`.
        tls: TlsOptions,
    },
    /// An engine in this process. Each call answers the client end of a new connection whose server
    /// end is being served.
    Stream(Arc<dyn Fn() -> DuplexStream + Send + Sync>),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Network { addresses, .. } => f.debug_tuple("Network").field(addresses).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// What a client sends with each request, and how patient it is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The token, if there is one.
    pub token: Option<Secret>,
    /// The longest one attempt may take, from connecting to the last byte of the answer.
    pub timeout: Duration,
    /// How often a request is sent again. See [`Client`](super::Client) for when.
    pub retries: u32,
    /// `X-Vault-Namespace`.
    pub namespace: Option<String>,
    /// More headers, by name and value.
    pub headers: Vec<(String, String)>,
    /// How many requests may be under way at once; `None` for as many as the caller sends.
    pub parallelism: Option<usize>,
    /// How many are sent in a second.
    pub rate_limit: Option<RateLimit>,
}

impl Options {
    /// What Vault's own client does: 60 seconds, two retries, no namespace.
    pub fn new(token: Option<Secret>) -> Self {
        Self {
            token,
            timeout: Duration::from_secs(60),
            retries: 2,
            namespace: None,
            headers: Vec::new(),
            parallelism: None,
            rate_limit: None,
        }
    }
}

/// Where a write comes from, told to engines that keep it (ours does; others ignore the headers).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The estate's commit.
    pub commit: Option<String>,
    /// The app an object was lowered from.
    pub app: Option<String>,
    /// The declaring `file:line`.
    pub source: Option<String>,
    /// The digest of the review that the change was part of.
    pub review: Option<String>,
    /// The digest of the plan that the change was part of.
    pub plan: Option<String>,
    /// The guardrails of a role, as base64 of JSON.
    pub guardrails: Option<String>,
}
