//! Waiting for a line to be durable.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::error::TrailError;

/// A line on its way to the devices. Dropping it does not take the line back.
#[derive(Debug)]
#[must_use = "a line is durable only once the ticket says so"]
pub struct Ticket(Option<oneshot::Receiver<Result<(), TrailError>>>);

impl Ticket {
    /// A ticket and what its devices report to.
    pub(super) fn new(devices: usize) -> (Self, Arc<Waiter>) {
        let (sender, receiver) = oneshot::channel();
        let state = WaiterState { sender: Some(sender), left: devices };
        (Self((devices > 0).then_some(receiver)), Arc::new(Waiter(Mutex::new(state))))
    }

    /// Returns once at least one device has the line on disk; at once when there are no devices.
    ///
    /// # Errors
    /// What the last device reported, when none has the line.
    pub async fn durable(self) -> Result<(), TrailError> {
        match self.0 {
            None => Ok(()),
            Some(receiver) => receiver.await.unwrap_or(Err(TrailError::Closed)),
        }
    }
}

/// Where devices report about one line.
pub(super) struct Waiter(Mutex<WaiterState>);

struct WaiterState {
    sender: Option<oneshot::Sender<Result<(), TrailError>>>,
    left: usize,
}

impl Waiter {
    /// One device has it on disk.
    pub(super) fn flushed(&self) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).sender.take();
        if let Some(sender) = sender {
            // Nobody waits when the request was dropped; the line stands all the same.
            let _ = sender.send(Ok(()));
        }
    }

    /// One device will not have it.
    pub(super) fn failed(&self, error: TrailError) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.left = state.left.saturating_sub(1);
        if state.left > 0 {
            return;
        }
        let sender = state.sender.take();
        drop(state);
        if let Some(sender) = sender {
            let _ = sender.send(Err(error));
        }
    }
}
