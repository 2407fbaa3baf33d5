//! The directory of a loop's state: one file that is there whole or not at all, a lock, and whether it is suspended.
//!
//! ```text
//! state.json    what the loop knows
//! suspended     there while it is suspended: since when, by whom and why, as JSON
//! lock          locked while a loop runs
//! mirror.git/   the copy of a remote
//! credentials.json  how far the log of credentials is
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::memory::{FORMAT, Memory};
use super::moment::Moment;
use crate::durable;

/// How often a lock is tried that somebody has, and the pause between.
const LOCK_ATTEMPTS_MAX: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// No state is as large.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Why a state could not be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another loop has it.
    #[error("another `leasehold watch` runs with the state in {}", directory.display())]
    Locked {
        /// The directory.
        directory: PathBuf,
    },
    /// It is not there.
    #[error("there is no state of `leasehold watch` in {}", directory.display())]
    Absent {
        /// The directory.
        directory: PathBuf,
    },
    /// It is another loop's.
    #[error("the state in {} is of the environment `{found}`, and not of `{asked}`", directory.display())]
    Another {
        /// The directory.
        directory: PathBuf,
        /// The environment that it is of.
        found: String,
        /// The one that was asked for.
        asked: String,
    },
    /// A newer version wrote it.
    #[error("{} has the format {found}, and this version knows {FORMAT}", file.display())]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u64,
    },
    /// It can't be understood.
    #[error("{} can't be read: {what}", file.display())]
    Odd {
        /// The file.
        file: PathBuf,
        /// Why not.
        what: String,
    },
    /// The system.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What it says.
        source: io::Error,
    },
}

impl StoreError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "stop it first, or give this one a directory of its own with --state",
            Self::Absent { .. } => "name the directory that `leasehold watch --state` was given",
            Self::Another { .. } => "give each environment a directory of its own with --state",
            Self::Newer { .. } => "use the version that wrote it",
            Self::Odd { .. } => {
                "move the file away: the next round finds out anew what is so, and only the history is lost"
            }
            Self::Io { .. } => "look at the directory's owner and at the room on its disk",
        }
    }
}

/// That a loop is suspended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Since when.
    pub since: Moment,
    /// Who said so.
    pub by: String,
    /// Why, where that was said.
    pub why: Option<String>,
}

impl std::fmt::Display for Suspension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "suspended since {} by {}", self.since, self.by)?;
        match &self.why {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

/// The directory of a loop's state.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// Locked while this loop runs.
    lock: Option<File>,
}

impl Store {
    /// Makes the directory (mode 0700) where it is not there, and takes it for a loop.
    ///
    /// # Errors
    /// [`StoreError::Locked`] and [`StoreError::Io`].
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        durable::directory(directory).map_err(io_at(directory))?;
        let file = directory.join("lock");
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(&file).map_err(io_at(&file))?;
        for attempt in 1.. {
            match lock.try_lock() {
                Ok(()) => break,
                // Somebody may just look whether a loop runs.
                Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS_MAX => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Locked { directory: directory.to_owned() });
                }
                Err(TryLockError::Error(source)) => return Err(StoreError::Io { file, source }),
            }
        }
        Ok(Self { directory: directory.to_owned(), lock: Some(lock) })
    }

    /// A directory that a loop has or had, to look at it or to suspend it.
    ///
    /// # Errors
    /// [`StoreError::Absent`].
    pub fn of(directory: &Path) -> Result<Self, StoreError> {
        match directory.join("lock").exists() {
            true => Ok(Self { directory: directory.to_owned(), lock: None }),
            false => Err(StoreError::Absent { directory: directory.to_owned() }),
        }
    }

    /// Whether a loop runs with it.
    pub fn is_running(&self) -> bool {
        let is_locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        self.lock.is_some() || File::open(self.directory.join("lock")).is_ok_and(is_locked)
    }

    /// Where all of it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the copy of a remote is.
    pub fn mirror(&self) -> PathBuf {
        self.directory.join("mirror.git")
    }

    /// What is known; none before the first round.
    ///
    /// # Errors
    /// [`StoreError::Odd`], [`StoreError::Newer`], [`StoreError::Io`].
    pub fn read(&self) -> Result<Option<Memory>, StoreError> {
        let file = self.directory.join("state.json");
        let Some(text) = text(&file)? else { return Ok(None) };
        let odd = |what: String| StoreError::Odd { file: file.clone(), what };
        let found: serde_json::Value = serde_json::from_str(&text).map_err(|error| odd(error.to_string()))?;
        match found.get("format_version").and_then(serde_json::Value::as_u64) {
            Some(FORMAT) => serde_json::from_value(found).map(Some).map_err(|error| odd(error.to_string())),
            Some(found) => Err(StoreError::Newer { file: file.clone(), found }),
            None => Err(odd("it has no format_version".to_owned())),
        }
    }

    /// The same, of this environment alone, or what is known of a new one. Where the files are from may change.
    ///
    /// # Errors
    /// [`StoreError::Another`], and as [`Store::read`].
    pub fn read_for(&self, environment: &str, source: &str) -> Result<Memory, StoreError> {
        match self.read()? {
            None => Ok(Memory::new(environment, source)),
            Some(state) if state.environment == environment => Ok(Memory { source: source.to_owned(), ..state }),
            Some(state) => Err(StoreError::Another {
                directory: self.directory.clone(),
                found: state.environment,
                asked: environment.to_owned(),
            }),
        }
    }

    /// Keeps what is known. It is durable on return.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn write(&self, state: &Memory) -> Result<(), StoreError> {
        self.put("state.json", state)
    }

    /// Whether the loop is suspended. A file that says nothing of it suspends it as well.
    ///
    /// # Errors
    /// [`StoreError::Odd`], [`StoreError::Io`].
    pub fn suspension(&self) -> Result<Option<Suspension>, StoreError> {
        let file = self.directory.join("suspended");
        let Some(text) = text(&file)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| StoreError::Odd { file, what: error.to_string() })
    }

    /// Suspends the loop. It is durable on return.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn suspend(&self, suspension: &Suspension) -> Result<(), StoreError> {
        self.put("suspended", suspension)
    }

    /// Lets the loop go on. Answers whether it was suspended.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn resume(&self) -> Result<bool, StoreError> {
        let file = self.directory.join("suspended");
        match std::fs::remove_file(&file) {
            Ok(()) => durable::sync_parent(&file).map(|()| true).map_err(io_at(&file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(StoreError::Io { file, source }),
        }
    }

    fn put(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let file = self.directory.join(name);
        let text = serde_json::to_string_pretty(value);
        let text = text.map_err(|error| StoreError::Odd { file: file.clone(), what: error.to_string() })?;
        durable::replace(&file, |into| into.write_all(format!("{text}\n").as_bytes())).map_err(io_at(&file))
    }
}

