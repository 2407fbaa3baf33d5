//! The end of leases: by time, by hand, with their token, with their mount, and when an issue failed.
//!
//! There is no state from which a lease is not tried again. What fails is put off, each time for
//! longer up to a limit, and shown in lookup; the record goes only when AWS has been seen without the
//! user and the trail has the line that says so.

use std::sync::Arc;

use super::login::token_of;
use super::{End, Failure, Lane, Lease, LeaseState, Leases, maker, now, open_key};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::due::{forget, lease_key};
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::trail::{Event, Record};

/// How many leases one commit marks.
const MARK_CHUNK: usize = 256;

/// How many keys are read at a time.
const PAGE: usize = 1000;

/// How many revocations one bulk request has in the works.
const BULK_CONCURRENCY: usize = 128;

/// What one attempt to revoke came to.
#[derive(Debug)]
enum Attempt {
    /// The user and the record are gone.
    Gone,
    /// Not yet certain; looked at again later. Says why.
    Unsure(String),
    /// Failed; tried again later. Says why.
    Failed(String),
}

/// What a bulk revocation came to.
#[derive(Debug)]
pub(crate) struct Bulk {
    /// How many leases there were.
    pub(crate) total: usize,
    /// Position (from 1), lease id and error of those that failed.
    pub(crate) failures: Vec<(usize, String, String)>,
}

impl Leases {
    /// Gives up a lease whose credential nobody got: it is revoked from now on, by the timer.
    pub(crate) async fn abandon(&self, core: &Arc<Core>, mut lease: Lease, reason: &str) {
        // A failing store does not lose the lease: what stays pending there is taken up by the timer.
        let marked = {
            let _turn = self.locks.lock(&lease.id).await;
            let stored = self.load(core, &lease.id);
            if let Ok(stored) = &stored {
                let Some(stored) = stored else {
                    // Whoever ended its token or mount has revoked it meanwhile.
                    self.pending_over(&lease.id);
                    return;
                };
                lease.due = stored.due;
                lease.attempts = stored.attempts;
            }
            let marked = self.mark(core, &mut [&mut lease], reason).await;
            self.pending_over(&lease.id);
            marked
        };
        self.note(core, &lease, "lease-abandoned", reason, None);
        match marked {
            Ok(()) => core.timer.notice(lease.due),
            Err(error) => tracing::error!(lease = lease.id, %error, "an abandoned lease could not be marked"),
        }
    }

    /// Marks every lease of a token as ending; the timer revokes them.
    pub(crate) async fn revoke_for_token(&self, core: &Arc<Core>, token: &str, reason: &str) -> Result<(), Error> {
        let prefix = format!("lease-of-token/{token}/");
        let mut after: Option<String> = None;
        loop {
            let page = core.barrier.keys(&prefix, after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            let ids: Vec<String> = page.iter().map(|key| key[prefix.len()..].to_owned()).collect();
            self.revoke_later(core, &ids, reason).await?;
        }
    }

    /// Marks leases as ending, now; the timer revokes them.
    pub(crate) async fn revoke_later(&self, core: &Arc<Core>, ids: &[String], reason: &str) -> Result<(), Error> {
        let ids = self.revoke_tokens_later(core, ids).await?;
        for chunk in ids.chunks(MARK_CHUNK) {
            let mut turns = Vec::new();
            let mut leases = Vec::new();
            let mut busy = Vec::new();
            for &id in chunk {
                if self.end_pending(id, reason) {
                    continue;
                }
                match self.locks.try_lock(id) {
                    Some(turn) => {
                        turns.push(turn);
                        leases.extend(self.load(core, id)?.filter(|lease| lease.state == LeaseState::Active));
                    }
                    None => busy.push(id),
                }
            }
            self.mark(core, &mut leases.iter_mut().collect::<Vec<_>>(), reason).await?;
            drop(turns);
            for id in busy {
                let _turn = self.locks.lock(id).await;
                if let Some(mut lease) = self.load(core, id)?.filter(|lease| lease.state == LeaseState::Active) {
                    self.mark(core, &mut [&mut lease], reason).await?;
                }
            }
        }
        core.timer.notice(now(core));
        Ok(())
    }

    /// Revokes every lease under a mount, logins among them, and waits for it.
    ///
    /// # Errors
    /// The first failure; the others have been tried.
    pub(crate) async fn revoke_mount(&self, core: &Arc<Core>, mount_path: &str) -> Result<(), Error> {
        let ids = self.ids_under(core, mount_path)?;
        self.revoke_all(core, ids, "mount-disabled").await?.into_result()
    }

    /// The ids of all leases that begin with `prefix`.
    pub(crate) fn ids_under(&self, core: &Core, prefix: &str) -> Result<Vec<String>, Error> {
        let prefix = lease_key(prefix);
        let mut ids = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = core.barrier.keys(&prefix, after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(ids) };
            after = Some(last.clone());
            ids.extend(page.iter().map(|key| key["lease/".len()..].to_owned()));
        }
    }

