//! The Vault API as a server: dynamic AWS credentials under leases, tokens, policies, AppRole, KV.

pub(crate) mod backend;
mod http;
pub(crate) mod identity;
pub(crate) mod kernel;
pub(crate) mod lease;
mod opening;
mod pipeline;
pub(crate) mod policy;
pub(crate) mod quota;
mod setup;
pub(crate) mod token;
pub(crate) mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

pub use self::http::Listener;
use self::kernel::loss;
use self::kernel::seal::gate::{self, Gate, Shares};
use self::kernel::seal::{self, Directory};
use self::kernel::store::{MemoryStore, Store};
use self::kernel::store_disk::DiskStore;
use self::lease::Leases;
use self::opening::Opening;
pub(crate) use self::setup::ID_FILE;
pub use self::setup::{
    Auditing, AwsTransport, Config, KeyFile, KeyService, LeaseTtls, Limits, OpenError, Seal, Storage, VAULT_VERSION,
    VERSION,
};
use self::wire::bulk::Bulk;
use crate::secret::Secret;

/// How the TLS of an engine's listener asks for the certificates of clients: each may show any, or none, and gets its
/// connection. What one is good for is judged by the auth methods that go by it.
pub fn client_certificates() -> Arc<dyn rustls::server::danger::ClientCertVerifier> {
    http::certificate::verifier()
}

