//! What one device writes, and where.

use std::path::PathBuf;
use std::time::Duration;

use super::loss::Noted;
use crate::secret::Secret;

/// What one device writes, and where.
#[derive(Clone, Debug)]
pub struct DeviceOptions {
    /// Where its lines go.
    pub target: Target,
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
    /// The last line as it was noted down ([`Trail::noted`](super::Trail::noted)), if it was.
    pub noted: Option<Noted>,
    /// Whether the engine made it, so that [`Trail::close_device`](super::Trail::close_device) does not take it away.
    pub built_in: bool,
}

/// Where lines go.
#[derive(Clone, Debug)]
pub enum Target {
    /// Into a file.
    File(FileTarget),
    /// To whoever listens at a socket.
    Socket(SocketTarget),
    /// To the machine's syslog.
    Syslog(SyslogTarget),
}

/// The file of a device.
#[derive(Clone, Debug)]
pub struct FileTarget {
    /// The file. Made with its directory (0700) if absent; a symbolic link is refused.
    pub path: PathBuf,
    /// The file's mode; execute bits are dropped. `None` leaves an existing file as it is and makes a new
    /// one with 0600.
    pub mode: Option<u32>,
    /// A directory whose files are not to be written, whatever path leads to them: where the engine keeps its data.
    pub kept_out_of: Option<PathBuf>,
    /// When the next lines go into a new file.
    pub rotation: Rotation,
}

/// When a file is rotated. By default it never is: who moves it away says so (SIGHUP).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// The most bytes of a file, unless its lines come at once; 0 for any number.
    pub bytes: u64,
    /// How old its first line may get; 0 for any age. An idle device rotates when it has a line to write.
    pub age: Duration,
    /// How many files that were rotated away are kept; 0 for all.
    pub max_files: usize,
}

impl Rotation {
    /// The fewest bytes after which a file is rotated: there is a file for each such part.
    pub const BYTES_MIN: u64 = 64 * 1024;

    /// The shortest time after which one is.
    pub const AGE_MIN: Duration = Duration::from_secs(60);

    /// Whether it says something that can be meant.
    ///
    /// # Errors
    /// Why not, by the words that options and configurations have for it.
    pub fn check(self) -> Result<(), &'static str> {
        match self {
            Self { bytes: 1.., .. } if self.bytes < Self::BYTES_MIN => Err("rotate_bytes must be 0 or at least 65536"),
            Self { age, .. } if !age.is_zero() && age < Self::AGE_MIN => {
                Err("rotate_duration must be 0 or at least 1m")
            }
            Self { max_files: 1.., .. } if self.is_never() => {
                Err("rotate_max_files says how many old files are kept: it takes rotate_bytes or rotate_duration")
            }
            _ => Ok(()),
        }
    }

    /// Whether nothing is rotated.
    pub fn is_never(self) -> bool {
        self.bytes == 0 && self.age.is_zero()
    }
}

/// The machine's syslog, as a device uses it.
#[derive(Clone, Debug)]
pub struct SyslogTarget {
    /// Its socket, which takes datagrams.
    pub path: PathBuf,
    /// The number of the facility that lines are of (RFC 3164, 4.1.1).
    pub facility: u8,
    /// What lines are said to come from.
    pub tag: String,
    /// How long it may take nothing before the lines are given up.
    pub write_timeout: Duration,
}

/// The socket of a device.
#[derive(Clone, Debug)]
pub struct SocketTarget {
    /// Where somebody listens.
    pub address: SocketAddress,
    /// How long it may take nothing before the lines are given up.
    pub write_timeout: Duration,
}

/// Where somebody listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketAddress {
    /// `HOST:PORT`; a name is looked up at each connection.
    Tcp(String),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl std::fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

impl Target {
    /// The file, of a device that has one.
    pub fn path(&self) -> Option<&PathBuf> {
        match self {
            Self::File(file) => Some(&file.path),
            Self::Socket(_) | Self::Syslog(_) => None,
        }
    }
}

impl DeviceOptions {
    /// A device with Vault's defaults in a file: mode 0600, everything hashed, lists in full.
    pub fn new(path: PathBuf, salt: Secret) -> Self {
        Self::to(
            Target::File(FileTarget { path, mode: Some(0o600), kept_out_of: None, rotation: Rotation::default() }),
            salt,
        )
    }

    /// A device with Vault's defaults: everything hashed, lists in full.
    pub fn to(target: Target, salt: Secret) -> Self {
        Self {
            target,
            hmac_accessor: true,
            log_raw: false,
            elide_list_responses: false,
            prefix: String::new(),
            salt,
            noted: None,
            built_in: false,
        }
    }
}
