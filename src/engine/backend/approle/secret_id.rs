//! Secret ids: made, looked up, destroyed, used up.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::role::Role;
use crate::clock::rfc3339;
use crate::engine::backend::Call;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::wire::cidr;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::given::Given;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;
use crate::trail::{Event, Record};

/// How many expired secret ids are cleared away when a new one is made.
const CLEAN_MAX: usize = 64;

/// The record of one secret id. Times are Unix seconds.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct SecretId {
    pub(super) accessor: String,
    pub(super) metadata: IndexMap<String, String>,
    pub(super) cidr_list: Vec<String>,
    pub(super) token_bound_cidrs: Vec<String>,
    /// Uses left; 0 is unlimited.
    pub(super) num_uses: i64,
    /// Seconds; 0 never ends.
    pub(super) ttl: i64,
    pub(super) creation_time: i64,
    pub(super) expiration_time: Option<i64>,
    pub(super) last_updated_time: i64,
}

impl SecretId {
    /// Whether it can be used at `now`: decided here, at its use, never by a tidying task.
    pub(super) fn is_alive(&self, now: i64) -> bool {
        self.num_uses >= 0 && self.expiration_time.is_none_or(|end| now < end)
    }

    /// Whatever networks it carries lie within its role's, also after the role was made narrower.
    ///
    /// # Errors
    /// Vault's text.
    pub(super) fn check_networks(&self, role: &Role) -> Result<(), Error> {
        let of_role = role.secret_id_bound_cidrs.as_deref().unwrap_or_default();
        for (own, of_role) in [(&self.cidr_list, of_role), (&self.token_bound_cidrs, role.token.bound_cidrs.as_slice())]
        {
            if !cidr::within(own, of_role) {
                return Err(Error::Invalid(format!(
                    "failed to verify subset relationship between CIDR blocks on the role {of_role:?} and CIDR \
                     blocks on the secret ID {own:?}: a secret ID's lie within its role's"
                )));
            }
        }
        Ok(())
    }

    fn read(&self) -> Value {
        // Go's zero time stands for "never" here.
        const NEVER: &str = "0001-01-01T00:00:00Z";
        json!({
            "secret_id_accessor": self.accessor,
            "secret_id_num_uses": self.num_uses,
            "secret_id_ttl": self.ttl,
            "creation_time": rfc3339(self.creation_time),
            "expiration_time": self.expiration_time.map_or_else(|| NEVER.to_owned(), rfc3339),
            "last_updated_time": rfc3339(self.last_updated_time),
            "metadata": self.metadata,
            "cidr_list": self.cidr_list,
            "token_bound_cidrs": self.token_bound_cidrs,
        })
    }
}

/// The name of a secret id in the store: hashed under the role's UUID and the engine's key.
pub(super) fn hash(core: &Core, role_uuid: &str, secret_id: &str) -> String {
    core.tokens.keyed_hash(&["approle secret id", role_uuid, secret_id])
}

pub(super) fn key(mount: &Mount, role_uuid: &str, hash: &str) -> String {
    mount.storage(&format!("secret-id/{role_uuid}/{hash}"))
}

fn accessor_key(mount: &Mount, role_uuid: &str, accessor: &str) -> String {
    mount.storage(&format!("secret-id-accessor/{role_uuid}/{accessor}"))
}

/// Takes a secret id and its accessor away.
pub(super) fn remove(batch: &mut Batch, mount: &Mount, role_uuid: &str, hash: &str, accessor: &str) {
    batch.delete(key(mount, role_uuid, hash));
    batch.delete(accessor_key(mount, role_uuid, accessor));
}

fn now(core: &Core) -> i64 {
    core.clock.now().unix_timestamp()
}

fn invalid(text: &str) -> Error {
    Error::Invalid(text.to_owned())
}

