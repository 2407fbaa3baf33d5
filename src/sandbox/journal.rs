//! The account on disk: a journal of entities as they change, one JSON line each.
//!
//! A line is handed to the system before the call is answered, so it survives the process being killed.
//! It is not flushed to the disk: this is a simulation, and a power failure may cost its last moments.
//! At opening, and when it has grown to many times the account, the journal is written anew.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::state::{Entry, State};
use crate::durable;

/// Why a sandbox could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the directory open.
    #[error("the sandbox in {} is in use by {}", directory.display(), address.as_deref().unwrap_or("another process"))]
    InUse {
        /// The directory.
        directory: PathBuf,
        /// Where that process serves the account, if it does.
        address: Option<String>,
    },
    /// A file could not be read or written.
    #[error("the sandbox's file {} could not be used: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of the journal is not what the sandbox wrote.
    #[error("the sandbox's journal {} is damaged at line {line}: {source}", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// A journal is compacted when it has this many lines more than ten times the account's entities.
const SLACK_LINES: usize = 50_000;

/// The longest line, in bytes. A user with everything it may have is far below.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// An open journal; holds the lock of its directory.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
    lock: File,
}

impl Journal {
    /// Locks the directory, making it if absent, and replays what is in it.
    pub(super) fn open(directory: &Path) -> Result<(Self, State), OpenError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { path, source }
        };
        durable::directory(directory).map_err(failed(directory))?;
        let lock_path = directory.join("sandbox.lock");
        let lock = options().read(true).write(true).create(true).open(&lock_path).map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => lock.set_len(0).map_err(failed(&lock_path))?,
            Err(std::fs::TryLockError::WouldBlock) => {
                let address = std::fs::read_to_string(&lock_path).map_err(failed(&lock_path))?;
                let address = Some(address.trim().to_owned()).filter(|address| !address.is_empty());
                return Err(OpenError::InUse { directory: directory.to_owned(), address });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(&lock_path)(source)),
        }
        let path = directory.join("account.jsonl");
        let state = replay(&path)?;
        let (file, lines) = compact(&path, &state).map_err(failed(&path))?;
        Ok((Self { path, file, lines, lock }, state))
    }

    /// Writes down what changed.
    pub(super) fn append(&mut self, entries: &[Entry], state: &State) -> std::io::Result<()> {
        let mut text = Vec::with_capacity(1024);
        for entry in entries {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
        }
        let before = self.file.metadata()?.len();
        if let Err(error) = self.file.write_all(&text) {
            // Half a line would make the next one unreadable.
            self.file.set_len(before)?;
            return Err(error);
        }
        self.lines += entries.len();
        if self.lines > state.len() * 10 + SLACK_LINES {
            (self.file, self.lines) = compact(&self.path, state)?;
        }
        Ok(())
    }

    /// Writes into the lock file where the account is being served.
    pub(super) fn announce(&self, address: &str) -> std::io::Result<()> {
        self.lock.set_len(0)?;
        (&self.lock).write_all(address.as_bytes())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // A child that another thread has just forked holds the file too, and with it the lock, until it has
        // become another program; the next opening must not find it.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(journal = %self.path.display(), %error, "the sandbox's lock was not let go");
        }
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
}

fn replay(path: &Path) -> Result<State, OpenError> {
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    let mut state = State::default();
    let file = match options().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(state),
        Err(source) => return Err(failed(source)),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        std::io::Read::take(&mut reader, LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(failed)?;
        // A last line without end was being written when the process died; its call was not answered.
        if line.pop() != Some(b'\n') {
            break;
        }
        let entry = serde_json::from_slice(&line).map_err(|source| OpenError::Damaged {
            path: path.to_owned(),
            line: number,
            source,
        })?;
        state.replay(entry);
    }
    state.index();
    Ok(state)
}

/// Writes the whole account to a new file and puts it in the place of the old one.
fn compact(path: &Path, state: &State) -> std::io::Result<(File, usize)> {
    let mut lines = 0;
    durable::replace(path, |file| {
        let mut writer = BufWriter::new(file);
        for entry in state.entries() {
            serde_json::to_writer(&mut writer, &entry)?;
            writer.write_all(b"\n")?;
            lines += 1;
        }
        writer.flush()
    })?;
    Ok((options().append(true).open(path)?, lines))
}

#[cfg(test)]
mod tests {
    use super::Journal;

    #[test]
    fn a_directory_is_let_go_while_a_forked_child_still_holds_its_files() {
        let directory = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(directory.path()).unwrap();
        // What a fork copies: another descriptor of the same open file.
        let child = journal.lock.try_clone().unwrap();
        drop(journal);
        drop(Journal::open(directory.path()).unwrap());
        drop(child);
    }
}
