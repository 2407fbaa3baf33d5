//! What stories share: servers, clients, and what stands between them.

pub(crate) mod aws;
pub(crate) mod bao;
pub(crate) mod between;
pub(crate) mod certificates;
pub(crate) mod chromium;
pub(crate) mod ci;
pub(crate) mod cluster;
pub(crate) mod env;
pub(crate) mod fake;
pub(crate) mod http;
pub(crate) mod issuer;
pub(crate) mod provider;
pub(crate) mod python;
pub(crate) mod remote;
pub(crate) mod servers;
pub(crate) mod traced;
pub(crate) mod watched;
pub(crate) mod world;
