//! `auth/token`: tokens about tokens.

mod create;
mod paths;
mod role;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use self::role::Role;
use crate::clock::rfc3339;
use crate::engine::backend::{Backend, Call, Class};
use crate::engine::lease::core::Core;
use crate::engine::lease::{Terms, ttl};
use crate::engine::setup::Config;
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::path::Row;
use crate::engine::wire::response::Response;
use crate::secret::Secret;

struct TokenMethod;

/// The backend.
pub(crate) fn backend(_config: &Config) -> Box<dyn Backend> {
    Box::new(TokenMethod)
}

impl Backend for TokenMethod {
    fn kind(&self) -> &'static str {
        "token"
    }

    fn class(&self) -> Class {
        Class::BuiltIn { path: "auth/token/", description: "token based credentials" }
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn exists(&self, core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
        Ok(Some(Role::load(core, call.mount, call.at("role_name"))?.is_some()))
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        handle(core, call).boxed()
    }
}

/// Serves one call.
async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let caller = call.token.ok_or(Error::Unauthenticated)?;
    let path = call.row.pattern.trim_end_matches("/?");
    let answer = match path {
        "create" => create::handle(core, call, caller, create::Way::Plain).await?,
        "create-orphan" => create::handle(core, call, caller, create::Way::Orphan).await?,
        "create/:role_name" => {
            let unknown = || Error::Invalid(format!("unknown role {}", call.at("role_name")));
            let role = Role::load(core, call.mount, call.at("role_name"))?.ok_or_else(unknown)?;
            create::handle(core, call, caller, create::Way::Role(&role)).await?
        }
        "roles" => role::list(core, call)?,
        "roles/:role_name" => role::handle(core, call).await?,
        "accessors" => {
            need_sudo(call)?;
            Response::keys(core.tokens.accessors(core)?)?
        }
        "tidy" => return tidy(core).await,
        "lookup" | "lookup-self" | "lookup-accessor" => lookup(core, call, caller, path)?,
        "renew" | "renew-self" | "renew-accessor" => renew(core, call, caller, path).await?,
        "revoke" | "revoke-self" | "revoke-accessor" | "revoke-orphan" => revoke(core, call, caller, path).await?,
        _ => return Err(call.forgotten()),
    };
    let warns = matches!(
        path,
        "create"
            | "create-orphan"
            | "create/:role_name"
            | "lookup"
            | "renew"
            | "renew-self"
            | "renew-accessor"
            | "lookup-accessor"
    );
    // What has no body has no room for a warning.
    Ok(match call.unknown().filter(|_| warns) {
        Some(warning) => answer.warn(warning),
        None => answer,
    })
}

/// Ends the tokens whose time is over and which no timer has come to. It waits for its end, so that what the
/// answer says has been done.
async fn tidy(core: &Arc<Core>) -> Result<Response, Error> {
    let ended = core.tokens.tidy(core).await?;
    let done = Response { status: Some(202), ..Response::default() };
    Ok(done.warn(format!("Tidy operation successfully finished: {ended} tokens whose time was over were removed.")))
}

fn need_sudo(call: Call<'_>) -> Result<(), Error> {
    if call.sudo { Ok(()) } else { Err(Error::Denied) }
}

fn given(call: Call<'_>, name: &str) -> Result<Option<String>, Error> {
    Ok(Fields(&call.request.data).string(name)?.filter(|text| !text.is_empty()))
}

/// The token that `accessor` names.
fn by_accessor(core: &Core, call: Call<'_>) -> Result<Arc<Token>, Error> {
    let accessor = given(call, "accessor")?.ok_or_else(|| Error::Invalid("missing accessor".to_owned()))?;
    core.tokens.find_accessor(core, &accessor)?.ok_or_else(|| Error::Invalid("invalid accessor".to_owned()))
}

fn lookup(core: &Core, call: Call<'_>, caller: &Token, path: &str) -> Result<Response, Error> {
    let asked = if path == "lookup" { given(call, "token")? } else { None };
    let now = core.clock.now().unix_timestamp();
    let (id, token) = match (path, asked) {
        ("lookup-accessor", _) => (String::new(), by_accessor(core, call)?),
        (_, Some(id)) => {
            let found = core.tokens.find(core, &Secret::new(id.clone()))?;
            (id, found.ok_or_else(|| Error::Forbidden("bad token".to_owned()))?)
        }
        (_, None) => {
            let id = call.request.token.as_ref().map_or("", Secret::expose);
            (id.to_owned(), Arc::new(caller.clone()))
        }
    };
    Ok(Response::data(describe(&id, &core.known(&token)?, now)))
}

