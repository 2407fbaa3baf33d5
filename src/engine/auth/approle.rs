//! `auth/approle`: logins of machines, by a role id and a secret id.
//!
//! In the store: `role/<name>`, `role-id/<hash>` -> name, and under each role's own UUID (so that a
//! role made anew under an old name inherits nothing) `secret-id/<uuid>/<hash>` and
//! `secret-id-accessor/<uuid>/<accessor>`. Neither role ids nor secret ids appear in a key.

mod login;
mod role;
mod secret_id;
mod setting;

use std::net::SocketAddr;
use std::sync::Arc;

use self::role::Role;
use crate::engine::cidr;
use crate::engine::core::{Call, Core};
use crate::engine::error::Error;
use crate::engine::lease::Terms;
use crate::engine::request::Response;
use crate::engine::router::Mount;
use crate::engine::token::Token;

/// Whether the role that a write names exists; `None` for all other paths.
pub(crate) fn exists(core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
    match call.path.strip_prefix("role/") {
        Some(name) if is_role_name(name) => Ok(Some(Role::load(core, call.mount, name)?.is_some())),
        _ => Ok(None),
    }
}

/// Serves one call.
pub(crate) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let path = call.path.strip_suffix('/').unwrap_or(call.path);
    match path {
        "login" => return login::handle(core, call).await,
        "tidy/secret-id" => return secret_id::tidy(core, call).await,
        "role" => return role::list(core, call),
        _ => {}
    }
    let Some(rest) = path.strip_prefix("role/") else { return Err(Error::UnsupportedPath) };
    // The name is in lower case already: the request's path is.
    let (name, below) = rest.split_once('/').map_or((rest, None), |(name, below)| (name, Some(below)));
    if !is_role_name(name) {
        return Err(Error::UnsupportedPath);
    }
    match below {
        None => role::handle(core, call, name).await,
        Some(below) if below.starts_with("secret-id-accessor/") => {
            secret_id::by_accessor(core, call, name, below).await
        }
        Some("secret-id" | "custom-secret-id" | "secret-id/lookup" | "secret-id/destroy") => {
            secret_id::handle(core, call, name, below.unwrap_or_default()).await
        }
        Some(below) => setting::handle(core, call, name, below).await,
    }
}

/// Vault's generic name: word characters at both ends, and `-`, `.` between.
fn is_role_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(word) && name.ends_with(word) && name.chars().all(|c| word(c) || matches!(c, '-' | '.'))
}

/// On what terms a token of a login here is renewed: its role must still be there, still admit the
/// caller, and rules by what it says now (CVE-2026-39388: a renewal is no way around a changed role).
pub(crate) fn renewal_terms(
    core: &Core,
    mount: &Mount,
    token: &Token,
    remote: Option<SocketAddr>,
    own: Terms,
) -> Result<Terms, Error> {
    let name = token.meta.get("role_name").map_or("", String::as_str);
    let role = Role::load(core, mount, name)?
        .ok_or_else(|| Error::Invalid(format!("role {name:?} does not exist during renewal")))?;
    if !cidr::admits(&role.token.bound_cidrs, remote.map(|address| address.ip())) {
        return Err(Error::Unauthenticated);
    }
    Ok(Terms {
        backend_ttl: role.token.ttl,
        backend_max: role.token.max_ttl,
        period: role.token.period,
        // The hard end was promised when the token was made; a role can only bring it nearer.
        explicit_max: match (own.explicit_max, role.token.explicit_max_ttl) {
            (0, role) => role,
            (token, 0) => token,
            (token, role) => token.min(role),
        },
        ..own
    })
}
