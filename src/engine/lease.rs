//! The life of a lease: its record, its states, its TTL rules.
//!
//! A lease is its own write-ahead log. The intent is durable before AWS hears of it, and the record
//! stays until AWS has been seen without the user: pending, active, revoking, gone. Four keys belong to
//! a lease: `lease/<id>` is the record, `lease-of-token/<token>/<id>` finds it when its token ends,
//! `due/<time>/lease/<id>` wakes the timer, and `lease-open/<id>` (the number of failed attempts) is
//! there while the lease is not active, so that a start reads only what was left in the middle.

pub(crate) mod core;
mod emergency;
mod end;
pub(crate) mod expiry;
mod family;
mod issued;
pub(crate) mod login;
mod maker;
mod renew;
pub(crate) mod restored;
pub(crate) mod sound;
mod ttl;
pub(crate) mod wrapping;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::Notify;

pub(crate) use self::emergency::Still;
pub(crate) use self::family::given;
pub(crate) use self::issued::{Issued, Making};
pub(crate) use self::maker::{Emergency, End, Failure, Keeper, Maker, Makers, Told};
pub(crate) use self::ttl::{Terms, ttl};
use crate::clock::rfc3339;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::due::{due_key, lease_key as record_key};
use crate::engine::kernel::locks::Locks;
use crate::engine::kernel::mounts::Mount;
pub(crate) use crate::engine::kernel::now;
use crate::engine::lease::core::Core;
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Origin;
use crate::trail::Credential;

/// What AWS is asked for, so that what somebody waits for is not queued behind what nobody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A credential that a client waits for.
    Issue,
    /// One revocation that a client waits for.
    Revoke,
    /// Many revocations that a client waits for.
    Bulk,
    /// What the timer does.
    Backlog,
}

/// Where a lease is in its life. There is no way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LeaseState {
    /// The intent is durable; AWS may or may not have acted; nobody has the credential.
    Pending,
    /// The credential has been handed out.
    Active,
    /// It ended, or its outcome is unknown; whatever AWS holds for it is being removed.
    Revoking,
}

/// The record of one lease, stored under `lease/<lease id>`. Times are Unix seconds.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Lease {
    /// `<request path>/<24 base62>`.
    pub(crate) id: String,
    /// Where it is in its life.
    pub(crate) state: LeaseState,
    /// The request path: `aws/creds/webapp`.
    pub(crate) path: String,
    /// The UUID of the mount that issued it.
    pub(crate) mount: String,
    /// The hash of the token it was issued to, or of the parent of a batch token; the lease ends with that token. Empty
    /// where it is nobody's.
    pub(crate) token: String,
    /// The batch token that it was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<BatchHolder>,
    /// When it was issued (the intent's time while pending).
    pub(crate) issue_time: i64,
    /// When it ends.
    pub(crate) expire_time: i64,
    /// When the timer looks at it: the end, the next attempt to revoke, or, while pending, the time at
    /// which nobody can still be at work on it.
    pub(crate) due: i64,
    /// When it was last renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_renewal: Option<i64>,
    /// Whether it can be renewed.
    pub(crate) renewable: bool,
    /// What was, or may have been, made for it: a value of the backend's own (see [`Maker`]), which knows from it
    /// alone how to end it.
    #[serde(rename = "user")]
    pub(crate) made: Value,
    /// The app that asked, where its login says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<String>,
    /// The role's name.
    pub(crate) role: String,
    /// Where the role was declared when the credential was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Origin>,
    /// Why it is being revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Failed attempts to revoke it.
    #[serde(default)]
    pub(crate) attempts: u32,
    /// What the last failed attempt said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoke_error: Option<String>,
}

/// The batch token that a lease was issued to: nobody sees it end, so the lease knows when.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct BatchHolder {
    /// Its hash.
    hash: String,
    /// When it ends (Unix seconds): the lease does not outlive it, whoever renews it.
    end: i64,
}

impl BatchHolder {
    /// A token as the holder of a lease, if it is one that the lease has to know.
    pub(crate) fn of(token: &Token) -> Option<Self> {
        let end = token.expire_time.filter(|_| token.is_batch())?;
        Some(Self { hash: token.hash.clone(), end })
    }
}

