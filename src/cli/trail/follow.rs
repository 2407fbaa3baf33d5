//! `leasehold trail follow`: what is issued and what becomes of it, as lines come, over a rotation.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use super::{FollowArgs, json_line, parse_since, row};
use crate::cli::audit_files::unreadable;
use crate::cli::error::CliError;
use crate::cli::format::Format;
use crate::cli::forms;
use crate::cli::global::Global;
use crate::cli::output;
use crate::clock::Clock;
use crate::text::count;
use crate::trail::chain::LINE_BYTES_MAX;
use crate::trail::query::Following;

/// How often it is looked for more.
const POLL: Duration = Duration::from_millis(300);

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// How wide the columns are: nobody knows yet what comes.
const WIDTHS: [usize; 7] = [20, 12, 16, 20, 24, 13, 12];

/// Follows a file until nobody reads what it prints, or somebody ends it.
pub(super) async fn run(args: FollowArgs, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let as_json = args.json || global.format(forms::TABLE)? == Format::Json;
    let now = Clock::system().now();
    let since = args.since.as_deref().map(|since| parse_since(since, now)).transpose()?.unwrap_or(now);
    let path = args.source.path(global)?;
    let mut tail = Tail::open(path)?;
    let (mut following, mut told) = (Following::default(), 0);
    if !as_json && !output::streamed(&padded(&super::HEADER.map(str::to_owned)))? {
        return Ok(0);
    }
    loop {
        // What was before `since` has to be known for what comes, and is not printed.
        let mut lines = String::new();
        tail.poll(&mut |line| {
            for issuance in following.line(line) {
                if args.chosen.has(issuance) && super::is_since(&issuance.changed, since) {
                    let line = if as_json { json_line(issuance)? } else { padded(&row(issuance)) };
                    lines.push_str(&line);
                }
            }
            Ok(())
        })?;
        if !lines.is_empty() && !output::streamed(&lines)? {
            return Ok(0);
        }
        let bad = following.unreadable() + tail.dropped;
        if bad > told {
            let lines = count(usize::try_from(bad - told).unwrap_or(usize::MAX), "line");
            output::say(&format!("warning: {lines} could not be read and were left out"));
            told = bad;
        }
        tokio::time::sleep(POLL).await;
    }
}

fn padded(cells: &[String; 7]) -> String {
    let cells: Vec<String> = cells.iter().zip(WIDTHS).map(|(cell, width)| format!("{cell:width$}")).collect();
    format!("{}\n", cells.join("  ").trim_end())
}

/// The end of a file that is being written.
struct Tail {
    path: PathBuf,
    file: File,
    read: u64,
    /// A line that has no end yet.
    pending: Vec<u8>,
    /// Whether the line that is read is too long to be kept.
    skips: bool,
    /// Lines that were too long.
    dropped: u64,
}

impl Tail {
    fn open(path: PathBuf) -> Result<Self, CliError> {
        let file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
        Ok(Self { path, file, read: 0, pending: Vec::new(), skips: false, dropped: 0 })
    }

    /// Hands on the lines that came since, also those of a file that took the place of the one that was read.
    fn poll(&mut self, line: &mut impl FnMut(&[u8]) -> Result<(), CliError>) -> Result<(), CliError> {
        loop {
            self.drain(line)?;
            if !self.is_replaced().map_err(|error| unreadable(&self.path, &error))? {
                return Ok(());
            }
            // What came into the old one until it was moved away.
            self.drain(line)?;
            self.dropped += u64::from(!self.pending.is_empty() || self.skips);
            let dropped = self.dropped;
            match File::open(&self.path) {
                Ok(file) => {
                    *self = Self {
                        path: std::mem::take(&mut self.path),
                        file,
                        read: 0,
                        pending: Vec::new(),
                        skips: false,
                        dropped,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(unreadable(&self.path, &error)),
            }
        }
    }

    /// Whether another file is at the path, or this one was cut.
    fn is_replaced(&self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        match std::fs::metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) != (ours.dev(), ours.ino()) || there.len() < self.read),
            // Between two files there is none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn drain(&mut self, line: &mut impl FnMut(&[u8]) -> Result<(), CliError>) -> Result<(), CliError> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = self.file.read(&mut chunk).map_err(|error| unreadable(&self.path, &error))?;
            if read == 0 {
                return Ok(());
            }
            self.read += read as u64;
            for part in chunk[..read].split_inclusive(|byte| *byte == b'\n') {
                let is_end = part.ends_with(b"\n");
                if !self.skips {
                    self.pending.extend_from_slice(part);
                    if self.pending.len() > LINE_BYTES_MAX {
                        (self.skips, self.pending) = (true, Vec::new());
                    }
                }
                if is_end {
                    self.dropped += u64::from(self.skips);
                    if !self.skips {
                        line(self.pending.strip_suffix(b"\n").unwrap_or(&self.pending))?;
                    }
                    self.pending.clear();
                    self.skips = false;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;

    use super::Tail;

    fn lines(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        let mut take = |line: &[u8]| {
            lines.push(String::from_utf8_lossy(line).into_owned());
            Ok(())
        };
        assert!(tail.poll(&mut take).is_ok());
        lines
    }

    fn append(path: &Path, text: &str) {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn no_line_is_lost_or_read_twice_when_a_file_is_rotated_or_cut() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
        append(&path, "a\nb");
        let Ok(mut tail) = Tail::open(path.clone()) else { panic!("it opens") };
        assert_eq!(lines(&mut tail), ["a"]);
        append(&path, "c\n");
        assert_eq!(lines(&mut tail), ["bc"]);
        append(&path, "d\n");
        std::fs::rename(&path, &old).unwrap();
        assert_eq!(lines(&mut tail), ["d"]);
        append(&old, "e\n");
        append(&path, "f\n");
        assert_eq!(lines(&mut tail), ["e", "f"]);
        std::fs::write(&path, "").unwrap();
        append(&path, "g");
        assert_eq!(lines(&mut tail), Vec::<String>::new());
        append(&path, "\n");
        assert_eq!(lines(&mut tail), ["g"]);
        assert_eq!(tail.dropped, 0);
    }
}