/// What a lookup tells about a token.
fn describe(id: &str, token: &Token, now: i64) -> Value {
    let mut data = json!({
        "id": id,
        "accessor": token.accessor,
        "policies": token.policies,
        "path": token.path,
        "meta": if token.meta.is_empty() { Value::Null } else { json!(token.meta) },
        "display_name": token.display_name,
        "num_uses": token.num_uses.max(0),
        "orphan": token.parent.is_none(),
        "creation_time": token.creation_time,
        "creation_ttl": token.creation_ttl,
        "issue_time": rfc3339(token.creation_time),
        "expire_time": token.expire_time.map(rfc3339),
        "ttl": token.expire_time.map_or(0, |end| end - now),
        "explicit_max_ttl": token.explicit_max_ttl,
        "entity_id": token.entity_id,
        "type": token.kind.name(),
        "renewable": token.renewable && token.expire_time.is_some(),
    });
    if !token.identity_policies().is_empty() {
        data["identity_policies"] = json!(token.identity_policies());
    }
    if let Some(role) = &token.role {
        data["role"] = role.as_str().into();
    }
    if token.period > 0 {
        data["period"] = token.period.into();
    }
    if !token.bound_cidrs.is_empty() {
        data["bound_cidrs"] = json!(token.bound_cidrs);
    }
    if let Some(renewed) = token.last_renewal {
        data["last_renewal_time"] = renewed.into();
        data["last_renewal"] = rfc3339(renewed).into();
    }
    data
}

async fn renew(core: &Arc<Core>, call: Call<'_>, caller: &Token, path: &str) -> Result<Response, Error> {
    let increment = Fields(&call.request.data).seconds("increment")?.unwrap_or(0);
    let (client_token, token) = match path {
        "renew-self" => {
            let own = call.request.token.clone().ok_or(Error::Unauthenticated)?;
            (own, Arc::new(caller.clone()))
        }
        "renew-accessor" => (Secret::new(""), by_accessor(core, call)?),
        _ => {
            let id = given(call, "token")?.ok_or_else(|| Error::Invalid("missing token ID".to_owned()))?;
            let id = Secret::new(id);
            let found = core.tokens.find(core, &id)?;
            (id, found.ok_or_else(|| Error::Invalid("token not found".to_owned()))?)
        }
    };
    if token.is_batch() {
        return Err(Error::Invalid("batch tokens cannot be renewed".to_owned()));
    }
    if !token.renewable || token.expire_time.is_none() {
        return Err(Error::Invalid("lease is not renewable".to_owned()));
    }
    let terms = Terms { increment, ..terms(core, call, &token)? };
    let (seconds, warnings) = ttl(&terms, core.clock.now().unix_timestamp())?;
    let renewed = core.known(&core.tokens.extend(core, &token.hash, seconds, terms.period).await?)?;
    Ok(Response { auth: Some(renewed.auth_block(&client_token)), warnings, ..Response::default() })
}

/// On what terms a token is renewed: its own, or those that the role of its login has by now.
fn terms(core: &Core, call: Call<'_>, token: &Token) -> Result<Terms, Error> {
    let (mount, _) = core
        .mounts
        .route(&token.path)
        .filter(|(mount, _)| mount.is_auth())
        .ok_or_else(|| Error::Invalid("the auth method that made this token is gone".to_owned()))?;
    let own = Terms {
        backend_ttl: token.creation_ttl,
        backend_max: token.max_ttl,
        period: token.period,
        explicit_max: token.explicit_max_ttl,
        issue_time: token.creation_time,
        mount_default: mount.default_ttl(),
        mount_max: mount.max_ttl(),
        ..Terms::default()
    };
    if let Some(name) = &token.role {
        let role = Role::load(core, &mount, name)?;
        let gone = || Error::Invalid(format!("original token role {name:?} could not be found, not renewing"));
        return Ok(role.ok_or_else(gone)?.renewal(own));
    }
    call.backends.of(&mount)?.token_terms(core, &mount, token, call.request, own)
}

async fn revoke(core: &Arc<Core>, call: Call<'_>, caller: &Token, path: &str) -> Result<Response, Error> {
    let reason = "token-revoked";
    let kept = |token: &Token| match token.is_batch() {
        true => Err(Error::Invalid("batch tokens cannot be revoked".to_owned())),
        false => Ok(()),
    };
    match path {
        "revoke-self" => {
            kept(caller)?;
            core.tokens.revoke(core, &caller.hash, reason).await?;
        }
        "revoke-accessor" => {
            let token = by_accessor(core, call)?;
            core.tokens.revoke(core, &token.hash, reason).await?;
        }
        _ => {
            let id = given(call, "token")?.ok_or_else(|| Error::Invalid("missing token ID".to_owned()))?;
            let found = core.tokens.find(core, &Secret::new(id))?;
            found.iter().try_for_each(|token| kept(token))?;
            match (path, found) {
                ("revoke-orphan", found) => {
                    need_sudo(call)?;
                    let token = found.ok_or_else(|| Error::Invalid("token to revoke not found".to_owned()))?;
                    core.tokens.revoke_orphan(core, &token.hash, reason).await?;
                }
                (_, Some(token)) => core.tokens.revoke(core, &token.hash, reason).await?,
                (_, None) => {}
            }
        }
    }
    Ok(Response::empty())
}
