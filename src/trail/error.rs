//! Why a line is not durable, or a device not open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a line is not durable, or a device not open.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TrailError {
    /// The file could not be opened, made or read.
    #[error("the audit file {} could not be opened: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// The path leads to a directory, pipe, socket or device.
    #[error("the audit file {} is neither a file nor /dev/null", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error("the audit file {} is there and is no trail: give the path of a new file, or of one that an audit device of this kind of server wrote", path.display())]
    NotATrail {
        /// The path.
        path: PathBuf,
    },
    /// The file lies where the engine keeps its data.
    #[error("the audit file {} lies in the engine's data directory, whose files are its own: give a path outside of it", path.display())]
    KeptOut {
        /// The path.
        path: PathBuf,
    },
    /// The path may lead elsewhere later.
    #[error("the audit file {} has .. in its path: give the path without it", path.display())]
    Dots {
        /// The path.
        path: PathBuf,
    },
    /// `stdout` and other words that Vault takes for a path.
    #[error("{0:?} is not supported as an audit file: give the path of a file")]
    Unsupported(String),
    /// A prefix behind which the JSON of a line would not be found.
    #[error("the prefix {0:?} of an audit device may hold no {{ and no line ends or other control characters")]
    Prefix(String),
    /// Another device or process writes this file.
    #[error("the audit file {} is already being written by another device or process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A device of that name is open.
    #[error("an audit device named {0:?} is already open")]
    NameTaken(String),
    /// The line was not written; the device goes on trying with the next ones.
    #[error("the audit file {} could not be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// The line was written but not flushed; the device refuses everything until it is reopened.
    #[error("the audit file {} could not be flushed and takes no more lines until it is reopened (SIGHUP): {source}", path.display())]
    Flush {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// Nobody took the line at the other end.
    #[error("no audit line could be sent to {place}: {source}")]
    Peer {
        /// The address.
        place: String,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// Too much is waiting for the device, or the line is too long.
    #[error("the audit device takes no more lines: too much is waiting to be written")]
    Overloaded,
    /// The device was closed before the line was written.
    #[error("the audit device was closed")]
    Closed,
}

impl TrailError {
    /// What went wrong, without the place: for those who may not know it.
    pub fn reason(&self) -> String {
        match self {
            Self::Open { source, .. } => format!("the file could not be opened: {source}"),
            Self::Write { source, .. } => format!("lines could not be written: {source}"),
            Self::Flush { source, .. } => {
                format!("lines could not be flushed, so none is taken until SIGHUP: {source}")
            }
            Self::Peer { source, .. } => format!("lines could not be sent: {source}"),
            Self::NotAFile { .. } => "its path leads to no file".to_owned(),
            Self::NotATrail { .. } => "its file is no trail".to_owned(),
            Self::KeptOut { .. } | Self::Dots { .. } => "its path is not allowed".to_owned(),
            Self::InUse { .. } => "another device or process writes its file".to_owned(),
            Self::Unsupported(_) | Self::Prefix(_) | Self::NameTaken(_) | Self::Overloaded | Self::Closed => {
                self.to_string()
            }
        }
    }

    pub(super) fn open(path: &Path, source: std::io::Error) -> Self {
        Self::Open { path: path.to_owned(), source: Arc::new(source) }
    }

    pub(super) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source: Arc::new(source) }
    }

    pub(super) fn peer(place: &impl std::fmt::Display, source: std::io::Error) -> Self {
        Self::Peer { place: place.to_string(), source: Arc::new(source) }
    }

    pub(super) fn flush(path: &Path, source: std::io::Error) -> Self {
        Self::Flush { path: path.to_owned(), source: Arc::new(source) }
    }
}
