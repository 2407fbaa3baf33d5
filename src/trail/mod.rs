//! The trail: one JSON line per request and response and per thing the engine did by itself, hash-chained,
//! durable before an answer leaves.
//!
//! [`Trail`] is handed [`Record`]s with their secrets in clear and gives each device its own line, secrets
//! hashed under that device's salt. It knows nothing of requests or leases. Line format, hashing and
//! `omitempty` follow Vault's file audit device; `credential`, `event` and `chain` are ours.

pub mod account;
mod asked;
pub mod chain;
mod concerned;
mod entry;
mod error;
mod file;
mod hash;
mod json;
mod line;
mod loss;
mod newline;
mod options;
pub mod page;
pub mod query;
mod record;
pub mod relay;
mod ticket;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

pub use self::error::TrailError;
pub use self::loss::Noted;
pub use self::options::DeviceOptions;
pub use self::record::{Credential, Event, LineType, Record};
pub use self::ticket::Ticket;

use self::file::{FileDevice, Oddity};
use self::hash::Hasher;
use self::line::Format;
use crate::clock::Clock;

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
    path: PathBuf,
    file: FileDevice,
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
        devices.push(Arc::new(Device {
            name: name.to_owned(),
            built_in: options.built_in,
            format,
            path: options.path,
            file,
        }));
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

    /// The file of the device that comes first of those that keep their lines, the engine's own before all others, and its last
    /// durable line; `None` where no device keeps any.
    pub fn kept(&self) -> Option<(PathBuf, chain::Head)> {
        self.read(|devices| {
            let mut kept = devices.iter().filter_map(|device| Some((device, device.file.noted()?)));
            let first = kept.next()?;
            let (device, noted) =
                if first.0.built_in { first } else { kept.find(|one| one.0.built_in).unwrap_or(first) };
            Some((device.path.clone(), noted.head))
        })
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
