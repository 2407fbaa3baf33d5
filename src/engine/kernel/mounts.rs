//! Mounts: which backend serves which path, on what terms.
//!
//! One table holds secrets engines (`aws/`), auth methods (`auth/approle/`) and the engine's own
//! (`sys/`, `auth/token/`). A path belongs to the longest mount path that is a prefix of it. Readers
//! take a snapshot; changes are serialised by the one who commits them ([`Mounts::change`]).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use indexmap::IndexMap;

use super::barrier::{Barrier, Batch};
use super::locks::{Guard, Locks};
use super::random;
use crate::engine::setup::LeaseTtls;
use crate::engine::wire::error::Error;
use crate::engine::wire::path::Fold;

const TABLE_KEY: &str = "core/mounts";

/// Settings of a mount beyond its TTLs, as `tune` names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Tuning {
    /// `force_no_cache`: kept and shown; there is no cache that it could turn off.
    #[serde(default)]
    pub(crate) force_no_cache: bool,
    /// `listing_visibility`: `unauth` shows the mount to callers without a token.
    #[serde(default)]
    pub(crate) listing_visibility: String,
    /// Leaves of request data that stay in clear in the trail.
    #[serde(default)]
    pub(crate) audit_non_hmac_request_keys: Vec<String>,
    /// Leaves of response data that stay in clear in the trail.
    #[serde(default)]
    pub(crate) audit_non_hmac_response_keys: Vec<String>,
    /// `token_type` of an auth mount.
    #[serde(default)]
    pub(crate) token_type: String,
    /// `user_lockout_config` of an auth mount; `None` until somebody sets some of it.
    #[serde(default)]
    pub(crate) user_lockout: Option<UserLockout>,
}

/// When whoever fails to log in has to wait. 0 is what is usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct UserLockout {
    /// Failures until a name is locked.
    pub(crate) threshold: i64,
    /// Seconds that it is locked.
    pub(crate) duration: i64,
    /// Seconds after which failures are forgotten.
    pub(crate) counter_reset: i64,
    /// Nobody is locked out.
    pub(crate) disable: bool,
}

/// One mounted backend.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Mount {
    /// Names the mount's data in the store; never reused.
    pub(crate) uuid: String,
    /// The full path with a trailing slash: `aws/`, `auth/approle/`.
    pub(crate) path: String,
    /// `aws`, `kv`, `approle`, `token`, `system`.
    pub(crate) kind: String,
    /// `<kind>_<8 hex>`, with `auth_` in front for an auth method.
    pub(crate) accessor: String,
    /// For people.
    #[serde(default)]
    pub(crate) description: String,
    /// Seconds; 0 is the system's.
    #[serde(default)]
    pub(crate) default_lease_ttl: i64,
    /// Seconds; 0 is the system's.
    #[serde(default)]
    pub(crate) max_lease_ttl: i64,
    /// `options` as given: `version` of a kv mount.
    #[serde(default)]
    pub(crate) options: IndexMap<String, String>,
    /// The other settings.
    #[serde(default)]
    pub(crate) tuning: Tuning,
    /// `local`: kept and shown; there is no replication.
    #[serde(default)]
    pub(crate) local: bool,
    /// `seal_wrap`: kept and shown; everything is sealed alike.
    #[serde(default)]
    pub(crate) seal_wrap: bool,
    /// Being unmounted: refuses requests.
    #[serde(default)]
    pub(crate) tainted: bool,
    /// What holds where it says nothing.
    #[serde(skip)]
    pub(crate) system: LeaseTtls,
    /// Read-held by every request that the mount serves; an unmount takes it to wait them out.
    #[serde(skip)]
    pub(crate) in_use: Arc<tokio::sync::RwLock<()>>,
    /// Held by who changes one thing of the mount's own data ([`Mount::turn`]).
    #[serde(skip)]
    pub(crate) turns: Arc<Locks>,
}

impl Mount {
    /// A fresh mount with an own UUID and accessor.
    pub(crate) fn new(path: &str, kind: &str, description: &str) -> Result<Self, Error> {
        let method = if path.starts_with("auth/") { "auth_" } else { "" };
        Ok(Self {
            uuid: random::uuid()?,
            path: path.to_owned(),
            kind: kind.to_owned(),
            accessor: format!("{method}{kind}_{}", hex::encode(random::bytes::<4>()?)),
            description: description.to_owned(),
            default_lease_ttl: 0,
            max_lease_ttl: 0,
            options: IndexMap::new(),
            tuning: Tuning::default(),
            local: false,
            seal_wrap: false,
            tainted: false,
            system: LeaseTtls::default(),
            in_use: Arc::default(),
            turns: Arc::default(),
        })
    }

    /// Waits until nothing else changes what `name` means to this mount's backend, and keeps others waiting.
    pub(crate) async fn turn(&self, name: &str) -> Guard<'_> {
        self.turns.lock(name).await
    }

    /// The effective default TTL, in seconds.
    pub(crate) fn default_ttl(&self) -> i64 {
        if self.default_lease_ttl > 0 { self.default_lease_ttl } else { self.system.default }
    }

    /// The effective maximum TTL, in seconds.
    pub(crate) fn max_ttl(&self) -> i64 {
        if self.max_lease_ttl > 0 { self.max_lease_ttl } else { self.system.max }
    }

    /// The store key of this mount's own data at `rest`.
    pub(crate) fn storage(&self, rest: &str) -> String {
        format!("mount/{}/{rest}", self.uuid)
    }

    /// Whether this is an auth method.
    pub(crate) fn is_auth(&self) -> bool {
        self.path.starts_with("auth/")
    }
}