/// `secret-id`, `custom-secret-id`, `secret-id/lookup`, `secret-id/destroy`.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>, name: &str, path: &str) -> Result<Response, Error> {
    use Operation::{Delete, List, Write};
    let missing_role = || Error::Missing(format!("role {name:?} does not exist"));
    let role = Role::load(core, call.mount, name)?;
    let fields = Fields(&call.request.data);
    match (path, call.request.operation) {
        ("secret-id", List) => list(core, call.mount, &role.ok_or_else(missing_role)?),
        ("secret-id", Write) => {
            let role = role.ok_or_else(missing_role)?;
            create(core, call, &role, random::uuid()?).await
        }
        ("custom-secret-id", Write) => {
            let role = role.ok_or_else(missing_role)?;
            let id = fields.string("secret_id")?.filter(|id| !id.is_empty());
            create(core, call, &role, id.ok_or_else(|| invalid("missing secret_id"))?).await
        }
        ("secret-id/lookup", Write) => {
            let id = fields.string("secret_id")?.filter(|id| !id.is_empty());
            let id = id.ok_or_else(|| invalid("missing secret_id"))?;
            let role = role.ok_or_else(missing_role)?;
            let found = core.barrier.get::<SecretId>(&key(call.mount, &role.uuid, &hash(core, &role.uuid, &id)))?;
            Ok(match found.filter(|found| found.is_alive(now(core))) {
                Some(found) => Response::data(found.read()),
                None => Response::empty(),
            })
        }
        ("secret-id/destroy", Write | Delete) => {
            let id = fields.string("secret_id")?.filter(|id| !id.is_empty());
            let id = id.ok_or_else(|| invalid("missing secret_id"))?;
            let role = role.ok_or_else(missing_role)?;
            let hash = hash(core, &role.uuid, &id);
            let _turn = call.mount.turn(&hash).await;
            if let Some(found) = core.barrier.get::<SecretId>(&key(call.mount, &role.uuid, &hash))? {
                let mut batch = Batch::new();
                remove(&mut batch, call.mount, &role.uuid, &hash, &found.accessor);
                core.barrier.commit(batch).await?;
            }
            Ok(Response::empty())
        }
        _ => Err(call.forgotten()),
    }
}

/// `secret-id-accessor/lookup` and `secret-id-accessor/destroy`. The accessor is looked for among those
/// of the role in the path only (CVE-2023-24999).
pub(super) async fn by_accessor(core: &Arc<Core>, call: Call<'_>, name: &str, path: &str) -> Result<Response, Error> {
    let destroy = match (path, call.request.operation) {
        ("secret-id-accessor/lookup", Operation::Write) => false,
        ("secret-id-accessor/destroy", Operation::Write | Operation::Delete) => true,
        _ => return Err(call.forgotten()),
    };
    let accessor = Fields(&call.request.data).string("secret_id_accessor")?.filter(|accessor| !accessor.is_empty());
    let accessor = accessor.ok_or_else(|| invalid("missing secret_id_accessor"))?;
    // A lookup says in its data that there is none, with status 404.
    let unknown = || match destroy {
        true => Err(Error::Forbidden("invalid secret id accessor".to_owned())),
        false => {
            let error = format!("failed to find accessor entry for secret_id_accessor: {accessor:?}");
            Ok(Response { status: Some(404), ..Response::data(json!({ "error": error })) })
        }
    };
    let role =
        Role::load(core, call.mount, name)?.ok_or_else(|| Error::Missing(format!("role {name:?} does not exist")))?;
    // An accessor is one path segment; anything else names none.
    let hash = match accessor.contains('/') {
        true => None,
        false => core.barrier.get::<String>(&accessor_key(call.mount, &role.uuid, &accessor))?,
    };
    let Some(hash) = hash else { return unknown() };
    let _turn = call.mount.turn(&hash).await;
    let Some(found) = core.barrier.get::<SecretId>(&key(call.mount, &role.uuid, &hash))? else { return unknown() };
    if destroy {
        let mut batch = Batch::new();
        remove(&mut batch, call.mount, &role.uuid, &hash, &accessor);
        core.barrier.commit(batch).await?;
        return Ok(Response::empty());
    }
    if found.is_alive(now(core)) { Ok(Response::data(found.read())) } else { unknown() }
}

fn list(core: &Core, mount: &Mount, role: &Role) -> Result<Response, Error> {
    let entries = core.barrier.scan::<SecretId>(&key(mount, &role.uuid, ""), None, usize::MAX)?;
    let alive = entries.into_iter().filter(|(_, entry)| entry.is_alive(now(core)));
    let mut accessors: Vec<String> = alive.map(|(_, entry)| entry.accessor).collect();
    accessors.sort_unstable();
    Response::keys(accessors)
}

