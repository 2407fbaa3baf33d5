//! The socket of an audit device: lines to whoever listens there.
//!
//! Nothing is known of a line but that the system took it, so none counts as durable. What nobody took is lost here, and
//! shows: lines are numbered and chained from each start on, lost ones too. Whoever listens is never waited for longer
//! than the device's timeout; a connection that was closed, or took too long, is made anew for the next lines.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::chain::{self, Head};
use super::error::TrailError;
use super::loss::Noted;
use super::options::{SocketAddress, SocketTarget};
use super::writer::Sink;
use crate::clock::Clock;

/// So many bytes are given the timeout once more.
const BYTES_PER_TIMEOUT: usize = 1024 * 1024;

/// A device's socket.
pub(super) struct StreamSink {
    target: SocketTarget,
    clock: Clock,
    stream: Option<Stream>,
    head: Head,
    buffer: Vec<u8>,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl StreamSink {
    /// A sink that connects when there is something to write.
    pub(super) fn new(target: SocketTarget, clock: Clock) -> Self {
        Self { target, clock, stream: None, head: Head::genesis(), buffer: Vec::new() }
    }

    /// Writes what is in the buffer from `start` on; answers up to where it was taken, and why not further.
    fn send(&mut self, start: usize, until: Duration) -> (usize, Result<()>) {
        // Whoever listened may have gone away, and be back.
        let open = self.stream.take().and_then(|mut stream| (!stream.is_closed()).then_some(stream));
        let mut stream = match open.map_or_else(|| connect(&self.target.address, self.left(until)), Ok) {
            Ok(stream) => stream,
            Err(error) => return (start, Err(error)),
        };
        let mut at = start;
        while at < self.buffer.len() {
            let left = self.left(until);
            if left.is_zero() {
                return (at, Err(ErrorKind::TimedOut.into()));
            }
            match stream.set_timeout(left).and_then(|()| stream.write(&self.buffer[at..])) {
                Ok(0) => return (at, Err(ErrorKind::WriteZero.into())),
                Ok(taken) => at += taken,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return (at, Err(ErrorKind::TimedOut.into())),
                Err(error) => return (at, Err(error)),
            }
        }
        self.stream = Some(stream);
        (at, Ok(()))
    }

    fn left(&self, until: Duration) -> Duration {
        until.saturating_sub(self.clock.elapsed())
    }

    fn failed(&self, source: Error) -> TrailError {
        let source = match source.kind() {
            ErrorKind::TimedOut => Error::new(
                ErrorKind::TimedOut,
                format!("whoever listens took nothing for {:?}", self.target.write_timeout),
            ),
            _ => source,
        };
        TrailError::peer(&self.target.address, source)
    }
}

impl Sink for StreamSink {
    fn write(&mut self, bodies: &[&[u8]]) -> Vec<std::result::Result<(), TrailError>> {
        self.buffer.clear();
        let mut ends = Vec::with_capacity(bodies.len());
        for body in bodies {
            chain::seal(body, &mut self.head, &mut self.buffer);
            ends.push(self.buffer.len());
        }
        let timeouts = u32::try_from(1 + self.buffer.len() / BYTES_PER_TIMEOUT).unwrap_or(u32::MAX);
        let until = self.clock.elapsed() + self.target.write_timeout.saturating_mul(timeouts);
        let was_open = self.stream.is_some();
        let (mut at, mut outcome) = self.send(0, until);
        if was_open && outcome.as_ref().is_err_and(|error| error.kind() != ErrorKind::TimedOut) {
            // A connection that was broken meanwhile: a line that went half is sent whole on the next one.
            let whole = ends.iter().rev().find(|end| **end <= at).copied().unwrap_or_default();
            (at, outcome) = self.send(whole, until);
        }
        // One huge line should not be paid for ever.
        self.buffer.shrink_to(1024 * 1024);
        let error = outcome.err().map(|error| self.failed(error));
        let told = |end: usize| match &error {
            Some(error) if end > at => Err(error.clone()),
            _ => Ok(()),
        };
        ends.into_iter().map(told).collect()
    }

    fn reopen(&mut self) -> std::result::Result<(), TrailError> {
        self.stream = None;
        let stream = connect(&self.target.address, self.target.write_timeout).map_err(|error| self.failed(error))?;
        self.stream = Some(stream);
        Ok(())
    }

    fn noted(&self) -> Option<Noted> {
        None
    }

    fn place(&self) -> String {
        self.target.address.to_string()
    }
}

fn connect(address: &SocketAddress, within: Duration) -> Result<Stream> {
    match address {
        SocketAddress::Tcp(address) => {
            let mut last = Error::new(ErrorKind::NotFound, "the name has no address");
            for address in address.to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, within.max(Duration::from_millis(1))) {
                    Ok(stream) => {
                        stream.set_nodelay(true)?;
                        return Ok(Stream::Tcp(stream));
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        SocketAddress::Unix(path) => connect_unix(path).map(Stream::Unix),
    }
}

/// Connects, or fails at once: the standard library's way would wait, without a limit, for who does not accept.
fn connect_unix(path: &Path) -> Result<UnixStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let stream = runtime.block_on(tokio::net::UnixStream::connect(path))?.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

impl Stream {
    fn set_timeout(&self, timeout: Duration) -> Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(Some(timeout)),
            Self::Unix(stream) => stream.set_write_timeout(Some(timeout)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    /// Whether the other end was closed. A system takes bytes for some time after that, and they would be lost unseen.
    fn is_closed(&mut self) -> bool {
        fn look(stream: &mut impl Read) -> bool {
            // Whoever listens has nothing to say; what it says all the same is passed over.
            match stream.read(&mut [0; 1024]) {
                Ok(taken) => taken == 0,
                Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            }
        }
        match self {
            Self::Tcp(stream) => {
                stream.set_nonblocking(true).is_err() || look(stream) || stream.set_nonblocking(false).is_err()
            }
            Self::Unix(stream) => {
                stream.set_nonblocking(true).is_err() || look(stream) || stream.set_nonblocking(false).is_err()
            }
        }
    }
}
