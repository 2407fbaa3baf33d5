//! One connection: what it is doing, what it holds, and which answers have not left yet.
//!
//! A connection is *known* once a valid token came over it. Until then it may hold little and have little
//! open at a time, whatever the protocol: a head, a body and an open request all count.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::answer::Payload;
use super::pieces::Pieces;
use crate::engine::pipeline::handed::Handed;

/// Bytes of heads and bodies that a connection without a token may hold at a time.
pub(super) const STRANGER_BYTES_MAX: usize = 16 << 10;
/// Bytes of heads and bodies that any connection may hold at a time.
const BYTES_MAX: usize = 32 << 20;
/// Requests that a connection without a token may have open at a time.
pub(super) const STRANGER_REQUESTS_MAX: u32 = 8;

/// What a connection costs whom it is taken from, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    /// No token was seen, and nothing is being worked on.
    Stranger,
    /// No token was seen, and a request is being worked on: a login.
    StrangerAtWork,
    /// A token was seen, and nothing is being worked on.
    Known,
}

/// Why a connection may not hold more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// With a valid token it might.
    Stranger,
    /// Nobody may.
    Everybody,
}

/// The state of one connection, shared by its task, its requests and the crowd.
pub(super) struct Visit {
    state: Mutex<Traffic>,
    closing: Notify,
    /// Told when no answer is left unwritten.
    written: Notify,
}

#[derive(Debug)]
struct Traffic {
    known: bool,
    /// Since when it waits for its client; of no meaning while requests are open.
    waiting_since: Instant,
    /// Requests whose answer has not been given.
    open: u32,
    /// Of those, the ones whose body is read.
    at_work: u32,
    held: usize,
    /// Since when the other side takes no bytes.
    blocked_since: Option<Instant>,
    /// How often bytes were given to the other side.
    writes: u64,
    answers: Vec<Unwritten>,
    answers_given: u64,
}

/// An answer on its way.
#[derive(Debug)]
struct Unwritten {
    number: u64,
    given: Instant,
    /// At which count of writes its last byte was taken over by the protocol.
    taken_at: Option<u64>,
    handed: Option<Handed>,
}