/// A snapshot of all mounts by path.
pub(crate) type Table = BTreeMap<String, Arc<Mount>>;

/// Where each mount type's paths have names that are read in any case. The type is that of an auth method or is not, and
/// has a name.
pub(crate) type Folds = Vec<((bool, &'static str), Vec<Fold>)>;

/// What a table begins with.
pub(crate) struct First {
    /// What every table has.
    pub(crate) always: Vec<Mount>,
    /// What a new store has, until somebody unmounts it.
    pub(crate) once: Vec<Mount>,
    /// What holds where mounts say nothing.
    pub(crate) system: LeaseTtls,
}

/// The mount table.
pub(crate) struct Mounts {
    folds: Folds,
    /// What holds where mounts say nothing.
    pub(crate) system: LeaseTtls,
    table: RwLock<Arc<Table>>,
    // Held across the commit of a change, so that changes do not overtake each other.
    changing: tokio::sync::Mutex<()>,
}

impl Mounts {
    /// Loads the table, or makes the first one, in `first`. What is always there is also in the table of a store that
    /// was made when it was not, unless something else has its path.
    pub(crate) fn open(barrier: &Barrier, folds: Folds, mounts: First, first: &mut Batch) -> Result<Self, Error> {
        let stored: Option<Vec<Mount>> = barrier.get(TABLE_KEY)?;
        let known = stored.as_ref().map_or(0, Vec::len);
        let mut table: Table = BTreeMap::new();
        let system = mounts.system;
        for mount in stored.unwrap_or(mounts.once).into_iter().chain(mounts.always) {
            table.entry(mount.path.clone()).or_insert_with(|| Arc::new(Mount { system, ..mount }));
        }
        if table.len() != known {
            first.append(Self::batch(&table)?);
        }
        Ok(Self { folds, system, table: RwLock::new(Arc::new(table)), changing: tokio::sync::Mutex::new(()) })
    }

    /// The UUIDs of all mounts of a store.
    pub(crate) fn uuids(barrier: &Barrier) -> Result<Vec<String>, Error> {
        let stored: Option<Vec<Mount>> = barrier.get(TABLE_KEY)?;
        Ok(stored.into_iter().flatten().map(|mount| mount.uuid).collect())
    }

    fn batch(table: &Table) -> Result<Batch, Error> {
        let mut batch = Batch::new();
        let mounts: Vec<&Mount> = table.values().map(Arc::as_ref).collect();
        batch.put(TABLE_KEY, &mounts)?;
        Ok(batch)
    }

    /// The table as it is now.
    pub(crate) fn snapshot(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The mount that serves `path`, and the rest of the path relative to it.
    pub(crate) fn route<'p>(&self, path: &'p str) -> Option<(Arc<Mount>, &'p str)> {
        let table = self.snapshot();
        let mut end = path.len();
        while let Some(slash) = path[..end].rfind('/') {
            if let Some(mount) = table.get(&path[..=slash]) {
                return Some((mount.clone(), &path[slash + 1..]));
            }
            end = slash;
        }
        // `aws` alone names the mount `aws/` with nothing behind it.
        table.get(&format!("{path}/")).map(|mount| (mount.clone(), ""))
    }

    /// The numbers of the segments of a whole path that name an object in any case: the names of policies, and
    /// of AppRole's roles (Vault API, "Policies" and "AppRole": names are lowered).
    pub(crate) fn folded(&self, path: &str) -> Range<usize> {
        let Some((mount, rest)) = self.route(path) else { return 0..0 };
        let ahead = mount.path.matches('/').count();
        let of_kind = self.folds.iter().filter(|(kind, _)| *kind == (mount.is_auth(), &*mount.kind));
        for fold in of_kind.flat_map(|(_, folds)| folds) {
            let mut segments = rest.split('/');
            if fold.ahead.iter().all(|expected| segments.next() == Some(*expected)) {
                let first = ahead + fold.ahead.len();
                return first..if fold.rest { usize::MAX } else { first + 1 };
            }
        }
        0..0
    }

    /// The mount at exactly `path` (with its trailing slash).
    pub(crate) fn at(&self, path: &str) -> Option<Arc<Mount>> {
        self.snapshot().get(path).cloned()
    }

    /// Whether the mount, found earlier, is still there and takes requests.
    pub(crate) fn is_serving(&self, mount: &Mount) -> bool {
        self.snapshot().get(&mount.path).is_some_and(|now| now.uuid == mount.uuid && !now.tainted)
    }

    /// The mount whose data lies under `uuid`.
    pub(crate) fn by_uuid(&self, uuid: &str) -> Option<Arc<Mount>> {
        self.snapshot().values().find(|mount| mount.uuid == uuid).cloned()
    }

    /// Changes the table: `edit` works on a copy, which is made durable, together with the batch that
    /// `edit` answers, before readers see it.
    pub(crate) async fn change(
        &self,
        barrier: &Barrier,
        edit: impl FnOnce(&mut Table) -> Result<Batch, Error>,
    ) -> Result<(), Error> {
        let _turn = self.changing.lock().await;
        let mut table = (*self.snapshot()).clone();
        let mut batch = edit(&mut table)?;
        batch.append(Self::batch(&table)?);
        barrier.commit(batch).await?;
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        Ok(())
    }
}
