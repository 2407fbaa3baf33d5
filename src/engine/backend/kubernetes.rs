//! `auth/kubernetes`: logins by the tokens of service accounts, of which the cluster itself says whose they are.
//!
//! In the store: `config`, which cluster is asked and with what, and `role/<name>`, whose accounts log in. The cluster is
//! asked before the role is looked at, and so also for a role that is not there: whoever has no good token learns nothing
//! of roles. What the cluster answers goes to the log and the trail, not to whom logs in. A few are asked about at a time.
//!
//! Source: Vault API, "Kubernetes auth method"; OpenBao, `builtin/credential/kubernetes`.

mod config;
mod paths;
mod review;
mod role;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use self::config::Config;
use self::review::{Account, review};
use self::role::Role;
use crate::engine::backend::login::{Alias, Known, note_refusal, role as stored};
use crate::engine::backend::signed::{Leeways, Signed, check_times};
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
use crate::secret::Secret;

/// Reviews at a time: anybody can make the engine ask.
const REVIEWS_MAX: usize = 32;

struct Kubernetes {
    reviews: Semaphore,
}

/// The backend.
pub(crate) fn backend(_config: &Setup) -> Box<dyn Backend> {
    Box::new(Kubernetes { reviews: Semaphore::new(REVIEWS_MAX) })
}

impl Backend for Kubernetes {
    fn kind(&self) -> &'static str {
        "kubernetes"
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
        stored::renewal::<Role>(core, mount, token, role::ROLE, request, own)
    }
}

impl Kubernetes {
    /// Serves one call. Names of roles are in lower case already: the request's path is.
    async fn serve(&self, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
        match call.row.pattern {
            "login" => self.log_in(core, call).await,
            "config" => config::handle(core, call).await,
            "role/?" => stored::list::<Role>(core, call),
            "role/:name" => stored::handle::<Role>(core, call, call.at("name"), &()).await,
            _ => Err(call.forgotten()),
        }
    }

    async fn log_in(&self, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
        call.refuse_unknown("a login")?;
        let fields = call.fields();
        let given = |text: Option<String>, name: &str| {
            text.filter(|text| !text.is_empty()).ok_or_else(|| Error::Invalid(format!("missing {name}")))
        };
        let name = given(fields.string("role")?, "role")?;
        let token = Secret::new(given(fields.string("jwt")?, "jwt")?);
        let config = Config::load(core, call.mount)?;
        let config = config.ok_or_else(|| Error::Invalid("could not load backend configuration".to_owned()))?;
        let role = stored::load::<Role>(core, call.mount, &name.to_lowercase())?;
        let audience = role.as_ref().map_or("", |role| &*role.audience);
        let (account, secret_name) = self.known(core, call.mount, &config, &token, audience).await?;
        let role = role.ok_or_else(|| Error::Invalid(format!("invalid role name {name:?}")))?;
        role.admit(&account.namespace, &account.name)?;
        let Account { namespace, name, uid } = account;
        let alias_name = if role.is_named_by_account() { format!("{namespace}/{name}") } else { uid.clone() };
        let shown = format!("{namespace}-{name}");
        let meta = IndexMap::from([
            ("service_account_uid".to_owned(), uid),
            ("service_account_name".to_owned(), name),
            ("service_account_namespace".to_owned(), namespace),
            ("service_account_secret_name".to_owned(), secret_name),
            (role::ROLE.to_owned(), role.name),
        ]);
        let Role { token: terms, origin, .. } = role;
        // Source: OpenBao, `auth/kubernetes`, `path_login.go`: all but the role.
        let mut metadata = meta.clone();
        metadata.shift_remove(role::ROLE);
        let alias = Alias { name: alias_name, metadata, groups: vec![] };
        let known = Known { terms, bound_cidrs: vec![], alias, meta, kept: IndexMap::new(), name: Some(shown), origin };
        known.log_in(core, call, Batch::new()).await
    }

    /// Whose a token is, as the cluster says, and of which secret it is, if of one. Refusals are all alike.
    async fn known(
        &self,
        core: &Core,
        mount: &Mount,
        config: &Config,
        token: &Secret,
        audience: &str,
    ) -> Result<(Account, String), Error> {
        let refused = |why: &dyn std::fmt::Display| {
            note_refusal(core, mount, "not-proved", why);
            Error::Unauthenticated
        };
        let signed = Signed::parse(token.expose()).map_err(|why| refused(&why))?;
        let keys = config.keys();
        let claims = match keys.as_slice() {
            [] => Some(signed.unproved()),
            keys => signed.claims_by(keys),
        };
        let claims = claims.ok_or_else(|| refused(&"no key of pem_keys signed the token"))?;
        if config.issuer().is_some_and(|issuer| claims.get("iss").and_then(Value::as_str) != Some(issuer)) {
            return Err(refused(&"the token is of another issuer"));
        }
        // Tokens of before Kubernetes 1.21 have no end.
        if ["iat", "nbf", "exp"].iter().any(|name| claims.contains_key(*name)) {
            let now = core.clock.now().unix_timestamp();
            check_times(claims, Leeways::default(), now).map_err(|why| refused(&why))?;
        }
        let _turn = self.reviews.acquire().await.map_err(|_| Error::Internal("the engine closes".to_owned()))?;
        let account = review(config, token, audience).await.map_err(|why| refused(&why))?;
        if uid(claims) != Some(&account.uid) {
            return Err(refused(&"the account's uid is not the token's: it was deleted and made anew"));
        }
        let secret = claims.get("kubernetes.io/serviceaccount/secret.name").and_then(Value::as_str);
        Ok((account, secret.unwrap_or_default().to_owned()))
    }
}

/// The uid of the account among a token's claims: of tokens that end, and of those that don't.
fn uid(claims: &Map<String, Value>) -> Option<&str> {
    let bound = claims.get("kubernetes.io").and_then(|told| told.pointer("/serviceaccount/uid"));
    bound.or_else(|| claims.get("kubernetes.io/serviceaccount/service-account.uid"))?.as_str()
}
