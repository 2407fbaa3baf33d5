//! `sys/mounts` and `sys/auth`: which backend serves which path.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::{object, refuse_unknown};
use crate::engine::barrier::Batch;
use crate::engine::core::{Call, Core};
use crate::engine::duration;
use crate::engine::error::Error;
use crate::engine::field::Fields;
use crate::engine::request::{Operation, Response};
use crate::engine::router::{Mount, SYSTEM_TTL, Table};

/// Batches of a removed mount's data that are deleted at a time.
const DELETE_CHUNK: usize = 1000;

/// Which half of the table a path speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// `sys/mounts`.
    Secrets,
    /// `sys/auth`.
    Auth,
}

impl Section {
    fn prefix(self) -> &'static str {
        match self {
            Self::Secrets => "",
            Self::Auth => "auth/",
        }
    }

    fn holds(self, mount: &Mount) -> bool {
        mount.is_auth() == (self == Self::Auth)
    }

    fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Secrets => &["aws", "kv"],
            Self::Auth => &["approle"],
        }
    }

    /// The path within the section: `approle/`.
    fn relative(self, mount: &Mount) -> &str {
        mount.path.strip_prefix(self.prefix()).unwrap_or(&mount.path)
    }
}

/// Serves one call; `rest` is what follows `mounts/` or `auth/`.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>, section: Section, rest: &str) -> Result<Response, Error> {
    let name = rest.trim_end_matches('/');
    let operation = call.request.operation;
    if name.is_empty() {
        return match operation {
            Operation::Read => Ok(list(core, section)),
            _ => Err(Error::UnsupportedOperation),
        };
    }
    if let Some(name) = name.strip_suffix("/tune") {
        let path = format!("{}{name}/", section.prefix());
        return match operation {
            Operation::Read => read_tune(core, &path),
            Operation::Write => tune(core, &path, &call.request.data).await,
            _ => Err(Error::UnsupportedOperation),
        };
    }
    let path = format!("{}{name}/", section.prefix());
    match operation {
        Operation::Read => read(core, section, &path),
        Operation::Write => enable(core, section, path, &call.request.data).await,
        Operation::Delete => disable(core, section, &path).await,
        Operation::List => Err(Error::UnsupportedOperation),
    }
}

/// What a mount looks like to its reader.
pub(super) fn describe(mount: &Mount) -> Value {
    let mut config = json!({
        "default_lease_ttl": mount.default_lease_ttl,
        "max_lease_ttl": mount.max_lease_ttl,
        "force_no_cache": mount.tuning.force_no_cache,
    });
    tuning_fields(mount, &mut config);
    if mount.is_auth() && mount.tuning.token_type.is_empty() {
        config["token_type"] = "default-service".into();
    }
    json!({
        "type": mount.kind,
        "description": mount.description,
        "accessor": mount.accessor,
        "uuid": mount.uuid,
        "local": mount.local,
        "seal_wrap": mount.seal_wrap,
        "external_entropy_access": false,
        "options": if mount.options.is_empty() { Value::Null } else { json!(mount.options) },
        "config": config,
        "plugin_version": "",
        "running_plugin_version": "",
        "running_sha256": "",
        "deprecation_status": "supported",
    })
}

fn tuning_fields(mount: &Mount, config: &mut Value) {
    let tuning = &mount.tuning;
    if !tuning.listing_visibility.is_empty() {
        config["listing_visibility"] = tuning.listing_visibility.as_str().into();
    }
    if !tuning.audit_non_hmac_request_keys.is_empty() {
        config["audit_non_hmac_request_keys"] = json!(tuning.audit_non_hmac_request_keys);
    }
    if !tuning.audit_non_hmac_response_keys.is_empty() {
        config["audit_non_hmac_response_keys"] = json!(tuning.audit_non_hmac_response_keys);
    }
    if !tuning.token_type.is_empty() {
        config["token_type"] = tuning.token_type.as_str().into();
    }
}

