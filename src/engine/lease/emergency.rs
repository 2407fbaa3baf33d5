//! What giving leases up by force does beside: where what was made outlives its lease, a backend may have a way to stop
//! it all the same, at a price for others. So it is told before it is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::core::Core;
use super::{Lease, Leases, maker};
use crate::engine::kernel::mounts::Mount;
use crate::engine::wire::error::Error;

/// One thing that is done beside.
pub(crate) trait Emergency: Send + Sync {
    /// What is stopped, until when, and whom else that concerns.
    fn told(&self) -> Value;

    /// Does it.
    ///
    /// # Errors
    /// What kept it from being done; what was begun ends by itself.
    fn carry_out<'a>(&'a self, core: &'a Arc<Core>) -> BoxFuture<'a, Result<(), Error>>;
}

impl Leases {
    /// What is done beside giving these leases up.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn emergencies<'c>(
        &self,
        core: &'c Core,
        ids: &[String],
    ) -> Result<Vec<Box<dyn Emergency + 'c>>, Error> {
        let mut by_mount: BTreeMap<String, Vec<Lease>> = BTreeMap::new();
        for id in ids {
            // What ends with a login is a token, and that ends for good.
            if let Some(lease) = super::login::token_of(id).map_or_else(|| self.load(core, id), |_| Ok(None))? {
                by_mount.entry(lease.mount.clone()).or_default().push(lease);
            }
        }
        let mut all = Vec::new();
        for leases in by_mount.into_values() {
            let Some(found) = leases.first().and_then(|lease| maker(core, lease)) else { continue };
            let (mount, maker): (Arc<Mount>, _) = found;
            all.extend(maker.emergencies(core, &mount, &leases)?);
        }
        Ok(all)
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
