//! The credentials that an engine issues, in a log beside the loop: hash-chained, with the commit that allowed each.
//!
//! It goes on beside the rounds, and reads the engine's trail as its lines come: our engine's over its API, one of OpenBao or
//! Vault from its audit file, or as an audit device of the type `socket` sends it. Lines of a file and of an engine are found
//! again after a restart, so none is left out and none told twice; those of a socket that nobody listens to are gone, and the
//! server refuses its clients meanwhile if it has no other device.
//!
//! What can't be read or written is told, and tried again: nothing is passed over for that. The chain's head is noted down
//! beside the loop's state, so that a log that was cut is told at the next start.

use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::near::Near;
use crate::cli::audit_files::unreadable;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::trail::{Came, Listener, Tail, Told, filled};
use crate::clock::Clock;
use crate::durable;
use crate::secret::Secret;
use crate::text::count;
use crate::trail::relay::{Change, Mark, Relay};
use crate::trail::{DeviceOptions, Noted, Ticket, Trail, TrailError};

/// What the log is called where the trail tells of it.
const DEVICE: &str = "credentials/";

/// Where it is noted down how far the log is, in the directory of the loop's state.
const NOTES: &str = "credentials.json";

/// How often a file is looked at for more.
const POLL: Duration = Duration::from_millis(300);

/// The pauses after something failed: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// Lines of a socket that are taken at once.
const LINES_AT_ONCE: usize = 4_096;

/// Where the lines are from.
#[derive(Clone, Debug)]
pub(super) enum From {
    /// The engine tells them.
    Engine,
    /// An audit file.
    File(PathBuf),
    /// Audit devices of the type `socket` write them here.
    Socket(String),
}

/// Arguments of the log.
#[derive(Debug, clap::Args)]
pub(super) struct LogArgs {
    /// Log each credential that the engine issues to this file, hash-chained, with the commit that allowed it
    #[arg(long, value_name = "FILE", conflicts_with = "once")]
    credentials_log: Option<PathBuf>,
    /// Find them in this audit file, of OpenBao or Vault [default: our own engine is asked for its trail]
    #[arg(long, value_name = "FILE", requires = "credentials_log")]
    audit_file: Option<PathBuf>,
    /// Find them in what audit devices of the type `socket` write, at HOST:PORT or unix:/PATH; it asks nobody who he is
    #[arg(long, value_name = "ADDRESS", requires = "credentials_log", conflicts_with = "audit_file")]
    audit_listen: Option<String>,
}

impl LogArgs {
    /// The log that is asked for.
    pub(super) fn log(self) -> Option<(PathBuf, From)> {
        let from = match (self.audit_file, self.audit_listen) {
            (Some(file), _) => From::File(file),
            (None, Some(address)) => From::Socket(address),
            (None, None) => From::Engine,
        };
        self.credentials_log.map(|path| (path, from))
    }
}

/// How far a log is, as it is noted down.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    /// Its last line.
    #[serde(default)]
    noted: Option<Noted>,
    /// How far it is.
    #[serde(default)]
    mark: Option<Mark>,
}

/// What writes a log, until it is stopped.
pub(super) type Writing = Pin<Box<dyn Future<Output = ()>>>;

/// A log that is being written.
pub(super) struct Running {
    stop: watch::Sender<bool>,
    trail: Trail,
    /// Why nothing is logged, while nothing is.
    pub(super) trouble: watch::Receiver<Option<String>>,
}

