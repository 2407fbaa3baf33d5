//! Which cluster is asked about tokens, and with what: `config`.

use std::sync::Arc;

use serde_json::json;

use crate::engine::backend::Call;
use crate::engine::backend::outgoing::Peer;
use crate::engine::kernel::barrier::{Batch, seal};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;
use crate::proof::{Key, keys_of_pem};
use crate::secret::Secret;

/// Where a pod has what its service account needs. Source: Kubernetes, "Accessing the Kubernetes API from a Pod".
const LOCAL: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The record. A write replaces all of it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Config {
    /// Without a slash at its end.
    pub(super) host: String,
    ca_cert: String,
    /// Empty where none was given.
    #[serde(serialize_with = "seal")]
    reviewer: Secret,
    pem_keys: Vec<String>,
    issuer: String,
    disable_iss_validation: bool,
    disable_local_ca_jwt: bool,
}

impl Config {
    pub(super) fn load(core: &Core, mount: &Mount) -> Result<Option<Self>, Error> {
        core.barrier.get(&key(mount))
    }

    /// The CA certificates for the API server; empty for the system's.
    pub(super) async fn ca_pem(&self) -> String {
        match self.local("ca.crt").await {
            Some(local) if self.ca_cert.is_empty() => local.expose().to_owned(),
            _ => self.ca_cert.clone(),
        }
    }

    /// The token to ask with, read anew where it is the pod's: it is replaced every hour.
    pub(super) async fn reviewer(&self, own: &Secret) -> Secret {
        if !self.reviewer.is_empty() {
            return self.reviewer.clone();
        }
        self.local("token").await.unwrap_or_else(|| own.clone())
    }

    async fn local(&self, name: &str) -> Option<Secret> {
        if self.disable_local_ca_jwt {
            return None;
        }
        let text = tokio::fs::read_to_string(format!("{LOCAL}/{name}")).await.ok()?;
        Some(Secret::new(text.trim())).filter(|text| !text.is_empty())
    }

    /// The keys that tokens have to be signed by; none where the API server alone says it.
    pub(super) fn keys(&self) -> Vec<Key> {
        // They were checked when they were written.
        self.pem_keys.iter().filter_map(|text| Key::of_pem(text).ok()).collect()
    }

    /// The issuer that tokens have to be of, if one is demanded.
    pub(super) fn issuer(&self) -> Option<&str> {
        (!self.disable_iss_validation && !self.issuer.is_empty()).then_some(&*self.issuer)
    }

    fn of(call: Call<'_>) -> Result<Self, Error> {
        let fields = call.fields();
        let host = fields.string("kubernetes_host")?.unwrap_or_default();
        Ok(Self {
            host: host.trim().trim_end_matches('/').to_owned(),
            ca_cert: fields.string("kubernetes_ca_cert")?.unwrap_or_default(),
            reviewer: Secret::new(fields.string("token_reviewer_jwt")?.unwrap_or_default().trim()),
            pem_keys: fields.list("pem_keys")?.unwrap_or_default(),
            issuer: fields.string("issuer")?.unwrap_or_default(),
            disable_iss_validation: fields.bool("disable_iss_validation")?.unwrap_or(true),
            disable_local_ca_jwt: fields.bool("disable_local_ca_jwt")?.unwrap_or_default(),
        })
    }

    fn check(&self) -> Result<(), Error> {
        if self.host.is_empty() {
            return Err(Error::Invalid("no host provided".to_owned()));
        }
        if self.disable_local_ca_jwt && self.ca_cert.is_empty() {
            let what = "kubernetes_ca_cert must be given when disable_local_ca_jwt is true";
            return Err(Error::Invalid(what.to_owned()));
        }
        let peer = Peer { url: &self.host, ca_pem: &self.ca_cert };
        peer.check().map_err(|failure| Error::Invalid(format!("the API server can't be asked: {failure}")))?;
        keys_of_pem(self.pem_keys.iter().map(String::as_str))
            .map(drop)
            .map_err(|(at, what)| Error::Invalid(format!("error parsing public key {at} of pem_keys: {what}")))
    }
}

fn key(mount: &Mount) -> String {
    mount.storage("config")
}

/// `config`.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => {
            let config = Config::load(core, call.mount)?.ok_or(Error::NotFound)?;
            Ok(Response::data(json!({
                "kubernetes_host": config.host,
                "kubernetes_ca_cert": config.ca_cert,
                "pem_keys": config.pem_keys,
                "issuer": config.issuer,
                "disable_iss_validation": config.disable_iss_validation,
                "disable_local_ca_jwt": config.disable_local_ca_jwt,
                "token_reviewer_jwt_set": !config.reviewer.is_empty(),
            })))
        }
        Operation::Write => {
            call.refuse_unknown("a Kubernetes method's configuration")?;
            let config = Config::of(call)?;
            config.check()?;
            let mut batch = Batch::new();
            batch.put(key(call.mount), &config)?;
            core.barrier.commit(batch).await?;
            Ok(Response::empty())
        }
        Operation::List | Operation::Patch | Operation::Delete => Err(call.forgotten()),
    }
}