    /// Revokes all of these, several at a time, and goes on past failures.
    pub(crate) async fn revoke_all(&self, core: &Arc<Core>, ids: Vec<String>, reason: &str) -> Result<Bulk, Error> {
        use futures_util::StreamExt;
        let total = ids.len();
        let mut failures: Vec<(usize, String, String)> = futures_util::stream::iter(ids.into_iter().enumerate())
            .map(|(index, id)| async move {
                let error = self.revoke_in(core, &id, reason, Lane::Bulk).await.err()?;
                Some((index + 1, id, error.to_string()))
            })
            .buffer_unordered(BULK_CONCURRENCY)
            .filter_map(std::future::ready)
            .collect()
            .await;
        failures.sort_unstable();
        Ok(Bulk { total, failures })
    }

    /// Revokes a lease and waits for it. A lease that is not there is revoked already.
    pub(crate) async fn revoke(&self, core: &Arc<Core>, id: &str, reason: &str) -> Result<(), Error> {
        self.revoke_in(core, id, reason, Lane::Revoke).await
    }

    async fn revoke_in(&self, core: &Arc<Core>, id: &str, reason: &str, lane: Lane) -> Result<(), Error> {
        if let Some(hash) = token_of(id) {
            return self.revoke_token(core, id, hash, reason).await;
        }
        self.wait_while_pending(id, reason).await;
        let _turn = self.locks.lock(id).await;
        let Some(mut lease) = self.load(core, id)? else { return Ok(()) };
        if lease.state != LeaseState::Revoking {
            // Durable before its key is deleted: after a crash the lease must not pass for a live one.
            self.mark(core, &mut [&mut lease], reason).await?;
        }
        match self.attempt(core, &mut lease, lane).await? {
            Attempt::Gone => Ok(()),
            Attempt::Unsure(text) | Attempt::Failed(text) => Err(Error::Invalid(text)),
        }
    }

    /// Revokes a lease as far as AWS lets us, and removes the record in any case; answers whether its credential
    /// may be left.
    pub(crate) async fn revoke_force(&self, core: &Arc<Core>, id: &str) -> Result<bool, Error> {
        if let Some(hash) = token_of(id) {
            return self.revoke_token(core, id, hash, "forced").await.map(|()| false);
        }
        self.wait_while_pending(id, "forced").await;
        let _turn = self.locks.lock(id).await;
        let Some(mut lease) = self.load(core, id)? else { return Ok(false) };
        if lease.state != LeaseState::Revoking {
            self.mark(core, &mut [&mut lease], "forced").await?;
        }
        match self.attempt(core, &mut lease, Lane::Bulk).await? {
            Attempt::Gone => Ok(false),
            Attempt::Unsure(text) | Attempt::Failed(text) => {
                tracing::warn!(lease = lease.id, error = text, "lease removed by force; its IAM user may be left");
                self.bury(core, &lease, "forced", Some(text)).await.map(|()| true)
            }
        }
    }

    /// The timer's turn: a due key of this time exists for this lease.
    pub(in crate::engine) async fn due(&self, core: &Arc<Core>, id: &str, key: &str) -> Result<(), Error> {
        let _turn = self.locks.lock(id).await;
        let lease = self.load(core, id)?.filter(|lease| lease.due_key() == key);
        let Some(mut lease) = lease else {
            // Put off, renewed or revoked since it was seen to be due; as a rule its key has gone with that.
            return forget(&core.barrier, key).await;
        };
        match lease.state {
            LeaseState::Pending if self.is_pending(id) => {
                let mut batch = Batch::new();
                let later = now(core).saturating_add(super::PENDING_SECONDS_MAX);
                lease.reschedule(&mut batch, later)?;
                return core.barrier.commit(batch).await;
            }
            LeaseState::Pending => self.mark(core, &mut [&mut lease], "unknown-outcome").await?,
            LeaseState::Active => lease.reason = Some("expired".to_owned()),
            LeaseState::Revoking => {}
        }
        self.attempt(core, &mut lease, Lane::Backlog).await.map(drop)
    }

