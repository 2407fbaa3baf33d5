//! `auth/jwt`: logins by tokens that somebody else signed: a CI service, a cluster, an identity provider.
//!
//! In the store: `config`, whose keys are believed, and `role/<name>`, what a token has to say. A token's signature is
//! looked at before anything else, so that whoever has none that is good learns nothing of roles: neither from a text
//! nor from the time that the answer takes. Why keys could not be fetched goes to the log, not to whom logs in.
//!
//! Source: Vault API, "JWT/OIDC auth method". The browser flow, `role_type=oidc`, is not served.

mod claim;
mod config;
mod key_set;
mod paths;
mod role;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use self::config::Config;
use self::key_set::KeySets;
use self::role::Role;
use crate::engine::backend::login::{Alias, Known, role as stored};
use crate::engine::backend::signed::{self, Leeways, Signed};
use crate::engine::backend::{Backend, Call, Class};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::Terms;
use crate::engine::lease::core::Core;
use crate::engine::setup::Config as Setup;
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::path::Row;
use crate::engine::wire::request::Request;
use crate::engine::wire::response::Response;
use crate::proof::Key;
use crate::secret::Secret;

#[derive(Default)]
struct Jwt {
    keys: KeySets,
}

/// The backend.
pub(crate) fn backend(_config: &Setup) -> Box<dyn Backend> {
    Box::new(Jwt::default())
}

impl Backend for Jwt {
    fn kind(&self) -> &'static str {
        "jwt"
    }

    fn class(&self) -> Class {
        Class::Auth
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn exists(&self, core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
        Ok(Some(stored::load::<Role>(core, call.mount, call.at("name"))?.is_some()))
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.serve(core, call).boxed()
    }

    /// Its role must still be there.
    fn token_terms(
        &self,
        core: &Core,
        mount: &Mount,
        token: &Token,
        request: &Request,
        own: Terms,
    ) -> Result<Terms, Error> {
        let name = token.meta.get(role::ROLE).map_or("", String::as_str);
        let role = stored::still::<Role>(core, mount, name)?;
        role.token.renewal(request.remote, own)
    }
}

fn refused(why: impl std::fmt::Display) -> Error {
    Error::Invalid(format!("error validating token: {why}"))
}

impl Jwt {
    /// Serves one call. Names of roles are in lower case already: the request's path is.
    async fn serve(&self, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
        match call.row.pattern {
            "login" => self.log_in(core, call).await,
            "config" => config::handle(core, call, &self.keys).await,
            "role/?" => stored::list::<Role>(core, call),
            "role/:name" => stored::handle::<Role>(core, call, call.at("name"), &()).await,
            _ => Err(call.forgotten()),
        }
    }

    async fn log_in(&self, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
        call.refuse_unknown("a login")?;
        let fields = call.fields();
        let config = Config::load(core, call.mount)?;
        let config = config.ok_or_else(|| Error::Invalid("could not load configuration".to_owned()))?;
        let name =
            fields.string("role")?.filter(|name| !name.is_empty()).unwrap_or_else(|| config.default_role.clone());
        if name.is_empty() {
            return Err(Error::Invalid("missing role".to_owned()));
        }
        let token = fields.string("jwt")?.filter(|token| !token.is_empty());
        let token = Secret::new(token.ok_or_else(|| Error::Invalid("missing token".to_owned()))?);
        let claims = self.believed(core, call.mount, &config, &token).await?;

        let role = stored::load::<Role>(core, call.mount, &name.to_lowercase())?;
        let leeways = role.as_ref().map_or_else(Leeways::default, |role| role.leeways);
        signed::check_times(&claims, leeways, core.clock.now().unix_timestamp()).map_err(refused)?;
        let role = role.ok_or_else(|| Error::Invalid(format!("role {name:?} could not be found")))?;
        role.admit(&claims)?;
        let invalid = Error::Invalid;
        let user = claim::user(&claims, &role.user_claim, role.user_claim_json_pointer).map_err(invalid)?;
        let mut meta = claim::metadata(&claims, &role.claim_mappings).map_err(invalid)?;
        let groups = claim::groups(&claims, &role.groups_claim).map_err(invalid)?;
        let alias = Alias { name: user.clone(), metadata: meta.clone(), groups };
        meta.insert(role::ROLE.to_owned(), role.name);
        let Role { token: terms, origin, .. } = role;
        let known = Known { terms, bound_cidrs: vec![], alias, meta, kept: IndexMap::new(), name: Some(user), origin };
        known.log_in(core, call, Batch::new()).await
    }

    /// What a token says that was signed by whom the method believes.
    async fn believed(
        &self,
        core: &Core,
        mount: &Mount,
        config: &Config,
        token: &Secret,
    ) -> Result<Map<String, Value>, Error> {
        let token = Signed::parse(token.expose()).map_err(|why| refused(format!("error parsing token: {why}")))?;
        if !config.takes(&token.algorithm) {
            return Err(refused("invalid algorithm (alg) header parameter: token signed with unexpected algorithm"));
        }
        let signed = |keys: &[Key]| token.claims_by(keys).is_some();
        let keys = self.keys.of(core, mount, config.source(), signed).await.map_err(|failure| {
            tracing::warn!("no login at {}, for there are no keys: {failure}", mount.path);
            refused("error verifying token signature: the keys of the issuer are not known")
        })?;
        let claims = token
            .claims_by(&keys)
            .ok_or_else(|| refused("error verifying token signature: no known key signed the token"))?;
        if !config.bound_issuer.is_empty() && claims.get("iss").and_then(Value::as_str) != Some(&config.bound_issuer) {
            return Err(refused("invalid issuer (iss) claim"));
        }
        Ok(claims.clone())
    }
}

impl Role {
    /// Checks all that the role demands of a token.
    fn admit(&self, claims: &Map<String, Value>) -> Result<(), Error> {
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if !self.bound_subject.is_empty() && self.bound_subject != subject {
            return Err(refused("invalid subject (sub) claim"));
        }
        claim::check_audience(&self.bound_audiences, claims).map_err(|why| Error::Invalid(why.to_owned()))?;
        claim::check_bound(&self.bound_claims, self.bound_claims_type, claims)
            .map_err(|why| Error::Invalid(format!("error validating claims: {why}")))
    }
}
