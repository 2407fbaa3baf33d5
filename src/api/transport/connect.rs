//! One maker of connections: TCP, TLS over TCP, a Unix socket, or a stream that is handed in.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::DuplexStream;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::super::fault::TlsFault;
use super::CONNECT_TIMEOUT;
use super::tls::fault;

/// Makes connections for the HTTP client.
#[derive(Clone)]
pub(super) enum Connector {
    /// Over the network; with TLS where the URI says https.
    Network { tcp: HttpConnector, tls: Option<TlsConnector>, server_name: Option<ServerName<'static>> },
    /// To a Unix socket.
    Socket(Arc<Path>),
    /// To an engine in this process.
    Memory(Arc<dyn Fn() -> DuplexStream + Send + Sync>),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// Name resolution or TCP.
    #[error("no connection")]
    Tcp(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The handshake. Its text is kept, because `io::Error` hides what it wraps from `source`.
    #[error("{0}")]
    Tls(String, TlsFault),
}

/// A connection.
pub(super) enum Io {
    Tcp(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
    Socket(TokioIo<UnixStream>),
    Memory(TokioIo<DuplexStream>),
}

impl Service<Uri> for Connector {
    type Response = Io;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Io, ConnectError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        match self {
            Self::Network { tcp, .. } => tcp.poll_ready(cx).map_err(|error| ConnectError::Tcp(error.into())),
            Self::Socket(_) | Self::Memory(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self {
            Self::Socket(path) => {
                let path = path.clone();
                Box::pin(async move {
                    let stream = tokio::time::timeout(CONNECT_TIMEOUT, UnixStream::connect(&path)).await;
                    let stream = stream.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                    Ok(Io::Socket(TokioIo::new(stream.map_err(|error| ConnectError::Tcp(error.into()))?)))
                })
            }
            Self::Memory(open) => {
                let stream = open();
                Box::pin(async move { Ok(Io::Memory(TokioIo::new(stream))) })
            }
            Self::Network { tcp, tls, server_name } => {
                let tls = tls.clone().filter(|_| uri.scheme() == Some(&http::uri::Scheme::HTTPS));
                let server_name = server_name.clone();
                let connecting = tcp.call(uri.clone());
                Box::pin(async move {
                    let stream = connecting.await.map_err(|error| ConnectError::Tcp(error.into()))?;
                    match tls {
                        None => Ok(Io::Tcp(stream)),
                        Some(tls) => secure(tls, server_name, &uri, stream.into_inner()).await,
                    }
                })
            }
        }
    }
}

async fn secure(
    tls: TlsConnector,
    server_name: Option<ServerName<'static>>,
    uri: &Uri,
    stream: TcpStream,
) -> Result<Io, ConnectError> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let name = match server_name {
        Some(name) => name,
        None => ServerName::try_from(host.to_owned())
            .map_err(|error| ConnectError::Tls(error.to_string(), TlsFault::Other))?,
    };
    let stream = tls.connect(name, stream).await;
    let stream = stream.map_err(|error| ConnectError::Tls(error.to_string(), fault(&error)))?;
    Ok(Io::Tls(Box::new(TokioIo::new(stream))))
}

impl Connection for Io {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_read(cx, buffer),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_read(cx, buffer),
            Self::Socket(io) => Pin::new(io).poll_read(cx, buffer),
            Self::Memory(io) => Pin::new(io).poll_read(cx, buffer),
        }
    }
}

impl Write for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_write(cx, bytes),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_write(cx, bytes),
            Self::Socket(io) => Pin::new(io).poll_write(cx, bytes),
            Self::Memory(io) => Pin::new(io).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_flush(cx),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_flush(cx),
            Self::Socket(io) => Pin::new(io).poll_flush(cx),
            Self::Memory(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_shutdown(cx),
            Self::Socket(io) => Pin::new(io).poll_shutdown(cx),
            Self::Memory(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