    /// Takes up what was pending when the engine stopped: its outcome is unknown, so it is revoked.
    pub(in crate::engine) async fn recover(&self, core: &Arc<Core>) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let page = core.barrier.keys("lease-open/", after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            for key in page {
                let id = &key["lease-open/".len()..];
                if self.is_pending(id) {
                    continue;
                }
                let _turn = self.locks.lock(id).await;
                if let Some(mut lease) = self.load(core, id)?.filter(|lease| lease.state == LeaseState::Pending) {
                    self.mark(core, &mut [&mut lease], "unknown-outcome").await?;
                    self.note(core, &lease, "lease-abandoned", "unknown-outcome", None);
                }
            }
        }
    }

    /// Makes the leases under a mount that could not be revoked yet due now.
    pub(crate) async fn look_again(&self, core: &Arc<Core>, mount_path: &str) -> Result<(), Error> {
        let prefix = open_key(mount_path);
        let mut after: Option<String> = None;
        loop {
            let page = core.barrier.keys(&prefix, after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            for key in page {
                let id = &key["lease-open/".len()..];
                // Whoever has the lock is at work on it.
                let Some(_turn) = self.locks.try_lock(id) else { continue };
                let waits = |lease: &Lease| lease.state == LeaseState::Revoking && lease.revoke_error.is_some();
                if let Some(mut lease) = self.load(core, id)?.filter(waits) {
                    // Not before the time from which an absence counts.
                    let not_before = maker(core, &lease).map_or(0, |(_, maker)| maker.not_before(&lease));
                    let due = now(core).max(not_before).min(lease.due);
                    let mut batch = Batch::new();
                    lease.reschedule(&mut batch, due)?;
                    core.barrier.commit(batch).await?;
                }
            }
        }
        core.timer.notice(now(core));
        Ok(())
    }

    /// Whether the lease is being issued; if so it will not be handed out.
    fn end_pending(&self, id: &str, reason: &str) -> bool {
        self.pending(|map| match map.get_mut(id) {
            Some(flag) => {
                flag.get_or_insert_with(|| reason.to_owned());
                true
            }
            None => false,
        })
    }

    /// Waits until nobody is issuing the lease; what was being issued is not handed out.
    async fn wait_while_pending(&self, id: &str, reason: &str) {
        loop {
            let ended = self.pending_ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if !self.end_pending(id, reason) {
                return;
            }
            ended.await;
        }
    }

    /// Stores leases as ending and due now, in one commit.
    async fn mark(&self, core: &Arc<Core>, leases: &mut [&mut Lease], reason: &str) -> Result<(), Error> {
        let time = now(core);
        let mut batch = Batch::new();
        for lease in leases {
            if lease.state == LeaseState::Pending
                && let Some((_, maker)) = maker(core, lease)
            {
                maker.doubt(lease, time)?;
            }
            lease.state = LeaseState::Revoking;
            lease.reason = Some(reason.to_owned());
            batch.put(open_key(&lease.id), &lease.attempts)?;
            lease.reschedule(&mut batch, time)?;
        }
        if batch.is_empty() {
            return Ok(());
        }
        core.barrier.commit(batch).await
    }

    /// One attempt to remove what AWS holds for a lease whose lock is held.
    async fn attempt(&self, core: &Arc<Core>, lease: &mut Lease, lane: Lane) -> Result<Attempt, Error> {
        if self.gone(|gone| gone.contains(&lease.id)) {
            let reason = lease.reason.clone().unwrap_or_default();
            self.bury(core, lease, &reason, None).await?;
            self.gone(|gone| gone.remove(&lease.id));
            return Ok(Attempt::Gone);
        }
        let ended = match maker(core, lease) {
            Some((mount, maker)) => maker.end(core, &mount, lease, lane).await,
            None => Err(Failure {
                text: "the mount that issued it is gone, and with it the way to end it".to_owned(),
                outage: false,
                postponed: false,
            }),
        };
        let time = now(core);
        match ended {
            Ok(gone @ (End::Gone | End::Lapses(_))) => {
                let reason = lease.reason.clone().unwrap_or_default();
                let detail = match gone {
                    End::Lapses(text) => Some(text),
                    _ => None,
                };
                if let Err(error) = self.bury(core, lease, &reason, detail).await {
                    self.gone(|gone| gone.insert(lease.id.clone()));
                    return Err(error);
                }
                Ok(Attempt::Gone)
            }
            Ok(End::Unsure { at, text }) => {
                self.put_off(core, lease, at, &text).await?;
                Ok(Attempt::Unsure(text))
            }
            // The engine is closing: the lease is due as it is, and the next start takes it up.
            Err(failure) if failure.postponed && Self::is_stopping(core) => Ok(Attempt::Failed(failure.text)),
            Err(failure) if failure.postponed => {
                let at = time.saturating_add(backoff_seconds(1, true, random::bytes::<1>()?[0]));
                self.put_off(core, lease, at, &failure.text).await?;
                Ok(Attempt::Failed(failure.text))
            }
            Err(failure) => {
                lease.attempts = lease.attempts.saturating_add(1);
                let at = time.saturating_add(backoff_seconds(lease.attempts, failure.outage, random::bytes::<1>()?[0]));
                self.put_off(core, lease, at, &failure.text).await?;
                let reason = lease.reason.clone().unwrap_or_default();
                self.note(core, lease, "lease-revoke-failed", &reason, Some(failure.text.clone()));
                tracing::warn!(
                    lease = lease.id,
                    error = failure.text,
                    attempts = lease.attempts,
                    "failed to revoke lease"
                );
                Ok(Attempt::Failed(failure.text))
            }
        }
    }

    async fn put_off(&self, core: &Arc<Core>, lease: &mut Lease, at: i64, text: &str) -> Result<(), Error> {
        lease.state = LeaseState::Revoking;
        lease.revoke_error = Some(text.to_owned());
        let mut batch = Batch::new();
        batch.put(open_key(&lease.id), &lease.attempts)?;
        lease.reschedule(&mut batch, at)?;
        core.barrier.commit(batch).await?;
        core.timer.notice(at);
        Ok(())
    }

    /// The last line in the trail, then the removal of the record.
    async fn bury(&self, core: &Arc<Core>, lease: &Lease, reason: &str, detail: Option<String>) -> Result<(), Error> {
        let event = Event { name: "lease-revoked".to_owned(), reason: reason.to_owned(), detail };
        let line = Record::system(core.clock.now(), event, Some(lease.credential(core)));
        core.trail.append(&line).durable().await.map_err(|error| {
            Error::Internal(format!("lease {} stays until the trail takes its end: {error}", lease.id))
        })?;
        let mut batch = Batch::new();
        lease.remove(&mut batch);
        core.barrier.commit(batch).await?;
        tracing::info!(lease = lease.id, reason, "revoked lease");
        Ok(())
    }

    /// A line in the trail that nobody waits for.
    pub(in crate::engine) fn note(
        &self,
        core: &Core,
        lease: &Lease,
        event: &str,
        reason: &str,
        detail: Option<String>,
    ) {
        let event = Event { name: event.to_owned(), reason: reason.to_owned(), detail };
        drop(core.trail.append(&Record::system(core.clock.now(), event, Some(lease.credential(core)))));
    }
}

