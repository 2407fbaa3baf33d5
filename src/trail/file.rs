//! The file of an audit device.
//!
//! All lines that wait are chained and written, and flushed with one `fdatasync`. It fails closed: a write or flush that
//! fails is told of every line. A failed write is cut off again and the file stays in use (the disk may get space); after
//! a failed flush nothing is known about the file any more, so it takes no line until it is reopened.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::chain::{self, Head, LINE_BYTES_MAX};
use super::error::TrailError;
use super::line::LINE_START;
use super::loss::{Noted, loss};
use super::newline::newline_before;
use super::options::FileTarget;
use super::writer::Sink;
use crate::durable;

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
        note: impl Fn(&Oddity) -> Vec<u8> + Send + 'static,
    ) -> Result<Opened, TrailError> {
        let place = Place::new(target, prefix);
        let noted = noted.filter(|noted| noted.path == target.path);
        let (mut log, oddity) = Log::open(&place, noted.map(|noted| noted.head.clone()))?;
        let missing = match noted.filter(|_| log.regular) {
            Some(noted) => loss(&mut log.file, noted).map_err(|source| TrailError::open(&target.path, source))?,
            None => None,
        };
        let oddities = oddity.into_iter().chain(missing.clone().map(Oddity::Missing));
        let first = oddities.map(|oddity| note(&oddity)).collect();
        let noted = log.noted();
        let sink = Self { place, log: Ok(log), noted, buffer: Vec::new(), note: Box::new(note) };
        Ok(Opened { sink, first, missing })
    }
}

