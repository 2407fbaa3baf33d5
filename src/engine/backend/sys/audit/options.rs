//! What the options of an audit device mean, and what is wrong with them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::device::Device;
use crate::engine::lease::core::Core;
use crate::engine::setup::Auditing;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::secret::Secret;
use crate::trail::{DeviceOptions, FileTarget, Rotation, SocketAddress, SocketTarget, SyslogTarget, Target};

/// What no device may, whatever its options say.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    /// Where the engine keeps its data: no audit device writes there.
    pub(crate) data: Option<&'a Path>,
    /// What the configuration allows.
    pub(crate) auditing: &'a Auditing,
}

impl<'a> Bounds<'a> {
    /// Those of an engine.
    pub(crate) fn of(core: &'a Core) -> Self {
        Self { data: core.data_directory.as_deref(), auditing: &core.auditing }
    }
}

/// The options of every type.
const COMMON: [&str; 6] = ["format", "log_raw", "hmac_accessor", "elide_list_responses", "prefix", "skip_test"];

/// The longest time that whoever listens may be waited for, in seconds: less than a request may take.
const WRITE_TIMEOUT_MAX: i64 = 60;

/// How long syslog may take nothing.
const SYSLOG_TIMEOUT: Duration = Duration::from_secs(2);

/// The facilities of syslog by their numbers, as Vault's device has them (hashicorp/go-syslog, `syslog.go`). Between those for
/// programs and those for who runs the machine are four that have no name there.
const FACILITIES: [&str; 12] =
    ["KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV", "FTP"];

/// The number of `LOCAL0`.
const LOCAL: u8 = 16;

/// The device's options as the trail understands them.
pub(super) fn options(device: &Device, bounds: Bounds<'_>) -> Result<DeviceOptions, Error> {
    let data = data(device);
    let fields = Fields(&data);
    let known =
        |own: &[&str], place: &str| fields.refuse_unknown(|name| COMMON.contains(&name) || own.contains(&name), place);
    let target = match device.kind.as_str() {
        "file" => {
            let own = ["file_path", "path", "mode", "rotate_bytes", "rotate_duration", "rotate_max_files"];
            known(&own, "a file audit device")?;
            Target::File(file(fields, bounds)?)
        }
        "socket" => {
            known(&["address", "socket_type", "write_timeout"], "a socket audit device")?;
            Target::Socket(socket(fields)?)
        }
        "syslog" => {
            known(&["facility", "tag"], "a syslog audit device")?;
            Target::Syslog(syslog(fields, bounds)?)
        }
        other => {
            return Err(Error::Invalid(format!(
                "unknown backend type: {other:?} (this server has audit devices of the types file, socket and syslog)"
            )));
        }
    };
    if fields.string("format")?.is_some_and(|format| !format.is_empty() && format != "json") {
        return Err(Error::Invalid("the audit format must be json".to_owned()));
    }
    Ok(DeviceOptions {
        hmac_accessor: fields.bool("hmac_accessor")?.unwrap_or(true),
        log_raw: fields.bool("log_raw")?.unwrap_or_default(),
        elide_list_responses: fields.bool("elide_list_responses")?.unwrap_or_default(),
        prefix: fields.string("prefix")?.unwrap_or_default(),
        ..DeviceOptions::to(target, Secret::new(device.salt.as_str()))
    })
}

/// Whether it is enabled without a line that shows that it takes some.
pub(super) fn skips_test(device: &Device) -> Result<bool, Error> {
    Ok(Fields(&data(device)).bool("skip_test")?.unwrap_or_default())
}

fn data(device: &Device) -> Map<String, Value> {
    device.options.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect()
}