impl Bulk {
    /// Vault's text of the first failure, and how many more there were.
    pub(crate) fn into_result(self) -> Result<(), Error> {
        let Some((position, id, error)) = self.failures.first() else { return Ok(()) };
        let more = match self.failures.len() - 1 {
            0 => String::new(),
            more => format!("; {more} more failed; all are tried again"),
        };
        Err(Error::Invalid(format!("failed to revoke {id:?} ({position} / {}): {error}{more}", self.total)))
    }
}

/// Seconds until the next attempt after `attempts` failures, a quarter more or less by `dice`. While AWS
/// is out, never far beyond a minute, for what is late by an outage should end with it; what only one
/// user suffers from is asked for ever more rarely, down to about once an hour.
fn backoff_seconds(attempts: u32, outage: bool, dice: u8) -> i64 {
    const FIRST: i64 = 10;
    const OUTAGE_MAX: i64 = 48;
    const POISON_MAX: i64 = 2880;
    let base = FIRST << attempts.saturating_sub(1).min(10);
    let base = base.min(if outage { OUTAGE_MAX } else { POISON_MAX });
    base * (192 + i64::from(dice) / 2) / 256
}

#[cfg(test)]
mod tests {
    use super::{Bulk, backoff_seconds};

    #[test]
    fn waiting_grows_to_a_minute_in_an_outage_and_to_an_hour_otherwise() {
        for (attempts, outage, least, most) in
            [(1, true, 7, 13), (2, false, 15, 25), (3, true, 30, 60), (50, true, 36, 60), (50, false, 2160, 3600)]
        {
            assert_eq!(backoff_seconds(attempts, outage, 0), least, "{attempts}");
            assert!((least..=most).contains(&backoff_seconds(attempts, outage, 255)), "{attempts}");
        }
        assert!(backoff_seconds(u32::MAX, false, 255) <= 3600);
    }

    #[test]
    fn a_bulk_failure_names_the_first_and_counts_the_rest() {
        let failed = |n: usize| (n, format!("aws/creds/r/{n}"), "no".to_owned());
        let text = |failures| Bulk { total: 3, failures }.into_result().err().map(|error| error.to_string());
        assert_eq!(text(vec![]), None);
        assert_eq!(text(vec![failed(2)]).unwrap(), "failed to revoke \"aws/creds/r/2\" (2 / 3): no");
        assert!(text(vec![failed(2), failed(3)]).unwrap().ends_with("; 1 more failed; all are tried again"));
    }
}
