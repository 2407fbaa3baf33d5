//! What an answer hands out, and how it is taken back when nobody gets the answer.
//!
//! The value travels with the answer. Whoever sees the answer's last byte leave says so; wherever the
//! answer is lost instead (a client that went away, a connection that was closed, a panic), the value is
//! dropped, and what it stands for is revoked at once. So no way to lose an answer can be forgotten.

use std::sync::Arc;

use crate::engine::kernel::Kernel;
use crate::engine::wire::error::Error;
use crate::engine::wire::given::Given;
use crate::trail::Credential;

/// Why something is taken back, in the trail.
const REASON: &str = "answer-not-delivered";

/// Revokes what an answer hands out, unless it is told that the answer was delivered.
pub(crate) struct Handed {
    kernel: Arc<Kernel>,
    given: Option<Box<dyn Given>>,
}

impl Handed {
    /// Watches over an answer that hands out `given`.
    pub(crate) fn new(kernel: &Arc<Kernel>, given: Box<dyn Given>) -> Self {
        Self { kernel: kernel.clone(), given: Some(given) }
    }

    /// What the trail tells of it beside the answer.
    pub(super) fn credential(&self) -> Option<Credential> {
        self.given.as_ref()?.credential()
    }

    /// Whether it ends with the token that asked for it.
    pub(super) fn is_leased(&self) -> bool {
        self.given.as_ref().is_some_and(|given| given.is_leased())
    }

    /// Makes it the client's.
    pub(super) async fn activate(&self) -> Result<(), Error> {
        match &self.given {
            Some(given) => given.activate().await,
            None => Ok(()),
        }
    }

    /// Ends what no answer was made for, and waits for that.
    pub(super) async fn undo(mut self, reason: &str) -> Result<(), Error> {
        match self.given.take() {
            Some(given) => given.undo(reason).await,
            None => Ok(()),
        }
    }

    /// The answer has left for its client.
    pub(crate) fn delivered(mut self) {
        self.given = None;
    }
}

impl std::fmt::Debug for Handed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Handed").field(&self.given).finish()
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        let Some(given) = self.given.take() else { return };
        let running = self.kernel.running();
        let taking_back = async move {
            let _running = running;
            match given.take_back(REASON).await {
                Ok(()) => tracing::info!(?given, "taken back: its answer was not delivered"),
                Err(error) => {
                    tracing::error!(?given, %error, "its answer was not delivered, and it could not be taken back");
                }
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(taking_back)),
            Err(_) => tracing::error!("an answer was lost as the process ended; what it handed out ends with its TTL"),
        }
    }
}
