//! Renewal: a new end, by the same rules as the first.

use std::sync::Arc;

use super::{Lease, Leases, State, Terms, now, ttl};
use crate::engine::barrier::Batch;
use crate::engine::core::Core;
use crate::engine::error::Error;
use crate::engine::request::{LeaseFields, Response};
use crate::engine::secrets;

impl Leases {
    /// Renews a lease by `increment` seconds from now (0: what the mount gives).
    pub(crate) async fn renew(&self, core: &Arc<Core>, id: &str, increment: i64) -> Result<Response, Error> {
        if id.starts_with("auth/") {
            return Err(invalid("tokens cannot be renewed through this endpoint"));
        }
        let _turn = self.locks.lock(id).await;
        let mut lease = self.load(core, id)?.ok_or_else(|| invalid("lease not found"))?;
        let time = now(core);
        renewable(&lease, time)?;
        let mount = core.mounts.by_uuid(&lease.mount).ok_or_else(|| invalid("lease not found"))?;
        let config = secrets::aws::lease_config(core, &mount)?;
        let terms = Terms {
            increment,
            backend_ttl: config.lease,
            backend_max: config.lease_max,
            issue_time: lease.issue_time,
            mount_default: mount.default_ttl(),
            mount_max: mount.max_ttl(),
            ..Terms::default()
        };
        let (seconds, warnings) = ttl(&terms, time)?;
        lease.expire_time = time.saturating_add(seconds);
        lease.last_renewal = Some(time);
        let mut batch = Batch::new();
        let end = lease.expire_time;
        lease.reschedule(&mut batch, end)?;
        core.barrier.commit(batch).await?;
        self.notice(end);
        // The response line, which is waited for, comes behind this one in the same files.
        self.note(core, &lease, "lease-renewed", "requested", None);
        let fields = LeaseFields { lease_id: lease.id, renewable: true, lease_duration: seconds };
        Ok(Response { lease: Some(fields), warnings, ..Response::default() })
    }
}

fn invalid(text: &str) -> Error {
    Error::Invalid(text.to_owned())
}

fn renewable(lease: &Lease, time: i64) -> Result<(), Error> {
    match lease.state {
        State::Active if lease.expire_time <= time => Err(invalid("lease expired")),
        State::Active if !lease.renewable => Err(invalid("lease is not renewable")),
        State::Active => Ok(()),
        State::Revoking if lease.attempts > 0 => {
            Err(invalid("lease is expired and has failed previous revocation attempts"))
        }
        State::Revoking => Err(invalid("lease expired")),
        // Nobody has been given it yet.
        State::Pending => Err(invalid("lease not found")),
    }
}
