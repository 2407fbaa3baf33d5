//! `creds/:name`: the lease around a credential of whatever type the role is of.
//!
//! The intent is durable before AWS hears of it, and nobody knows the credential before the lease is active: what was
//! made half is revoked.

use std::sync::Arc;

use serde_json::Value;

use super::craft::{Order, Outcome, Refusal};
use super::{made, table};
use crate::engine::backend::Call;
use crate::engine::backend::aws::policy_text::go_quote;
use crate::engine::backend::aws::{Aws, role};
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::lease::{BatchHolder, Issued, Lease, LeaseState, Making, Terms, now, ttl, within};
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::{LeaseFields, Response};

/// Serves `creds/:name` and `sts/:name`.
pub(in crate::engine::backend::aws) async fn handle(
    aws: &Aws,
    core: &Arc<Core>,
    call: Call<'_>,
    name: &str,
) -> Result<Response, Error> {
    let token = call.token.ok_or(Error::Unauthenticated)?;
    call.fields().seconds("ttl")?;
    let role = role::load(core, call.mount, name)?
        .ok_or_else(|| Error::Invalid(format!("Role {} not found", go_quote(name))))?;
    let (of, craft) = table::issued(&role.credential_type)?;
    let account = aws.account(core, call.mount).await?;
    let order = Order { core, call, token, role_name: name, role: &role, account: &account };
    let terms = craft.terms(&order)?;
    let label = format!("{}/{name}", call.mount.path.trim_end_matches('/'));
    aws.verdicts.check(&role, &label, craft.longest(&role, call.mount, &terms), now(core))?;
    let intent = craft.intend(order).await?;
    let planned = made::close(of, intent.made()?);
    let (mut lease, mut warnings) = pending(order, terms, planned, craft.is_renewable())?;
    let making = core.leases.begin(core, &mut lease).await?;
    let Outcome { made, answer, until } = intent.make(order, &lease).await;
    lease.made = made::close(of, made?);
    if let Some(until) = until {
        // A TTL of 0 would mean "for ever" elsewhere.
        lease.expire_time = lease.expire_time.min(until).max(lease.issue_time.saturating_add(1));
    }
    let data = match answer {
        Ok(data) => data,
        Err(Refusal { error, nothing_done }) => {
            if nothing_done {
                core.leases.forget(core, &lease).await?;
            } else {
                core.leases.abandon(core, lease, "issue-failed").await;
            }
            return Err(error);
        }
    };
    warnings.extend(call.unknown());
    Ok(response(lease, making, data, warnings))
}

fn response(lease: Lease, making: Making, data: Value, warnings: Vec<String>) -> Response {
    let ttl = lease.expire_time.saturating_sub(lease.issue_time);
    Response {
        lease: Some(LeaseFields { lease_id: lease.id.clone(), renewable: lease.renewable, lease_duration: ttl }),
        warnings,
        given: Some(Box::new(Issued { lease, making })),
        ..Response::data(data)
    }
}

/// The lease to be, and the warnings about its TTL.
fn pending(order: Order<'_>, terms: Terms, made: Value, renewable: bool) -> Result<(Lease, Vec<String>), Error> {
    let Order { core, call, token, role_name, role, .. } = order;
    let issue_time = now(core);
    let terms = Terms { issue_time, mount_default: call.mount.default_ttl(), mount_max: call.mount.max_ttl(), ..terms };
    let (seconds, warnings) = ttl(&terms, issue_time)?;
    let batch = BatchHolder::of(token);
    let seconds = within(batch.as_ref(), seconds, issue_time);
    let millis = i64::try_from(core.clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
    let path = &call.request.path;
    let lease = Lease {
        id: format!("{path}/{}", random::ordered_base62(millis)?),
        state: LeaseState::Pending,
        path: path.clone(),
        mount: call.mount.uuid.clone(),
        token: token.lease_owner().to_owned(),
        batch,
        issue_time,
        expire_time: issue_time.saturating_add(seconds),
        due: issue_time,
        last_renewal: None,
        renewable,
        made,
        app: app(token),
        role: role_name.to_owned(),
        origin: role.origin.clone(),
        reason: None,
        attempts: 0,
        revoke_error: None,
    };
    Ok((lease, warnings))
}

/// The app that asks, as its login role says, else the login role's own name.
pub(in crate::engine::backend::aws) fn app(token: &Token) -> Option<String> {
    let declared = token.origin.as_ref().and_then(|origin| origin.app.clone());
    declared.or_else(|| token.meta.get("role_name").cloned())
}