fn file(fields: Fields<'_>, bounds: Bounds<'_>) -> Result<FileTarget, Error> {
    let path = match fields.string("file_path")?.or(fields.string("path")?).filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => return Err(Error::Invalid("file_path is required".to_owned())),
    };
    if let Some(word) = path.to_str().filter(|path| ["stdout", "discard"].contains(path)) {
        return Err(Error::Invalid(format!("file_path {word:?} is not supported by this server: give a file's path")));
    }
    if !path.is_absolute() {
        return Err(Error::Invalid("file_path must be an absolute path".to_owned()));
    }
    let mode = match fields.string("mode")?.as_deref() {
        None => Some(0o600),
        Some("" | "0000" | "0") => None,
        Some(text) => {
            let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
            Some(mode.ok_or_else(|| Error::Invalid("mode must be an octal file mode such as 0600".to_owned()))?)
        }
    };
    Ok(FileTarget { path, mode, kept_out_of: bounds.data.map(Path::to_owned), rotation: rotation(fields)? })
}

fn rotation(fields: Fields<'_>) -> Result<Rotation, Error> {
    let number = |name: &str| {
        let said = fields.int(name)?.unwrap_or_default();
        u64::try_from(said).map_err(|_| Error::Invalid(format!("{name} is a whole number, and not less than 0")))
    };
    let seconds = fields.seconds("rotate_duration")?.unwrap_or_default();
    let rotation = Rotation {
        bytes: number("rotate_bytes")?,
        age: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
        max_files: usize::try_from(number("rotate_max_files")?).unwrap_or(usize::MAX),
    };
    rotation.check().map_err(|what| Error::Invalid(what.to_owned()))?;
    Ok(rotation)
}

fn socket(fields: Fields<'_>) -> Result<SocketTarget, Error> {
    let address = fields.string("address")?.filter(|address| !address.is_empty());
    let address = address.ok_or_else(|| Error::Invalid("address is required".to_owned()))?;
    let address = match fields.string("socket_type")?.as_deref() {
        None | Some("" | "tcp") => tcp(address)?,
        Some("unix") if Path::new(&address).is_absolute() => SocketAddress::Unix(address.into()),
        Some("unix") => return Err(Error::Invalid("address must be the absolute path of a socket".to_owned())),
        Some(other) => {
            return Err(Error::Invalid(format!(
                "socket_type {other:?} is not supported by this server: it is tcp or unix"
            )));
        }
    };
    let seconds = fields.seconds("write_timeout")?.unwrap_or(2);
    let write_timeout = u64::try_from(seconds).ok().filter(|_| (1..=WRITE_TIMEOUT_MAX).contains(&seconds));
    let write_timeout = write_timeout
        .ok_or_else(|| Error::Invalid(format!("write_timeout must be between 1s and {WRITE_TIMEOUT_MAX}s")))?;
    Ok(SocketTarget { address, write_timeout: Duration::from_secs(write_timeout) })
}

fn tcp(address: String) -> Result<SocketAddress, Error> {
    let is_whole = address
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
    match is_whole {
        true => Ok(SocketAddress::Tcp(address)),
        false => Err(Error::Invalid(format!("address {address:?} must be HOST:PORT, such as 127.0.0.1:9090"))),
    }
}

fn syslog(fields: Fields<'_>, bounds: Bounds<'_>) -> Result<SyslogTarget, Error> {
    let name = fields.string("facility")?.filter(|name| !name.is_empty()).unwrap_or_else(|| "AUTH".to_owned());
    let facility = facility(&name.to_ascii_uppercase()).ok_or_else(|| {
        Error::Invalid(format!("invalid syslog facility: {name} (one of {}, LOCAL0 to LOCAL7)", FACILITIES.join(", ")))
    })?;
    let tag = fields.string("tag")?.filter(|tag| !tag.is_empty()).unwrap_or_else(|| "leasehold".to_owned());
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if tag.len() > 32 || !tag.chars().all(is_part) {
        return Err(Error::Invalid("tag may have at most 32 letters, digits, dots, slashes, - and _".to_owned()));
    }
    Ok(SyslogTarget { path: bounds.auditing.syslog.clone(), facility, tag, write_timeout: SYSLOG_TIMEOUT })
}

fn facility(name: &str) -> Option<u8> {
    if let Some(number) = name.strip_prefix("LOCAL") {
        return number.parse::<u8>().ok().filter(|local| *local < 8 && number.len() == 1).map(|local| LOCAL + local);
    }
    u8::try_from(FACILITIES.iter().position(|known| *known == name)?).ok()
}
