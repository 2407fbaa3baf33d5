//! Key-value secrets, version 2: every write is a version, and a write may say which version it follows
//! (check-and-set). Behaviour and texts follow Vault's KV version 2 API documentation. A mount without versions
//! is served in [`plain`].
//!
//! Stored under the mount: `config`, `meta/<path>` (see [`record::Secret`]), `data/<version>/<path>`.

mod merge;
mod paths;
mod plain;
mod record;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use self::record::{Secret, Settings, check_custom, stamp};
use crate::engine::backend::{Backend, Call, Class, Options};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::locks::Locks;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::setup::Config;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::path::Row;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// Versions that one call may name.
const VERSIONS_PER_CALL_MAX: usize = 1000;

/// What the key-value mounts share.
#[derive(Default)]
struct Kv {
    /// Keeps changes of one secret apart.
    locks: Locks,
}

/// The backend.
pub(crate) fn backend(_config: &Config) -> Box<dyn Backend> {
    Box::new(Kv::default())
}

impl Backend for Kv {
    fn kind(&self) -> &'static str {
        "kv"
    }

    fn class(&self) -> Class {
        Class::Secrets
    }

    /// How command lines spell it with a version; `generic` is its oldest name.
    fn is_meant(&self, kind: &str, options: &mut Options) -> bool {
        if kind == "kv-v2" {
            options.insert("version".to_owned(), "2".to_owned());
        }
        matches!(kind, "kv" | "kv-v1" | "kv-v2" | "generic")
    }

    /// A mount has version 1 where none is given, as in Vault, and keeps its version.
    fn check_options(&self, before: Option<&Options>, after: &Options) -> Result<(), Error> {
        let version = |options: &Options| options.get("version").cloned().unwrap_or_default();
        if before.is_some_and(|before| (version(before) == "2") != (version(after) == "2")) {
            return Err(Error::Invalid(
                "a key-value mount keeps its version on this server: mount another one, and copy the secrets"
                    .to_owned(),
            ));
        }
        match version(after).as_str() {
            "" | "1" | "2" => Ok(()),
            version => Err(Error::Invalid(format!("kv has the versions 1 and 2, not {version:?}"))),
        }
    }

    fn tables(&self) -> &'static [&'static [Row]] {
        &[paths::VERSIONED, paths::PLAIN]
    }

    fn paths(&self, mount: &Mount) -> &'static [Row] {
        if is_versioned(mount) { paths::VERSIONED } else { paths::PLAIN }
    }

    fn unserved(&self, mount: &Mount, path: &str, refusal: Error) -> Error {
        let head = path.split('/').next().unwrap_or_default();
        let known = ["config", "data", "subkeys", "metadata", "delete", "undelete", "destroy"].contains(&head);
        match refusal {
            _ if path.is_empty() && !is_versioned(mount) => Error::UnsupportedPath,
            Error::UnsupportedPath if is_versioned(mount) && !known => Error::Missing(format!(
                "this is a versioned key-value engine: secrets are read and written at {}data/<path>, listed at \
                 {}metadata/<path>",
                mount.path, mount.path
            )),
            refusal => refusal,
        }
    }

    fn exists(&self, core: &Core, call: &Call<'_>) -> Result<Option<bool>, Error> {
        if !is_versioned(call.mount) {
            return plain::exists(core, call);
        }
        let place = Place { kv: self, core, call: *call, path: call.at("path") };
        Ok(Some(place.load()?.is_some()))
    }

    fn handle<'a>(&'a self, core: &'a Arc<Core>, call: Call<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        if is_versioned(call.mount) { handle(self, core, call).boxed() } else { plain::handle(core, call).boxed() }
    }
}

/// One secret of one mount.
struct Place<'a> {
    kv: &'a Kv,
    core: &'a Core,
    call: Call<'a>,
    path: &'a str,
}