fn list(core: &Core, section: Section) -> Response {
    let table = core.mounts.snapshot();
    let mounts = table.values().filter(|mount| section.holds(mount));
    let data: Map<String, Value> = mounts.map(|mount| (section.relative(mount).to_owned(), describe(mount))).collect();
    Response::data(Value::Object(data)).repeated()
}

fn read(core: &Core, section: Section, path: &str) -> Result<Response, Error> {
    let what = match section {
        Section::Secrets => "secret engine",
        Section::Auth => "auth engine",
    };
    match core.mounts.at(path) {
        Some(mount) if section.holds(&mount) => Ok(Response::data(describe(&mount)).repeated()),
        _ => Err(Error::Invalid(format!("No {what} mount at {path}"))),
    }
}

fn check_path(path: &str) -> Result<(), Error> {
    let clean = path.chars().all(|c| c.is_ascii_alphanumeric() || "/_-.@".contains(c));
    if clean {
        Ok(())
    } else {
        Err(Error::Invalid("the mount path may hold letters, digits and /_-.@ only".to_owned()))
    }
}

/// Why a mount cannot be made at `path`, if it cannot.
fn conflict(table: &Table, section: Section, path: &str) -> Option<Error> {
    if let Some(mount) = table.get(path) {
        return Some(Error::Invalid(format!("path is already in use at {}", section.relative(mount))));
    }
    let existing = table.keys().find(|other| path.starts_with(other.as_str()) || other.starts_with(path));
    existing.map(|other| Error::Invalid(format!("existing mount at {other}")))
}

async fn enable(
    core: &Arc<Core>,
    section: Section,
    path: String,
    data: &Map<String, Value>,
) -> Result<Response, Error> {
    const KNOWN: [&str; 9] = [
        "type",
        "description",
        "config",
        "options",
        "local",
        "seal_wrap",
        "external_entropy_access",
        "plugin_name",
        "plugin_version",
    ];
    refuse_unknown(data, &KNOWN, "a mount")?;
    check_path(&path)?;
    let fields = Fields(data);
    let kind = match fields.string("type")?.filter(|kind| !kind.is_empty()) {
        Some(kind) => kind,
        None => return Err(Error::Invalid("backend type must be specified as a string".to_owned())),
    };
    let mut options = fields.pairs("options")?.unwrap_or_default();
    // `kv-v2` is how command lines spell kv with version 2.
    let kind = if kind == "kv-v2" {
        options.insert("version".to_owned(), "2".to_owned());
        "kv".to_owned()
    } else {
        kind
    };
    if !section.kinds().contains(&kind.as_str()) {
        return Err(Error::Invalid(format!("plugin not found in the catalog: {kind}")));
    }
    if fields.string("plugin_version")?.is_some_and(|version| !version.is_empty()) {
        return Err(Error::Invalid("plugin_version is not supported by this server".to_owned()));
    }
    let mut mount = Mount::new(&path, &kind, &fields.string("description")?.unwrap_or_default())?;
    mount.options = options;
    mount.local = fields.bool("local")?.unwrap_or_default();
    mount.seal_wrap = fields.bool("seal_wrap")?.unwrap_or_default();
    if let Some(config) = object(data, "config")? {
        apply_tuning(&mut mount, config)?;
    }
    check_ttls(&mount)?;
    // After what Vault would refuse as well, so that a mount that is there already is told as such.
    let old_kv = kind == "kv" && mount.options.get("version").map(String::as_str) != Some("2");
    if let Some(conflict) = conflict(&core.mounts.snapshot(), section, &path).filter(|_| old_kv) {
        return Err(conflict);
    }
    if old_kv {
        return Err(Error::Invalid(
            "this server has version 2 of kv only: give options {\"version\": \"2\"} (or -version=2)".to_owned(),
        ));
    }
    core.mounts
        .change(&core.barrier, |table| match conflict(table, section, &path) {
            Some(error) => Err(error),
            None => {
                table.insert(path.clone(), Arc::new(mount));
                Ok(Batch::new())
            }
        })
        .await?;
    tracing::info!(path, "mounted");
    Ok(Response::empty())
}