/// How long a lease lasts that would last `seconds` from `now`, where a batch token may have it.
pub(crate) fn within(holder: Option<&BatchHolder>, seconds: i64, now: i64) -> i64 {
    holder.map_or(seconds, |holder| seconds.min(holder.end.saturating_sub(now)))
}

impl Lease {
    /// What the trail says about the credential: never a secret.
    pub(crate) fn credential(&self, core: &Core) -> Credential {
        let told = maker(core, self).map(|(_, maker)| maker.told(&self.made)).unwrap_or_default();
        let origin = self.origin.as_ref();
        Credential {
            app: self.app.clone(),
            role: self.role.clone(),
            lease_id: self.id.clone(),
            access_key_id: told.id,
            iam_user: told.holder,
            session: told.goes_by,
            ttl: self.expire_time.saturating_sub(self.issue_time),
            expire_time: rfc3339(self.expire_time),
            commit: origin.and_then(|origin| origin.commit.clone()),
            source: origin.and_then(|origin| origin.source.clone()),
            review: origin.and_then(|origin| origin.review.clone()),
            plan: origin.and_then(|origin| origin.plan.clone()),
        }
    }

    fn due_key(&self) -> String {
        due_key(self.due, "lease", &self.id)
    }

    /// Stores the record with a new due time; the old due key goes.
    fn reschedule(&mut self, batch: &mut Batch, due: i64) -> Result<(), Error> {
        batch.delete(self.due_key());
        self.due = due;
        batch.put(self.due_key(), &())?;
        batch.put(record_key(&self.id), self)
    }

    /// Removes all keys of the lease.
    fn remove(&self, batch: &mut Batch) {
        batch.delete(record_key(&self.id));
        batch.delete(open_key(&self.id));
        batch.delete(token_key(&self.token, &self.id));
        batch.delete(self.due_key());
    }
}

/// The key that is there while a lease is not active.
pub(crate) fn open_key(id: &str) -> String {
    format!("lease-open/{id}")
}

fn token_key(token: &str, id: &str) -> String {
    format!("lease-of-token/{token}/{id}")
}

/// The leases: what is in the middle of something. Everything else is in the store.
pub(crate) struct Leases {
    locks: Locks,
    // Ids of leases whose credential is being made, and why it must not be handed out, if so.
    pending: Mutex<HashMap<String, Option<String>>>,
    pending_ended: Notify,
    // Leases that AWS has been seen without, and whose end the trail or the store did not take: AWS is not asked again.
    gone: Mutex<HashSet<String>>,
    // What ends them.
    makers: Arc<dyn Makers>,
}

/// While pending, a lease is due after so many seconds: nobody is at work on it any more. Longer than
/// all calls of an issue can take.
const PENDING_SECONDS_MAX: i64 = 300;

impl Leases {
    /// None in the middle of anything; `makers` end them.
    pub(crate) fn new(makers: Arc<dyn Makers>) -> Self {
        Self {
            locks: Locks::default(),
            pending: Mutex::default(),
            pending_ended: Notify::new(),
            gone: Mutex::default(),
            makers,
        }
    }

