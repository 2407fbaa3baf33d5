//! HTTP on and off: connections, TLS, limits, and one task per request.
//!
//! A request runs in a task of its own, so that it always ends (also when its client has gone) and a
//! panic in it takes nothing else along. HTTP/2 is offered by ALPN under TLS; plain connections speak
//! HTTP/1.1, where the limit on reading a head also bounds an idle connection.
//!
//! Every wait for a client has a limit: for its handshake, its head, its body, its next request, and for it
//! to take its answer. Who has the places when they run out is in [`crowd`]; what a connection may hold, and
//! which answers have left, in [`visit`].

mod answer;
mod bulk;
pub(super) mod certificate;
mod crowd;
mod exchange;
mod json;
mod listener;
mod parse;
mod path;
mod pieces;
mod ui;
mod visit;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use self::answer::Transport;
use self::crowd::{Crowd, Place};
use self::exchange::Connection;
pub use self::listener::Listener;
use self::listener::Stream;
use self::visit::{Visit, Watched};
use super::setup::Limits;
use crate::engine::opening::Opening;
use crate::engine::wire::presented::Presented;
use crate::engine::wire::source::Source;

/// Bytes of a request's head: the guardrails of a role at their longest, and as much as anything else needs.
const HEAD_BYTES_MAX: usize = parse::GUARDRAILS_BYTES_MAX + 16 * 1024;
const HEADERS_MAX: usize = 64;
const HTTP2_STREAMS_MAX: u32 = 128;
/// What an HTTP/2 client may send before anybody has read it, in all its requests together.
const HTTP2_WINDOW_BYTES: u32 = 64 << 10;
/// Open files that are kept for the store, the trail and AWS.
const FILES_KEPT: u64 = 64;
/// How often clients that take too long are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

fn builder(limits: &Limits, peer: Option<SocketAddr>) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // The in-process peer is this program: its idle connection costs nothing and may wait.
    let read_time_max = peer.map(|_| limits.read_time_max);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(read_time_max)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .initial_stream_window_size(HTTP2_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_WINDOW_BYTES)
        .max_send_buf_size(64 << 10)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .keep_alive_interval(read_time_max);
    builder
}

/// Serves one plain connection until its end, or until the watcher's owner shuts down.
pub(crate) async fn serve_stream<S>(
    opening: Arc<Opening>,
    limits: Limits,
    io: S,
    peer: Option<SocketAddr>,
    watcher: Option<Watcher>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let visit = Visit::new(peer);
    let io = Watched::new(io, &visit);
    let connection = Connection {
        opening,
        limits,
        peer,
        transport: Transport::Plain,
        presented: Presented::Plain,
        visit: visit.clone(),
    };
    let service = service_fn(move |request| exchange::answer(connection.clone(), request));
    let builder = builder(&limits, peer).http1_only();
    let served = builder.serve_connection(TokioIo::new(io), service).into_owned();
    // Without a watcher the engine is closed already, and takes no more requests.
    let Some(watcher) = watcher else { return };
    if let Err(error) = watcher.watch(served).await {
        tracing::debug!(%error, "a connection ended badly");
    }
    visit.end();
}

/// Accepts connections until `shutdown`, then lets the requests in flight end, within the limit.
pub(crate) async fn serve(
    opening: Arc<Opening>,
    limits: Limits,
    listeners: Vec<Listener>,
    shutdown: impl Future<Output = ()>,
) {
    let crowd = Crowd::new();
    let places = places(&limits);
    let mut sweeps = tokio::time::interval(SWEEP_INTERVAL);
    sweeps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut shutdown => break,
            _ = sweeps.tick() => {
                crowd.sweep(&limits);
                continue;
            }
            accepted = accept(&listeners, &crowd) => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
        };
        // Only now: as long as nobody comes, nobody has to go.
        tokio::select! {
            () = &mut shutdown => break,
            () = crowd.make_room(places) => {}
        }
        let place = crowd.enter(Source::of(peer.ip()), Visit::new(Some(peer)));
        let transport = match &stream {
            Stream::Tcp(_, Some(_)) => Transport::Tls,
            Stream::Tcp(_, None) | Stream::Unix(_) => Transport::Plain,
        };
        let opening = opening.clone();
        let visit = place.visit.clone();
        let presented = Presented::Plain;
        let connection = Connection { opening, limits, peer: Some(peer), transport, presented, visit };
        let id = place.id();
        let task = match stream {
            Stream::Tcp(stream, tls) => {
                tokio::spawn(Box::pin(visited(connection, stream, tls.map(TlsAcceptor::from), place)))
            }
            Stream::Unix(stream) => tokio::spawn(Box::pin(visited(connection, stream, None, place))),
        };
        Place::served_by(&crowd, id, task.abort_handle());
    }
    drop(listeners);
    if !crowd.drain(limits.drain_time_max).await {
        tracing::warn!("requests were still in flight when the time to stop was up");
    }
}

/// How many connections there may be: as the limits say, but no more than there can be open files.
fn places(limits: &Limits) -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let places = usize::try_from(files.saturating_sub(FILES_KEPT)).unwrap_or(usize::MAX).max(1);
    if places < limits.connections_max {
        tracing::warn!(places, open_files = files, "the limit on open files leaves room for fewer connections");
    }
    places.min(limits.connections_max)
}

async fn accept(listeners: &[Listener], crowd: &Crowd) -> Option<(Stream, SocketAddr)> {
    match listener::accept(listeners).await {
        Ok((stream, peer)) => {
            // Without it small answers wait for the client's acknowledgement.
            if let Stream::Tcp(stream, _) = &stream
                && let Err(error) = stream.set_nodelay(true)
            {
                tracing::debug!(%peer, %error, "TCP_NODELAY could not be set");
            }
            Some((stream, peer))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            // Out of file descriptors, most likely: one is freed, and trying again at once would only spin.
            crowd.evict();
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Serves a connection for as long as it has its place.
async fn visited<S>(connection: Connection, stream: S, acceptor: Option<TlsAcceptor>, place: Place)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (limits, peer) = (connection.limits, connection.peer);
    let builder = builder(&limits, peer);
    let Some(acceptor) = acceptor else {
        return speak(connection, stream, &builder.http1_only(), &place).await;
    };
    let Ok(Ok(stream)) = tokio::time::timeout(limits.read_time_max, acceptor.accept(stream)).await else {
        tracing::debug!(?peer, "a TLS handshake failed or took too long");
        return;
    };
    let presented = certificate::presented(stream.get_ref().1);
    let connection = Connection { presented, ..connection };
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let builder = if http2 { builder.http2_only() } else { builder.http1_only() };
    speak(connection, stream, &builder, &place).await;
}

async fn speak<S>(connection: Connection, stream: S, builder: &auto::Builder<TokioExecutor>, place: &Place)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = connection.peer;
    let io = TokioIo::new(Watched::new(stream, &place.visit));
    let service = service_fn(move |request| exchange::answer(connection.clone(), request));
    let mut served = std::pin::pin!(builder.serve_connection(io, service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = place.visit.closing() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(?peer, %error, "a connection ended badly");
    }
}
