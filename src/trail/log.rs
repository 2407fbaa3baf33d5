//! An open file of a trail: what may be one, where its chain goes on, and how lines are appended.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::chain::{self, Head, LINE_BYTES_MAX};
use super::entry::Entry;
use super::error::TrailError;
use super::line::LINE_START;
use super::loss::Noted;
use super::newline::newline_before;
use super::options::FileTarget;
use super::parts;
use crate::durable;

/// Where a device writes, and where it may not.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) mode: Option<u32>,
    prefix: String,
    /// A directory whose files are another's.
    kept_out_of: Option<PathBuf>,
}

impl Place {
    pub(super) fn new(target: &FileTarget, prefix: &str) -> Self {
        let FileTarget { path, mode, kept_out_of, .. } = target.clone();
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

/// What there is to tell of a file.
#[derive(Debug)]
pub(super) enum Oddity {
    /// The last line had no end and was cut off: this many bytes.
    Torn(u64),
    /// The last line is not one of ours, so the chain starts anew.
    Unchained(&'static str),
    /// A line that was noted down is not there.
    Missing(String),
    /// It is new, because of its size or age: what became of the one before.
    Rotated(Reason, String),
}

/// Why a file was rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It would be longer than it may be.
    Size,
    /// Its first line is older than it may be.
    Age,
}

/// An open file and its place in the chain.
pub(super) struct Log {
    path: PathBuf,
    pub(super) file: File,
    /// Devices such as `/dev/null` cannot be flushed, cut or read back.
    pub(super) regular: bool,
    pub(super) head: Head,
    /// When its first line was written, if it has one.
    pub(super) begun: Option<OffsetDateTime>,
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
    pub(super) fn open(place: &Place, before: Option<Head>) -> Result<(Self, Option<Oddity>), TrailError> {
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
        let mut log = Self {
            path: path.to_owned(),
            file,
            regular,
            head: before.unwrap_or_else(Head::genesis),
            begun: None,
            base: 0,
        };
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
        let mut before = log.head.clone();
        let oddity = log.resume().map_err(failed)?;
        if log.file.metadata().map_err(failed)?.len() == 0 {
            // A kill may have come after the file before got its other name, and before anything was noted down.
            before = parts::last(path).map_err(failed)?.filter(|last| last.seq > before.seq).unwrap_or(before);
            (log.base, log.head) = (before.seq, before);
        } else {
            log.begun = log.first_time().map_err(failed)?;
        }
        // The entry of a file just made must survive as well as its lines.
        if metadata.len() == 0 {
            durable::sync_parent(path).map_err(failed)?;
        }
        Ok((log, oddity))
    }

    /// What proves later that nothing was cut off.
    pub(super) fn noted(&self) -> Option<Noted> {
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

    /// When the first line was written, as far as it says so.
    fn first_time(&mut self) -> std::io::Result<Option<OffsetDateTime>> {
        let mut line = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        chain::read_line(&mut BufReader::new(&self.file), &mut line)?;
        Ok(Entry::read(&line).and_then(|entry| entry.at()))
    }

    /// Whether this file is at the path, and how long it is.
    pub(super) fn is_there(&self) -> std::io::Result<(bool, u64)> {
        let ours = self.file.metadata()?;
        match std::fs::symlink_metadata(&self.path) {
            Ok(there) => Ok((is_same(&ours, &there), ours.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((false, ours.len())),
            Err(error) => Err(error),
        }
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
    pub(super) fn append(
        &mut self,
        bodies: &[&[u8]],
        buffer: &mut Vec<u8>,
        now: OffsetDateTime,
    ) -> Result<(), TrailError> {
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
        if length == 0 {
            self.begun = Some(now);
        }
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
