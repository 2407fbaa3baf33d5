//! `sys/internal/ui/mounts`: what command lines and client libraries ask to learn a path's mount; and
//! `sys/internal/specs/openapi`: all paths that the caller reaches, for programs.

use serde_json::{Map, Value, json};

use super::mounts::describe;
use crate::engine::backend::Call;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::openapi;
use crate::engine::wire::response::{Response, Shape};

/// Serves one call.
pub(super) fn handle(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    match call.row.pattern {
        "internal/ui/mounts/?" => list(core, call),
        "internal/specs/openapi" => specs(core, call),
        "internal/ui/mounts/*path" => read(core, call, call.at("path").trim_matches('/')),
        _ => Err(call.forgotten()),
    }
}

/// The paths of the mounts that the caller reaches, as a document in OpenAPI.
fn specs(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    call.refuse_unknown("sys/internal/specs/openapi")?;
    let mut paths = Map::new();
    for mount in core.mounts.snapshot().values() {
        let Some(token) = call.token else { continue };
        if reaches(core, token, &mount.path)? {
            openapi::add(&mut paths, &mount.path, &mount.kind, call.backends.of(mount)?.paths(mount));
        }
    }
    Ok(Response { shape: Shape::Bare, ..Response::data(openapi::document(paths)) })
}

/// Mounts by section; without a token only those that say `listing_visibility=unauth`.
fn list(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let (mut auth, mut secret) = (Map::new(), Map::new());
    for mount in core.mounts.snapshot().values() {
        let visible = match call.token {
            _ if mount.tuning.listing_visibility == "unauth" => true,
            Some(token) => reaches(core, token, &mount.path)?,
            None => false,
        };
        if !visible {
            continue;
        }
        // A caller without a token learns no more than what it needs to log in.
        let shown = match call.token {
            Some(_) => describe(mount),
            None => json!({ "type": mount.kind, "description": mount.description, "options": options(mount) }),
        };
        match mount.path.strip_prefix("auth/") {
            Some(path) => auth.insert(path.to_owned(), shown),
            None => secret.insert(mount.path.clone(), shown),
        };
    }
    Ok(Response::data(json!({ "auth": auth, "secret": secret })))
}

/// Whether the token's policies allow anything under a mount.
fn reaches(core: &Core, token: &Token, mount_path: &str) -> Result<bool, Error> {
    Ok(core.policies.acl(core, &token.judged_by())?.reaches(mount_path))
}

fn options(mount: &Mount) -> Value {
    if mount.options.is_empty() { Value::Null } else { json!(mount.options) }
}

fn read(core: &Core, call: Call<'_>, path: &str) -> Result<Response, Error> {
    // The same answer whether the mount is absent or out of reach, so that it tells nothing.
    let refused = || {
        Error::Forbidden(format!(
            "preflight capability check returned 403, please ensure client's policies grant access to path \"{path}/\""
        ))
    };
    let token = call.token.ok_or(Error::Unauthenticated)?;
    let (mount, _) = core.mounts.route(path).ok_or_else(refused)?;
    if !reaches(core, token, &mount.path)? {
        return Err(refused());
    }
    let mut data = describe(&mount);
    data["path"] = mount.path.as_str().into();
    Ok(Response::data(data))
}
