//! Sessions cut off in an emergency: an inline policy on their IAM role that denies everything to those that were issued
//! before.
//!
//! AWS can't end a session, but it asks the role's policies at each call. The policy is made under a lease of its own, of
//! nobody's token, that ends when the last session that it cuts would have: so it is removed like all that the engine
//! makes, after a crash as well, and giving up that lease lifts it before. While it stands, a further cut of the role is a
//! later time in the same policy, which covers the earlier one at every moment: AWS has room for few policies on a role.
//!
//! AWS tells the time of a session in whole seconds, so a cut is of the whole second, and takes with it who comes after it
//! in that second. An issue waits until it is over, and hands out no session that AWS says to be older than a cut.
//!
//! # Source
//! IAM User Guide, "Revoking IAM role temporary security credentials": the policy `AWSRevokeOlderSessions`, and the key
//! `aws:TokenIssueTime`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::craft::{Ending, RoleSession, ours, session_arn};
use super::outlived::{self, Outlived};
use crate::clock::rfc3339;
use crate::engine::backend::Options;
use crate::engine::backend::aws::Aws;
use crate::engine::backend::aws::client::{Account, Repeat};
use crate::engine::backend::aws::failure::{Class, Failure};
use crate::engine::kernel::mounts::Mount;
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::lease::{self, Emergency, End, Lane, Lease, LeaseState, Still, now};
use crate::engine::wire::error::Error;
use crate::iam::arn::Arn;

/// The mount's option that has it done.
const OPTION: &str = "emergency_revocation";

/// Where the leases of all cuts of a mount are, below it.
pub(super) const FOLDER: &str = "emergency/";

/// What a lease of one is told by, beside what other leases hold.
const CUT: &str = "cut";

/// How long after an attempt to write the policy that AWS did not answer it may still take effect, in seconds.
const LATE_SECONDS: i64 = 60;

/// How long an issue waits at most for a cut to be over, in seconds. It takes one, unless the clock was set back.
const WAIT_SECONDS_MAX: i64 = 2;

/// Refuses what can't be the value of the option.
///
/// # Errors
/// Which value.
pub(in crate::engine::backend::aws) fn check_option(options: &Options) -> Result<(), Error> {
    match options.get(OPTION).map(String::as_str) {
        None | Some("true" | "false") => Ok(()),
        Some(other) => Err(Error::Invalid(format!("{OPTION} is true or false, and not {other:?}"))),
    }
}

/// What a lease holds of the policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cut {
    /// The ARN of the IAM role.
    role_arn: String,
    /// The name of the policy.
    policy: String,
    /// Sessions that were issued before this time (Unix seconds) are cut.
    before: i64,
    /// Until when (Unix seconds) the policy may appear late, if AWS did not answer.
    #[serde(default)]
    late_until: i64,
}

impl Cut {
    /// What a lease holds, where it is one of these.
    pub(super) fn of(made: &Value) -> Option<Result<Self, String>> {
        let read = |value: &Value| Self::deserialize(value).map_err(|error| format!("a lease holds no cut: {error}"));
        made.get(CUT).map(read)
    }

    fn to_value(&self) -> Result<Value, Error> {
        let cut = serde_json::to_value(self).map_err(|error| Error::Internal(format!("a cut is not JSON: {error}")))?;
        Ok(json!({ CUT: cut }))
    }

    /// What all sessions of the role go by, with a star for their names.
    pub(super) fn sessions(&self) -> String {
        session_arn(&self.role_arn, "*")
    }

    /// The lease ends while nobody knows whether the policy is there.
    pub(super) fn doubt(mut self, made: &mut Value, now: i64) -> Result<(), Error> {
        self.late_until = now.saturating_add(LATE_SECONDS);
        *made = self.to_value()?;
        Ok(())
    }

    fn document(&self) -> String {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": { "DateLessThan": { "aws:TokenIssueTime": rfc3339(self.before) } },
            }],
        })
        .to_string()
    }

    /// Removes the policy.
    pub(super) fn end(self, ending: Ending<'_>) -> BoxFuture<'_, Result<End, lease::Failure>> {
        let ended = async move {
            let account = ending.aws.account(ending.core, ending.mount).await;
            let account = account.map_err(|error| ours(error.to_string()))?;
            let failed = |failure: Failure| lease::Failure {
                text: format!("removing the policy {} of {}: {failure}", self.policy, self.role_arn),
                outage: matches!(failure.class, Class::Throttled | Class::Unknown | Class::Postponed),
                postponed: failure.class == Class::Postponed,
            };
            is_at_home(&account, ending.lane, &self.role_arn).await.map_err(failed)?;
            let remove = || {
                let call = account.iam.delete_role_policy();
                call.role_name(role_name(&self.role_arn)).policy_name(&self.policy).send()
            };
            match account.call(ending.lane, Repeat::Anything, remove).await {
                Err(failure) if failure.class != Class::Gone => return Err(failed(failure)),
                Ok(_) | Err(_) => {}
            }
            Ok(match now(ending.core) < self.late_until {
                true => End::Unsure {
                    at: self.late_until,
                    text: format!("AWS never answered whether it put the policy {} on {}", self.policy, self.role_arn),
                },
                false => End::Gone,
            })
        };
        ended.boxed()
    }
}