/// A running engine. Cloning shares it.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    opening: Arc<Opening>,
    store: Arc<dyn Store>,
    // Taken when the engine closes: the lock is let go only after the store.
    directory: Mutex<Option<Directory>>,
    limits: Limits,
    root_token: Option<Secret>,
    unseal_key: Option<Secret>,
    streams: Mutex<Option<GracefulShutdown>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these hold is only ever taken or replaced whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Opens the store. Where its key is at hand it is unsealed, and the expiry timer is started, which first revokes
    /// what was left open.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when another process has the data directory.
    pub async fn open(mut config: Config) -> Result<Self, OpenError> {
        config.trail = config.trail.as_deref().map(opening::whole_path).transpose()?;
        let unix = config.clock.now().unix_timestamp();
        match config.storage.clone() {
            Storage::Memory => {
                let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
                let gate = Gate::new(store.clone(), Seal::Shamir, &config)?;
                let (barrier, keyring, shares) = gate.first(Shares::new(1, 1)?, unix)?;
                let unseal_key = gate::texts(&shares).1.pop().map(Secret::new);
                gate.keep_shares(&shares)?;
                let opening = Opening::new(config, store.clone(), gate, None)?;
                let root_token = opening.open(barrier, keyring, None, None).await?;
                Ok(Self::of(opening, store, None, root_token, unseal_key))
            }
            Storage::Disk { directory } => {
                let directory = Directory::hold(&directory)?;
                Bulk::sweep(&directory.file("."))
                    .map_err(|e| OpenError::Failed(format!("cannot remove what a killed process left: {e}")))?;
                let store: Arc<dyn Store> = Arc::new(DiskStore::open(&directory.file("engine.db"))?);
                if loss::is_small(&*store) {
                    loss::structure(&*store)?;
                }
                let (seal, place) = (config.seal, config.key.clone());
                let gate = Gate::new(store.clone(), seal, &config)?;
                if seal == Seal::Shamir && !gate.is_initialized()? {
                    directory.had_no_store()?;
                }
                let opening = Opening::new(config, store.clone(), gate, Some(directory.file(".")))?;
                let mut root_token = None;
                if seal != Seal::Shamir {
                    let (key, fresh) = match &place {
                        KeyFile::Wrapped(service) => Box::pin(directory.wrapped_key(service, &*store)).await?,
                        KeyFile::Beside | KeyFile::At(_) | KeyFile::Given(_) => {
                            directory.unseal_key(&place, &*store)?
                        }
                    };
                    let (barrier, keyring) = seal::unseal(store.clone(), &key, unix)?;
                    opening.gate().keep(&key)?;
                    root_token = opening.open(barrier, keyring, Some(&directory), fresh).await?;
                }
                Ok(Self::of(opening, store, Some(directory), root_token, None))
            }
        }
    }

    fn of(
        opening: Opening,
        store: Arc<dyn Store>,
        directory: Option<Directory>,
        root_token: Option<Secret>,
        unseal_key: Option<Secret>,
    ) -> Self {
        let limits = opening.limits();
        let streams = Mutex::new(Some(GracefulShutdown::new()));
        let (opening, directory) = (Arc::new(opening), Mutex::new(directory));
        Self { shared: Arc::new(Shared { opening, store, directory, limits, root_token, unseal_key, streams }) }
    }

    /// The root token made at the first start, where it is still known.
    pub fn root_token(&self) -> Option<Secret> {
        self.shared.root_token.clone()
    }

    /// The one share of the unseal key of an engine in memory.
    pub fn unseal_key(&self) -> Option<Secret> {
        self.shared.unseal_key.clone()
    }

    /// Whether it serves nothing but its state: because nobody has unsealed it, or initialised it, or because it was sealed.
    pub fn is_sealed(&self) -> bool {
        self.shared.opening.core().is_none()
    }

    /// What was found to be lost since the engine last ran, with what to do next. A large store is looked through
    /// beside the engine's work, so that more may come.
    pub fn losses(&self) -> Vec<String> {
        self.shared.opening.losses()
    }

    /// Serves one plain HTTP/1.1 connection until its end. `peer` is none for the in-process stream.
    pub async fn serve_stream<S>(&self, io: S, peer: Option<SocketAddr>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let watcher = lock(&self.shared.streams).as_ref().map(GracefulShutdown::watcher);
        http::serve_stream(self.shared.opening.clone(), self.shared.limits, io, peer, watcher).await;
    }

    /// Accepts connections on one port until `shutdown`, then lets the requests in flight end.
    pub async fn serve(
        &self,
        listener: TcpListener,
        tls: Option<Arc<rustls::ServerConfig>>,
        shutdown: impl Future<Output = ()>,
    ) {
        self.serve_all(vec![Listener::Tcp(listener, tls)], shutdown).await;
    }

    /// The same, wherever connections come in: all have the same places among them.
    pub async fn serve_all(&self, listeners: Vec<Listener>, shutdown: impl Future<Output = ()>) {
        http::serve(self.shared.opening.clone(), self.shared.limits, listeners, shutdown).await;
    }

    /// Writes the address of the listening server (`http://host:port`) into the data directory's lock,
    /// where a command that finds the directory held reads it.
    pub fn announce(&self, address: &str) -> std::io::Result<()> {
        lock(&self.shared.directory).as_ref().map_or(Ok(()), |directory| directory.announce(address))
    }

    /// Closes and reopens the files of the trail, after they were rotated.
    pub fn reload(&self) {
        if let Some(core) = self.shared.opening.core() {
            core.trail.reload();
        }
    }

    /// Revokes everything overdue, within `limit`; answers how many remain.
    pub async fn settle(&self, limit: Duration) -> usize {
        match self.shared.opening.core() {
            Some(core) => Leases::settle(&core, limit).await,
            None => 0,
        }
    }

    /// Lets requests in flight end, stops the timer, and closes the store, also where clones of this
    /// engine remain: they refuse everything.
    pub async fn close(self) {
        let streams = lock(&self.shared.streams).take();
        if let Some(streams) = streams
            && tokio::time::timeout(self.shared.limits.drain_time_max, streams.shutdown()).await.is_err()
        {
            tracing::warn!("requests were still in flight when the time to stop was up");
        }
        self.shared.opening.close().await;
        let store = self.shared.store.clone();
        // It waits for its last flush, so not on a worker of the runtime.
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
        drop(lock(&self.shared.directory).take());
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{Config, Engine, OpenError, Storage};
    use crate::clock::Clock;

    async fn open(directory: &std::path::Path) -> Result<Engine, OpenError> {
        let storage = Storage::Disk { directory: directory.to_owned() };
        Engine::open(Config::new(storage, Clock::system())).await
    }

    /// A kept-alive connection in process, and the answer to one request on it.
    async fn ask(engine: &Engine) -> (tokio::io::DuplexStream, String) {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        let serving = engine.clone();
        tokio::spawn(async move { serving.serve_stream(server, None).await });
        client.write_all(b"GET /v1/sys/seal-status HTTP/1.1\r\nHost: engine\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}\n") {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0, "closed too early");
        }
        (client, String::from_utf8(answer).unwrap())
    }

    #[tokio::test]
    async fn a_closed_engine_lets_go_of_its_directory_while_connections_and_clones_remain() {
        let directory = tempfile::tempdir().unwrap();
        let engine = open(directory.path()).await.unwrap();
        let token = engine.root_token().unwrap();
        let (mut connection, answer) = ask(&engine).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(matches!(open(directory.path()).await, Err(OpenError::Locked { .. })));

        let clone = engine.clone();
        engine.close().await;
        assert_eq!(connection.read(&mut [0; 1]).await.unwrap(), 0, "the connection was left open");
        let again = open(directory.path()).await.unwrap();
        assert_eq!(again.root_token().unwrap(), token);
        drop(clone);
        again.close().await;
    }
}
