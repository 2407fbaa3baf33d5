//! What ends the leases of AWS mounts: what their credentials' types say.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::craft::{Ending, ours};
use super::cut::{self, Cut};
use super::{made, outlived};
use crate::engine::backend::aws::{Aws, config, static_role};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::lease::{Emergency, End, Failure, Keeper, Lane, Lease, Maker, Told, now};
use crate::engine::wire::error::Error;

impl Maker for Aws {
    fn ttls(&self, core: &Core, mount: &Mount) -> Result<(i64, i64), Error> {
        let config = config::lease(core, mount)?;
        Ok((config.lease, config.lease_max))
    }

    fn told(&self, made: &Value) -> Told {
        if let Some(cut) = Cut::of(made) {
            return Told { goes_by: cut.ok().map(|cut| cut.sessions()), ..Told::default() };
        }
        made::open(made).map(|(craft, made)| craft.told(made)).unwrap_or_default()
    }

    fn doubt(&self, lease: &mut Lease, now: i64) -> Result<(), Error> {
        if let Some(cut) = Cut::of(&lease.made) {
            return cut.map_err(Error::Internal)?.doubt(&mut lease.made, now);
        }
        let (craft, made) = made::open_mut(&mut lease.made).map_err(Error::Internal)?;
        craft.doubt(made, lease.issue_time, now)
    }

    fn not_before(&self, lease: &Lease) -> i64 {
        made::open(&lease.made).map_or(0, |(craft, made)| craft.not_before(made))
    }

    fn end<'a>(
        &'a self,
        core: &'a Core,
        mount: &'a Mount,
        lease: &'a mut Lease,
        lane: Lane,
    ) -> BoxFuture<'a, Result<End, Failure>> {
        let ending = Ending { aws: self, core, mount, lease: &lease.id, issued: lease.issue_time, lane };
        match Cut::of(&lease.made) {
            Some(Ok(cut)) => return cut.end(ending),
            Some(Err(text)) => return std::future::ready(Err(ours(text))).boxed(),
            None => {}
        }
        match made::open_mut(&mut lease.made) {
            Ok((craft, made)) => craft.end(ending, made),
            Err(text) => std::future::ready(Err(ours(text))).boxed(),
        }
    }

    fn emergencies<'c>(
        &'c self,
        core: &'c Core,
        mount: &Mount,
        leases: &[Lease],
        below: &str,
    ) -> Result<Vec<Box<dyn Emergency + 'c>>, Error> {
        let time = now(core);
        let living = |lease: &Lease| {
            let (craft, made) = made::open(&lease.made).ok()?;
            craft.living_session(made, time)
        };
        cut::planned(self, core, mount, (leases, below), living)
    }

    fn runs_until(&self, made: &Value, time: i64) -> Option<i64> {
        let (craft, made) = made::open(made).ok()?;
        craft.runs_until(made, time)
    }

    fn emergency_folder(&self) -> Option<&'static str> {
        Some(cut::FOLDER)
    }

    fn width(&self, mount_uuid: &str) -> Option<usize> {
        self.clients.width(mount_uuid)
    }
}

impl Keeper for Aws {
    fn due<'a>(
        &'a self,
        core: &'a Arc<Core>,
        mount: &'a Mount,
        id: &'a str,
        entry: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        match outlived::name_of(id) {
            Some(name) => outlived::forget(core, mount, name, entry).boxed(),
            None => static_role::due(self, core, mount, id, entry).boxed(),
        }
    }
}