    fn pending<T>(&self, f: impl FnOnce(&mut HashMap<String, Option<String>>) -> T) -> T {
        // Each use is one map operation, so a panic elsewhere cannot have left it torn.
        f(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn gone<T>(&self, f: impl FnOnce(&mut HashSet<String>) -> T) -> T {
        f(&mut self.gone.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What ends what a mount issued.
    pub(super) fn maker_of(&self, mount: &Mount) -> Option<&dyn Maker> {
        self.makers.maker(mount)
    }

    /// What looks after what a mount keeps for itself; none where nothing does.
    pub(super) fn keeper_of(&self, mount: &Mount) -> Option<&dyn Keeper> {
        self.makers.keeper(mount)
    }

    /// How many leases of a mount are worth working on at once; none where nothing is known of it.
    pub(super) fn width(&self, mount_uuid: &str) -> Option<usize> {
        self.makers.width(mount_uuid)
    }

    /// Whether the lease is being issued by this process.
    pub(super) fn is_pending(&self, id: &str) -> bool {
        self.pending(|map| map.contains_key(id))
    }

    /// Ends the pending time of a lease; answers why it must not be handed out, if so.
    fn pending_over(&self, id: &str) -> Option<String> {
        let reason = self.pending(|map| map.remove(id)).flatten();
        self.pending_ended.notify_waiters();
        reason
    }

    /// The record of a lease.
    pub(crate) fn load(&self, core: &Core, id: &str) -> Result<Option<Lease>, Error> {
        core.barrier.get(&record_key(id))
    }

    /// Makes the intent durable, if the lease is not one too many. See [`Leases::begin_uncounted`].
    pub(crate) async fn begin(&self, core: &Arc<Core>, lease: &mut Lease) -> Result<Making, Error> {
        let _turn = core.quotas.leases.admit(core, &lease.path).await?;
        self.begin_uncounted(core, lease).await
    }

    /// Makes the intent durable. From here on the lease ends in [`Leases::activate`],
    /// [`Leases::abandon`] or [`Leases::forget`], or the timer takes it up.
    pub(crate) async fn begin_uncounted(&self, core: &Arc<Core>, lease: &mut Lease) -> Result<Making, Error> {
        lease.state = LeaseState::Pending;
        lease.due = now(core).saturating_add(PENDING_SECONDS_MAX);
        let mut batch = Batch::new();
        batch.put(record_key(&lease.id), lease)?;
        batch.put(open_key(&lease.id), &0)?;
        if !lease.token.is_empty() {
            batch.put(token_key(&lease.token, &lease.id), &())?;
        }
        batch.put(lease.due_key(), &())?;
        self.pending(|map| map.insert(lease.id.clone(), None));
        let making = Making { core: core.clone(), id: lease.id.clone() };
        core.barrier.commit(batch).await?;
        core.timer.notice(lease.due);
        // A token or mount that ended before the intent was written did not see this lease.
        if let Err(error) = still_wanted(core, lease) {
            self.forget(core, lease).await?;
            return Err(error);
        }
        Ok(making)
    }

    /// Makes the lease active: durable when it returns.
    ///
    /// # Errors
    /// When it is not stored, or when its token or mount ended meanwhile; the caller then abandons it.
    pub(crate) async fn activate(&self, core: &Arc<Core>, issued: &Lease) -> Result<(), Error> {
        let mut lease = issued.clone();
        lease.state = LeaseState::Active;
        let mut batch = Batch::new();
        let end = lease.expire_time;
        lease.reschedule(&mut batch, end)?;
        batch.delete(open_key(&lease.id));
        core.barrier.commit(batch).await?;
        // Asked after the commit: whoever ends the lease from here on finds it active in the store.
        match self.pending_over(&lease.id) {
            Some(reason) => Err(Error::Invalid(format!("the credential was revoked while it was made: {reason}"))),
            None => {
                core.timer.notice(end);
                Ok(())
            }
        }
    }

    /// Removes a lease for which AWS has done nothing, for certain.
    pub(crate) async fn forget(&self, core: &Arc<Core>, lease: &Lease) -> Result<(), Error> {
        let mut batch = Batch::new();
        lease.remove(&mut batch);
        let done = core.barrier.commit(batch).await;
        self.pending_over(&lease.id);
        done
    }
}

/// The mount that issued a lease, and what ends it.
fn maker<'c>(core: &'c Core, lease: &Lease) -> Option<(Arc<Mount>, &'c dyn Maker)> {
    let mount = core.mounts.by_uuid(&lease.mount)?;
    let maker = core.leases.maker_of(&mount)?;
    Some((mount, maker))
}

/// Whether the token and the mount of a new lease are still there.
fn still_wanted(core: &Core, lease: &Lease) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Ending {
        #[serde(default)]
        doomed: Option<i64>,
    }
    let token: Option<Ending> = core.barrier.get(&format!("token/{}", lease.token))?;
    if !lease.token.is_empty() && token.is_none_or(|token| token.doomed.is_some_and(|end| end <= now(core))) {
        return Err(Error::Unauthenticated);
    }
    match core.mounts.by_uuid(&lease.mount) {
        Some(mount) if !mount.tainted => Ok(()),
        _ => Err(Error::UnsupportedPath),
    }
}