fn check_ttls(mount: &Mount) -> Result<(), Error> {
    let (default, max) = (mount.default_lease_ttl, mount.max_lease_ttl);
    if max > 0 && default > max {
        return Err(Error::Invalid("given default lease TTL greater than given max lease TTL".to_owned()));
    }
    if max == 0 && default > SYSTEM_TTL {
        return Err(Error::Invalid(format!(
            "given default lease TTL greater than system max lease TTL of {SYSTEM_TTL}"
        )));
    }
    Ok(())
}

/// Takes the settings that were given into the mount.
fn apply_tuning(mount: &mut Mount, data: &Map<String, Value>) -> Result<(), Error> {
    const KNOWN: [&str; 12] = [
        "default_lease_ttl",
        "max_lease_ttl",
        "force_no_cache",
        "listing_visibility",
        "audit_non_hmac_request_keys",
        "audit_non_hmac_response_keys",
        "token_type",
        "description",
        "options",
        "plugin_version",
        "passthrough_request_headers",
        "allowed_response_headers",
    ];
    refuse_unknown(data, &KNOWN, "a mount's settings")?;
    let fields = Fields(data);
    if let Some(ttl) = ttl(data, "default_lease_ttl")? {
        mount.default_lease_ttl = ttl;
    }
    if let Some(ttl) = ttl(data, "max_lease_ttl")? {
        mount.max_lease_ttl = ttl;
    }
    if let Some(flag) = fields.bool("force_no_cache")? {
        mount.tuning.force_no_cache = flag;
    }
    if let Some(visibility) = fields.string("listing_visibility")? {
        if !matches!(visibility.as_str(), "" | "unauth" | "hidden") {
            return Err(Error::Invalid("invalid listing visibility type".to_owned()));
        }
        mount.tuning.listing_visibility = visibility;
    }
    if let Some(keys) = fields.list("audit_non_hmac_request_keys")? {
        mount.tuning.audit_non_hmac_request_keys = keys;
    }
    if let Some(keys) = fields.list("audit_non_hmac_response_keys")? {
        mount.tuning.audit_non_hmac_response_keys = keys;
    }
    if let Some(kind) = fields.string("token_type")?.filter(|kind| !kind.is_empty()) {
        if !mount.is_auth() {
            return Err(Error::Invalid("'token_type' can only be modified on auth mounts".to_owned()));
        }
        if !matches!(kind.as_str(), "service" | "default-service") {
            return Err(Error::Invalid(format!("token_type {kind:?} is not supported by this server")));
        }
        mount.tuning.token_type = kind;
    }
    for name in ["plugin_version", "passthrough_request_headers", "allowed_response_headers"] {
        if fields.list(name)?.is_some_and(|list| !list.is_empty()) {
            return Err(Error::Invalid(format!("{name} is not supported by this server")));
        }
    }
    Ok(())
}

/// A TTL that may be `system` or empty for the system's.
fn ttl(data: &Map<String, Value>, name: &str) -> Result<Option<i64>, Error> {
    match data.get(name) {
        Some(Value::String(text)) if text.is_empty() || text == "system" => Ok(Some(0)),
        Some(value) => duration::parse_value(value).map_err(|_| {
            Error::Invalid(format!("{name} must be a duration such as \"1h\", a number of seconds or \"system\""))
        }),
        None => Ok(None),
    }
}

fn mounted(core: &Core, path: &str) -> Result<Arc<Mount>, Error> {
    core.mounts.at(path).ok_or_else(|| Error::Invalid(format!("cannot fetch sysview for path {path:?}")))
}