/// Where the leases of a role's cuts are, below a mount.
fn path(mount: &Mount, role_arn: &str) -> String {
    format!("{}{FOLDER}{}", mount.path, role_name(role_arn))
}

/// The cuts of a role that stand, each with when its policy goes (Unix seconds).
///
/// # Errors
/// If the store can't be read.
fn all(core: &Core, role_arn: &str) -> Result<Vec<(Cut, i64)>, Error> {
    let mut all = Vec::new();
    // Whichever mount did it: they may lead to one account.
    for mount in core.mounts.snapshot().values() {
        for id in core.leases.ids_under(core, &format!("{}/", path(mount, role_arn)))? {
            let Some(lease) = core.leases.load(core, &id)? else { continue };
            let cut = Cut::of(&lease.made).and_then(Result::ok).filter(|cut| cut.role_arn == role_arn);
            all.extend(cut.map(|cut| (cut, lease.expire_time)));
        }
    }
    Ok(all)
}

/// The time (Unix seconds) before which the sessions of a role are cut off, if any are.
///
/// # Errors
/// If the store can't be read.
fn latest(core: &Core, role_arn: &str) -> Result<Option<i64>, Error> {
    Ok(all(core, role_arn)?.into_iter().map(|(cut, _)| cut.before).max())
}

/// Whether a cut that stands surely takes a session, for as long as it would work.
///
/// # Errors
/// If the store can't be read.
fn is_held_off(core: &Core, session: &Outlived) -> Result<bool, Error> {
    // Who asked in the moment of the cut has waited, and AWS dates what came out after it.
    let dated = session.issued.saturating_add(WAIT_SECONDS_MAX + 1);
    Ok(all(core, &session.role_arn)?.iter().any(|(cut, until)| dated < cut.before && *until >= session.ends))
}

/// Waits until sessions that are issued from now on are no longer among those that a cut takes.
///
/// # Errors
/// If that is longer than a moment, or the store can't be read.
pub(super) async fn over(core: &Core, role_arn: &str) -> Result<(), Error> {
    let Some(before) = latest(core, role_arn)?.filter(|before| now(core) < *before) else { return Ok(()) };
    let end = OffsetDateTime::from_unix_timestamp(before).ok();
    match end.filter(|_| before - now(core) <= WAIT_SECONDS_MAX) {
        Some(end) => {
            core.clock.sleep_until(end).await;
            Ok(())
        }
        None => Err(Error::Invalid(format!(
            "the sessions of {role_arn} that are issued before {} are cut off, and it is {} by the engine's clock",
            rfc3339(before),
            rfc3339(now(core))
        ))),
    }
}

/// Why a session that AWS says to be issued at this time (Unix seconds) can't be handed out: a cut has taken it.
///
/// # Errors
/// If the store can't be read.
pub(super) fn taken(core: &Core, role_arn: &str, issued: i64) -> Result<Option<String>, Error> {
    let before = latest(core, role_arn)?.filter(|before| issued < *before);
    Ok(before.map(|before| {
        format!(
            "the sessions of {role_arn} that were issued before {} are cut off, and so is this one, which AWS says to be \
             issued at {}; ask again",
            rfc3339(before),
            rfc3339(issued)
        )
    }))
}

/// The name in a role's ARN, which IAM goes by.
fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

/// Refuses to touch a role of the same name in another account.
async fn is_at_home(account: &Account, lane: Lane, role_arn: &str) -> Result<(), Failure> {
    let here = account.number(lane).await?;
    match Arn::account_of(role_arn) {
        Some(number) if number == here => Ok(()),
        _ => Err(Failure {
            class: Class::Refused,
            text: format!("{role_arn} is not in account {here}, where config/root leads to"),
        }),
    }
}

/// A policy to be.
struct Planned<'c> {
    aws: &'c Aws,
    mount: Arc<Mount>,
    role_arn: String,
    /// When the last session that is known ends (Unix seconds).
    until: i64,
    /// How many sessions of the leases that are given up are stopped.
    sessions: usize,
    /// How many of leases that have ended already.
    ended: usize,
    /// Sessions of other leases of this engine, by the path that they were asked for at.
    others: BTreeMap<String, usize>,
}