/// Serves one call to a versioned mount.
async fn handle(kv: &Kv, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    use Operation::{Delete, List, Patch, Read, Write};
    let place = Place { kv, core, call, path: call.at("path") };
    match (call.row.pattern, call.request.operation) {
        ("config/?", Read) => place.read_config(),
        ("config/?", Write) => place.write_config().await,
        ("metadata/" | "metadata/*path", List) => place.list(),
        ("data/*path", Read) => place.read(),
        ("subkeys/*path", Read) => place.subkeys(),
        ("data/*path", Write) => place.write().await,
        ("data/*path", Patch) => place.patch().await,
        ("data/*path", Delete) => place.delete_latest().await,
        ("metadata/*path", Read) => place.read_metadata(),
        ("metadata/*path", Write) => place.write_metadata().await,
        ("metadata/*path", Patch) => place.patch_metadata().await,
        ("metadata/*path", Delete) => place.delete_all().await,
        ("delete/*path", Write) => place.mark(Mark::Deleted).await,
        ("undelete/*path", Write) => place.mark(Mark::Undeleted).await,
        ("destroy/*path", Write) => place.mark(Mark::Destroyed).await,
        _ => Err(call.forgotten()),
    }
}

/// The names in an object, down to a depth; what is no object with names is null.
fn names(data: &Map<String, Value>, depth: u64) -> Value {
    let below = |value: &Value| match value {
        Value::Object(inner) if depth > 1 && !inner.is_empty() => names(inner, depth - 1),
        _ => Value::Null,
    };
    Value::Object(data.iter().map(|(name, value)| (name.clone(), below(value))).collect())
}

fn is_versioned(mount: &Mount) -> bool {
    mount.options.get("version").is_some_and(|version| version == "2")
}

/// What is done to versions by number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Deleted,
    Undeleted,
    Destroyed,
}

