//! `leasehold trail follow --listen`: what audit devices of the type `socket` write to us.
//!
//! Source: Vault, "Socket audit device": a connection over TCP or a Unix socket, on which each request and each response is a
//! line of JSON. Nothing is answered, and whoever connects is believed: it is a port for the own host.

use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;

use super::printer::Printer;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::trail::chain::LINE_BYTES_MAX;

/// How many lines may wait to be printed; then who writes them waits.
const LINES_WAITING_MAX: usize = 1_024;

/// What came on a connection.
pub(in crate::cli) enum Came {
    /// A line, without its end.
    Line(Vec<u8>),
    /// A line that is longer than any, or that has no end.
    Dropped,
}

/// Takes connections until nobody reads what is printed, or somebody ends it.
pub(super) async fn run(address: &str, printer: &mut Printer) -> Result<(), CliError> {
    let Listener { mut came, socket: _socket } = Listener::at(address).await?;
    if !printer.begin()? {
        return Ok(());
    }
    let mut dropped = 0;
    while let Some(one) = came.recv().await {
        match one {
            Came::Line(line) => printer.line(&line)?,
            Came::Dropped => dropped += 1,
        }
        // What has come already is printed at once.
        while let Ok(one) = came.try_recv() {
            match one {
                Came::Line(line) => printer.line(&line)?,
                Came::Dropped => dropped += 1,
            }
        }
        if !printer.print(dropped)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Where audit devices connect.
pub(in crate::cli) struct Listener {
    /// What comes from all of them.
    pub(in crate::cli) came: mpsc::Receiver<Came>,
    socket: Socket,
}

impl Listener {
    /// Takes connections from now on.
    ///
    /// # Errors
    /// An address where nobody can listen.
    pub(in crate::cli) async fn at(address: &str) -> Result<Self, CliError> {
        let (sender, came) = mpsc::channel(LINES_WAITING_MAX);
        Ok(Self { came, socket: listen(address, sender).await? })
    }
}

/// The file of a Unix socket, which goes with the listener.
struct Socket(Option<PathBuf>);

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // It is of no use to anybody without who listens.
            let _ = std::fs::remove_file(path);
        }
    }
}

async fn listen(address: &str, sender: mpsc::Sender<Came>) -> Result<Socket, CliError> {
    let failed = |error: std::io::Error| {
        CliError::new(1, format!("nothing can connect to {}: {error}", output::one_line(address)))
            .hint("it is HOST:PORT, such as 127.0.0.1:9090, or unix:/PATH")
    };
    if let Some(path) = address.strip_prefix("unix:") {
        let path = Path::new(path);
        // One that was left behind by a listener that was killed.
        let is_stale = || std::os::unix::net::UnixStream::connect(path).is_err();
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) && is_stale() {
            std::fs::remove_file(path).map_err(failed)?;
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        output::say(&format!("listening at {}", output::one_line(address)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(read(stream, sender.clone()));
            }
        });
        return Ok(Socket(Some(path.to_owned())));
    }
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    output::say(&format!("listening at {bound}"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(read(stream, sender.clone()));
        }
    });
    Ok(Socket(None))
}

/// Hands on the lines of a connection until it ends.
async fn read(stream: impl AsyncRead + Unpin, sender: mpsc::Sender<Came>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let limit = LINE_BYTES_MAX as u64;
        // A connection that breaks ends what it was about to say.
        let Ok(length) = (&mut reader).take(limit).read_until(b'\n', &mut line).await else { return };
        if length == 0 {
            return;
        }
        let is_whole = line.pop() == Some(b'\n');
        let came = if is_whole { Came::Line(line) } else { Came::Dropped };
        if sender.send(came).await.is_err() || !is_whole {
            return;
        }
    }
}