/// What is cut off for leases that are given up, and for those that were below a path of the mount and have ended; nothing
/// unless the mount says so. `living` tells what session a lease holds that goes on.
///
/// # Errors
/// If the store can't be read.
pub(super) fn planned<'c>(
    aws: &'c Aws,
    core: &'c Core,
    mount: &Mount,
    (given_up, below): (&[Lease], &str),
    living: impl Fn(&Lease) -> Option<RoleSession>,
) -> Result<Vec<Box<dyn Emergency + 'c>>, Error> {
    if mount.options.get(OPTION).is_none_or(|value| value != "true") {
        return Ok(Vec::new());
    }
    let mut roles: BTreeSet<String> = given_up.iter().filter_map(&living).map(|session| session.role_arn).collect();
    for ended in outlived::under(core, mount, below)? {
        if !is_held_off(core, &ended)? {
            roles.insert(ended.role_arn);
        }
    }
    let ids: BTreeSet<&str> = given_up.iter().map(|lease| lease.id.as_str()).collect();
    let Some(mount) = core.mounts.by_uuid(&mount.uuid).filter(|_| !roles.is_empty()) else { return Ok(Vec::new()) };
    let new = |role_arn: &String| Planned {
        aws,
        mount: Arc::clone(&mount),
        role_arn: role_arn.clone(),
        until: 0,
        sessions: 0,
        ended: 0,
        others: BTreeMap::new(),
    };
    let mut planned: BTreeMap<String, Planned<'c>> = roles.iter().map(|arn| (arn.clone(), new(arn))).collect();
    for lease in core.leases.all(core)? {
        // What an earlier cut still holds off is held off by the one that takes its place.
        if let Some(Ok(earlier)) = Cut::of(&lease.made).filter(|_| lease.mount == mount.uuid) {
            if let Some(cut) = planned.get_mut(&earlier.role_arn) {
                cut.until = cut.until.max(lease.expire_time);
            }
            continue;
        }
        let Some(RoleSession { role_arn, ends }) = living(&lease) else { continue };
        let Some(cut) = planned.get_mut(&role_arn) else { continue };
        cut.until = cut.until.max(ends);
        match ids.contains(lease.id.as_str()) {
            true => cut.sessions += 1,
            false => *cut.others.entry(lease.path).or_default() += 1,
        }
    }
    // Whichever mount opened them: they may lead to one account.
    for other in core.mounts.snapshot().values().filter(|other| other.kind == mount.kind) {
        for Outlived { role_arn, ends, .. } in outlived::under(core, other, "")? {
            let Some(cut) = planned.get_mut(&role_arn) else { continue };
            cut.until = cut.until.max(ends);
            cut.ended += 1;
        }
    }
    Ok(planned.into_values().map(|cut| Box::new(cut) as Box<dyn Emergency + 'c>).collect())
}

impl Emergency for Planned<'_> {
    fn told(&self) -> Value {
        json!({
            "role_arn": self.role_arn,
            "sessions": self.sessions,
            "ended_sessions": self.ended,
            "other_sessions": self.others,
            "until": rfc3339(self.until),
        })
    }

    fn stops(&self) -> usize {
        self.sessions
    }

    fn carry_out<'a>(&'a self, core: &'a Arc<Core>) -> BoxFuture<'a, Result<Value, Error>> {
        let done = async move {
            let mut told = self.told();
            if !self.put(core).await? {
                told["role_is_gone"] = json!(true);
            }
            Ok(told)
        };
        done.boxed()
    }
}

