//! `auth/jwt` and `auth/oidc`: logins by tokens that somebody else signed: a CI service, a cluster, an identity provider;
//! and of people with a browser, at such a provider. Both types are the same but for their names.
//!
//! In the store: `config`, whose keys are believed, and `role/<name>`, what a token has to say. A token's signature is
//! looked at before anything else, so that whoever has none that is good learns nothing of roles: neither from a text
//! nor from the time that the answer takes. Why keys could not be fetched goes to the log, not to whom logs in.
//!
//! Source: Vault API, "JWT/OIDC auth method".

mod claim;
mod config;
mod issuer;
mod judgement;
mod key_set;
mod oidc;
mod paths;
mod role;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::config::Config;
use self::judgement::{believed, check_times, welcome};
use self::key_set::KeySets;
use self::oidc::Pending;
use self::role::{Role, RoleType};
use crate::engine::backend::login::role as stored;
use crate::engine::backend::{Backend, Call, Class};
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

struct Jwt {
    /// The mount type.
    kind: &'static str,
    keys: KeySets,
    /// Logins with a browser that were begun.
    pending: Pending,
}

impl Jwt {
    fn of(kind: &'static str) -> Box<dyn Backend> {
        Box::new(Self { kind, keys: KeySets::default(), pending: Pending::default() })
    }
}

/// The backend.
pub(crate) fn backend(_config: &Setup) -> Box<dyn Backend> {
    Jwt::of("jwt")
}

/// The same by its other name.
pub(crate) fn oidc_backend(_config: &Setup) -> Box<dyn Backend> {
    Jwt::of("oidc")
}

/// What Vault or OpenBao serve besides.
const ABSENT: &[(&str, &str)] =
    &[("oidc/poll", "the callback modes direct and device"), ("cel/", "roles written in CEL")];

impl Backend for Jwt {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn class(&self) -> Class {
        Class::Auth
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn absent(&self) -> &'static [(&'static str, &'static str)] {
        ABSENT
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

impl Jwt {
    /// Serves one call. Names of roles are in lower case already: the request's path is.
    async fn serve(&self, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
        match call.row.pattern {
            "login" => self.log_in(core, call).await,
            "oidc/auth_url" => oidc::auth_url(core, call, &self.keys, &self.pending).await,
            "oidc/callback" => oidc::callback(core, call, &self.keys, &self.pending).await,
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
        let claims = believed(&self.keys, core, call.mount, &config, &token).await?;

        let role = stored::load::<Role>(core, call.mount, &name.to_lowercase())?;
        check_times(core, role.as_ref(), &claims)?;
        let role = role.ok_or_else(|| Error::Invalid(format!("role {name:?} could not be found")))?;
        if role.role_type == RoleType::Oidc {
            return Err(Error::Invalid("role with oidc role_type is not allowed".to_owned()));
        }
        welcome(core, call, role, &claims).await
    }
}
