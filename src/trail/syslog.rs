//! The machine's syslog as an audit device: a datagram a line, to whoever listens at its socket.
//!
//! The form is that of Vault's device (hashicorp/go-syslog, `builtin.go`), RFC 3164 as it is spoken on a machine, without
//! the host's name: `<PRI>Nov 23 20:49:23 TAG[PID]: {...}`. Times are in UTC; the line's JSON has its own. As at any
//! socket, nothing is known of a line but that the system took it.

use std::io::{Error, ErrorKind, Result, Write as _};
use std::os::unix::net::UnixDatagram;

use time::OffsetDateTime;

use super::chain::{self, Head};
use super::error::TrailError;
use super::loss::Noted;
use super::options::SyslogTarget;
use super::writer::Sink;
use crate::clock::Clock;

/// Informational: nothing in the trail is a fault of the machine's.
const SEVERITY: u8 = 6;

/// A device's way to syslog.
pub(super) struct SyslogSink {
    target: SyslogTarget,
    clock: Clock,
    socket: Option<UnixDatagram>,
    head: Head,
    buffer: Vec<u8>,
}

impl SyslogSink {
    /// A sink that connects when there is something to write.
    pub(super) fn new(target: SyslogTarget, clock: Clock) -> Self {
        Self { target, clock, socket: None, head: Head::genesis(), buffer: Vec::new() }
    }

    fn connect(&mut self) -> Result<&UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(&self.target.path)?;
        socket.set_write_timeout(Some(self.target.write_timeout))?;
        Ok(self.socket.insert(socket))
    }

    /// Sends what is in the buffer, to whoever listens by now.
    fn send(&mut self) -> Result<()> {
        if let Some(socket) = &self.socket {
            match socket.send(&self.buffer) {
                Ok(_) => return Ok(()),
                // It was made anew, as at a restart of syslog.
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        self.connect()?;
        match &self.socket {
            Some(socket) => socket.send(&self.buffer).map(drop),
            None => Err(ErrorKind::NotConnected.into()),
        }
    }

    fn fill(&mut self, body: &[u8]) {
        self.buffer.clear();
        write_start(self.clock.now(), self.target.facility * 8 + SEVERITY, &mut self.buffer);
        // Writing to a vector cannot fail.
        let _ = write!(self.buffer, " {}[{}]: ", self.target.tag, std::process::id());
        let mut line = Vec::with_capacity(body.len() + 256);
        chain::seal(body, &mut self.head, &mut line);
        self.buffer.extend_from_slice(line.trim_ascii_end());
    }

    fn failed(&self, source: Error) -> TrailError {
        let source = match source.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                Error::new(ErrorKind::TimedOut, format!("syslog took nothing for {:?}", self.target.write_timeout))
            }
            _ => source,
        };
        TrailError::peer(&self.target.path.display(), source)
    }
}

impl Sink for SyslogSink {
    fn write(&mut self, bodies: &[&[u8]]) -> Vec<std::result::Result<(), TrailError>> {
        let mut outcomes = Vec::with_capacity(bodies.len());
        let mut hangs: Option<TrailError> = None;
        for body in bodies {
            self.fill(body);
            // Who waits for the last line waits for one timeout, not for one for each.
            let outcome = match &hangs {
                Some(error) => Err(error.clone()),
                None => self.send().map_err(|error| {
                    let is_slow = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    let error = self.failed(error);
                    hangs = is_slow.then(|| error.clone());
                    error
                }),
            };
            outcomes.push(outcome);
        }
        // One huge line should not be paid for ever.
        self.buffer.shrink_to(1024 * 1024);
        outcomes
    }

    fn reopen(&mut self) -> std::result::Result<(), TrailError> {
        self.socket = None;
        self.connect().map(drop).map_err(|error| self.failed(error))
    }

    fn noted(&self) -> Option<Noted> {
        None
    }

    fn place(&self) -> String {
        self.target.path.display().to_string()
    }
}

/// Whether nobody listens at the other end any more.
fn is_gone(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::NotConnected
            | ErrorKind::BrokenPipe
            | ErrorKind::NotFound
    )
}

/// Appends `<PRI>Mmm dd hh:mm:ss` (RFC 3164, 4.1).
fn write_start(now: OffsetDateTime, priority: u8, out: &mut Vec<u8>) {
    let now = now.to_offset(time::UtcOffset::UTC);
    let month = now.month().to_string();
    // Writing to a vector cannot fail.
    let _ = write!(
        out,
        "<{priority}>{} {:>2} {:02}:{:02}:{:02}",
        month.get(..3).unwrap_or(&month),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    );
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::write_start;

    #[test]
    fn times_are_those_of_rfc_3164() {
        for (time, expected) in [
            (datetime!(2026-11-23 20:49:23.5 UTC), "<38>Nov 23 20:49:23"),
            (datetime!(2026-02-03 04:05:06 +5), "<38>Feb  2 23:05:06"),
        ] {
            let mut out = Vec::new();
            write_start(time, 4 * 8 + super::SEVERITY, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
