//! Whom the method believes: `config`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::key_set::{KeySets, Source};
use crate::engine::backend::Call;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;
use crate::proof::{ALGORITHMS, keys_of_pem, unknown_algorithm};

/// The record. A write replaces all of it.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Config {
    jwt_validation_pubkeys: Vec<String>,
    jwks_url: String,
    jwks_ca_pem: String,
    oidc_discovery_url: String,
    oidc_discovery_ca_pem: String,
    /// The only issuer whose tokens are taken; empty for any that has the keys.
    pub(super) bound_issuer: String,
    /// The role of logins that name none; lower case.
    pub(super) default_role: String,
    /// The only algorithms that are taken; empty for all that there are.
    jwt_supported_algs: Vec<String>,
}

impl Config {
    pub(super) fn load(core: &Core, mount: &Mount) -> Result<Option<Self>, Error> {
        core.barrier.get(&key(mount))
    }

    /// Where the keys come from.
    pub(super) fn source(&self) -> Source<'_> {
        if !self.jwks_url.is_empty() {
            Source::Set { url: &self.jwks_url, ca_pem: &self.jwks_ca_pem }
        } else if !self.oidc_discovery_url.is_empty() {
            Source::Discovered { issuer: &self.oidc_discovery_url, ca_pem: &self.oidc_discovery_ca_pem }
        } else {
            Source::Given(&self.jwt_validation_pubkeys)
        }
    }

    /// Whether tokens that are signed so are taken.
    pub(super) fn takes(&self, algorithm: &str) -> bool {
        ALGORITHMS.contains(&algorithm)
            && (self.jwt_supported_algs.is_empty() || self.jwt_supported_algs.iter().any(|taken| taken == algorithm))
    }

    fn of(call: Call<'_>) -> Result<Self, Error> {
        let fields = call.fields();
        let text = |name: Option<String>| name.unwrap_or_default().trim().to_owned();
        Ok(Self {
            jwt_validation_pubkeys: fields.list("jwt_validation_pubkeys")?.unwrap_or_default(),
            jwks_url: text(fields.string("jwks_url")?),
            jwks_ca_pem: fields.string("jwks_ca_pem")?.unwrap_or_default(),
            oidc_discovery_url: text(fields.string("oidc_discovery_url")?),
            oidc_discovery_ca_pem: fields.string("oidc_discovery_ca_pem")?.unwrap_or_default(),
            bound_issuer: fields.string("bound_issuer")?.unwrap_or_default(),
            default_role: fields.string("default_role")?.unwrap_or_default().to_lowercase(),
            jwt_supported_algs: fields.list("jwt_supported_algs")?.unwrap_or_default(),
        })
    }

    fn check(&self) -> Result<(), Error> {
        let sources =
            [!self.jwt_validation_pubkeys.is_empty(), !self.jwks_url.is_empty(), !self.oidc_discovery_url.is_empty()];
        if sources.iter().filter(|has| **has).count() != 1 {
            return Err(Error::Invalid(
                "exactly one of 'jwt_validation_pubkeys', 'jwks_url' or 'oidc_discovery_url' must be set".to_owned(),
            ));
        }
        if self.oidc_discovery_url.contains(".well-known/openid-configuration") {
            return Err(Error::Invalid("'oidc_discovery_url' contains '.well-known' component".to_owned()));
        }
        keys_of_pem(self.jwt_validation_pubkeys.iter().map(String::as_str)).map_err(|(at, what)| {
            Error::Invalid(format!("error parsing public key {at} of jwt_validation_pubkeys: {what}"))
        })?;
        match unknown_algorithm(self.jwt_supported_algs.iter().map(String::as_str)) {
            Some(name) => Err(Error::Invalid(format!(
                "invalid jwt_supported_algs: {name:?} is not one of {}",
                ALGORITHMS.join(", ")
            ))),
            None => Ok(()),
        }
    }

    fn read(&self) -> Value {
        json!(self)
    }
}

fn key(mount: &Mount) -> String {
    mount.storage("config")
}

/// `config`.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>, keys: &KeySets) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => {
            let config = Config::load(core, call.mount)?.ok_or(Error::NotFound)?;
            Ok(Response::data(config.read()))
        }
        Operation::Write => {
            call.refuse_unknown("a JWT method's configuration")?;
            let config = Config::of(call)?;
            config.check()?;
            let found = keys.renewed(core, call.mount, config.source()).await;
            let mut response = Response::default();
            // As the operator wrote it, so the reason may be told.
            if let Err(failure) = found {
                if !call.fields().bool("skip_jwks_validation")?.unwrap_or_default() {
                    return Err(Error::Invalid(format!("error checking where the keys come from: {failure}")));
                }
                response.warnings.push(format!("error checking where the keys come from: {failure}"));
            }
            let mut batch = Batch::new();
            batch.put(key(call.mount), &config)?;
            core.barrier.commit(batch).await?;
            Ok(response)
        }
        Operation::List | Operation::Patch | Operation::Delete => Err(call.forgotten()),
    }
}
