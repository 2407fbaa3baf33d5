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
mod log;
mod loss;
mod newline;
mod options;
pub mod page;
pub mod parts;
pub mod query;
mod record;
pub mod relay;
mod stream;
mod syslog;
mod ticket;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

pub use self::error::TrailError;
pub use self::loss::{Noted, missing};
pub use self::options::{DeviceOptions, FileTarget, Rotation, SocketAddress, SocketTarget, SyslogTarget, Target};
pub use self::record::{Credential, Event, LineType, Record};
pub use self::ticket::Ticket;

use self::file::{FileSink, Opened};
use self::hash::Hasher;
use self::line::Format;
use self::log::{Oddity, Reason};
use self::stream::StreamSink;
use self::syslog::SyslogSink;
use self::writer::Writer;
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
    /// Its file, if it has one.
    path: Option<PathBuf>,
    /// Whether what it has taken is still there later.
    keeps: bool,
    writer: Writer,
}

/// How many bytes may wait for a disk before new lines are refused.
const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How many bytes may wait for whoever listens somewhere.
const SOCKET_BYTES_MAX: usize = 64 * 1024 * 1024;

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
        let word = options.target.path().and_then(|path| path.to_str());
        if let Some(word) = word.filter(|path| ["stdout", "discard", ""].contains(path)) {
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
        let path = options.target.path().cloned();
        let (writer, missing) = self.start(&options, &format)?;
        devices.push(Arc::new(Device {
            name: name.to_owned(),
            built_in: options.built_in,
            format,
            path,
            keeps: writer.noted().is_some(),
            writer,
        }));
        Ok(missing)
    }

    /// Takes a device over from another trail, as it is: open, and with its chain.
    ///
    /// # Errors
    /// [`TrailError::NameTaken`]; [`TrailError::Closed`] where there is no such device.
    pub fn take_over(&self, from: &Self, name: &str) -> Result<(), TrailError> {
        let mut devices = self.devices.write().unwrap_or_else(PoisonError::into_inner);
        if devices.iter().any(|device| device.name == name) {
            return Err(TrailError::NameTaken(name.to_owned()));
        }
        let mut others = from.devices.write().unwrap_or_else(PoisonError::into_inner);
        let found = others.iter().position(|device| device.name == name).ok_or(TrailError::Closed)?;
        devices.push(others.remove(found));
        Ok(())
    }

    /// Opens what a device writes to, and starts its thread.
    fn start(&self, options: &DeviceOptions, format: &Arc<Format>) -> Result<(Writer, Option<String>), TrailError> {
        match &options.target {
            Target::File(target) => {
                let (format, clock) = (Arc::clone(format), self.clock.clone());
                let note = move |oddity: &Oddity| format.body(&Record::system(clock.now(), told(oddity), None));
                let (prefix, noted) = (&options.prefix, options.noted.as_ref());
                let Opened { sink, first, missing } = FileSink::open(target, prefix, noted, self.clock.clone(), note)?;
                let writer = Writer::start(Box::new(sink), first, FILE_BYTES_MAX);
                Ok((writer.map_err(|source| TrailError::open(&target.path, source))?, missing))
            }
            Target::Socket(target) => {
                let sink = StreamSink::new(target.clone(), self.clock.clone());
                let writer = Writer::start(Box::new(sink), Vec::new(), SOCKET_BYTES_MAX);
                Ok((writer.map_err(|source| TrailError::peer(&target.address, source))?, None))
            }
            Target::Syslog(target) => {
                let sink = SyslogSink::new(target.clone(), self.clock.clone());
                let writer = Writer::start(Box::new(sink), Vec::new(), SOCKET_BYTES_MAX);
                Ok((writer.map_err(|source| TrailError::peer(&target.path.display(), source))?, None))
            }
        }
    }

    /// Writes what a device has queued and closes it. Answers whether it was open. It waits for that. The engine's own device
    /// is not closed this way, because that would be an unaudited way to end the audit.
    pub fn close_device(&self, name: &str) -> bool {
        let mut devices = self.devices.write().unwrap_or_else(PoisonError::into_inner);
        let found = devices.iter().position(|device| device.name == name && !device.built_in);
        let device = found.map(|at| devices.remove(at));
        drop(devices);
        if let Some(device) = &device {
            device.writer.close();
        }
        device.is_some()
    }

    /// Writes what is queued and closes every device; answers what [`Trail::noted`] is then. Lines appended later have
    /// no device.
    pub fn close(&self) -> Vec<(String, Noted)> {
        let devices = std::mem::take(&mut *self.devices.write().unwrap_or_else(PoisonError::into_inner));
        devices.iter().for_each(|device| device.writer.close());
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
        let trouble = |device: &Arc<Device>| Some((device.name.clone(), device.writer.trouble()?));
        self.read(|devices| devices.iter().filter_map(trouble).collect())
    }

    /// What `input` looks like in that device's lines (`sys/audit-hash`); `None` without such a device.
    pub fn hash(&self, device: &str, input: &str) -> Option<String> {
        self.read(|devices| devices.iter().find(|open| open.name == device).map(|open| open.format.hasher.hash(input)))
    }

    /// The last durable line of a device, for noting down somewhere else.
    pub fn head(&self, device: &str) -> Option<chain::Head> {
        self.read(|devices| devices.iter().find(|open| open.name == device).and_then(|open| open.writer.head()))
    }

    /// The file of the device that comes first of those that keep their lines, the engine's own before all others, and its last
    /// durable line; `None` where no device keeps any.
    pub fn kept(&self) -> Option<(PathBuf, chain::Head)> {
        self.read(|devices| {
            let mut kept = devices
                .iter()
                .filter_map(|device| Some((device.built_in, device.path.clone()?, device.writer.noted()?.head)));
            let first = kept.next()?;
            let (_, path, head) = if first.0 { first } else { kept.find(|one| one.0).unwrap_or(first) };
            Some((path, head))
        })
    }

    /// Closes and opens every file again (SIGHUP), after the lines queued so far. A device that had
    /// failed is in use again if that works.
    pub fn reload(&self) {
        self.read(|devices| devices.iter().for_each(|device| device.writer.reopen()));
    }

    /// Queues the record for every device, in the order of calls. It is durable when the ticket says so: when it is in a
    /// file. What went to whoever listens somewhere counts only where no device has a file.
    pub fn append(&self, record: &Record) -> Ticket {
        self.read(|devices| {
            let counted = counted(devices);
            let (ticket, waiter) = Ticket::new(devices.iter().filter(|device| counted(device)).count());
            for device in devices {
                let waiter = counted(device).then(|| Arc::clone(&waiter));
                device.writer.append(device.format.body(record), waiter);
            }
            ticket
        })
    }

    /// Queues the record for those devices that did not take their last lines: it shows whether they take lines again.
    pub fn try_again(&self, record: &Record) {
        self.read(|devices| {
            for device in devices.iter().filter(|device| device.writer.trouble().is_some()) {
                device.writer.append(device.format.body(record), None);
            }
        });
    }

    /// Whether no device takes lines of those on which it depends that a line is durable, and there are such.
    pub fn is_out(&self) -> bool {
        self.read(|devices| {
            let counted = counted(devices);
            !devices.is_empty()
                && devices.iter().filter(|device| counted(device)).all(|device| device.writer.trouble().is_some())
        })
    }

    fn read<T>(&self, read: impl FnOnce(&[Arc<Device>]) -> T) -> T {
        read(&self.devices.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether a line counts as durable once a device has it.
fn counted(devices: &[Arc<Device>]) -> impl Fn(&Arc<Device>) -> bool {
    let any_keeps = devices.iter().any(|device| device.keeps);
    move |device| device.keeps || !any_keeps
}

fn noted(devices: &[Arc<Device>]) -> Vec<(String, Noted)> {
    devices.iter().filter_map(|device| Some((device.name.clone(), device.writer.noted()?))).collect()
}

fn told(oddity: &Oddity) -> Event {
    let (name, reason, detail) = match oddity {
        Oddity::Torn(bytes) => ("trail-line-cut", "torn", format!("{bytes} bytes without an end were cut off")),
        Oddity::Missing(what) => ("trail-lines-missing", "missing", what.clone()),
        Oddity::Rotated(Reason::Size, what) => ("trail-rotated", "size", what.clone()),
        Oddity::Rotated(Reason::Age, what) => ("trail-rotated", "age", what.clone()),
        Oddity::Unchained(what) => ("trail-restarted", "unchained", format!("the chain starts anew: {what}")),
    };
    Event { name: name.to_owned(), reason: reason.to_owned(), detail: Some(detail) }
}

#[cfg(test)]
mod tests;
