//! The file of an audit device.
//!
//! All lines that wait are chained and written, and flushed with one `fdatasync`. It fails closed: a write or flush that
//! fails is told of every line. A failed write is cut off again and the file stays in use (the disk may get space); after
//! a failed flush nothing is known about the file any more, so it takes no line until it is reopened.
//!
//! **Rotation.** A file that is long or old enough gets another name (`parts.rs`) before the next line, which goes into a new
//! file, behind one that names the file before. The chain goes on. Where that does not work, the old file is gone on with:
//! a trail that grows is better than none.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::error::TrailError;
use super::log::{Log, Oddity, Place, Reason};
use super::loss::{Noted, loss};
use super::options::{FileTarget, Rotation};
use super::parts;
use super::writer::Sink;
use crate::clock::Clock;

/// What a line has beside its body.
const CHAIN_BYTES: u64 = 200;

/// How long a rotation that failed is not tried again.
const ROTATION_PAUSE: Duration = Duration::from_secs(60);

/// Makes the body of the line that tells about an oddity.
type Note = Box<dyn Fn(&Oddity) -> Vec<u8> + Send>;

/// A device's file.
pub(super) struct FileSink {
    place: Place,
    /// The open file, or why there is none.
    log: Result<Log, TrailError>,
    noted: Option<Noted>,
    buffer: Vec<u8>,
    note: Note,
    rotation: Rotation,
    clock: Clock,
    /// Until when no rotation is tried, by [`Clock::elapsed`].
    waits: Duration,
}

/// A file that was opened.
pub(super) struct Opened {
    /// The device's sink.
    pub(super) sink: FileSink,
    /// The bodies of lines that tell what was found wrong with it.
    pub(super) first: Vec<Vec<u8>>,
    /// What is missing from it.
    pub(super) missing: Option<String>,
}

impl FileSink {
    /// Opens the file and goes on with its chain. `note` makes the body of the system line that tells what was found
    /// wrong with the file.
    pub(super) fn open(
        target: &FileTarget,
        prefix: &str,
        noted: Option<&Noted>,
        clock: Clock,
        note: impl Fn(&Oddity) -> Vec<u8> + Send + 'static,
    ) -> Result<Opened, TrailError> {
        let place = Place::new(target, prefix);
        let noted = noted.filter(|noted| noted.path == target.path);
        let (mut log, oddity) = Log::open(&place, noted.map(|noted| noted.head.clone()))?;
        let missing = match noted.filter(|_| log.regular) {
            Some(noted) => {
                missing(&target.path, &mut log, noted).map_err(|source| TrailError::open(&target.path, source))?
            }
            None => None,
        };
        let oddities = oddity.into_iter().chain(missing.clone().map(Oddity::Missing));
        let first = oddities.map(|oddity| note(&oddity)).collect();
        let noted = log.noted();
        let sink = Self {
            place,
            log: Ok(log),
            noted,
            buffer: Vec::new(),
            note: Box::new(note),
            rotation: target.rotation,
            clock,
            waits: Duration::ZERO,
        };
        Ok(Opened { sink, first, missing })
    }

    /// Goes on in a new file, if it is time for that.
    fn rotate_if_due(&mut self, bodies: &[&[u8]]) {
        let Ok(log) = &self.log else { return };
        if !log.regular || self.rotation.is_never() || self.clock.elapsed() < self.waits {
            return;
        }
        if let Err(error) = self.rotate(bodies) {
            self.waits = self.clock.elapsed() + ROTATION_PAUSE;
            tracing::error!(place = self.place(), %error, "the trail was not rotated, and goes on in the same file");
        }
    }

