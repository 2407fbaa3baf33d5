//! The trail: one JSON line per request and response and per thing the engine did by itself, hash-chained,
//! durable before an answer leaves.
//!
//! [`Trail`] is handed [`Record`]s with their secrets in clear and gives each device its own line, secrets
//! hashed under that device's salt. It knows nothing of requests or leases. Line format, hashing and
//! `omitempty` follow Vault's file audit device; `credential`, `event` and `chain` are ours.

pub mod chain;
mod file;
mod hash;
mod json;
mod line;
mod loss;
pub mod query;
mod record;
mod ticket;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

pub use self::loss::Noted;
pub use self::record::{Credential, Event, Kind, Record};
pub use self::ticket::Ticket;

use self::file::{FileDevice, Oddity};
use self::hash::Hasher;
use self::line::Format;
use crate::clock::Clock;
use crate::secret::Secret;

/// All audit devices of one engine. Cloning shares them.
#[derive(Clone)]
pub struct Trail {
    devices: Arc<RwLock<Vec<Arc<Device>>>>,
    clock: Clock,
}

struct Device {
    name: String,
    built_in: bool,
    format: Arc<Format>,
    file: FileDevice,
}

/// What one device writes, and where.
#[derive(Clone, Debug)]
pub struct DeviceOptions {
    /// The file. Made with its directory (0700) if absent; a symbolic link is refused.
    pub path: PathBuf,
    /// The file's mode; execute bits are dropped. `None` leaves an existing file as it is and makes a new
    /// one with 0600.
    pub mode: Option<u32>,
    /// Whether accessors are hashed. Vault's default is yes.
    pub hmac_accessor: bool,
    /// Whether secrets are written in clear. Vault's default is no.
    pub log_raw: bool,
    /// Whether `keys` and `key_info` of lists are replaced by their counts.
    pub elide_list_responses: bool,
    /// Written before each line's JSON; may be empty. It holds no `{` and no control characters, so that
    /// readers find the JSON behind it.
    pub prefix: String,
    /// Keys the hashes. Must stay the same for the life of the device, or its hashes lose their meaning.
    pub salt: Secret,
    /// A directory whose files are not to be written, whatever path leads to them: where the engine keeps its data.
    pub kept_out_of: Option<PathBuf>,
    /// The last line as it was noted down ([`Trail::noted`]), if it was.
    pub noted: Option<Noted>,
    /// Whether the engine made it, so that [`Trail::close_device`] does not take it away.
    pub built_in: bool,
}

impl DeviceOptions {
    /// A device with Vault's defaults: mode 0600, everything hashed, lists in full.
    pub fn new(path: PathBuf, salt: Secret) -> Self {
        Self {
            path,
            mode: Some(0o600),
            hmac_accessor: true,
            log_raw: false,
            elide_list_responses: false,
            prefix: String::new(),
            salt,
            kept_out_of: None,
            noted: None,
            built_in: false,
        }
    }
}

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
    /// Too much is waiting for the disk, or the line is too long.
    #[error("the audit file takes no more lines: too much is waiting to be written")]
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
            Self::NotAFile { .. } => "its path leads to no file".to_owned(),
            Self::NotATrail { .. } => "its file is no trail".to_owned(),
            Self::KeptOut { .. } | Self::Dots { .. } => "its path is not allowed".to_owned(),
            Self::InUse { .. } => "another device or process writes its file".to_owned(),
            Self::Unsupported(_) | Self::Prefix(_) | Self::NameTaken(_) | Self::Overloaded | Self::Closed => {
                self.to_string()
            }
        }
    }

    fn open(path: &Path, source: std::io::Error) -> Self {
        Self::Open { path: path.to_owned(), source: Arc::new(source) }
    }

    fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source: Arc::new(source) }
    }

    fn flush(path: &Path, source: std::io::Error) -> Self {
        Self::Flush { path: path.to_owned(), source: Arc::new(source) }
    }
}

impl std::fmt::Debug for Trail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Trail").field(&self.device_names()).finish()
    }
}

impl Trail {
    /// A trail without devices. The clock dates the lines that devices write about themselves.
    pub fn new(clock: Clock) -> Self {
        Self { devices: Arc::default(), clock }
    }

