//! Where connections come in: TCP, with TLS or without, and Unix sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// One of them.
pub enum Listener {
    /// A TCP port; with TLS, where there is a configuration of it.
    Tcp(TcpListener, Option<Arc<rustls::ServerConfig>>),
    /// A Unix socket, which is this machine's: who connects counts as `127.0.0.1`, with port 0.
    Unix(UnixListener),
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp(..) => "Tcp",
            Self::Unix(_) => "Unix",
        })
    }
}

/// A connection that came in.
pub(super) enum Stream {
    Tcp(TcpStream, Option<Arc<rustls::ServerConfig>>),
    Unix(UnixStream),
}

impl Listener {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(Stream, SocketAddr)>> {
        match self {
            Self::Tcp(listener, tls) => {
                listener.poll_accept(context).map_ok(|(stream, peer)| (Stream::Tcp(stream, tls.clone()), peer))
            }
            Self::Unix(listener) => {
                let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                listener.poll_accept(context).map_ok(|(stream, _)| (Stream::Unix(stream), peer))
            }
        }
    }
}

/// The next connection of any of them.
pub(super) async fn accept(listeners: &[Listener]) -> io::Result<(Stream, SocketAddr)> {
    std::future::poll_fn(|context| {
        let ready = listeners.iter().map(|listener| listener.poll_accept(context)).find(Poll::is_ready);
        ready.unwrap_or(Poll::Pending)
    })
    .await
}