impl Running {
    /// Opens the log. What writes it has to be polled.
    ///
    /// # Errors
    /// A log that can't be had; an address where nobody can listen.
    pub(super) async fn start(
        path: PathBuf,
        from: From,
        near: Near,
        state: &Path,
    ) -> Result<(Self, Writing), CliError> {
        let notes = state.join(NOTES);
        let failed = |why: String| {
            CliError::new(1, format!("credentials can't be logged to {}: {why}", output::one_line(&shown(&path))))
        };
        let known: Notes = match std::fs::read_to_string(&notes) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                failed(format!("{} can't be read: {error}", notes.display()))
                    .hint("move it away: then nobody knows any more whether the log was cut")
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Notes::default(),
            Err(error) => return Err(failed(format!("{}: {error}", notes.display()))),
        };
        let trail = Trail::new(Clock::system());
        // Nothing that is written is hidden, so the salt hides nothing.
        let options = DeviceOptions::new(path.clone(), Secret::new(""));
        let missing = trail.open_device(DEVICE, DeviceOptions { noted: known.noted, ..options });
        if let Some(missing) = missing.map_err(|error| failed(error.to_string()))? {
            output::say(&format!(
                "warning: the credentials log {} is not what was written: {missing}",
                output::one_line(&shown(&path))
            ));
        }
        let relay = match File::open(&path) {
            Ok(file) => Relay::of_log(BufReader::new(file), known.mark.as_ref()),
            Err(error) => Err(error),
        };
        let relay = relay.map_err(|error| failed(error.to_string()))?;
        let listener = match &from {
            From::Socket(address) => Some(Listener::at(address).await?),
            From::Engine | From::File(_) => None,
        };
        let ((stop, stopped), (told, trouble)) = (watch::channel(false), watch::channel(None));
        let pending = Vec::new();
        let log = Log { trail: trail.clone(), relay, near, notes, stopped, told, pending, unreadable: 0 };
        Ok((Self { stop, trail, trouble }, Box::pin(log.run(from, listener))))
    }

    /// Closes and opens the file again: it may have been moved away.
    pub(super) fn reopen(&self) {
        self.trail.reload();
    }

    /// Lets it end after what it is at.
    pub(super) async fn end(self, writing: Writing) {
        self.stop.send_replace(true);
        writing.await;
        self.trail.close();
    }
}

struct Log {
    trail: Trail,
    relay: Relay,
    near: Near,
    notes: PathBuf,
    stopped: watch::Receiver<bool>,
    told: watch::Sender<Option<String>>,
    /// What could not be written.
    pending: Vec<Change>,
    /// Of how many lines that could not be read it was told.
    unreadable: u64,
}

/// Why a turn ended.
enum End {
    /// Somebody wants that.
    Stopped,
    /// That failed.
    Failed(CliError),
}

impl std::convert::From<CliError> for End {
    fn from(error: CliError) -> Self {
        Self::Failed(error)
    }
}

impl Log {
    /// Reads and writes until it is stopped.
    async fn run(mut self, from: From, listener: Option<Listener>) {
        let mut pause = PAUSES[0];
        let mut listener = listener;
        loop {
            let began = tokio::time::Instant::now();
            let end = match (&from, &mut listener) {
                (From::Engine, _) => self.of_engine().await,
                (From::File(path), _) => self.of_file(path).await,
                (From::Socket(_), Some(listener)) => self.of_socket(listener).await,
                (From::Socket(_), None) => Err(End::Stopped),
            };
            let Err(End::Failed(error)) = end else { return };
            let why = error.message.lines().next().unwrap_or_default().to_owned();
            if self.told.send_replace(Some(why.clone())).as_deref() != Some(why.as_str()) {
                output::say("Credentials are not logged for now:");
                output::failure(&error);
            }
            pause = if began.elapsed() > PAUSES[1] { PAUSES[0] } else { (pause * 2).min(PAUSES[1]) };
            if self.waited(pause).await {
                return;
            }
            if !self.pending.is_empty() {
                // After a flush that failed the file has to be opened anew.
                self.trail.reload();
            }
        }
    }

