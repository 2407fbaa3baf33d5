//! HTTP on and off: connections, TLS, limits, and one task per request.
//!
//! A request runs in a task of its own, so that it always ends (also when its client has gone) and a
//! panic in it takes nothing else along. HTTP/2 is offered by ALPN under TLS; plain connections speak
//! HTTP/1.1, where the limit on reading a head also bounds an idle connection.

mod answer;
mod json;
mod parse;
mod path;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use self::answer::{Transport, render};
use super::core::{Core, Delivery};
use super::error::Error;
use super::random;
use super::request::{Request, Response};

/// What a server takes from its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Connections at a time; more wait to be accepted.
    pub connections_max: usize,
    /// How long a request may take.
    pub request_time_max: Duration,
    /// How long the head of a request, and the wait for it, may take; also a TLS handshake and a body.
    pub read_time_max: Duration,
    /// How long a stopping server waits for requests in flight.
    pub drain_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 1024 * 1024,
            connections_max: 1024,
            request_time_max: Duration::from_secs(90),
            read_time_max: Duration::from_secs(30),
            drain_time_max: Duration::from_secs(30),
        }
    }
}

/// Bytes of a request's head: the guardrails of a role at their longest, and as much as anything else needs.
const HEAD_BYTES_MAX: usize = parse::GUARDRAILS_BYTES_MAX + 16 * 1024;
const HEADERS_MAX: usize = 64;
const HTTP2_STREAMS_MAX: u32 = 256;

/// What a connection's requests need to know.
#[derive(Clone)]
struct Connection {
    core: Arc<Core>,
    limits: Limits,
    peer: Option<SocketAddr>,
    transport: Transport,
}

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
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .keep_alive_interval(read_time_max);
    builder
}

/// Serves one plain connection until its end, or until the watcher's owner shuts down.
pub(crate) async fn serve_stream<S>(
    core: Arc<Core>,
    limits: Limits,
    io: S,
    peer: Option<SocketAddr>,
    watcher: Option<Watcher>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = Connection { core, limits, peer, transport: Transport::Plain };
    let service = service_fn(move |request| answer(connection.clone(), request));
    let builder = builder(&limits, peer).http1_only();
    let served = builder.serve_connection(TokioIo::new(io), service).into_owned();
    // Without a watcher the engine is closed already, and takes no more requests.
    let Some(watcher) = watcher else { return };
    if let Err(error) = watcher.watch(served).await {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// Accepts connections until `shutdown`, then lets the requests in flight end, within the limit.
pub(crate) async fn serve(
    core: Arc<Core>,
    limits: Limits,
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    shutdown: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let transport = if tls.is_some() { Transport::Tls } else { Transport::Plain };
        let connection = Connection { core: core.clone(), limits, peer: Some(peer), transport };
        let acceptor = tls.clone().map(TlsAcceptor::from);
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(move |request| answer(connection.clone(), request));
            let builder = builder(&limits, Some(peer));
            let served = match acceptor {
                None => {
                    let builder = builder.http1_only();
                    watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned()).await
                }
                Some(acceptor) => {
                    let Ok(Ok(stream)) = tokio::time::timeout(limits.read_time_max, acceptor.accept(stream)).await
                    else {
                        tracing::debug!(%peer, "a TLS handshake failed or took too long");
                        return;
                    };
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let builder = if http2 { builder.http2_only() } else { builder.http1_only() };
                    watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned()).await
                }
            };
            if let Err(error) = served {
                tracing::debug!(%peer, %error, "a connection ended badly");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain_time_max, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still in flight when the time to stop was up");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    // The semaphore is never closed, so a place always comes.
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Without it small answers wait for the client's acknowledgement.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%peer, %error, "TCP_NODELAY could not be set");
            }
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            // Out of file descriptors, most likely: trying again at once would only spin.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn answer(
    connection: Connection,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let transport = connection.transport;
    let (id, result) = match random::uuid() {
        Ok(id) => (id.clone(), respond(connection, id, request).await),
        Err(error) => (String::new(), Err(error)),
    };
    Ok(render(&id, result, transport))
}

async fn respond(connection: Connection, id: String, request: http::Request<Incoming>) -> Result<Response, Error> {
    let Connection { core, limits, peer, .. } = connection;
    let (parts, body) = request.into_parts();
    let body = match tokio::time::timeout(limits.read_time_max, read(body, limits.body_bytes_max)).await {
        Ok(body) => body?,
        Err(_) => return Err(Error::Invalid("the request body did not arrive in time".to_owned())),
    };
    let request: Request = parse::parse(&|path| core.mounts.folded(path), id, &parts, &body, peer)?;
    let delivery = Arc::new(Delivery::default());
    let mut task = tokio::spawn({
        let delivery = delivery.clone();
        async move { Box::pin(core.handle(&request, &delivery)).await }
    });
    let ended = match tokio::time::timeout(limits.request_time_max, &mut task).await {
        Ok(ended) => ended,
        // The task goes on to its end: what it began is finished, what it made for the client is undone.
        Err(_) if delivery.give_up() => {
            return Err(Error::Server("the request took too long and goes on without an answer".to_owned()));
        }
        // Its last step has begun, and what it makes will be the client's.
        Err(_) => task.await,
    };
    ended.unwrap_or_else(|panic| Err(Error::Internal(format!("the request ended in a panic: {panic}"))))
}

async fn read(body: Incoming, bytes_max: usize) -> Result<Bytes, Error> {
    // A body that says it is too large is refused before any of it is read.
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(Error::TooLarge);
    }
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::TooLarge),
        Err(_) => Err(Error::Invalid("the request body could not be read".to_owned())),
    }
}
