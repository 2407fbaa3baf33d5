//! `auth/approle`: logins of machines, by a role id and a secret id.
//!
//! In the store: `role/<name>`, `role-id/<hash>` -> name, and under each role's own UUID (so that a
//! role made anew under an old name inherits nothing) `secret-id/<uuid>/<hash>` and
//! `secret-id-accessor/<uuid>/<accessor>`. Neither role ids nor secret ids appear in a key.

mod login;
mod paths;
mod role;
mod secret_id;
mod setting;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::role::Role;
use crate::engine::backend::login::lockout::Lockout;
use crate::engine::backend::{Backend, Call, Class};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::Terms;
use crate::engine::lease::core::Core;
use crate::engine::setup::Config;
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::path::Row;
use crate::engine::wire::request::Request;
use crate::engine::wire::response::Response;

#[derive(Default)]
struct AppRole {
    lockout: Lockout,
}

/// The backend.
pub(crate) fn backend(_config: &Config) -> Box<dyn Backend> {
    Box::new(AppRole::default())
}

impl Backend for AppRole {
    fn kind(&self) -> &'static str {
        "approle"
    }

    fn class(&self) -> Class {
        Class::Auth
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn exists(&self, core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
        Ok(Some(Role::load(core, call.mount, call.at("role_name"))?.is_some()))
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        handle(core, call, &self.lockout).boxed()
    }

    fn lockout(&self) -> Option<&Lockout> {
        Some(&self.lockout)
    }

    /// Its role must still be there, still admit the caller, and rules by what it says now.
    fn token_terms(
        &self,
        core: &Core,
        mount: &Mount,
        token: &Token,
        request: &Request,
        own: Terms,
    ) -> Result<Terms, Error> {
        let name = token.meta.get("role_name").map_or("", String::as_str);
        let role = Role::load(core, mount, name)?
            .ok_or_else(|| Error::Invalid(format!("role {name:?} does not exist during renewal")))?;
        role.token.renewal(request.remote, own)
    }
}

/// Serves one call. Names of roles are in lower case already: the request's path is.
async fn handle(core: &Arc<Core>, call: Call<'_>, lockout: &Lockout) -> Result<Response, Error> {
    let name = call.at("role_name");
    let below = call.row.pattern.trim_end_matches("/?");
    match below.strip_prefix("role/:role_name").map(|below| below.trim_start_matches('/')) {
        Some("") => role::handle(core, call, name).await,
        Some(below) if below.starts_with("secret-id-accessor/") => {
            secret_id::by_accessor(core, call, name, below).await
        }
        Some(below @ ("secret-id" | "custom-secret-id" | "secret-id/lookup" | "secret-id/destroy")) => {
            secret_id::handle(core, call, name, below).await
        }
        Some(setting) => setting::handle(core, call, name, setting).await,
        None => match below {
            "login" => login::handle(core, call, lockout).await,
            "tidy/secret-id" => secret_id::tidy(core, call).await,
            "role" => role::list(core, call),
            _ => Err(call.forgotten()),
        },
    }
}