impl Place<'_> {
    fn meta_key(&self) -> String {
        self.call.mount.storage(&format!("meta/{}", self.path))
    }

    fn data_key(&self, version: u64) -> String {
        self.call.mount.storage(&format!("data/{version:016x}/{}", self.path))
    }

    fn fields(&self) -> Fields<'_> {
        Fields(&self.call.request.data)
    }

    fn load(&self) -> Result<Option<Secret>, Error> {
        self.core.barrier.get(&self.meta_key())
    }

    fn config(&self) -> Result<Settings, Error> {
        Ok(self.core.barrier.get(&self.call.mount.storage("config"))?.unwrap_or_default())
    }

    fn read_config(&self) -> Result<Response, Error> {
        let mut answer = json!({});
        self.config()?.show(&mut answer);
        Ok(Response::data(answer))
    }

    async fn write_config(&self) -> Result<Response, Error> {
        let _turn = self.kv.locks.lock(&self.call.mount.uuid).await;
        let mut settings = self.config()?;
        settings.apply(self.fields())?;
        let mut batch = Batch::new();
        batch.put(self.call.mount.storage("config"), &settings)?;
        self.core.barrier.commit(batch).await?;
        Ok(Response::empty())
    }

    fn list(&self) -> Result<Response, Error> {
        let mut prefix = self.path.to_owned();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        Response::keys(self.core.barrier.children(&self.call.mount.storage(&format!("meta/{prefix}")))?)
    }

    fn read(&self) -> Result<Response, Error> {
        self.shown("data", Value::Object)
    }

    /// A version's names without what they stand for.
    fn subkeys(&self) -> Result<Response, Error> {
        let depth = match u64::try_from(self.fields().int("depth")?.unwrap_or_default()) {
            Ok(0) => u64::MAX,
            Ok(depth) => depth,
            Err(_) => return Err(Error::Invalid("depth cannot be negative".to_owned())),
        };
        self.shown("subkeys", |data| names(&data, depth))
    }

    /// A version, with what is to be seen of its data under a name.
    fn shown(&self, name: &str, seen: impl Fn(Map<String, Value>) -> Value) -> Result<Response, Error> {
        let secret = self.load()?.ok_or(Error::NotFound)?;
        let wanted = self.fields().int("version")?.unwrap_or_default();
        let number = match u64::try_from(wanted) {
            Ok(0) => secret.current_version,
            Ok(number) => number,
            Err(_) => return Err(Error::Invalid("version cannot be negative".to_owned())),
        };
        let version = secret.versions.get(&number).ok_or(Error::NotFound)?;
        let metadata = secret.version_metadata(number);
        if !version.is_readable(self.core.clock.now()) {
            // Clients learn from the metadata that it was there, and since when it is not.
            let answer = Response::data(json!({ name: null, "metadata": metadata }));
            return Ok(Response { status: Some(404), ..answer });
        }
        Ok(Response::data(json!({ name: seen(self.data(number)?), "metadata": metadata })))
    }

    fn data(&self, number: u64) -> Result<Map<String, Value>, Error> {
        let found = self.core.barrier.get(&self.data_key(number))?;
        found.ok_or_else(|| Error::Internal(format!("version {number} of {} has no data", self.meta_key())))
    }

    fn given_data(&self) -> Result<&Map<String, Value>, Error> {
        match self.call.request.data.get("data") {
            Some(Value::Object(data)) => Ok(data),
            None | Some(Value::Null) => Err(Error::Invalid("no data provided".to_owned())),
            Some(_) => Err(Error::Invalid("the parameter \"data\" must be an object".to_owned())),
        }
    }

    async fn write(&self) -> Result<Response, Error> {
        let data = self.given_data()?;
        let cas = self.check_and_set()?;
        let _turn = self.kv.locks.lock(&self.meta_key()).await;
        let secret = self.load()?.unwrap_or_else(|| Secret::new(self.core.clock.now()));
        self.add(secret, data, cas).await
    }

    /// A merge patch onto the latest version, which has to be there.
    async fn patch(&self) -> Result<Response, Error> {
        let patch = self.given_data()?;
        let cas = self.check_and_set()?;
        let _turn = self.kv.locks.lock(&self.meta_key()).await;
        let secret = self.load()?.ok_or(Error::NotFound)?;
        let latest = secret.current_version;
        let version = secret.versions.get(&latest).ok_or(Error::NotFound)?;
        if !version.is_readable(self.core.clock.now()) {
            let answer = Response::data(json!({ "data": null, "metadata": secret.version_metadata(latest) }));
            return Ok(Response { status: Some(404), ..answer });
        }
        let mut data = self.data(latest)?;
        merge::apply(&mut data, patch);
        self.add(secret, &data, cas).await
    }

    /// Adds a version to a secret whose lock is held.
    async fn add(&self, mut secret: Secret, data: &Map<String, Value>, cas: Option<i64>) -> Result<Response, Error> {
        let now = self.core.clock.now();
        let config = self.config()?;
        match cas {
            None if config.cas_required || secret.settings.cas_required => {
                return Err(Error::Invalid("check-and-set parameter required for this call".to_owned()));
            }
            Some(cas) if u64::try_from(cas) != Ok(secret.current_version) => {
                return Err(Error::Invalid("check-and-set parameter did not match the current version".to_owned()));
            }
            _ => {}
        }
        let (number, dropped) = secret.add(&config, now);
        let mut batch = Batch::new();
        batch.put(self.meta_key(), &secret)?;
        batch.put(self.data_key(number), data)?;
        dropped.into_iter().for_each(|number| batch.delete(self.data_key(number)));
        self.core.barrier.commit(batch).await?;
        let answer = Response::data(secret.version_metadata(number));
        Ok(match self.call.unknown() {
            Some(warning) => answer.warn(warning),
            None => answer,
        })
    }

    /// `options.cas`: the version that the write expects to follow; 0 is none, and a negative one is never met.
    fn check_and_set(&self) -> Result<Option<i64>, Error> {
        let options = match self.call.request.data.get("options") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(options)) => options,
            Some(_) => return Err(Error::Invalid("the parameter \"options\" must be an object".to_owned())),
        };
        if let Some(unknown) = options.keys().find(|key| *key != "cas") {
            return Err(Error::Invalid(format!("the option {unknown:?} is not supported by this server")));
        }
        match options.get("cas") {
            None | Some(Value::Null) => Ok(None),
            Some(_) => {
                let cas = Fields(options).int("cas").ok().flatten();
                cas.map(Some).ok_or_else(|| Error::Invalid("error parsing check-and-set parameter".to_owned()))
            }
        }
    }

    async fn delete_latest(&self) -> Result<Response, Error> {
        let _turn = self.kv.locks.lock(&self.meta_key()).await;
        let Some(mut secret) = self.load()? else { return Ok(Response::empty()) };
        let latest = secret.current_version;
        self.mark_one(&mut secret, latest, Mark::Deleted);
        self.save(&secret, Batch::new()).await
    }

    async fn mark(&self, mark: Mark) -> Result<Response, Error> {
        let numbers = self.version_numbers()?;
        let _turn = self.kv.locks.lock(&self.meta_key()).await;
        let Some(mut secret) = self.load()? else { return Ok(Response::empty()) };
        let mut batch = Batch::new();
        for number in numbers {
            self.mark_one(&mut secret, number, mark);
            if mark == Mark::Destroyed {
                batch.delete(self.data_key(number));
            }
        }
        self.save(&secret, batch).await
    }

    fn mark_one(&self, secret: &mut Secret, number: u64, mark: Mark) {
        let now = self.core.clock.now();
        let Some(version) = secret.versions.get_mut(&number) else { return };
        match mark {
            // A version that is deleted already keeps the time when it was.
            Mark::Deleted if version.is_readable(now) => version.deletion_time = stamp(now),
            Mark::Undeleted if !version.destroyed => version.deletion_time.clear(),
            Mark::Destroyed => version.destroyed = true,
            Mark::Deleted | Mark::Undeleted => {}
        }
    }

    fn version_numbers(&self) -> Result<Vec<u64>, Error> {
        let numbers = self.fields().list("versions")?.unwrap_or_default();
        if numbers.is_empty() {
            return Err(Error::Invalid("no version number provided".to_owned()));
        }
        if numbers.len() > VERSIONS_PER_CALL_MAX {
            return Err(Error::Invalid(format!("more than {VERSIONS_PER_CALL_MAX} versions in one call")));
        }
        let parse = |text: &String| text.parse().map_err(|_| Error::Invalid("versions must be numbers".to_owned()));
        numbers.iter().map(parse).collect()
    }

    async fn save(&self, secret: &Secret, mut batch: Batch) -> Result<Response, Error> {
        batch.put(self.meta_key(), secret)?;
        self.core.barrier.commit(batch).await?;
        Ok(Response::empty())
    }

    fn read_metadata(&self) -> Result<Response, Error> {
        Ok(Response::data(self.load()?.ok_or(Error::NotFound)?.show()))
    }

    async fn write_metadata(&self) -> Result<Response, Error> {
        let _turn = self.kv.locks.lock(&self.meta_key()).await;
        let now = self.core.clock.now();
        let mut secret = self.load()?.unwrap_or_else(|| Secret::new(now));
        secret.settings.apply(self.fields())?;
        if let Some(custom) = self.fields().pairs("custom_metadata")? {
            check_custom(&custom)?;
            secret.custom = Some(custom).filter(|custom| !custom.is_empty());
        }
        secret.updated_time = stamp(now);
        self.save(&secret, Batch::new()).await
    }

    /// The settings that are given, and a merge patch onto the custom metadata, of a secret that is there.
    async fn patch_metadata(&self) -> Result<Response, Error> {
        let _turn = self.kv.locks.lock(&self.meta_key()).await;
        let mut secret = self.load()?.ok_or(Error::NotFound)?;
        secret.settings.apply(self.fields())?;
        match self.call.request.data.get("custom_metadata") {
            None => {}
            Some(Value::Null) => secret.custom = None,
            Some(Value::Object(patch)) => {
                let mut custom: Map<String, Value> = secret
                    .custom
                    .take()
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(key, text)| (key, text.into()))
                    .collect();
                merge::apply(&mut custom, patch);
                let merged = Map::from_iter([("custom_metadata".to_owned(), Value::Object(custom))]);
                let custom = Fields(&merged).pairs("custom_metadata")?.unwrap_or_default();
                check_custom(&custom)?;
                secret.custom = Some(custom).filter(|custom| !custom.is_empty());
            }
            Some(_) => return Err(Error::Invalid("the parameter \"custom_metadata\" must be an object".to_owned())),
        }
        secret.updated_time = stamp(self.core.clock.now());
        self.save(&secret, Batch::new()).await
    }

    async fn delete_all(&self) -> Result<Response, Error> {
        let _turn = self.kv.locks.lock(&self.meta_key()).await;
        let Some(secret) = self.load()? else { return Ok(Response::empty()) };
        let mut batch = Batch::new();
        secret.versions.keys().for_each(|number| batch.delete(self.data_key(*number)));
        batch.delete(self.meta_key());
        self.core.barrier.commit(batch).await?;
        Ok(Response::empty())
    }
}
