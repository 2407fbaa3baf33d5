//! One audit device: what waits to be written, and the one thread that writes it.
//!
//! Callers queue finished bodies; the thread takes all that are waiting, hands them to the device's sink, and only then
//! tells the waiters. So the price of a flush is shared by everybody who waits at that moment, and a device that hangs
//! hangs its own thread alone.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::chain::{Head, LINE_BYTES_MAX};
use super::error::TrailError;
use super::loss::Noted;
use super::ticket::Waiter;

/// Where the lines of a device go. It is asked by one thread, and may make that wait.
pub(super) trait Sink: Send {
    /// Chains the bodies and writes them; says of each in turn whether it is written.
    fn write(&mut self, bodies: &[&[u8]]) -> Vec<Result<(), TrailError>>;

    /// Closes what is open and goes on with whatever is there by now.
    fn reopen(&mut self) -> Result<(), TrailError>;

    /// The last durable line; none of what keeps nothing.
    fn noted(&self) -> Option<Noted>;

    /// Its place, for the log.
    fn place(&self) -> String;
}

/// A device with its thread. Dropping it writes what is queued and ends the thread.
pub(super) struct Writer {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Queue {
    state: Mutex<QueueState>,
    wake: Condvar,
    /// How many bytes may wait before new lines are refused.
    bytes_max: usize,
}

#[derive(Default)]
struct QueueState {
    entries: Vec<Entry>,
    bytes: usize,
    closing: bool,
    noted: Option<Noted>,
    /// Why the last lines were not written; none since some were.
    trouble: Option<TrailError>,
}

enum Entry {
    /// A body to chain and write.
    Line(Vec<u8>, Option<Arc<Waiter>>),
    /// Close what is open and open it again.
    Reopen,
}

impl Writer {
    /// Starts the thread, which writes `first` before all else.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start(mut sink: Box<dyn Sink>, first: Vec<Vec<u8>>, bytes_max: usize) -> std::io::Result<Self> {
        let entries = first.into_iter().map(|body| Entry::Line(body, None)).collect();
        let state = QueueState { entries, noted: sink.noted(), ..QueueState::default() };
        let queue = Arc::new(Queue { state: Mutex::new(state), wake: Condvar::new(), bytes_max });
        let thread = std::thread::Builder::new().name("trail".to_owned()).spawn({
            let queue = Arc::clone(&queue);
            move || run(&mut *sink, &queue)
        })?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)) })
    }

    /// Queues a body. The waiter, if there is one, hears when it is written, or why not.
    pub(super) fn append(&self, body: Vec<u8>, waiter: Option<Arc<Waiter>>) {
        let mut state = self.queue.lock();
        let refused = if state.closing {
            Some(TrailError::Closed)
        } else if body.len() > LINE_BYTES_MAX / 2 || state.bytes + body.len() > self.queue.bytes_max {
            state.trouble = Some(TrailError::Overloaded);
            Some(TrailError::Overloaded)
        } else {
            None
        };
        if let Some(error) = refused {
            drop(state);
            waiter.into_iter().for_each(|waiter| waiter.failed(error.clone()));
            return;
        }
        state.bytes += body.len();
        state.entries.push(Entry::Line(body, waiter));
        drop(state);
        self.queue.wake.notify_one();
    }

    /// Lines appended from now on go to whatever is at the place by then.
    pub(super) fn reopen(&self) {
        self.queue.lock().entries.push(Entry::Reopen);
        self.queue.wake.notify_one();
    }

    /// The last durable line.
    pub(super) fn head(&self) -> Option<Head> {
        self.queue.lock().noted.as_ref().map(|noted| noted.head.clone())
    }

    /// What proves later that nothing was cut off; none of a device that keeps nothing.
    pub(super) fn noted(&self) -> Option<Noted> {
        self.queue.lock().noted.clone()
    }

    /// Why the last lines were not written; none since some were.
    pub(super) fn trouble(&self) -> Option<TrailError> {
        self.queue.lock().trouble.clone()
    }

    /// Writes what is queued and ends the thread.
    pub(super) fn close(&self) {
        self.queue.lock().closing = true;
        self.queue.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The thread does not panic; if it did, its waiters have been told by being dropped.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything queued, waiting until there is something; `None` once closed and empty.
    fn take(&self) -> Option<Vec<Entry>> {
        let mut state = self.lock();
        while state.entries.is_empty() {
            if state.closing {
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes = 0;
        Some(std::mem::take(&mut state.entries))
    }
}

/// Lines that wait, with who waits for them.
type Batch = Vec<(Vec<u8>, Option<Arc<Waiter>>)>;

fn run(sink: &mut dyn Sink, queue: &Queue) {
    let mut lost = 0;
    while let Some(entries) = queue.take() {
        let mut batch = Batch::with_capacity(entries.len());
        for entry in entries {
            match entry {
                Entry::Line(body, waiter) => batch.push((body, waiter)),
                Entry::Reopen => {
                    write(sink, std::mem::take(&mut batch), queue, &mut lost);
                    let opened = sink.reopen();
                    match &opened {
                        Ok(()) => tracing::info!(place = sink.place(), "the trail was reopened"),
                        Err(error) => {
                            tracing::error!(place = sink.place(), %error, "the trail could not be reopened");
                        }
                    }
                    let mut state = queue.lock();
                    state.trouble = opened.err();
                    state.noted = sink.noted();
                }
            }
        }
        write(sink, batch, queue, &mut lost);
    }
}

/// Writes what waits. `lost` is how many lines were not written since some were.
fn write(sink: &mut dyn Sink, batch: Batch, queue: &Queue, lost: &mut usize) {
    if batch.is_empty() {
        return;
    }
    let bodies: Vec<&[u8]> = batch.iter().map(|(body, _)| body.as_slice()).collect();
    let outcomes = sink.write(&bodies);
    {
        let mut state = queue.lock();
        state.noted = sink.noted();
        state.trouble = outcomes.last().and_then(|last| last.as_ref().err().cloned());
    }
    tell(sink, &outcomes, lost);
    for ((_, waiter), outcome) in batch.into_iter().zip(outcomes) {
        let Some(waiter) = waiter else { continue };
        match outcome {
            Ok(()) => waiter.flushed(),
            Err(error) => waiter.failed(error),
        }
    }
}

/// Logs what was not written. Whoever listens may be away for long, with two lines for each request: that it is, and how
/// many it missed, is told once.
fn tell(sink: &dyn Sink, outcomes: &[Result<(), TrailError>], lost: &mut usize) {
    let lines = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let is_kept = sink.noted().is_some();
    match outcomes.iter().find_map(|outcome| outcome.as_ref().err()) {
        Some(error) => {
            if is_kept || *lost == 0 {
                tracing::error!(place = sink.place(), %error, lines, "audit lines were not written");
            }
            *lost += lines;
        }
        None if *lost > 0 => {
            tracing::warn!(place = sink.place(), lost, "audit lines are written again");
            *lost = 0;
        }
        None => {}
    }
}
