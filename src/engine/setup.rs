//! How an engine is set up, and why it may not open: what the engine's parts need to know of the whole.

use std::path::PathBuf;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::clock::Clock;
use crate::secret::Secret;
use crate::trail::Rotation;

/// This program's own version, which the API reports as `leasehold_version`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The file in an engine's data directory that says which engine it is. It is no secret.
pub(crate) const ID_FILE: &str = "engine-id";

/// The version of Vault's API whose clients are served: what they gate their requests on. The newest for which
/// every request in the tests' table of what Terraform's provider asks (`tests/it/wire_terraform.rs`) is answered.
pub const VAULT_VERSION: &str = "1.21.0";

/// How an engine is set up.
#[derive(Debug)]
pub struct Config {
    /// Where it keeps its data.
    pub storage: Storage,
    /// What opens its data. In memory it is always one share, which is known from the start.
    pub seal: Seal,
    /// Where the file of its key is, if it is opened by one.
    pub key: KeyFile,
    /// The file of the built-in audit device `trail/`.
    pub trail: Option<PathBuf>,
    /// What audit devices may do.
    pub auditing: Auditing,
    /// How it reaches AWS.
    pub aws: AwsTransport,
    /// The AWS access key id and secret of a mount whose `config/root` has none: the sandbox's. Without it
    /// such a mount signs in with what the SDK finds in the environment.
    pub aws_key: Option<(String, Secret)>,
    /// Its time.
    pub clock: Clock,
    /// The text of the root token, where the engine is opened for the first time.
    pub dev_root_token: Option<Secret>,
    /// Whether an engine in memory begins with KV version 1 at `secret/`, and not with 2.
    pub dev_kv_v1: bool,
    /// How long leases last of mounts that say nothing of it.
    pub ttls: LeaseTtls,
    /// What it takes from its clients.
    pub limits: Limits,
}

impl Config {
    /// No built-in audit device, the network's AWS, the ordinary limits.
    pub fn new(storage: Storage, clock: Clock) -> Self {
        Self {
            storage,
            seal: Seal::KeyFile,
            key: KeyFile::Beside,
            trail: None,
            auditing: Auditing::default(),
            aws: AwsTransport::Network,
            aws_key: None,
            clock,
            dev_root_token: None,
            dev_kv_v1: false,
            ttls: LeaseTtls::default(),
            limits: Limits::default(),
        }
    }
}

/// What audit devices may do: whoever may enable one through the API may no more than this.
#[derive(Clone, Debug)]
pub struct Auditing {
    /// Whether one may write secrets in clear (`log_raw`).
    pub log_raw: bool,
    /// The socket of the machine's syslog.
    pub syslog: PathBuf,
    /// When the file of the built-in device is rotated.
    pub rotation: Rotation,
}

impl Default for Auditing {
    fn default() -> Self {
        Self { log_raw: false, syslog: PathBuf::from("/dev/log"), rotation: Rotation::default() }
    }
}

/// How long leases last of mounts that say nothing of it, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTtls {
    /// By default.
    pub default: i64,
    /// At most.
    pub max: i64,
}

impl Default for LeaseTtls {
    fn default() -> Self {
        // 768 hours, as with Vault.
        Self { default: 2_764_800, max: 2_764_800 }
    }
}

/// Where an engine keeps its data.
#[derive(Clone, Debug)]
pub enum Storage {
    /// Nowhere: it is gone with the process. KV is mounted at `secret/`.
    Memory,
    /// In a directory of its own, sealed.
    Disk {
        /// The directory; made with mode 0700 if absent.
        directory: PathBuf,
    },
}

/// What opens a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// A key in a file: it opens at the start, and after it was sealed at the next one.
    KeyFile,
    /// A key that AWS KMS wraps (Vault: `awskms`); else as with a file.
    Kms,
    /// A key in shares, which people bring (Vault: `shamir`). It starts sealed.
    Shamir,
}

/// Where the file of an unseal key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// `unseal.key` in the data directory, made at the first start: who reads one reads the other.
    Beside,
    /// Elsewhere; made at the first start unless it is there.
    At(PathBuf),
    /// Elsewhere, and somebody else's to make.
    Given(PathBuf),
    /// In the data directory, wrapped by a key service.
    Wrapped(KeyService),
}

/// A key of AWS KMS that wraps an unseal key. Credentials are those that the AWS SDK finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyService {
    /// The key's id, ARN or alias.
    pub key_id: String,
    /// The region; else that of the ARN, else the one that the SDK finds.
    pub region: Option<String>,
    /// Where the service is, if not at AWS's own address.
    pub endpoint: Option<String>,
}

/// How AWS is reached.
#[derive(Clone, Debug)]
pub enum AwsTransport {
    /// Over HTTPS, with the SDK's own client.
    Network,
    /// Through a client handed in: the sandbox's.
    InProcess(SharedHttpClient),
}

/// Why an engine did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the data directory.
    #[error("the data directory {} is in use by another process{}", directory.display(), address.as_ref().map(|a| format!(", a server at {a}")).unwrap_or_default())]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// Where the server that holds it listens (`http://` or `https://`), if a server holds it.
        address: Option<String>,
    },
    /// Anything else: what, and where.
    #[error("{0}")]
    Failed(String),
}

/// What a server takes from its clients, and which of them it serves.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Connections at a time. One more takes the place of the one that costs least.
    pub connections_max: usize,
    /// How long a request may take.
    pub request_time_max: Duration,
    /// How long the head of a request, and the wait for it, may take; also a TLS handshake and a body.
    pub read_time_max: Duration,
    /// How long a client may take to read an answer.
    pub write_time_max: Duration,
    /// How long an HTTP/2 connection may have no request open.
    pub idle_time_max: Duration,
    /// How long a stopping server waits for requests in flight.
    pub drain_time_max: Duration,
    /// Whether browsers get the page at `/ui/`.
    pub page: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 1024 * 1024,
            connections_max: 1024,
            request_time_max: Duration::from_secs(90),
            read_time_max: Duration::from_secs(30),
            write_time_max: Duration::from_secs(30),
            idle_time_max: Duration::from_secs(120),
            drain_time_max: Duration::from_secs(30),
            page: false,
        }
    }
}
