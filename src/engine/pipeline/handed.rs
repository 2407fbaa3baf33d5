//! What an answer hands out, and how it is taken back when nobody gets the answer.
//!
//! The value travels with the answer. Whoever sees the answer's last byte leave says so; wherever the
//! answer is lost instead (a client that went away, a connection that was closed, a panic), the value is
//! dropped, and what it stands for is revoked at once. So no way to lose an answer can be forgotten.

use std::sync::Arc;

use crate::engine::kernel::barrier::Batch;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;
use crate::trail::{Event, Record};

/// Why something is taken back, in the trail.
const REASON: &str = "answer-not-delivered";

/// Something that works for whoever has the answer.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// The lease of a credential.
    Lease(String),
    /// A token, by its hash.
    Token(String),
    /// A secret id of an AppRole: the keys of its record and of its accessor.
    SecretId {
        /// The accessor, for the trail.
        accessor: String,
        /// What is deleted.
        keys: Vec<String>,
    },
}

/// Revokes what an answer hands out, unless it is told that the answer was delivered.
pub(crate) struct Handed {
    core: Arc<Core>,
    what: Option<What>,
}

impl Handed {
    /// Watches over an answer that hands out `what`.
    pub(crate) fn new(core: &Arc<Core>, what: What) -> Self {
        Self { core: core.clone(), what: Some(what) }
    }

    /// Watches over an answer that hands out a token or a secret id, if it does.
    pub(crate) fn of(core: &Arc<Core>, response: &mut Response) -> Option<Self> {
        let token = response.new_token.take().map(What::Token);
        let secret_id = response.new_secret_id.take().map(|(accessor, keys)| What::SecretId { accessor, keys });
        token.or(secret_id).map(|what| Self::new(core, what))
    }

    /// Takes it back now, and waits for that.
    pub(crate) async fn take_back(mut self, reason: &str) -> Result<(), Error> {
        match self.what.take() {
            Some(what) => take_back(&self.core, &what, reason).await,
            None => Ok(()),
        }
    }

    /// The answer has left for its client.
    pub(crate) fn delivered(mut self) {
        self.what = None;
    }
}

impl std::fmt::Debug for Handed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Handed").field(&self.what).finish()
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        let Some(what) = self.what.take() else { return };
        let core = self.core.clone();
        let running = core.running();
        let taking_back = async move {
            let _running = running;
            match take_back(&core, &what, REASON).await {
                Ok(()) => tracing::info!(?what, "taken back: its answer was not delivered"),
                Err(error) => {
                    tracing::error!(?what, %error, "its answer was not delivered, and it could not be taken back");
                }
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(taking_back)),
            Err(_) => tracing::error!("an answer was lost as the process ended; what it handed out ends with its TTL"),
        }
    }
}

async fn take_back(core: &Arc<Core>, what: &What, reason: &str) -> Result<(), Error> {
    match what {
        What::Lease(id) => core.leases.revoke_later(core, std::slice::from_ref(id), reason).await,
        What::Token(hash) => core.tokens.revoke(core, hash, reason).await,
        What::SecretId { keys, accessor } => {
            let mut batch = Batch::new();
            keys.iter().for_each(|key| batch.delete(key.clone()));
            core.barrier.commit(batch).await?;
            let detail = Some(format!("accessor {accessor}"));
            let event = Event { name: "secret-id-destroyed".to_owned(), reason: reason.to_owned(), detail };
            drop(core.trail.append(&Record::system(core.clock.now(), event, None)));
            Ok(())
        }
    }
}