impl Planned<'_> {
    /// Cuts them off. False where the role is gone, and with it what its sessions could do.
    async fn put(&self, core: &Arc<Core>) -> Result<bool, Error> {
        let failed = |failure: Failure| failure.told(&format!("Error cutting off the sessions of {}", self.role_arn));
        let account = self.aws.account(core, &self.mount).await?;
        is_at_home(&account, Lane::Revoke, &self.role_arn).await.map_err(failed)?;
        match self.standing(core).await? {
            Some((still, cut)) => self.widen(core, &account, still, cut).await?.map_err(failed),
            None => self.begin(core, &account).await?.map_err(failed),
        }
    }

    /// The cut of the role that stands, and its lease, which nobody ends meanwhile.
    async fn standing<'l>(&self, core: &'l Core) -> Result<Option<(Still<'l>, Cut)>, Error> {
        let ids = core.leases.ids_under(core, &format!("{}/", path(&self.mount, &self.role_arn)))?;
        for id in ids.iter().rev() {
            let Some(still) = core.leases.hold(core, id).await? else { continue };
            if let Some(Ok(cut)) = Cut::of(&still.lease.made).filter(|_| still.lease.mount == self.mount.uuid)
                && cut.role_arn == self.role_arn
            {
                return Ok(Some((still, cut)));
            }
        }
        Ok(None)
    }

    /// Writes a later time into a policy that stands. Its lease is as long as the longer of both beforehand: whatever
    /// becomes of the call, what was cut stays cut, and the policy goes in the end.
    async fn widen(
        &self,
        core: &Arc<Core>,
        account: &Account,
        mut still: Still<'_>,
        cut: Cut,
    ) -> Result<Result<bool, Failure>, Error> {
        let time = now(core);
        let settled = Cut { before: cut.before.max(time.saturating_add(1)), ..cut };
        let in_doubt = Cut { late_until: time.saturating_add(LATE_SECONDS), ..settled.clone() };
        still.lease.made = in_doubt.to_value()?;
        still.lease.expire_time = still.lease.expire_time.max(self.until);
        still.keep(core).await?;
        let written = self.write(account, &settled).await;
        if !matches!(&written, Err(failure) if failure.class == Class::Unknown) {
            still.lease.made = settled.to_value()?;
            still.keep(core).await?;
        }
        if let Ok(is_there) = written {
            self.note(core, &still.lease, &settled, is_there);
        }
        Ok(written)
    }

    /// Makes a policy where there is none.
    async fn begin(&self, core: &Arc<Core>, account: &Account) -> Result<Result<bool, Failure>, Error> {
        let (mut lease, cut) = self.lease(core)?;
        let making = core.leases.begin_uncounted(core, &mut lease).await?;
        let written = self.write(account, &cut).await;
        match &written {
            Ok(true) => {
                if let Err(error) = core.leases.activate(core, &lease).await {
                    core.leases.abandon(core, lease, "issue-failed").await;
                    return Err(error);
                }
            }
            Err(failure) if failure.class == Class::Unknown => {
                core.leases.abandon(core, lease, "issue-failed").await;
                return Ok(written);
            }
            Ok(false) | Err(_) => core.leases.forget(core, &lease).await?,
        }
        drop(making);
        if let Ok(is_there) = written {
            self.note(core, &lease, &cut, is_there);
        }
        Ok(written)
    }

    /// Writes the policy. False where the role is not there any more.
    async fn write(&self, account: &Account, cut: &Cut) -> Result<bool, Failure> {
        let put = || {
            let call = account.iam.put_role_policy().role_name(role_name(&self.role_arn));
            call.policy_name(&cut.policy).policy_document(cut.document()).send()
        };
        match account.call(Lane::Revoke, Repeat::Anything, put).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.class == Class::Gone => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    fn note(&self, core: &Core, lease: &Lease, cut: &Cut, is_there: bool) {
        let detail = match is_there {
            true => self.in_words(cut),
            false => format!("there is no role {} any more: none of its sessions can do anything", self.role_arn),
        };
        let event = if is_there { "sessions-cut-off" } else { "role-is-gone" };
        core.leases.note(core, lease, event, "forced", Some(detail));
    }

    fn in_words(&self, cut: &Cut) -> String {
        let others: usize = self.others.values().sum();
        format!(
            "the inline policy {} denies everything to all sessions of {} issued before {}, {} of these leases, {} of leases \
             that have ended and {others} of others among them, until {}",
            cut.policy,
            self.role_arn,
            rfc3339(cut.before),
            self.sessions,
            self.ended,
            rfc3339(self.until)
        )
    }

    /// The lease of the policy. It is no token's: nobody's end lifts it.
    fn lease(&self, core: &Core) -> Result<(Lease, Cut), Error> {
        let issue_time = now(core);
        let millis = i64::try_from(core.clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
        let name = random::ordered_base62(millis)?;
        let path = path(&self.mount, &self.role_arn);
        let cut = Cut {
            role_arn: self.role_arn.clone(),
            policy: format!("leasehold-revoked-{name}"),
            // AWS tells the time of a session to the second.
            before: issue_time.saturating_add(1),
            late_until: 0,
        };
        let lease = Lease {
            id: format!("{path}/{name}"),
            state: LeaseState::Pending,
            path,
            mount: self.mount.uuid.clone(),
            token: String::new(),
            batch: None,
            issue_time,
            expire_time: self.until.max(issue_time.saturating_add(1)),
            due: issue_time,
            last_renewal: None,
            renewable: false,
            made: cut.to_value()?,
            app: None,
            role: role_name(&self.role_arn).to_owned(),
            origin: None,
            reason: None,
            attempts: 0,
            revoke_error: None,
        };
        Ok((lease, cut))
    }
}
