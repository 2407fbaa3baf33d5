//! `sys/mounts` and `sys/auth`: which backend serves which path.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::object;
use crate::engine::backend::{Backend, Backends, Call, Class};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::{Mount, Table, UserLockout};
use crate::engine::lease::core::Core;
use crate::engine::wire::duration;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

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

    /// The full path of what the section calls `name`. `sys/mounts` reads and tunes auth methods as well, as
    /// `auth/<name>`.
    fn path(self, name: &str) -> String {
        format!("{}{name}/", self.prefix())
    }

    /// What can be mounted in it.
    fn backends(self, all: &Backends) -> impl Iterator<Item = &dyn Backend> {
        let class = match self {
            Self::Secrets => Class::Secrets,
            Self::Auth => Class::Auth,
        };
        all.iter().filter(move |backend| backend.class() == class)
    }

    /// The path within the section: `approle/`.
    fn relative(self, mount: &Mount) -> &str {
        mount.path.strip_prefix(self.prefix()).unwrap_or(&mount.path)
    }
}

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>, section: Section) -> Result<Response, Error> {
    let path = section.path(call.at("path"));
    match (call.row.pattern, call.request.operation) {
        ("mounts/?" | "auth/?", Operation::Read) => Ok(list(core, section)),
        ("mounts/*path/tune/?" | "auth/*path/tune/?", Operation::Read) => read_tune(core, &path),
        ("mounts/*path/tune/?" | "auth/*path/tune/?", Operation::Write) => tune(core, &path, call).await,
        ("mounts/*path" | "auth/*path", Operation::Read) => read(core, section, &path),
        ("mounts/*path" | "auth/*path", Operation::Write) => enable(core, section, path, call).await,
        ("mounts/*path" | "auth/*path", Operation::Delete) => disable(core, section, &path, call.backends).await,
        _ => Err(call.forgotten()),
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
    if let Some(lockout) = mount.tuning.user_lockout {
        config["user_lockout_config"] = lockout_fields(lockout);
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

/// How a reader sees when whoever fails has to wait.
fn lockout_fields(lockout: UserLockout) -> Value {
    json!({
        "user_lockout_threshold": lockout.threshold,
        "user_lockout_duration": lockout.duration,
        "user_lockout_counter_reset_duration": lockout.counter_reset,
        "user_lockout_disable": lockout.disable,
    })
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
        // Terraform's provider reads auth methods here: this path needs no `sudo`.
        Some(mount) if section == Section::Secrets || section.holds(&mount) => {
            Ok(Response::data(describe(&mount)).repeated())
        }
        _ => Err(Error::Invalid(format!("No {what} mount at {path}"))),
    }
}

/// What a mount may be called: what can be printed, but for what means something in policies and URLs.
pub(super) fn check_path(path: &str) -> Result<(), Error> {
    let invalid = |text: &str| Err(Error::Invalid(text.to_owned()));
    if !path.chars().all(|c| c == ' ' || c.is_alphanumeric() || (c.is_ascii_graphic() && !"*+%\\?#\"".contains(c))) {
        return invalid("the mount path may hold no *+%\\?#\" and nothing that cannot be printed");
    }
    if path.split('/').any(|segment| segment.trim() != segment) {
        return invalid("no part of a mount path may begin or end with a space");
    }
    Ok(())
}

/// Whether a path is not for secrets engines (Vault: paths that are always mounted or belong to something else).
pub(super) fn is_reserved(path: &str) -> bool {
    ["audit/", "auth/", "sys/", "cubbyhole/", "identity/"].iter().any(|reserved| path.starts_with(reserved))
}

/// Why a mount cannot be made at `path`, if it cannot.
pub(super) fn conflict(table: &Table, section: Section, path: &str) -> Option<Error> {
    if let Some(mount) = table.get(path) {
        return Some(Error::Invalid(format!("path is already in use at {}", section.relative(mount))));
    }
    let existing = table.keys().find(|other| path.starts_with(other.as_str()) || other.starts_with(path));
    existing.map(|other| Error::Invalid(format!("existing mount at {other}")))
}

async fn enable(core: &Arc<Core>, section: Section, path: String, call: Call<'_>) -> Result<Response, Error> {
    call.refuse_unknown("a mount")?;
    let data = &call.request.data;
    check_path(&path)?;
    if section == Section::Secrets && is_reserved(&path) {
        return Err(Error::Forbidden(format!("cannot mount {path:?}")));
    }
    let fields = Fields(data);
    let kind = match fields.string("type")?.filter(|kind| !kind.is_empty()) {
        Some(kind) => kind,
        None => return Err(Error::Invalid("backend type must be specified as a string".to_owned())),
    };
    let mut options = fields.pairs("options")?.unwrap_or_default();
    let mut built_in = call.backends.built_in();
    if section == Section::Auth && built_in.any(|(path, name, _)| path.starts_with("auth/") && name == kind) {
        return Err(Error::Invalid(format!("{kind} credential backend cannot be instantiated")));
    }
    let Some(backend) = section.backends(call.backends).find(|backend| backend.is_meant(&kind, &mut options)) else {
        let served = section.backends(call.backends).map(Backend::kind).collect::<Vec<_>>().join(" and ");
        return Err(Error::Invalid(format!("plugin not found in the catalog: {kind}: this server has {served}")));
    };
    let kind = backend.kind();
    if fields.string("plugin_version")?.is_some_and(|version| !version.is_empty()) {
        return Err(Error::Invalid("plugin_version is not supported by this server".to_owned()));
    }
    if fields.bool("external_entropy_access")?.unwrap_or_default() {
        return Err(Error::Invalid("external_entropy_access is not supported by this server".to_owned()));
    }
    if fields.string("plugin_name")?.is_some_and(|name| !name.is_empty() && name != kind) {
        return Err(Error::Invalid("plugin_name is not supported by this server: plugins are not loaded".to_owned()));
    }
    let mut mount = Mount::new(&path, kind, &fields.string("description")?.unwrap_or_default())?;
    mount.system = core.mounts.system;
    mount.options = options;
    mount.local = fields.bool("local")?.unwrap_or_default();
    mount.seal_wrap = fields.bool("seal_wrap")?.unwrap_or_default();
    if let Some(config) = object(data, "config")? {
        apply_tuning(&mut mount, config, backend)?;
    }
    check_ttls(&mount)?;
    backend.check_options(None, &mount.options)?;
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
    let system = mount.system.max;
    if max == 0 && default > system {
        return Err(Error::Invalid(format!("given default lease TTL greater than system max lease TTL of {system}")));
    }
    Ok(())
}

/// Whether a setting asks for nothing: null, false, zero, an empty text, and lists and objects of such. Clients
/// send all the settings that they know.
fn asks_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => matches!(text.trim(), "" | "0" | "0s" | "false"),
        Value::Array(items) => items.iter().all(asks_nothing),
        Value::Object(map) => map.values().all(asks_nothing),
    }
}