fn io_at(file: &Path) -> impl Fn(io::Error) -> StoreError {
    let file = file.to_owned();
    move |source| StoreError::Io { file: file.clone(), source }
}

fn text(file: &Path) -> Result<Option<String>, StoreError> {
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_at(file)(error)),
    };
    let mut text = String::new();
    let read = opened.take(FILE_BYTES_MAX).read_to_string(&mut text);
    read.map(|_| Some(text)).map_err(io_at(file))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use time::OffsetDateTime;

    use super::{Memory, Moment, Store, StoreError, Suspension};

    #[test]
    fn one_loop_at_a_time_has_it_and_what_is_known_is_of_one_environment() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("a/state");
        assert!(matches!(Store::of(&directory), Err(StoreError::Absent { .. })));
        let store = Store::open(&directory).unwrap();
        assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(Store::open(&directory), Err(StoreError::Locked { .. })));
        assert!(Store::of(&directory).unwrap().is_running());
        let state = store.read_for("prod", "here").unwrap();
        store.write(&state).unwrap();
        drop(store);
        assert!(!Store::of(&directory).unwrap().is_running());
        let again = Store::open(&directory).unwrap();
        assert_eq!(again.read_for("prod", "there").unwrap(), Memory { source: "there".to_owned(), ..state });
        assert!(matches!(again.read_for("dev", "here"), Err(StoreError::Another { .. })));
    }

    #[test]
    fn what_is_not_understood_is_told_and_never_taken_for_nothing() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        for (text, part) in [
            ("", "EOF"),
            ("{}", "no format_version"),
            (r#"{"format_version": 2}"#, "has the format 2"),
            (r#"{"format_version": 1, "environment": "prod"}"#, "missing field"),
        ] {
            std::fs::write(home.path().join("state.json"), text).unwrap();
            let told = store.read().unwrap_err().to_string();
            assert!(told.contains(part), "{text}: {told}");
        }
    }

    #[test]
    fn a_suspension_is_there_until_it_is_taken_back() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        assert_eq!(store.suspension().unwrap(), None);
        let since = Moment::of(OffsetDateTime::UNIX_EPOCH);
        let suspension = Suspension { since, by: "ada".to_owned(), why: Some("an incident".to_owned()) };
        store.suspend(&suspension).unwrap();
        assert_eq!(Store::of(home.path()).unwrap().suspension().unwrap(), Some(suspension.clone()));
        assert_eq!(suspension.to_string(), "suspended since 1970-01-01T00:00:00Z by ada: an incident");
        assert!(store.resume().unwrap() && !store.resume().unwrap());
        std::fs::write(home.path().join("suspended"), "").unwrap();
        assert!(store.suspension().is_err(), "a file that says nothing is not taken for none");
    }
}
