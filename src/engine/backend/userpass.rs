//! `auth/userpass`: logins by a name and a password.
//!
//! In the store: `user/<name>`, with the password's bcrypt hash. A name is read in any case, so it is kept in lower
//! case. Whatever is wrong with name or password, the answer is one text, after the same work: an unknown name is
//! checked against a hash that nobody has a password for. Hashing has threads of its own, a few at a time, so that a
//! crowd of logins does not hold up other requests.
//!
//! Source: Vault API, "Userpass auth method".

mod password;
mod paths;
mod user;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use indexmap::IndexMap;

use self::password::Hashing;
use self::user::User;
use crate::engine::backend::login::lockout::Lockout;
use crate::engine::backend::login::{Alias, Known, address};
use crate::engine::backend::{Backend, Call, Class};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::Terms;
use crate::engine::lease::core::Core;
use crate::engine::setup::Config;
use crate::engine::token::Token;
use crate::engine::wire::cidr;
use crate::engine::wire::error::Error;
use crate::engine::wire::path::Row;
use crate::engine::wire::request::Request;
use crate::engine::wire::response::Response;
use crate::secret::Secret;

struct Userpass {
    hashing: Hashing,
    lockout: Lockout,
}

/// The backend.
pub(crate) fn backend(_config: &Config) -> Box<dyn Backend> {
    Box::new(Userpass { hashing: Hashing::new(), lockout: Lockout::default() })
}

impl Backend for Userpass {
    fn kind(&self) -> &'static str {
        "userpass"
    }

    fn class(&self) -> Class {
        Class::Auth
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn exists(&self, core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
        Ok(Some(User::load(core, call.mount, call.at("username"))?.is_some()))
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.serve(core, call).boxed()
    }

    fn lockout(&self) -> Option<&Lockout> {
        Some(&self.lockout)
    }

    /// Its user must still be there, and have the policies that the token has.
    fn token_terms(
        &self,
        core: &Core,
        mount: &Mount,
        token: &Token,
        request: &Request,
        own: Terms,
    ) -> Result<Terms, Error> {
        let name = token.meta.get("username").map_or("", String::as_str);
        let user = User::load(core, mount, name)?
            .ok_or_else(|| Error::Invalid(format!("the user {name:?} does not exist any more")))?;
        user.token.has_policies_of(token)?;
        user.token.renewal(request.remote, own)
    }
}

impl Userpass {
    /// Serves one call. Names of users are in lower case already: the request's path is.
    async fn serve(&self, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
        let name = call.at("username");
        match call.row.pattern.trim_end_matches("/?") {
            "login/:username" => self.log_in(core, call, name).await,
            "users" => user::list(core, call),
            "users/:username" => user::handle(core, call, name, &self.hashing).await,
            "users/:username/password" => user::set_password(core, call, name, &self.hashing).await,
            "users/:username/policies" => user::set_policies(core, call, name).await,
            _ => Err(call.forgotten()),
        }
    }

    async fn log_in(&self, core: &Arc<Core>, call: Call<'_>, name: &str) -> Result<Response, Error> {
        call.refuse_unknown("a login")?;
        let password = call.fields().string("password")?.filter(|text| !text.is_empty());
        let password = Secret::new(password.ok_or_else(|| Error::Invalid("missing password".to_owned()))?);
        let attempt = self.lockout.attempt(core, call.mount, name)?;
        let user = User::load(core, call.mount, name)?;
        let is_good = self.hashing.is_of(password, user.as_ref().map(|user| user.password_hash.clone())).await?;
        let Some(user) = user.filter(|_| is_good) else {
            attempt.failed(core).await?;
            return Err(Error::Invalid("invalid username or password".to_owned()));
        };
        let mut batch = Batch::new();
        attempt.passed(core, &mut batch)?;
        // Only now, so that a network that is not admitted learns no more about names than another.
        if !cidr::admits(&user.token.bound_cidrs, address(call)) {
            return Err(Error::Unauthenticated);
        }
        let known = Known {
            terms: user.token,
            bound_cidrs: vec![],
            alias: Alias { name: user.name.clone(), ..Alias::default() },
            meta: IndexMap::from([("username".to_owned(), user.name.clone())]),
            kept: IndexMap::new(),
            name: Some(user.name),
            origin: user.origin,
        };
        known.log_in(core, call, batch).await
    }
}
