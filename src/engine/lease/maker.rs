//! What a lease asks of the backend that issued it. Leases know nothing of what was made: it is a value of the backend's
//! own, in the lease's record; the backend ends it, and says what proves that it is gone.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{Lane, Lease};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;

/// One thing that is done beside giving leases up by force.
pub(crate) trait Emergency: Send + Sync {
    /// What is stopped, until when, and whom else that concerns.
    fn told(&self) -> Value;

    /// How many of the leases that are given up it stops.
    fn stops(&self) -> usize;

    /// Does it, and says what was done, in the form of what was told.
    ///
    /// # Errors
    /// What kept it from being done; what was begun ends by itself.
    fn carry_out<'a>(&'a self, core: &'a Arc<Core>) -> BoxFuture<'a, Result<Value, Error>>;
}

/// How a backend ends what it issued.
pub(crate) trait Maker: Send + Sync {
    /// The TTL and the maximum TTL that the mount gives now, in seconds; 0 is not set.
    ///
    /// # Errors
    /// If the store can't be read.
    fn ttls(&self, core: &Core, mount: &Mount) -> Result<(i64, i64), Error>;

    /// What the trail tells about what was made.
    fn told(&self, made: &Value) -> Told;

    /// The lease ends while its outcome may be unknown, at `now` (Unix seconds): the backend notes in the lease's value
    /// what it will have to see before it believes an absence.
    ///
    /// # Errors
    /// If the value is not the backend's.
    fn doubt(&self, lease: &mut Lease, now: i64) -> Result<(), Error>;

    /// Before this time (Unix seconds) there is no use in looking.
    fn not_before(&self, lease: &Lease) -> i64;

    /// Removes what was made, as far as one attempt goes. The lease's lock is held; what it learned is in the lease's
    /// value.
    fn end<'a>(
        &'a self,
        core: &'a Core,
        mount: &'a Mount,
        lease: &'a mut Lease,
        lane: Lane,
    ) -> BoxFuture<'a, Result<End, Failure>>;

    /// What is done beside giving these leases of a mount up, and those that were below a path there and have ended.
    ///
    /// # Errors
    /// If the store can't be read.
    fn emergencies<'c>(
        &'c self,
        _core: &'c Core,
        _mount: &Mount,
        _leases: &[Lease],
        _below: &str,
    ) -> Result<Vec<Box<dyn Emergency + 'c>>, Error> {
        Ok(Vec::new())
    }

    /// When what a lease holds ends by itself (Unix seconds), where nothing ends it before and that is after `time`.
    fn runs_until(&self, _made: &Value, _time: i64) -> Option<i64> {
        None
    }

    /// Below which folder of a mount the leases are that hold something off in an emergency: who ends what is above it
    /// ends none of them.
    fn emergency_folder(&self) -> Option<&'static str> {
        None
    }

    /// How many leases of a mount are worth working on at once; none where nothing is known of it.
    fn width(&self, mount_uuid: &str) -> Option<usize>;
}

/// How a backend does in time what is due of something that it keeps for itself.
pub(crate) trait Keeper: Send + Sync {
    /// Does what is due of something, by the id that it named it by in the index of what is due (`own`, and the mount's
    /// UUID before the id). When this returns, `entry`, the store key that was seen there, has gone, or means what has
    /// fallen due since. Only who holds the lock of what it is about can tell these apart, so nobody removes it afterwards.
    ///
    /// # Errors
    /// If the store takes nothing: the entry is left alone for a while.
    fn due<'a>(
        &'a self,
        core: &'a Arc<Core>,
        mount: &'a Mount,
        id: &'a str,
        entry: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>>;
}

/// The makers of an engine.
pub(crate) trait Makers: Send + Sync {
    /// What ends the leases of a mount; none where nothing does.
    fn maker(&self, mount: &Mount) -> Option<&dyn Maker>;

    /// What looks after what a mount keeps for itself; none where nothing does.
    fn keeper(&self, mount: &Mount) -> Option<&dyn Keeper>;

    /// How many leases of a mount are worth working on at once; none where nothing is known of it.
    fn width(&self, mount_uuid: &str) -> Option<usize>;
}

/// What the trail tells about what was made: never a secret.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// What it shows itself by, once known.
    pub(crate) id: Option<String>,
    /// Whom it is of; empty where nobody was made for it.
    pub(crate) holder: String,
    /// What it goes by while it works, where that is another name.
    pub(crate) goes_by: Option<String>,
}

/// What an attempt to end a lease came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is gone for good.
    Gone,
    /// Nothing can end it but time; until when is said. Nothing is left to do.
    Lapses(String),
    /// Not yet certain.
    Unsure {
        /// When to look again, in Unix seconds.
        at: i64,
        /// Why.
        text: String,
    },
}

/// Why ending a lease did not work this time.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What failed, on what, and what was said.
    pub(crate) text: String,
    /// Whether where it was made is the trouble, rather than this one thing.
    pub(crate) outage: bool,
    /// Whether nobody was asked at all.
    pub(crate) postponed: bool,
}