    /// Opens a device under a name such as `trail/` or `file/`. An existing file is gone on with: its
    /// last line continues the chain, and a torn last line is cut off and told about in a system line. Answers what is
    /// missing from it, where its last line was noted down; a system line says so too.
    ///
    /// # Errors
    /// [`TrailError::Open`], [`TrailError::NotAFile`], [`TrailError::Unsupported`], [`TrailError::Prefix`], [`TrailError::InUse`],
    /// [`TrailError::NameTaken`].
    pub fn open_device(&self, name: &str, options: DeviceOptions) -> Result<Option<String>, TrailError> {
        if let Some(word) = options.path.to_str().filter(|path| ["stdout", "discard", ""].contains(path)) {
            return Err(TrailError::Unsupported(word.to_owned()));
        }
        if options.prefix.contains(|c: char| c == '{' || c.is_control()) {
            return Err(TrailError::Prefix(options.prefix));
        }
        let mut devices = self.devices.write().unwrap_or_else(PoisonError::into_inner);
        if devices.iter().any(|device| device.name == name) {
            return Err(TrailError::NameTaken(name.to_owned()));
        }
        let format = Arc::new(Format {
            hasher: Hasher::new(&options.salt),
            hmac_accessor: options.hmac_accessor,
            log_raw: options.log_raw,
            elide_list_responses: options.elide_list_responses,
            prefix: options.prefix.clone(),
        });
        let (file, missing) = FileDevice::open(&options, {
            let (format, clock) = (Arc::clone(&format), self.clock.clone());
            move |oddity| format.body(&Record::system(clock.now(), told(oddity), None))
        })?;
        devices.push(Arc::new(Device { name: name.to_owned(), built_in: options.built_in, format, file }));
        Ok(missing)
    }

    /// Writes what a device has queued and closes it. Answers whether it was open. The engine's own device
    /// is not closed this way, because that would be an unaudited way to end the audit.
    pub fn close_device(&self, name: &str) -> bool {
        let mut devices = self.devices.write().unwrap_or_else(PoisonError::into_inner);
        let found = devices.iter().position(|device| device.name == name && !device.built_in);
        let device = found.map(|at| devices.remove(at));
        drop(devices);
        if let Some(device) = &device {
            device.file.close();
        }
        device.is_some()
    }

    /// Writes what is queued and closes every device; answers what [`Trail::noted`] is then. Lines appended later have
    /// no device.
    pub fn close(&self) -> Vec<(String, Noted)> {
        let devices = std::mem::take(&mut *self.devices.write().unwrap_or_else(PoisonError::into_inner));
        devices.iter().for_each(|device| device.file.close());
        noted(&devices)
    }

    /// The last durable line of each device that keeps its lines. Noted down elsewhere it proves, at the next opening,
    /// that nothing was cut off.
    pub fn noted(&self) -> Vec<(String, Noted)> {
        self.read(noted)
    }

    /// The names of the open devices, in the order in which they were opened.
    pub fn device_names(&self) -> Vec<String> {
        self.read(|devices| devices.iter().map(|device| device.name.clone()).collect())
    }

    /// Whether any device is open. It may still be failing: only [`Ticket::durable`] tells.
    pub fn has_device(&self) -> bool {
        self.read(|devices| !devices.is_empty())
    }

    /// What is wrong with the devices: the name of each that did not take its last lines, and why.
    pub fn troubles(&self) -> Vec<(String, TrailError)> {
        let trouble = |device: &Arc<Device>| Some((device.name.clone(), device.file.trouble()?));
        self.read(|devices| devices.iter().filter_map(trouble).collect())
    }

    /// What `input` looks like in that device's lines (`sys/audit-hash`); `None` without such a device.
    pub fn hash(&self, device: &str, input: &str) -> Option<String> {
        self.read(|devices| devices.iter().find(|open| open.name == device).map(|open| open.format.hasher.hash(input)))
    }

    /// The last durable line of a device, for noting down somewhere else.
    pub fn head(&self, device: &str) -> Option<chain::Head> {
        self.read(|devices| devices.iter().find(|open| open.name == device).and_then(|open| open.file.head()))
    }

    /// Closes and opens every file again (SIGHUP), after the lines queued so far. A device that had
    /// failed is in use again if that works.
    pub fn reload(&self) {
        self.read(|devices| devices.iter().for_each(|device| device.file.reopen()));
    }

    /// Queues the record for every device, in the order of calls. It is durable when the ticket says so.
    pub fn append(&self, record: &Record) -> Ticket {
        self.read(|devices| {
            let (ticket, waiter) = Ticket::new(devices.len());
            for device in devices {
                device.file.append(device.format.body(record), Arc::clone(&waiter));
            }
            ticket
        })
    }

    fn read<T>(&self, read: impl FnOnce(&[Arc<Device>]) -> T) -> T {
        read(&self.devices.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn noted(devices: &[Arc<Device>]) -> Vec<(String, Noted)> {
    devices.iter().filter_map(|device| Some((device.name.clone(), device.file.noted()?))).collect()
}

fn told(oddity: &Oddity) -> Event {
    let (name, reason, detail) = match oddity {
        Oddity::Torn(bytes) => ("trail-line-cut", "torn", format!("{bytes} bytes without an end were cut off")),
        Oddity::Missing(what) => ("trail-lines-missing", "missing", what.clone()),
        Oddity::Unchained(what) => ("trail-restarted", "unchained", format!("the chain starts anew: {what}")),
    };
    Event { name: name.to_owned(), reason: reason.to_owned(), detail: Some(detail) }
}

#[cfg(test)]
mod tests;