async fn create(core: &Arc<Core>, call: Call<'_>, role: &Role, id: String) -> Result<Response, Error> {
    let fields = Fields(&call.request.data);
    if !role.bind_secret_id {
        return Err(invalid("bind_secret_id is not set on the role"));
    }
    let num_uses = match fields.int("num_uses")? {
        None => role.secret_id_num_uses,
        Some(uses) if uses < 0 => return Err(invalid("num_uses cannot be negative")),
        Some(uses) if role.secret_id_num_uses > 0 && (uses == 0 || uses > role.secret_id_num_uses) => {
            return Err(invalid("num_uses cannot be higher than the role's secret_id_num_uses"));
        }
        Some(uses) => uses,
    };
    let ttl = match fields.seconds("ttl")? {
        None => role.secret_id_ttl,
        Some(ttl) if role.secret_id_ttl > 0 && (ttl == 0 || ttl > role.secret_id_ttl) => {
            return Err(invalid("ttl cannot be longer than the role's secret_id_ttl"));
        }
        Some(ttl) => ttl,
    };
    let time = now(core);
    let secret_id = SecretId {
        accessor: random::uuid()?,
        metadata: metadata(fields)?,
        cidr_list: cidr::check("cidr_list", &fields.list("cidr_list")?.unwrap_or_default())?,
        token_bound_cidrs: cidr::normalise(
            "token_bound_cidrs",
            &fields.list("token_bound_cidrs")?.unwrap_or_default(),
        )?,
        num_uses,
        ttl,
        creation_time: time,
        expiration_time: (ttl > 0).then(|| time.saturating_add(ttl)),
        last_updated_time: time,
    };
    secret_id.check_networks(role)?;
    let hash = hash(core, &role.uuid, &id);
    let _turn = call.mount.turn(&hash).await;
    let key = key(call.mount, &role.uuid, &hash);
    if core.barrier.get::<SecretId>(&key)?.is_some_and(|found| found.is_alive(time)) {
        return Err(invalid("SecretID is already registered"));
    }
    let mut batch = Batch::new();
    clean(core, call.mount, &role.uuid, CLEAN_MAX, &mut batch)?;
    let accessor_key = accessor_key(call.mount, &role.uuid, &secret_id.accessor);
    batch.put(&key, &secret_id)?;
    batch.put(&accessor_key, &hash)?;
    core.barrier.commit(batch).await?;
    let mut answer = Response::data(json!({
        "secret_id": id,
        "secret_id_accessor": secret_id.accessor,
        "secret_id_ttl": secret_id.ttl,
        "secret_id_num_uses": secret_id.num_uses,
    }));
    let (core, accessor) = (core.clone(), secret_id.accessor);
    answer.given = Some(Box::new(NewSecretId { core, accessor, keys: vec![key, accessor_key] }));
    Ok(match call.unknown() {
        Some(warning) => answer.warn(warning),
        None => answer,
    })
}

/// A new secret id, as what an answer hands out.
struct NewSecretId {
    core: Arc<Core>,
    accessor: String,
    /// Its record and its accessor, in the store.
    keys: Vec<String>,
}

impl std::fmt::Debug for NewSecretId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretId").field("accessor", &self.accessor).field("keys", &self.keys).finish()
    }
}

impl Given for NewSecretId {
    fn accessor(&self) -> Option<String> {
        Some(self.accessor.clone())
    }

    fn take_back<'a>(&'a self, reason: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        let taking_back = async move {
            let mut batch = Batch::new();
            self.keys.iter().for_each(|key| batch.delete(key.clone()));
            self.core.barrier.commit(batch).await?;
            let detail = Some(format!("accessor {}", self.accessor));
            let event = Event { name: "secret-id-destroyed".to_owned(), reason: reason.to_owned(), detail };
            drop(self.core.trail.append(&Record::system(self.core.clock.now(), event, None)));
            Ok(())
        };
        taking_back.boxed()
    }
}

/// `metadata` comes as a string that holds a JSON object; an object is taken as well.
fn metadata(fields: Fields<'_>) -> Result<IndexMap<String, String>, Error> {
    match fields.0.get("metadata") {
        Some(Value::String(text)) if !text.is_empty() => serde_json::from_str(text)
            .map_err(|_| invalid("failed to parse metadata: it must be a JSON object with string values")),
        _ => Ok(fields.pairs("metadata")?.unwrap_or_default()),
    }
}

/// Adds to `batch` the removal of up to `limit` dead secret ids of a role; answers how many.
fn clean(core: &Core, mount: &Mount, role_uuid: &str, limit: usize, batch: &mut Batch) -> Result<usize, Error> {
    let prefix = key(mount, role_uuid, "");
    let mut removed = 0;
    for (key, entry) in core.barrier.scan::<SecretId>(&prefix, None, limit)? {
        if !entry.is_alive(now(core)) {
            remove(batch, mount, role_uuid, &key[prefix.len()..], &entry.accessor);
            removed += 1;
        }
    }
    Ok(removed)
}

/// `tidy/secret-id`: clears away what can no longer be used. Nothing depends on it being called.
pub(super) async fn tidy(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let roles = core.barrier.scan::<Role>(&super::role::role_key(call.mount, ""), None, usize::MAX)?;
    let mut batch = Batch::new();
    let mut removed = 0;
    for (_, role) in roles {
        removed += clean(core, call.mount, &role.uuid, usize::MAX, &mut batch)?;
    }
    if !batch.is_empty() {
        core.barrier.commit(batch).await?;
    }
    let done = Response { status: Some(202), ..Response::default() };
    tracing::info!(mount = call.mount.path, removed, "secret ids that could not be used any more were removed");
    Ok(done.warn(
        "Tidy operation successfully started. Any information from the operation will be printed to the server's logs.",
    ))
}
