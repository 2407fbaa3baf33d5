//! `leasehold trail follow`: what is issued and what becomes of it, as lines come, over a rotation.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::time::Duration;

use super::printer::Printer;
use super::source::{Told, Trail};
use super::{FollowArgs, parse_since};
use crate::cli::audit_files::unreadable;
use crate::cli::error::CliError;
use crate::cli::format::Format;
use crate::cli::forms;
use crate::cli::global::Global;
use crate::cli::output;
use crate::clock::Clock;
use crate::trail::chain::LINE_BYTES_MAX;

/// How often it is looked for more.
const POLL: Duration = Duration::from_millis(300);

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Follows a trail until nobody reads what it prints, or somebody ends it.
pub(super) async fn run(args: FollowArgs, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let asked = global.format(forms::ANSWER)?;
    let format = if args.json { Format::Json } else { asked };
    let now = Clock::system().now();
    let since = args.since.as_deref().map(|since| parse_since(since, now)).transpose()?.unwrap_or(now);
    let trail = match args.listen {
        Some(_) => None,
        None => Some(args.source.find(global).await?),
    };
    let mut printer = Printer::new(args.chosen, since, format);
    match trail {
        None => super::listen::run(args.listen.as_deref().unwrap_or_default(), &mut printer).await,
        Some(Trail::File(path)) => of_file(path, &mut printer).await,
        Some(Trail::Engine(mut told)) => {
            let ended = of_engine(&mut told, &mut printer).await;
            told.close().await;
            ended
        }
    }
    .map(|()| 0)
}

async fn of_file(path: PathBuf, printer: &mut Printer) -> Result<(), CliError> {
    let mut tail = Tail::open(path)?;
    if !printer.begin()? {
        return Ok(());
    }
    loop {
        tail.poll(&mut |line| printer.line(line))?;
        if !printer.print(tail.dropped)? || tail.is_over() {
            return Ok(());
        }
        if tail.what == Followed::File {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Of an engine that is asked, which waits for a line as long as it may: each question is two lines of the trail.
async fn of_engine(told: &mut Told, printer: &mut Printer) -> Result<(), CliError> {
    let (mut is_begun, mut is_known) = (false, false);
    loop {
        let part = told.next(true, is_known).await?;
        if !std::mem::replace(&mut is_begun, true) && !printer.begin()? {
            return Ok(());
        }
        is_known |= !part.more;
        for line in &part.lines {
            printer.line(line.as_bytes())?;
        }
        if !printer.print(0)? {
            return Ok(());
        }
    }
}

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Followed {
    /// A file, in whose place another may come.
    File,
    /// A named pipe: when who writes it goes, another may come.
    Fifo,
    /// What comes in until it ends.
    Stream,
}

/// The end of a file that is being written.
pub(in crate::cli) struct Tail {
    path: PathBuf,
    file: File,
    what: Followed,
    is_over: bool,
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
        let is_stdin = path.as_os_str() == "-";
        let path = if is_stdin { PathBuf::from("/dev/stdin") } else { path };
        let file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
        let kind = file.metadata().map_err(|error| unreadable(&path, &error))?.file_type();
        let what = match () {
            () if is_stdin => Followed::Stream,
            () if kind.is_fifo() => Followed::Fifo,
            () => Followed::File,
        };
        Ok(Self { path, file, what, is_over: false, read: 0, pending: Vec::new(), skips: false, dropped: 0 })
    }

    /// A file, and nothing that is waited for.
    ///
    /// # Errors
    /// It can't be opened, or is a pipe.
    pub(in crate::cli) fn of_file(path: PathBuf) -> Result<Self, CliError> {
        let metadata = std::fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        if !metadata.is_file() {
            let name = output::one_line(&path.display().to_string()).into_owned();
            return Err(CliError::new(1, format!("the audit file {name} is no file")));
        }
        Self::open(path)
    }

    /// How many lines were too long, or had no end.
    pub(in crate::cli) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether nothing comes any more.
    fn is_over(&self) -> bool {
        self.is_over
    }

    /// Hands on what comes next in a pipe, and waits for it.
    fn wait(&mut self, line: &mut impl FnMut(&[u8]) -> Result<(), CliError>) -> Result<(), CliError> {
        if self.chunk(line)? > 0 {
            return Ok(());
        }
        self.dropped += u64::from(!self.pending.is_empty() || self.skips);
        (self.skips, self.pending) = (false, Vec::new());
        match self.what {
            // It opens once somebody writes again.
            Followed::Fifo => self.file = File::open(&self.path).map_err(|error| unreadable(&self.path, &error))?,
            Followed::File | Followed::Stream => self.is_over = true,
        }
        Ok(())
    }

    /// Hands on the lines that came since, also those of a file that took the place of the one that was read.
    fn poll(&mut self, line: &mut impl FnMut(&[u8]) -> Result<(), CliError>) -> Result<(), CliError> {
        if self.what != Followed::File {
            return self.wait(line);
        }
        while self.step(line)? {}
        Ok(())
    }

    /// Hands on some of them; whether there may be more already.
    pub(in crate::cli) fn step(
        &mut self,
        line: &mut impl FnMut(&[u8]) -> Result<(), CliError>,
    ) -> Result<bool, CliError> {
        if self.chunk(line)? > 0 {
            return Ok(true);
        }
        if !self.is_replaced().map_err(|error| unreadable(&self.path, &error))? {
            return Ok(false);
        }
        // What came into the old one until it was moved away.
        while self.chunk(line)? > 0 {}
        self.dropped += u64::from(!self.pending.is_empty() || self.skips);
        let (dropped, what) = (self.dropped, Followed::File);
        match File::open(&self.path) {
            Ok(file) => {
                let path = std::mem::take(&mut self.path);
                *self = Self { path, file, what, is_over: false, read: 0, pending: Vec::new(), skips: false, dropped };
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(unreadable(&self.path, &error)),
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

    /// Reads once, and answers how much there was.
    fn chunk(&mut self, line: &mut impl FnMut(&[u8]) -> Result<(), CliError>) -> Result<usize, CliError> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = self.file.read(&mut chunk).map_err(|error| unreadable(&self.path, &error))?;
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
        Ok(read)
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