    fn rotate(&mut self, bodies: &[&[u8]]) -> std::io::Result<()> {
        let Ok(log) = &self.log else { return Ok(()) };
        let (is_there, length) = log.is_there()?;
        let more = bodies.iter().map(|body| body.len() as u64 + CHAIN_BYTES).sum::<u64>();
        let age = log.begun.map_or(time::Duration::ZERO, |begun| self.clock.now() - begun);
        let Some(reason) = due(self.rotation, length, more, age) else { return Ok(()) };
        // Somebody else rotates it, and will say so.
        if !is_there {
            return Err(std::io::Error::other("another file is at its path: SIGHUP goes on with that"));
        }
        let part = parts::name(&self.place.path, log.head.seq);
        if std::fs::symlink_metadata(&part).is_ok() {
            return Err(std::io::Error::other(format!("{} is there already", part.display())));
        }
        let permissions = log.file.metadata()?.permissions();
        std::fs::rename(&self.place.path, &part)?;
        let opened = Log::open(&self.place, Some(log.head.clone()));
        let mut new = match opened {
            Ok((new, _)) => new,
            Err(error) => {
                // It is the same file, and still open.
                std::fs::rename(&part, &self.place.path)?;
                return Err(std::io::Error::other(error));
            }
        };
        if self.place.mode.is_none()
            && let Err(error) = new.file.set_permissions(permissions)
        {
            tracing::warn!(place = self.place(), %error, "the new file has not the mode of the one before");
        }
        let mut told = format!("goes on from {}", file_name(&part));
        for removed in parts::remove(&self.place.path, self.rotation.max_files) {
            told += &format!("; {} was removed (rotate_max_files = {})", file_name(&removed), self.rotation.max_files);
        }
        tracing::info!(place = self.place(), told, "the trail was rotated");
        let line = (self.note)(&Oddity::Rotated(reason, told));
        // If it can't be written, neither can what comes behind it, which tells.
        let _ = new.append(&[&line], &mut self.buffer, self.clock.now());
        self.noted = new.noted();
        self.log = Ok(new);
        Ok(())
    }
}

/// Why a file is rotated before `more` bytes come into it, if it is. One without a line never is.
fn due(rotation: Rotation, length: u64, more: u64, age: time::Duration) -> Option<Reason> {
    if length == 0 {
        return None;
    }
    let is_full = rotation.bytes > 0 && length + more > rotation.bytes;
    let is_old = !rotation.age.is_zero() && age >= rotation.age;
    is_full.then_some(Reason::Size).or(is_old.then_some(Reason::Age))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What is missing since a line was noted down: it is in the file, or in one that was rotated away.
fn missing(path: &Path, log: &mut Log, noted: &Noted) -> std::io::Result<Option<String>> {
    match parts::holding(path, noted.head.seq)? {
        Some(part) => loss(&mut File::open(part.path)?, noted),
        None => loss(&mut log.file, noted),
    }
}

impl Sink for FileSink {
    fn write(&mut self, bodies: &[&[u8]]) -> Vec<Result<(), TrailError>> {
        self.rotate_if_due(bodies);
        let outcome = match &mut self.log {
            Ok(log) => log.append(bodies, &mut self.buffer, self.clock.now()),
            Err(error) => Err(error.clone()),
        };
        match &outcome {
            Ok(()) => self.noted = self.log.as_ref().ok().and_then(Log::noted),
            Err(error @ TrailError::Flush { .. }) => self.log = Err(error.clone()),
            Err(_) => {}
        }
        vec![outcome; bodies.len()]
    }

    fn reopen(&mut self) -> Result<(), TrailError> {
        // The old file must be closed first: it holds the lock, and the path may still lead to it.
        let closed = std::mem::replace(&mut self.log, Err(TrailError::Closed));
        let before = closed.ok().map(|log| log.head.clone());
        self.waits = Duration::ZERO;
        self.log = Log::open(&self.place, before).and_then(|(mut log, oddity)| {
            if let Some(oddity) = oddity {
                log.append(&[&(self.note)(&oddity)], &mut self.buffer, self.clock.now())?;
            }
            Ok(log)
        });
        match &self.log {
            Ok(log) => self.noted = log.noted(),
            Err(error) => return Err(error.clone()),
        }
        Ok(())
    }

    fn noted(&self) -> Option<Noted> {
        self.noted.clone()
    }

    fn place(&self) -> String {
        self.place.path.display().to_string()
    }
}
