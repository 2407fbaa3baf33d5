//! Renewal: a new end, by the same rules as the first.

use std::sync::Arc;

use serde_json::Map;

use super::login::token_of;
use super::{Lease, LeaseState, Leases, Terms, maker, now, ttl, within};
use crate::acl::Capability;
use crate::engine::kernel::barrier::Batch;
use crate::engine::lease::core::Core;
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::{LeaseFields, Response};

impl Leases {
    /// Renews a lease by `increment` seconds from now (0: what the mount gives). For whom may not end it, it ends
    /// no earlier than before.
    pub(crate) async fn renew(
        &self,
        core: &Arc<Core>,
        caller: &Token,
        id: &str,
        increment: i64,
    ) -> Result<Response, Error> {
        if id.starts_with("auth/") || token_of(id).is_some() {
            return Err(invalid("tokens cannot be renewed through this endpoint"));
        }
        let _turn = self.locks.lock(id).await;
        let mut lease = self.load(core, id)?.ok_or_else(|| invalid("lease not found"))?;
        let time = now(core);
        renewable(&lease, time)?;
        let (mount, maker) = maker(core, &lease).ok_or_else(|| invalid("lease not found"))?;
        let (backend_ttl, backend_max) = maker.ttls(core, &mount)?;
        let terms = Terms {
            increment,
            backend_ttl,
            backend_max,
            issue_time: lease.issue_time,
            mount_default: mount.default_ttl(),
            mount_max: mount.max_ttl(),
            ..Terms::default()
        };
        let (seconds, mut warnings) = ttl(&terms, time)?;
        let mut seconds = within(lease.batch.as_ref(), seconds, time);
        let left = lease.expire_time.saturating_sub(time);
        if seconds < left && !may_end(core, caller, &lease)? {
            seconds = left;
            warnings.push(
                "the lease was issued to another token, so it keeps its end: to shorten it takes \"update\" on \
                 sys/leases/revoke"
                    .to_owned(),
            );
        }
        lease.expire_time = time.saturating_add(seconds);
        lease.last_renewal = Some(time);
        let mut batch = Batch::new();
        let end = lease.expire_time;
        lease.reschedule(&mut batch, end)?;
        core.barrier.commit(batch).await?;
        core.timer.notice(end);
        // The response line, which is waited for, comes behind this one in the same files.
        self.note(core, &lease, "lease-renewed", "requested", None);
        let fields = LeaseFields { lease_id: lease.id, renewable: true, lease_duration: seconds };
        Ok(Response { lease: Some(fields), warnings, ..Response::default() })
    }
}

/// Whether a token may end the lease: its own, or where its policies let it revoke leases.
fn may_end(core: &Core, caller: &Token, lease: &Lease) -> Result<bool, Error> {
    let revoke =
        || core.policies.check(core, &caller.judged_by(), Capability::Update, "sys/leases/revoke", &Map::new());
    let is_holder = || lease.batch.as_ref().is_some_and(|holder| holder.hash == caller.hash);
    Ok(lease.token == caller.hash || is_holder() || revoke()?.allowed)
}

fn invalid(text: &str) -> Error {
    Error::Invalid(text.to_owned())
}

fn renewable(lease: &Lease, time: i64) -> Result<(), Error> {
    match lease.state {
        LeaseState::Active if lease.expire_time <= time => Err(invalid("lease expired")),
        LeaseState::Active if !lease.renewable => Err(invalid("lease is not renewable")),
        LeaseState::Active => Ok(()),
        LeaseState::Revoking if lease.attempts > 0 => {
            Err(invalid("lease is expired and has failed previous revocation attempts"))
        }
        LeaseState::Revoking => Err(invalid("lease expired")),
        // Nobody has been given it yet.
        LeaseState::Pending => Err(invalid("lease not found")),
    }
}
