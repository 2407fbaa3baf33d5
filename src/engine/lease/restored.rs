//! What of the leases outlives a snapshot that takes the store's place.
//!
//! A snapshot knows nothing of a credential that was issued after it was taken, and no credential is without a lease. So
//! the leases that are not in it are carried into it, as leases that have ended: their tokens and all else that they hung
//! by may not be there any more, and the engine revokes them at once. So are those that were being revoked, which in the
//! snapshot may still be active. What holds sessions off in an emergency is carried as it is: to end it would let them
//! loose. Into the store of another engine nothing is carried, which has neither the mounts nor the right: there
//! must be no lease then.
//!
//! Leases of the snapshot that have ended since are there again, and end once more, which finds nothing: at their time, or
//! when somebody revokes them.

use super::core::Core;
use super::login::token_of;
use super::{Lease, LeaseState, now, open_key};
use crate::engine::kernel::barrier::Barrier;
use crate::engine::kernel::due::lease_key;
use crate::engine::kernel::snapshot::Checked;
use crate::engine::wire::error::Error;

/// How many keys are read at a time.
const PAGE: usize = 1000;

const PREFIX: &str = "lease/";

/// Why they end.
const REASON: &str = "store-restored";

/// Refuses a snapshot that no lease can be carried into, where there are leases.
///
/// # Errors
/// Which there are.
pub(crate) fn none_is_lost(core: &Core, snapshot: &Checked) -> Result<(), Error> {
    if snapshot.is_of(&core.engine_id) {
        return Ok(());
    }
    let mut after: Option<String> = None;
    loop {
        let page = core.barrier.keys(PREFIX, after.as_deref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        if let Some(id) = page.iter().map(|key| &key[PREFIX.len()..]).find(|id| token_of(id).is_none()) {
            return Err(Error::Invalid(format!(
                "this snapshot is of another engine, or of another unseal key, and this engine has leases, such as {id}, whose \
                 credentials nobody would end any more: revoke them first (`leasehold lease revoke -prefix MOUNT/`)"
            )));
        }
        after = Some(last.clone());
    }
}

/// A key of the store and the sealed value that is to be there.
type Write = (String, Vec<u8>);

/// The entries that are to be in the store beside those of a snapshot of this engine, sealed by `into`; and how many
/// leases they are of. Nothing else is at work any more. May block.
///
/// # Errors
/// If the store or the snapshot can't be read.
pub(crate) fn carried(core: &Core, snapshot: &Checked, into: &Barrier) -> Result<(Vec<Write>, usize), Error> {
    let guards = core.leases.guarding(core);
    let (mut writes, mut count) = (Vec::new(), 0);
    let mut known = snapshot.entries()?.filter_map(|entry| {
        let key = entry.map(|(key, _)| String::from_utf8(key).ok().filter(|key| key.starts_with(PREFIX)));
        key.transpose()
    });
    let mut next = known.next().transpose()?;
    let mut after: Option<String> = None;
    loop {
        let page = core.barrier.keys(PREFIX, after.as_deref(), PAGE)?;
        let Some(last) = page.last() else { return Ok((writes, count)) };
        after = Some(last.clone());
        for key in &page {
            while next.as_ref().is_some_and(|next| next < key) {
                next = known.next().transpose()?;
            }
            let id = &key[PREFIX.len()..];
            if token_of(id).is_some() {
                continue;
            }
            let Some(lease) = core.barrier.get::<Lease>(key)? else { continue };
            if next.as_ref() == Some(key) && lease.state == LeaseState::Active {
                continue;
            }
            let is_guard = lease.state == LeaseState::Active && guards.iter().any(|guard| id.starts_with(guard));
            carry(core, lease, is_guard, into, &mut writes)?;
            count += 1;
        }
    }
}

/// A lease that is nobody's any more; one that holds something off goes on until its time.
fn carry(
    core: &Core,
    mut lease: Lease,
    is_guard: bool,
    into: &Barrier,
    writes: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Error> {
    lease.token = String::new();
    if !is_guard {
        lease.state = LeaseState::Revoking;
        lease.due = now(core);
        lease.reason.get_or_insert_with(|| REASON.to_owned());
        let key = open_key(&lease.id);
        writes.push((key.clone(), into.seal(&key, &lease.attempts)?));
    }
    let (record, due) = (lease_key(&lease.id), lease.due_key());
    writes.push((record.clone(), into.seal(&record, &lease)?));
    writes.push((due.clone(), into.seal(&due, &())?));
    Ok(())
}