impl Visit {
    /// A connection that begins. One in this process is known: it is this program's own.
    pub(super) fn new(peer: Option<SocketAddr>) -> Arc<Self> {
        let state = Traffic {
            known: peer.is_none(),
            waiting_since: Instant::now(),
            open: 0,
            at_work: 0,
            held: 0,
            blocked_since: None,
            writes: 0,
            answers: Vec::new(),
            answers_given: 0,
        };
        Arc::new(Self { state: Mutex::new(state), closing: Notify::new(), written: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, Traffic> {
        // Each use is a few assignments, so a panic elsewhere cannot have left it torn.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A valid token came over it.
    pub(super) fn recognise(&self) {
        self.state().known = true;
    }

    /// What taking its place would cost; none while that must not be done.
    pub(super) fn cost(&self) -> Option<(Cost, Instant)> {
        let state = self.state();
        let cost = match (state.known, state.at_work > 0) {
            (false, false) => Cost::Stranger,
            (false, true) => Cost::StrangerAtWork,
            (true, false) => Cost::Known,
            (true, true) => return None,
        };
        Some((cost, state.waiting_since))
    }

    /// Whether its client takes longer over something than it may.
    pub(super) fn is_overdue(&self, now: Instant, idle_time_max: Duration, write_time_max: Duration) -> bool {
        let state = self.state();
        let over = |since: Instant, limit: Duration| now.saturating_duration_since(since) > limit;
        let idle = state.open == 0 && state.answers.is_empty() && over(state.waiting_since, idle_time_max);
        let blocked = state.blocked_since.is_some_and(|since| over(since, write_time_max));
        idle || blocked || state.answers.iter().any(|answer| over(answer.given, write_time_max))
    }

    /// Whether a stopping server waits for it: somebody known still gets an answer, or anybody's request is
    /// being worked on.
    pub(super) fn is_awaited(&self) -> bool {
        let state = self.state();
        state.at_work > 0 || (state.known && (state.open > 0 || !state.answers.is_empty()))
    }

    /// Asks its task to end it after the requests that are open.
    pub(super) fn close(&self) {
        self.closing.notify_one();
    }

    /// Completes when it is asked to end.
    pub(super) async fn closing(&self) {
        self.closing.notified().await;
    }

    /// Waits until every answer has left, so that who does not read them gets no more of them made.
    pub(super) async fn written(&self) {
        loop {
            let written = self.written.notified();
            tokio::pin!(written);
            written.as_mut().enable();
            if self.state().answers.is_empty() {
                return;
            }
            written.await;
        }
    }

    /// A request begins, whose head has so many bytes.
    pub(super) fn open(self: &Arc<Self>, head_bytes: usize) -> Open {
        let mut state = self.state();
        state.open += 1;
        state.held += head_bytes;
        Open { visit: self.clone(), held: head_bytes, at_work: false }
    }

    fn full(state: &Traffic) -> Option<Full> {
        if state.held > BYTES_MAX {
            return Some(Full::Everybody);
        }
        let stranger = state.held > STRANGER_BYTES_MAX || state.open > STRANGER_REQUESTS_MAX;
        (stranger && !state.known).then_some(Full::Stranger)
    }

    /// Watches over an answer until its last byte has left.
    pub(super) fn answer(self: &Arc<Self>, payload: Payload, handed: Option<Handed>) -> Answer {
        let left = match payload {
            Payload::Bytes(bytes) if bytes.is_empty() => Left::Nothing,
            Payload::Bytes(bytes) => Left::Bytes(bytes),
            Payload::Bulk(bulk) => Pieces::of(bulk).map_or_else(Left::Unreadable, Left::Pieces),
        };
        if matches!(left, Left::Nothing) {
            // Nothing to wait for, and nothing that it could hand out.
            return Answer { left, visit: self.clone(), number: None };
        }
        let mut state = self.state();
        state.answers_given += 1;
        let number = state.answers_given;
        state.answers.push(Unwritten { number, given: Instant::now(), taken_at: None, handed });
        Answer { left, visit: self.clone(), number: Some(number) }
    }

    /// A piece of an answer is taken over, and there are more: its time begins anew.
    fn goes_on(&self, number: u64) {
        let mut state = self.state();
        if let Some(answer) = state.answers.iter_mut().find(|answer| answer.number == number) {
            answer.given = Instant::now();
        }
    }

    fn taken(&self, number: u64) {
        let mut state = self.state();
        let writes = state.writes;
        if let Some(answer) = state.answers.iter_mut().find(|answer| answer.number == number) {
            answer.taken_at = Some(writes);
        }
    }

    /// The answer will never be written: what it handed out is taken back.
    fn lost(&self, number: u64) {
        let lost = {
            let mut state = self.state();
            state.waiting_since = Instant::now();
            let at = state.answers.iter().position(|answer| answer.number == number && answer.taken_at.is_none());
            at.map(|at| state.answers.swap_remove(at))
        };
        self.written.notify_waiters();
        drop(lost);
    }

    /// The protocol gave bytes to the other side, or could not.
    fn wrote(&self, outcome: &Poll<io::Result<usize>>) {
        let mut state = self.state();
        match outcome {
            Poll::Ready(_) => state.writes += 1,
            Poll::Pending => drop(state.blocked_since.get_or_insert_with(Instant::now)),
        }
    }

    /// Everything that the protocol had is with the other side, or is not.
    fn flushed(&self, outcome: &Poll<io::Result<()>>) {
        let written = {
            let mut state = self.state();
            match outcome {
                Poll::Pending => {
                    state.blocked_since.get_or_insert_with(Instant::now);
                    return;
                }
                Poll::Ready(Err(_)) => return,
                Poll::Ready(Ok(())) => {}
            }
            state.blocked_since = None;
            if state.answers.is_empty() {
                return;
            }
            let writes = state.writes;
            let (written, left) = std::mem::take(&mut state.answers)
                .into_iter()
                .partition(|answer| answer.taken_at.is_some_and(|taken| taken < writes));
            state.answers = left;
            state.waiting_since = Instant::now();
            if state.answers.is_empty() {
                self.written.notify_waiters();
            }
            written
        };
        let written: Vec<Unwritten> = written;
        written.into_iter().filter_map(|answer| answer.handed).for_each(Handed::delivered);
    }

    /// The connection has ended: what it had not written is lost.
    pub(super) fn end(&self) {
        let lost = std::mem::take(&mut self.state().answers);
        drop(lost);
    }
}

/// One request that is open.
pub(super) struct Open {
    visit: Arc<Visit>,
    held: usize,
    at_work: bool,
}

impl Open {
    /// Holds so many bytes more.
    pub(super) fn hold(&mut self, bytes: usize) {
        self.held += bytes;
        self.visit.state().held += bytes;
    }

    /// Holds so many bytes less.
    pub(super) fn let_go(&mut self, bytes: usize) {
        let bytes = bytes.min(self.held);
        self.held -= bytes;
        let mut state = self.visit.state();
        state.held = state.held.saturating_sub(bytes);
    }

    /// Whether the connection holds more than it may.
    pub(super) fn full(&self) -> Option<Full> {
        Visit::full(&self.visit.state())
    }

    /// Everything has been read; it is being worked on from now on.
    pub(super) fn work(&mut self) {
        self.at_work = true;
        self.visit.state().at_work += 1;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.visit.state();
        state.open = state.open.saturating_sub(1);
        state.held = state.held.saturating_sub(self.held);
        state.at_work -= u32::from(self.at_work);
        state.waiting_since = Instant::now();
    }
}

/// The body of an answer, which tells its connection when it is taken over and when it is lost.
pub(super) struct Answer {
    left: Left,
    visit: Arc<Visit>,
    number: Option<u64>,
}

/// What of an answer has not been taken over.
enum Left {
    Nothing,
    Bytes(Bytes),
    Pieces(Pieces),
    Unreadable(io::Error),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = match &mut self.left {
            Left::Pieces(pieces) => match ready!(pieces.poll_next(context)) {
                Ok(piece) => piece.map(|piece| (piece, pieces.left() > 0)),
                Err(error) => return Poll::Ready(Some(Err(error))),
            },
            left => match std::mem::replace(left, Left::Nothing) {
                Left::Unreadable(error) => return Poll::Ready(Some(Err(error))),
                Left::Bytes(bytes) => Some((bytes, false)),
                Left::Nothing | Left::Pieces(_) => None,
            },
        };
        match (&piece, self.number) {
            (Some((_, true)), Some(number)) => self.visit.goes_on(number),
            (Some((_, false)), Some(number)) => {
                self.number = None;
                self.visit.taken(number);
            }
            _ => {}
        }
        Poll::Ready(piece.map(|(bytes, _)| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0) && !matches!(self.left, Left::Unreadable(_))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.left {
            Left::Nothing => SizeHint::with_exact(0),
            Left::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Left::Pieces(pieces) => SizeHint::with_exact(pieces.left()),
            Left::Unreadable(_) => SizeHint::new(),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.visit.lost(number);
        }
    }
}

/// A connection's bytes, which tell the connection what becomes of them.
pub(super) struct Watched<S> {
    stream: S,
    visit: Arc<Visit>,
}

impl<S> Watched<S> {
    /// Watches over `stream`.
    pub(super) fn new(stream: S, visit: &Arc<Visit>) -> Self {
        Self { stream, visit: visit.clone() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.visit.wrote(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.visit.wrote(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.visit.flushed(&outcome);
        outcome
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