impl Sink for FileSink {
    fn write(&mut self, bodies: &[&[u8]]) -> Vec<Result<(), TrailError>> {
        let outcome = match &mut self.log {
            Ok(log) => log.append(bodies, &mut self.buffer),
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
        self.log = Log::open(&self.place, before).and_then(|(mut log, oddity)| {
            if let Some(oddity) = oddity {
                log.append(&[&(self.note)(&oddity)], &mut self.buffer)?;
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

/// Where a device writes, and where it may not.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    mode: Option<u32>,
    prefix: String,
    /// A directory whose files are another's.
    kept_out_of: Option<PathBuf>,
}

impl Place {
    fn new(target: &FileTarget, prefix: &str) -> Self {
        let FileTarget { path, mode, kept_out_of } = target.clone();
        Self { path, mode, prefix: prefix.to_owned(), kept_out_of }
    }

    /// Refuses a path that leads into the directory, by whatever links or mounts.
    fn check_path(&self) -> Result<(), TrailError> {
        let Some(kept) = &self.kept_out_of else { return Ok(()) };
        let failed = |source| TrailError::open(&self.path, source);
        // What does not exist yet can't be followed; with `..` behind it, it could lead anywhere once it does.
        if self.path.components().any(|part| part == std::path::Component::ParentDir) {
            return Err(TrailError::Dots { path: self.path.clone() });
        }
        let there = self.path.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok());
        let kept = std::fs::metadata(kept).map_err(failed)?;
        for folder in there.iter().flat_map(|there| there.ancestors()) {
            if is_same(&std::fs::metadata(folder).map_err(failed)?, &kept) {
                return Err(TrailError::KeptOut { path: self.path.clone() });
            }
        }
        Ok(())
    }

    /// Refuses a file that is one of the directory's by another name.
    fn check_links(&self, file: &Metadata) -> Result<(), TrailError> {
        let Some(kept) = self.kept_out_of.as_ref().filter(|_| file.is_file() && file.nlink() > 1) else {
            return Ok(());
        };
        match holds(kept, file) {
            Ok(false) => Ok(()),
            Ok(true) => Err(TrailError::KeptOut { path: self.path.clone() }),
            Err(source) => Err(TrailError::open(&self.path, source)),
        }
    }
}

/// Whether a directory, or one below it, holds this very file.
fn holds(directory: &Path, file: &Metadata) -> std::io::Result<bool> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let found = match entry.metadata() {
            Ok(found) => found,
            // Its owner has removed it meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if is_same(&found, file) || (found.is_dir() && holds(&entry.path(), file)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_same(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// `/dev/null` and `/dev/full`, by their numbers (Linux, admin-guide/devices.txt): what is written to any other device
/// does something.
fn is_sink(metadata: &Metadata) -> bool {
    let device = (rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev()));
    metadata.file_type().is_char_device() && matches!(device, (1, 3 | 7))
}

/// What was wrong with the end of a file that was opened.
#[derive(Debug)]
pub(super) enum Oddity {
    /// The last line had no end and was cut off: this many bytes.
    Torn(u64),
    /// The last line is not one of ours, so the chain starts anew.
    Unchained(&'static str),
    /// A line that was noted down is not there.
    Missing(String),
}

/// An open file and its place in the chain.
struct Log {
    path: PathBuf,
    file: File,
    /// Devices such as `/dev/null` cannot be flushed, cut or read back.
    regular: bool,
    head: Head,
    /// The number of the last line before the file's first, if the file had none when it was opened.
    base: u64,
}

impl Drop for Log {
    fn drop(&mut self) {
        // A child that another thread has just forked holds the file too, and with it the lock, until it has
        // become another program; the next opening must not find it.
        if self.regular
            && let Err(error) = self.file.unlock()
        {
            tracing::warn!(path = %self.path.display(), %error, "the trail's lock was not let go");
        }
    }
}

impl Log {
    /// Opens or makes the file. `before` is where the chain goes on if the file has no line yet.
    ///
    /// Until it is known that the file is a trail, or new, nothing about it is changed: whoever may name the file
    /// must not be able to spoil others with it.
    fn open(place: &Place, before: Option<Head>) -> Result<(Self, Option<Oddity>), TrailError> {
        let Place { path, mode, .. } = place;
        let failed = |source| TrailError::open(path, source);
        place.check_path()?;
        path.parent().map_or(Ok(()), durable::directory).map_err(failed)?;
        // A final symlink would let whoever owns the directory choose the file; a pipe without a reader
        // would hang every request.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let file = OpenOptions::new()
            .append(true)
            .read(true)
            .create(true)
            .mode(mode.unwrap_or(0o600) & 0o666)
            .custom_flags(flags.bits().cast_signed())
            .open(path)
            .map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let regular = metadata.is_file();
        if !regular && !is_sink(&metadata) {
            return Err(TrailError::NotAFile { path: path.to_owned() });
        }
        place.check_links(&metadata)?;
        let mut log =
            Self { path: path.to_owned(), file, regular, head: before.unwrap_or_else(Head::genesis), base: 0 };
        if !regular {
            return Ok((log, None));
        }
        log.file.try_lock().map_err(|_| TrailError::InUse { path: path.to_owned() })?;
        if !log.is_trail(&place.prefix).map_err(failed)? {
            return Err(TrailError::NotATrail { path: path.to_owned() });
        }
        if let Some(mode) = mode
            && metadata.permissions().mode() & 0o777 != mode & 0o666
        {
            log.file.set_permissions(PermissionsExt::from_mode(mode & 0o666)).map_err(failed)?;
        }
        let before = log.head.seq;
        let oddity = log.resume().map_err(failed)?;
        log.base = if log.file.metadata().map_err(failed)?.len() == 0 { before } else { 0 };
        // The entry of a file just made must survive as well as its lines.
        if metadata.len() == 0 {
            durable::sync_parent(path).map_err(failed)?;
        }
        Ok((log, oddity))
    }

    fn noted(&self) -> Option<Noted> {
        let noted = || Noted { path: self.path.clone(), head: self.head.clone(), base: self.base };
        self.regular.then(noted)
    }

    /// Whether the file is new or was written by a device such as this: its first line, or its last, carries a chain,
    /// or it holds nothing but what a power cut leaves of a first line.
    fn is_trail(&mut self, prefix: &str) -> std::io::Result<bool> {
        let length = self.file.seek(SeekFrom::End(0))?;
        let Some(last) = self.newline_before(length)? else {
            return self.is_torn(prefix, length);
        };
        let mut line = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        chain::read_line(&mut BufReader::new(&self.file), &mut line)?;
        if chain::is_chained(&line) {
            return Ok(true);
        }
        let start = self.newline_before(last)?.map_or(0, |newline| newline + 1);
        self.file.seek(SeekFrom::Start(start))?;
        chain::read_line(&mut BufReader::new(&self.file), &mut line)?;
        Ok(chain::is_chained(&line))
    }

    /// Whether the file, which has no line end, is the beginning of a first line, with nothing or zeros behind it.
    fn is_torn(&mut self, prefix: &str, length: u64) -> std::io::Result<bool> {
        const BYTES_MAX: u64 = 1024 * 1024;
        if length > BYTES_MAX {
            return Ok(false);
        }
        let mut text = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        (&self.file).take(BYTES_MAX).read_to_end(&mut text)?;
        let written = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let start = [prefix.as_bytes(), LINE_START].concat();
        let common = written.min(start.len());
        let written = &text[..written];
        // A whole object is somebody's, unless only its line end is missing.
        let object = written.strip_prefix(prefix.as_bytes()).unwrap_or(written);
        let is_whole = serde_json::from_slice::<serde::de::IgnoredAny>(object).is_ok();
        Ok(written[..common] == start[..common] && (!is_whole || chain::is_chained(written)))
    }

    /// Finds the head in the last line, and cuts off a line without end.
    fn resume(&mut self) -> std::io::Result<Option<Oddity>> {
        let length = self.file.seek(SeekFrom::End(0))?;
        let end = self.newline_before(length)?.map_or(0, |newline| newline + 1);
        let torn = (end < length).then_some(Oddity::Torn(length - end));
        if torn.is_some() {
            self.file.set_len(end)?;
            self.file.sync_data()?;
        }
        if end == 0 {
            return Ok(torn);
        }
        let start = self.newline_before(end - 1)?.map_or(0, |newline| newline + 1);
        if end - start > LINE_BYTES_MAX as u64 {
            self.head = Head::genesis();
            return Ok(Some(Oddity::Unchained("the last line is too long")));
        }
        let mut line = Vec::new();
        self.file.seek(SeekFrom::Start(start))?;
        (&self.file).take(end - 1 - start).read_to_end(&mut line)?;
        match chain::read(&line) {
            Ok(link) => self.head = link.head,
            Err(broken) => {
                self.head = Head::genesis();
                return Ok(Some(Oddity::Unchained(broken.what())));
            }
        }
        Ok(torn)
    }

    /// Where the last newline before `end` is.
    fn newline_before(&mut self, end: u64) -> std::io::Result<Option<u64>> {
        newline_before(&mut self.file, end)
    }

    /// Writes the bodies as chained lines and flushes them. On a failed write nothing of them stays.
    fn append(&mut self, bodies: &[&[u8]], buffer: &mut Vec<u8>) -> Result<(), TrailError> {
        // Asked each time, because `copytruncate` shortens the file behind our back.
        let length = self.file.metadata().map_err(|source| TrailError::write(&self.path, source))?.len();
        let mut head = self.head.clone();
        buffer.clear();
        bodies.iter().for_each(|body| chain::seal(body, &mut head, buffer));
        if let Err(source) = self.file.write_all(buffer) {
            if self.regular && self.file.set_len(length).is_err() {
                // Part of a line may stand there now; only a reopening, which looks at the end, may go on.
                return Err(TrailError::flush(&self.path, source));
            }
            return Err(TrailError::write(&self.path, source));
        }
        if self.regular {
            self.file.sync_data().map_err(|source| TrailError::flush(&self.path, source))?;
        }
        self.head = head;
        // One huge line should not be paid for ever.
        buffer.shrink_to(1024 * 1024);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Log, Place};

    #[test]
    fn a_file_is_let_go_while_a_forked_child_still_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trail.log");
        let place = Place { path, mode: None, prefix: String::new(), kept_out_of: None };
        let (log, _) = Log::open(&place, None).unwrap();
        // What a fork copies: another descriptor of the same open file.
        let child = log.file.try_clone().unwrap();
        drop(log);
        drop(Log::open(&place, None).unwrap());
        drop(child);
    }
}
