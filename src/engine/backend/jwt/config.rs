//! Whom the method believes, and as whose client people log in with it: `config`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::key_set::{KeySets, Source};
use crate::engine::backend::Call;
use crate::engine::kernel::barrier::{Batch, seal};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;
use crate::proof::{ALGORITHMS, keys_of_pem, unknown_algorithm};
use crate::secret::Secret;

/// What the configuration has besides with Vault or OpenBao, and what would have an effect there.
const REFUSED: [&str; 3] = ["provider_config", "override_allowed_server_names", "jwks_pairs"];

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
    /// As whose client people log in; empty where they don't.
    #[serde(default)]
    pub(super) oidc_client_id: String,
    #[serde(default, serialize_with = "seal")]
    pub(super) oidc_client_secret: Secret,
    /// Empty or `query`.
    #[serde(default)]
    oidc_response_mode: String,
    /// None or `code`.
    #[serde(default)]
    oidc_response_types: Vec<String>,
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

    /// The issuer whose client this is; nothing where nobody logs in with a browser.
    pub(super) fn issuer(&self) -> Option<&str> {
        (!self.oidc_client_id.is_empty()).then_some(&*self.oidc_discovery_url)
    }

    /// CA certificates for the issuer's addresses.
    pub(super) fn issuer_ca_pem(&self) -> &str {
        &self.oidc_discovery_ca_pem
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
            oidc_client_id: text(fields.string("oidc_client_id")?),
            oidc_client_secret: Secret::new(text(fields.string("oidc_client_secret")?)),
            oidc_response_mode: fields.string("oidc_response_mode")?.unwrap_or_default(),
            oidc_response_types: fields.list("oidc_response_types")?.unwrap_or_default(),
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
        self.check_client()?;
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

    /// What of a client there is, and that nothing of it is asked for that is not served.
    fn check_client(&self) -> Result<(), Error> {
        let invalid = |text: String| Err(Error::Invalid(text));
        if self.oidc_client_id.is_empty() != self.oidc_client_secret.is_empty() {
            return invalid("both 'oidc_client_id' and 'oidc_client_secret' must be set for OIDC".to_owned());
        }
        if !self.oidc_client_id.is_empty() && self.oidc_discovery_url.is_empty() {
            return invalid("'oidc_discovery_url' must be set for OIDC".to_owned());
        }
        match self.oidc_response_mode.as_str() {
            "" | "query" => {}
            "form_post" => {
                return invalid("the oidc_response_mode \"form_post\" is not served here: leave it out".to_owned());
            }
            other => return invalid(format!("invalid response_mode: {other:?}")),
        }
        match self.oidc_response_types.iter().find(|kind| *kind != "code").map(String::as_str) {
            None => Ok(()),
            Some("id_token") => {
                invalid("the oidc_response_types \"id_token\" is not served here: leave it out for \"code\"".to_owned())
            }
            Some(_) => invalid(format!(
                "invalid response_types {:?}. 'code' and 'id_token' are allowed",
                self.oidc_response_types
            )),
        }
    }

    /// All but the client's secret.
    fn read(&self) -> Value {
        json!({
            "jwt_validation_pubkeys": self.jwt_validation_pubkeys,
            "jwks_url": self.jwks_url,
            "jwks_ca_pem": self.jwks_ca_pem,
            "oidc_discovery_url": self.oidc_discovery_url,
            "oidc_discovery_ca_pem": self.oidc_discovery_ca_pem,
            "bound_issuer": self.bound_issuer,
            "default_role": self.default_role,
            "jwt_supported_algs": self.jwt_supported_algs,
            "oidc_client_id": self.oidc_client_id,
            "oidc_response_mode": self.oidc_response_mode,
            "oidc_response_types": self.oidc_response_types,
        })
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
            call.fields().refuse_said(&REFUSED, "a JWT method's configuration")?;
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
