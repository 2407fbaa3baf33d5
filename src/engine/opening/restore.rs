//! A snapshot in the store's place, while the engine serves.
//!
//! The request that brought it is in the trail by now, and what it brought is checked. Everything else that the engine does
//! ends as it does when it is sealed; one transaction then puts the snapshot in the place of the store, with the leases that
//! it does not know and the trail's last lines as they are here; and the engine opens again from what is there, by the
//! unseal key that it had. Where that one does not open the new store, the engine stays sealed. Where the transaction
//! fails, it opens the old store again. Who asks for anything meanwhile is told that it is sealed.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use serde_json::Value;

use super::{Inside, Opening};
use crate::acl::Capability;
use crate::engine::kernel::barrier::{Barrier, Ciphers};
use crate::engine::kernel::loss;
use crate::engine::kernel::snapshot::Checked;
use crate::engine::kernel::store::{Entries, RawBatch};
use crate::engine::lease::core::Core;
use crate::engine::lease::restored;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Request;
use crate::trail::{Event, Record};

/// What is to be in the store, and how many leases were carried into it.
type Made = Result<(Entries, usize), Error>;

impl Opening {
    /// Where a body that is larger than memory goes, if whoever sends it may have it read: nobody else fills the disk.
    pub(in crate::engine) fn place_for(&self, request: &Request) -> Option<PathBuf> {
        let core = self.core()?;
        let remote = request.remote.map(|address| address.ip().to_canonical());
        let shown = request.token.as_ref()?;
        let token = core.tokens.find(&core, shown).ok()?.filter(|_| core.tokens.is_valid(&core, shown, remote))?;
        let judged = core.known(&token).ok()?;
        let decision = core.policies.check_request(&core, &judged.judged_by(), Capability::Update, request).ok()?;
        core.data_directory.clone().filter(|_| decision.allowed && decision.sudo)
    }

    /// Puts a snapshot in the store's place.
    ///
    /// # Errors
    /// If it is not there; or is, and the engine does not open by it.
    pub(super) async fn restore(&self, inside: &Arc<Inside>, snapshot: Checked) -> Result<(), Error> {
        // Who waits for something inside is told now.
        inside.pipeline.core.sealed.store(true, Ordering::Release);
        let _turn = self.turn.lock().await;
        let taken = {
            let mut held = self.inside.write().unwrap_or_else(PoisonError::into_inner);
            held.take_if(|held| Arc::ptr_eq(held, inside))
        };
        // Somebody sealed it meanwhile.
        let inside = taken.ok_or(Error::Sealed)?;
        self.still(&inside).await;
        let told = snapshot.told();
        let core = inside.pipeline.core.clone();
        let barrier = core.barrier.clone();
        let made = tokio::task::spawn_blocking({
            let store = self.store.clone();
            move || -> Made {
                restored::none_is_lost(&core, &snapshot)?;
                made(&core, snapshot, |ciphers| Barrier::new(store, ciphers))
            }
        });
        let made = made.await.unwrap_or_else(|panic| Err(Error::Internal(format!("it ended in a panic: {panic}"))));
        let replaced = match made {
            Ok((entries, carried)) => self.store.replace(entries).await.map(|()| carried),
            Err(error) => Err(error),
        };
        barrier.rekeyed(None);
        match &replaced {
            Ok(carried) => tracing::warn!(carried, "a snapshot has taken the store's place: {told}"),
            Err(error) => tracing::error!(%error, "the store is as it was: no snapshot took its place"),
        }
        self.open_again().await?;
        let carried = replaced.map_err(|error| Error::Server(format!("the store is as it was: {error}")))?;
        self.tell(told, carried).await
    }

    /// Opens the engine over what is in the store; leaves it sealed where the key is another one.
    async fn open_again(&self) -> Result<(), Error> {
        let opened = match self.gate.again() {
            Ok(Some(barrier)) => {
                self.gate.reset();
                self.open(barrier, RawBatch::default(), None, None).await.map(|_| true).map_err(super::said)
            }
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        match opened {
            Ok(true) => return Ok(()),
            Ok(false) => tracing::warn!(
                "sealed: what was restored opens by another unseal key; bring the shares of then, or put its key file in \
                 the place of this one's and start the server again"
            ),
            Err(_) => {}
        }
        self.gate.close();
        opened.map(|_| ()).map_err(|error| {
            tracing::error!(%error, "the engine did not open over the store");
            Error::Server("the engine did not open over the store, and is sealed: its log says why".to_owned())
        })
    }

    /// Writes into the trail what was restored, once the engine is open again.
    async fn tell(&self, told: String, carried: usize) -> Result<(), Error> {
        let Some(core) = self.core() else { return Ok(()) };
        let detail = match carried {
            0 => told,
            _ => format!("{told}; leases that it does not have and that are revoked: {carried}"),
        };
        let event = Event { name: "store-restored".to_owned(), reason: "snapshot".to_owned(), detail: Some(detail) };
        let line = core.trail.append(&Record::system(core.clock.now(), event, None));
        line.durable().await.map_err(|error| {
            tracing::error!(%error, "that the store was restored is not in the trail");
            Error::Server("the store is restored, and no audit device took the line that says so".to_owned())
        })
    }
}

/// A snapshot's entries, and what outlives it. Of another engine's, or another key's, nothing does.
fn made(core: &Core, mut snapshot: Checked, barrier: impl FnOnce(Ciphers) -> Barrier) -> Made {
    let Some(ciphers) = snapshot.take_ciphers() else { return Ok((snapshot.entries()?, 0)) };
    let barrier = barrier(ciphers);
    let (mut more, carried) = match snapshot.is_of(&core.engine_id) {
        true => restored::carried(core, &snapshot, &barrier)?,
        false => (Vec::new(), 0),
    };
    // The devices go on in the files that they have: what was in them last is known here, and not there.
    if let Some(noted) = core.barrier.get::<Value>(loss::NOTED_KEY)? {
        more.push((loss::NOTED_KEY.to_owned(), barrier.seal(loss::NOTED_KEY, &noted)?));
    }
    let more = more.into_iter().map(|(key, value)| Ok((key.into_bytes(), value)));
    Ok((Box::new(snapshot.entries()?.chain(more)), carried))
}