fn read_tune(core: &Core, path: &str) -> Result<Response, Error> {
    let mount = mounted(core, path)?;
    let mut data = json!({
        "description": mount.description,
        "default_lease_ttl": mount.default_ttl(),
        "max_lease_ttl": mount.max_ttl(),
        "force_no_cache": mount.tuning.force_no_cache,
    });
    if !mount.options.is_empty() {
        data["options"] = json!(mount.options);
    }
    tuning_fields(&mount, &mut data);
    if mount.is_auth() && mount.tuning.token_type.is_empty() {
        data["token_type"] = "default-service".into();
    }
    Ok(Response::data(data).repeated())
}

async fn tune(core: &Arc<Core>, path: &str, data: &Map<String, Value>) -> Result<Response, Error> {
    core.mounts
        .change(&core.barrier, |table| {
            let absent = || Error::Invalid(format!("tune of path {path:?} failed: no mount entry found"));
            let current = table.get(path).ok_or_else(absent)?;
            let mut mount = Mount::clone(current);
            apply_tuning(&mut mount, data)?;
            if mount.max_lease_ttl > 0 && mount.max_lease_ttl < mount.default_lease_ttl {
                return Err(Error::Invalid(format!(
                    "backend max lease TTL of {} would be less than backend default lease TTL of {}",
                    mount.max_lease_ttl, mount.default_lease_ttl
                )));
            }
            check_ttls(&mount)?;
            if let Some(description) = Fields(data).string("description")? {
                mount.description = description;
            }
            tune_options(&mut mount.options, data)?;
            if mount.kind == "kv" && mount.options.get("version").map(String::as_str) != Some("2") {
                return Err(Error::Invalid("this server has version 2 of kv only".to_owned()));
            }
            table.insert(path.to_owned(), Arc::new(mount));
            Ok(Batch::new())
        })
        .await?;
    Ok(Response::empty())
}

/// Given options are set; an empty text removes one.
fn tune_options(options: &mut IndexMap<String, String>, data: &Map<String, Value>) -> Result<(), Error> {
    for (key, value) in Fields(data).pairs("options")?.unwrap_or_default() {
        if value.is_empty() {
            options.shift_remove(&key);
        } else {
            options.insert(key, value);
        }
    }
    Ok(())
}

async fn disable(core: &Arc<Core>, section: Section, path: &str) -> Result<Response, Error> {
    let mount = match core.mounts.at(path) {
        Some(mount) if section.holds(&mount) => mount,
        _ => return Ok(Response::empty()),
    };
    if matches!(mount.kind.as_str(), "system" | "token") {
        return Err(Error::Invalid(match section {
            Section::Secrets => format!("cannot unmount {path:?}"),
            Section::Auth => "token credential backend cannot be disabled".to_owned(),
        }));
    }
    // Tainted first, so that no lease and no token can be made behind the revocation's back.
    core.mounts
        .change(&core.barrier, |table| {
            if let Some(current) = table.get(path) {
                table.insert(path.to_owned(), Arc::new(Mount { tainted: true, ..Mount::clone(current) }));
            }
            Ok(Batch::new())
        })
        .await?;
    // Who was being served may still make a lease, a login's among them: they are revoked once nobody is.
    drop(mount.in_use.write().await);
    core.leases.revoke_mount(core, path).await?;
    // The data goes before the entry: what is left after a crash is a tainted mount, to be disabled again.
    loop {
        let keys = core.barrier.keys(&mount.storage(""), None, DELETE_CHUNK)?;
        if keys.is_empty() {
            break;
        }
        let mut batch = Batch::new();
        keys.into_iter().for_each(|key| batch.delete(key));
        core.barrier.commit(batch).await?;
    }
    core.mounts
        .change(&core.barrier, |table| {
            table.remove(path);
            Ok(Batch::new())
        })
        .await?;
    tracing::info!(path, "unmounted");
    Ok(Response::empty())
}