/// Takes the settings that were given into the mount.
fn apply_tuning(mount: &mut Mount, data: &Map<String, Value>, backend: &dyn Backend) -> Result<(), Error> {
    const KNOWN: [&str; 10] = [
        "default_lease_ttl",
        "max_lease_ttl",
        "force_no_cache",
        "listing_visibility",
        "audit_non_hmac_request_keys",
        "audit_non_hmac_response_keys",
        "token_type",
        "description",
        "options",
        "user_lockout_config",
    ];
    let asked: Map<String, Value> = data
        .iter()
        .filter(|(key, value)| KNOWN.contains(&key.as_str()) || !asks_nothing(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Fields(&asked).refuse_unknown(|name| KNOWN.contains(&name), "a mount's settings")?;
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
        if matches!(backend.class(), Class::BuiltIn { .. }) {
            let refusal = "'token_type' cannot be set for 'token' or 'ns_token' auth mounts";
            return Err(Error::Invalid(refusal.to_owned()));
        }
        if !matches!(kind.as_str(), "service" | "default-service" | "batch" | "default-batch") {
            return Err(Error::Invalid("invalid value for 'token_type'".to_owned()));
        }
        mount.tuning.token_type = kind;
    }
    match object(data, "user_lockout_config")?.filter(|config| !config.is_empty()) {
        Some(config) if backend.lockout().is_none() && config.values().all(asks_nothing) => Ok(()),
        Some(_) if backend.lockout().is_none() => Err(Error::Invalid(format!(
            "tuning of user lockout configuration for auth type {:?} not allowed",
            mount.kind
        ))),
        Some(config) => apply_lockout(mount.tuning.user_lockout.get_or_insert_default(), config),
        None => Ok(()),
    }
}

/// Takes what was given of `user_lockout_config`. An empty text says nothing; 0 is what is usual.
fn apply_lockout(lockout: &mut UserLockout, config: &Map<String, Value>) -> Result<(), Error> {
    const KNOWN: [&str; 4] =
        ["lockout_threshold", "lockout_duration", "lockout_counter_reset_duration", "lockout_disable"];
    Fields(config).refuse_unknown(|name| KNOWN.contains(&name), "user_lockout_config")?;
    let said: Map<String, Value> =
        config.iter().filter(|(_, value)| **value != "").map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(threshold) = Fields(&said).int("lockout_threshold")? {
        if threshold < 0 {
            return Err(Error::Invalid("unable to parse user lockout threshold: it is negative".to_owned()));
        }
        lockout.threshold = threshold;
    }
    if let Some(seconds) = ttl(&said, "lockout_duration")? {
        lockout.duration = seconds;
    }
    if let Some(seconds) = ttl(&said, "lockout_counter_reset_duration")? {
        lockout.counter_reset = seconds;
    }
    if let Some(flag) = Fields(&said).bool("lockout_disable")? {
        lockout.disable = flag;
    }
    Ok(())
}

/// A TTL that may be `system` for the system's; an empty one says nothing.
fn ttl(data: &Map<String, Value>, name: &str) -> Result<Option<i64>, Error> {
    match data.get(name) {
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if text == "system" => Ok(Some(0)),
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
    if let (Some(lockout), Value::Object(data)) = (mount.tuning.user_lockout, &mut data) {
        data.extend(lockout_fields(lockout).as_object().cloned().unwrap_or_default());
    }
    Ok(Response::data(data).repeated())
}

async fn tune(core: &Arc<Core>, path: &str, call: Call<'_>) -> Result<Response, Error> {
    let data = &call.request.data;
    core.mounts
        .change(&core.barrier, |table| {
            let absent = || Error::Invalid(format!("tune of path {path:?} failed: no mount entry found"));
            let current = table.get(path).ok_or_else(absent)?;
            let mut mount = Mount::clone(current);
            apply_tuning(&mut mount, data, call.backends.of(current)?)?;
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
            let before = mount.options.clone();
            tune_options(&mut mount.options, data)?;
            call.backends.of(&mount)?.check_options(Some(&before), &mount.options)?;
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

async fn disable(core: &Arc<Core>, section: Section, path: &str, backends: &Backends) -> Result<Response, Error> {
    if section == Section::Secrets && is_reserved(path) {
        return Err(Error::Invalid(format!("cannot unmount {path:?}")));
    }
    let mount = match core.mounts.at(path) {
        Some(mount) if section.holds(&mount) => mount,
        _ => return Ok(Response::empty()),
    };
    if backends.is_built_in(&mount) {
        return Err(Error::Invalid(format!("{} credential backend cannot be disabled", mount.kind)));
    }
    let backend = backends.of(&mount)?;
    // While it still takes requests, by which what can't be ended can be given up.
    backend.leave(core, &mount).await?;
    empty(core, &mount).await?;
    // What came meanwhile.
    backend.leave(core, &mount).await?;
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
            core.quotas.moving(path, None)
        })
        .await?;
    core.quotas.moved(path, None);
    tracing::info!(path, "unmounted");
    Ok(Response::empty())
}

/// Closes a mount to requests, and revokes everything that was issued under its path.
pub(super) async fn empty(core: &Arc<Core>, mount: &Mount) -> Result<(), Error> {
    let path = mount.path.as_str();
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
    core.leases.revoke_mount(core, path).await
}
