//! The Vault API as a server: dynamic AWS credentials under leases, tokens, policies, AppRole, KV.

pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod barrier;
pub(crate) mod core;
pub(crate) mod duration;
pub(crate) mod error;
pub(crate) mod expiry;
pub(crate) mod field;
pub(crate) mod lease;
pub(crate) mod policy;
pub(crate) mod random;
pub(crate) mod request;
pub(crate) mod router;
pub(crate) mod secrets;
pub(crate) mod store;
pub(crate) mod sys;
pub(crate) mod token;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use self::barrier::{Barrier, Batch, KEY_LEN};
use self::core::Core;
use self::error::Error;
use self::lease::Leases;
use self::policy::Policies;
use self::router::{Mount, Mounts};
use self::store::{MemoryStore, Store};
use self::token::{NewToken, Tokens};
use crate::clock::Clock;
use crate::secret::Secret;
use crate::trail::Trail;

/// The version that the API reports.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How an engine is set up.
#[derive(Debug)]
pub struct Config {
    /// Where it keeps its data.
    pub storage: Storage,
    /// The file of the built-in audit device `trail/`.
    pub trail: Option<PathBuf>,
    /// How it reaches AWS.
    pub aws: AwsTransport,
    /// Its time.
    pub clock: Clock,
    /// The text of the root token of a development server.
    pub dev_root_token: Option<Secret>,
}

/// Where an engine keeps its data.
#[derive(Clone, Debug)]
pub enum Storage {
    /// Nowhere: it is gone with the process. KV version 2 is mounted at `secret/`.
    Memory,
    /// In a directory of its own, sealed.
    Disk {
        /// The directory; made with mode 0700 if absent.
        directory: PathBuf,
    },
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

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A running engine. Cloning shares it.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    core: Arc<Core>,
    root_token: Option<Secret>,
    timer: std::sync::Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens the store, unseals, and starts the expiry timer, which first revokes what was left open.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let key = random::bytes::<KEY_LEN>()?;
        let barrier = Barrier::new(store, &key)?;
        let trail = Trail::new(config.clock.clone());
        let mounts = Mounts::open(&barrier, vec![Mount::new("secret/", "kv", "key/value secret storage")?]).await?;
        let engine_id = engine_id(&barrier).await?;
        let core = Arc::new(Core {
            clock: config.clock,
            trail,
            engine_id,
            mounts,
            tokens: Tokens::open(&barrier).await?,
            policies: Policies::open(&barrier).await?,
            leases: Leases::new(),
            aws: config.aws,
            storage_type: "inmem",
            audit_changes: tokio::sync::Mutex::new(()),
            sealed: AtomicBool::new(false),
            barrier,
        });
        let root = NewToken {
            id: config.dev_root_token,
            policies: vec!["root".to_owned()],
            display_name: "root".to_owned(),
            path: "auth/token/root".to_owned(),
            ..NewToken::default()
        };
        let (root_token, _) = core.tokens.create(&core, root).await?;
        let timer = std::sync::Mutex::new(Some(Leases::start(&core)));
        Ok(Self { shared: Arc::new(Shared { core, root_token: Some(root_token), timer }) })
    }

    /// The root token made at the first start, where it is known.
    pub fn root_token(&self) -> Option<Secret> {
        self.shared.root_token.clone()
    }

    /// Serves one HTTP connection until its end.
    pub async fn serve_stream<S>(&self, _io: S, _peer: Option<SocketAddr>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
    }

    /// Accepts connections until `shutdown`, then lets the requests in flight end.
    pub async fn serve(
        &self,
        _listener: TcpListener,
        _tls: Option<Arc<rustls::ServerConfig>>,
        shutdown: impl Future<Output = ()>,
    ) {
        shutdown.await;
    }

    /// Revokes everything overdue, within `limit`; answers how many remain.
    pub async fn settle(&self, limit: Duration) -> usize {
        self.shared.core.leases.settle(&self.shared.core, limit).await
    }

    /// Stops the timer and waits for it.
    pub async fn close(self) {
        self.shared.core.leases.stop();
        let timer = self.shared.timer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(timer) = timer {
            // A timer task that panicked has nothing left to wait for.
            let _ = timer.await;
        }
    }
}

async fn engine_id(barrier: &Barrier) -> Result<String, Error> {
    const KEY: &str = "core/engine-id";
    if let Some(id) = barrier.get(KEY)? {
        return Ok(id);
    }
    let id = random::hex(&random::bytes::<16>()?);
    let mut batch = Batch::new();
    batch.put(KEY, &id)?;
    barrier.commit(batch).await?;
    Ok(id)
}
