//! `identity/`: entities, their aliases, and groups, read and written by hand. Logins make entities by themselves
//! (`engine/identity/login.rs`).
//!
//! Source: Vault API, "Identity secrets engine"; OpenBao, `vault/identity`, for the texts.

mod alias;
mod entity;
mod group;
mod group_alias;
mod lookup;
mod merge;
mod paths;
mod shown;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::engine::backend::{Backend, Call, Class};
use crate::engine::identity::Metadata;
use crate::engine::lease::core::Core;
use crate::engine::policy;
use crate::engine::setup::Config;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::path::Row;
use crate::engine::wire::response::Response;
use crate::text::metadata::{KEY_BYTES_MAX, Odd, PAIRS_MAX, VALUE_BYTES_MAX};

struct IdentityStore;

/// The backend.
pub(crate) fn backend(_config: &Config) -> Box<dyn Backend> {
    Box::new(IdentityStore)
}

/// What of `identity/` Vault serves and this server does not.
pub(in crate::engine::backend) const ABSENT: &[(&str, &str)] =
    &[("mfa/", "multi-factor logins"), ("oidc/", "identity tokens")];

impl Backend for IdentityStore {
    fn kind(&self) -> &'static str {
        "identity"
    }

    fn class(&self) -> Class {
        Class::BuiltIn { path: "identity/", description: "identity store" }
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::PATHS]
    }

    fn absent(&self) -> &'static [(&'static str, &'static str)] {
        ABSENT
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        serve(core, call).boxed()
    }
}

async fn serve(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match call.row.pattern {
        "entity" => entity::write(core, call, Named::InBody).await,
        "entity/id/?" | "entity/name/?" => entity::list(core, call),
        "entity/id/:id" => entity::handle(core, call, Named::ById).await,
        "entity/name/*name" => entity::handle(core, call, Named::ByName).await,
        "entity/batch-delete" => entity::delete_several(core, call).await,
        "entity/merge" => merge::handle(core, call).await,
        "entity-alias" => alias::write(core, call).await,
        "entity-alias/id/?" => alias::list(core),
        "entity-alias/id/:id" => alias::handle(core, call).await,
        "group" => group::write(core, call, Named::InBody).await,
        "group/id/?" | "group/name/?" => group::list(core, call),
        "group/id/:id" => group::handle(core, call, Named::ById).await,
        "group/name/*name" => group::handle(core, call, Named::ByName).await,
        "group-alias" => group_alias::write(core, call, group_alias::Named::InBody).await,
        "group-alias/id/?" => group_alias::list(core),
        "group-alias/id/:id" => group_alias::handle(core, call).await,
        "lookup/entity" => lookup::entity(core, call),
        "lookup/group" => lookup::group(core, call),
        _ => Err(call.forgotten()),
    }
}

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

/// Where a call says which entity or group it means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    /// By `id` or `name`, or it is a new one.
    InBody,
    /// In the path.
    ById,
    /// In the path.
    ByName,
}

/// A text that was given and is not empty.
fn given(fields: Fields<'_>, name: &str) -> Result<Option<String>, Error> {
    Ok(fields.string(name)?.filter(|text| !text.is_empty()))
}

/// Policies for entities and groups: never `root`, which no login may come to.
fn policies(fields: Fields<'_>) -> Result<Option<Vec<String>>, Error> {
    let Some(names) = policy::named(fields, "policies")? else { return Ok(None) };
    if names == ["root"] {
        return Err(invalid("policies cannot contain root"));
    }
    policy::assignable(&names)?;
    Ok(Some(names))
}

/// What is known of somebody, within the limits of others, in the words of a server of OpenBao 2.6 (which answers 500).
///
/// # Errors
/// What is too much, or called what policies can't name.
fn sound(of: &str, metadata: Metadata) -> Result<Metadata, Error> {
    let pairs = metadata.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let Some(odd) = Odd::of(metadata.len(), pairs) else { return Ok(metadata) };
    let pair = |key: &str, why: String| format!("failed to load metadata pair ({key:?}): {why}");
    let what = match odd {
        Odd::TooMany(_) => format!("metadata cannot contain more than {PAIRS_MAX} key/value pairs"),
        Odd::Blank => pair("", "key cannot be blank".to_owned()),
        Odd::LongKey(key) => pair(key, format!("key is too long (limit: {KEY_BYTES_MAX} characters)")),
        Odd::Key(key) => pair(key, "key contains invalid characters".to_owned()),
        Odd::LongValue(key) => pair(key, format!("value is too long (limit: {VALUE_BYTES_MAX} characters)")),
    };
    Err(invalid(format!("invalid {of} metadata: {what}")))
}

/// A name that people give: entities and groups are told apart by it in paths, which are without blanks at their ends.
///
/// # Errors
/// A name that no path has.
fn check_name(name: &str) -> Result<(), Error> {
    const LENGTH_MAX: usize = 512;
    let segments_fine = name.split('/').all(|segment| !matches!(segment.trim(), "" | "." | ".."));
    if name.len() > LENGTH_MAX || name.chars().any(char::is_control) || !segments_fine || name.trim() != name {
        return Err(invalid(format!(
            "invalid name {name:?}: no control characters, no empty parts between slashes, at most {LENGTH_MAX} bytes"
        )));
    }
    Ok(())
}

/// The accessor of a mount that aliases may be of.
///
/// # Errors
/// If no auth method has it.
fn check_accessor(core: &Core, accessor: &str) -> Result<(), Error> {
    let is_there = core.mounts.snapshot().values().any(|mount| mount.is_auth() && mount.accessor == accessor);
    if is_there { Ok(()) } else { Err(invalid(format!("invalid mount accessor {accessor:?}"))) }
}