    /// Waits; whether it is stopped meanwhile.
    async fn waited(&mut self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.stopped.wait_for(|stopped| *stopped)).await.is_ok()
    }

    async fn of_engine(&mut self) -> Result<(), End> {
        let mut told = Told::of_environment(self.near.context()?).await?;
        let ended = self.of_told(&mut told).await;
        told.close().await;
        ended
    }

    async fn of_told(&mut self, told: &mut Told) -> Result<(), End> {
        self.write(Vec::new(), 0).await?;
        let mut is_known = false;
        loop {
            let mut stopped = self.stopped.clone();
            let part = tokio::select! {
                part = told.next(true, is_known) => part?,
                _ = stopped.wait_for(|stopped| *stopped) => return Err(End::Stopped),
            };
            is_known |= !part.more;
            let mut changes = Vec::new();
            part.lines.iter().for_each(|line| self.relay.line(line.as_bytes(), &mut changes));
            self.write(changes, 0).await?;
        }
    }

    async fn of_file(&mut self, path: &Path) -> Result<(), End> {
        let mut tail = Tail::of_file(path.to_owned())?;
        loop {
            let mut changes = Vec::new();
            let relay = &mut self.relay;
            let is_more = tail.step(&mut |line| {
                relay.line(line, &mut changes);
                Ok(())
            })?;
            let dropped = tail.dropped();
            self.write(changes, dropped).await?;
            let is_stopped = *self.stopped.borrow();
            if is_stopped || !is_more && self.waited(POLL).await {
                return Err(End::Stopped);
            }
        }
    }

    async fn of_socket(&mut self, listener: &mut Listener) -> Result<(), End> {
        self.write(Vec::new(), 0).await?;
        let mut dropped = 0;
        loop {
            let mut came = Vec::new();
            let mut stopped = self.stopped.clone();
            let is_stopped = tokio::select! {
                biased;
                number = listener.came.recv_many(&mut came, LINES_AT_ONCE) => number == 0,
                _ = stopped.wait_for(|stopped| *stopped) => true,
            };
            let mut changes = Vec::new();
            for one in came {
                match one {
                    Came::Line(line) => self.relay.line(&line, &mut changes),
                    Came::Dropped => dropped += 1,
                }
            }
            self.write(changes, dropped).await?;
            if is_stopped {
                return Err(End::Stopped);
            }
        }
    }

    /// Writes what the log lacks, and notes down how far it is.
    async fn write(&mut self, mut changes: Vec<Change>, dropped: u64) -> Result<(), CliError> {
        if self.unreadable < self.relay.unreadable() + dropped {
            let more = self.relay.unreadable() + dropped - self.unreadable;
            let lines = count(usize::try_from(more).unwrap_or(usize::MAX), "line");
            output::say(&format!("warning: {lines} of the audit could not be read and were left out"));
            self.unreadable += more;
        }
        changes.splice(0..0, std::mem::take(&mut self.pending));
        if !changes.is_empty() {
            self.fill(&mut changes).await;
            self.append(changes).await.map_err(|error| {
                CliError::new(1, format!("credentials can't be logged: {error}"))
                    .hint("look at the room on the log's disk and at its owner: what is held back is written then")
            })?;
            self.note()?;
        }
        self.told.send_if_modified(|told| told.take().is_some());
        Ok(())
    }

    /// Writes changes; those that can't be are held back.
    async fn append(&mut self, changes: Vec<Change>) -> Result<(), TrailError> {
        let append = |change: Change| {
            let tickets: Vec<Ticket> = change.records().iter().map(|record| self.trail.append(record)).collect();
            (change, tickets)
        };
        let appended: Vec<_> = changes.into_iter().map(append).collect();
        let mut failed = Ok(());
        for (change, tickets) in appended {
            for ticket in tickets {
                if let Err(error) = ticket.durable().await {
                    failed = Err(error);
                    self.pending.push(change);
                    break;
                }
            }
        }
        failed
    }

    /// Says of what OpenBao or Vault issued from which commit its role was.
    async fn fill(&self, changes: &mut [Change]) {
        let of_role: Vec<usize> = (0..changes.len()).filter(|at| changes[*at].issuance.elsewhere).collect();
        if of_role.is_empty() {
            return;
        }
        let mut issued: Vec<_> = of_role.iter().map(|at| changes[*at].issuance.clone()).collect();
        match self.near.context() {
            Ok(context) => filled(&context, &mut issued).await,
            Err(error) => output::say(&format!("warning: commits are not known: {}", output::one_line(&error.message))),
        }
        for (at, issuance) in of_role.into_iter().zip(issued) {
            changes[at].issuance = issuance;
        }
    }

    fn note(&self) -> Result<(), CliError> {
        let noted = self.trail.noted().into_iter().next().map(|(_, noted)| noted);
        let notes = Notes { noted, mark: self.relay.mark() };
        let text = serde_json::to_string(&notes).map_err(io::Error::from);
        text.and_then(|text| durable::replace(&self.notes, |file| file.write_all(text.as_bytes())))
            .map_err(|error| unreadable(&self.notes, &error))
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
