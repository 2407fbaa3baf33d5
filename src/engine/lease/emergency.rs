//! What giving leases up by force does beside: where what was made outlives its lease, a backend may have a way to stop
//! it all the same, at a price for others. So it is told before it is done.

use std::collections::BTreeMap;

use super::core::Core;
use super::maker::Emergency;
use super::{Lease, LeaseState, Leases, maker, now};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::locks::Guard;
use crate::engine::wire::error::Error;

/// An active lease that nobody renews or ends while it is held.
pub(crate) struct Still<'l> {
    /// The lease.
    pub(crate) lease: Lease,
    _turn: Guard<'l>,
}

impl Still<'_> {
    /// Stores what was changed of it, its end too: durable when it returns.
    ///
    /// # Errors
    /// If the store can't be written.
    pub(crate) async fn keep(&mut self, core: &Core) -> Result<(), Error> {
        let mut batch = Batch::new();
        let end = self.lease.expire_time;
        self.lease.reschedule(&mut batch, end)?;
        core.barrier.commit(batch).await?;
        core.timer.notice(end);
        Ok(())
    }
}

impl Leases {
    /// Holds a lease still; none if it is not there, or not active.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) async fn hold<'l>(&'l self, core: &Core, id: &str) -> Result<Option<Still<'l>>, Error> {
        let turn = self.locks.lock(id).await;
        let lease = self.load(core, id)?.filter(|lease| lease.state == LeaseState::Active);
        Ok(lease.map(|lease| Still { lease, _turn: turn }))
    }

    /// What is done beside giving these leases up, and those that were at or below a path and have ended.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn emergencies<'c>(
        &self,
        core: &'c Core,
        ids: &[String],
        path: &str,
    ) -> Result<Vec<Box<dyn Emergency + 'c>>, Error> {
        let mut by_mount: BTreeMap<String, Vec<Lease>> = BTreeMap::new();
        for id in ids {
            // What ends with a login is a token, and that ends for good.
            if let Some(lease) = super::login::token_of(id).map_or_else(|| self.load(core, id), |_| Ok(None))? {
                by_mount.entry(lease.mount.clone()).or_default().push(lease);
            }
        }
        let below = format!("{}/", path.trim_end_matches('/'));
        let mut all = Vec::new();
        for mount in core.mounts.snapshot().values() {
            // Of a mount that is below the path, all.
            let rest = below.strip_prefix(&mount.path).or(mount.path.starts_with(&below).then_some(""));
            let Some((maker, rest)) = core.leases.maker_of(mount).zip(rest) else { continue };
            let leases = by_mount.remove(&mount.uuid).unwrap_or_default();
            all.extend(maker.emergencies(core, mount, &leases, rest)?);
        }
        Ok(all)
    }

    /// How many of these leases hold what nothing but time ends, and when the last of that does (Unix seconds).
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn lasting(&self, core: &Core, ids: &[String]) -> Result<(usize, i64), Error> {
        let (time, mut count, mut last) = (now(core), 0, 0);
        for id in ids.iter().filter(|id| super::login::token_of(id).is_none()) {
            let Some(lease) = self.load(core, id)? else { continue };
            if let Some(end) = maker(core, &lease).and_then(|(_, maker)| maker.runs_until(&lease.made, time)) {
                (count, last) = (count + 1, last.max(end));
            }
        }
        Ok((count, last))
    }

    /// Where the leases are that hold something off in an emergency.
    pub(super) fn guarding(&self, core: &Core) -> Vec<String> {
        let mounts = core.mounts.snapshot();
        let folders = mounts.values().filter_map(|mount| {
            let folder = self.maker_of(mount)?.emergency_folder()?;
            Some(format!("{}{folder}", mount.path))
        });
        folders.collect()
    }

    /// The leases that begin with a prefix, and apart those among them that hold something off in an emergency, where the
    /// prefix does not name these: to end them would let loose what was given up.
    pub(crate) fn under_but_guards(&self, core: &Core, prefix: &str) -> Result<(Vec<String>, Vec<String>), Error> {
        let mut folders = self.guarding(core);
        folders.retain(|folder| !prefix.starts_with(folder.as_str()));
        let is_guard = |id: &String| folders.iter().any(|folder| id.starts_with(folder.as_str()));
        Ok(self.ids_under(core, prefix)?.into_iter().partition(|id| !is_guard(id)))
    }

    /// All leases that are no token's.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn all(&self, core: &Core) -> Result<Vec<Lease>, Error> {
        let ids = self.ids_under(core, "")?.into_iter().filter(|id| super::login::token_of(id).is_none());
        ids.filter_map(|id| self.load(core, &id).transpose()).collect()
    }
}
