//! The Vault API as a server: dynamic AWS credentials under leases, tokens, policies, AppRole, KV.

pub(crate) mod backend;
mod http;
pub(crate) mod identity;
pub(crate) mod kernel;
pub(crate) mod lease;
mod pipeline;
pub(crate) mod policy;
pub(crate) mod quota;
mod setup;
pub(crate) mod token;
pub(crate) mod wire;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use self::backend::{Backends, sys, table};
use self::identity::Identity;
use self::kernel::barrier::{Barrier, Batch, KEY_LEN};
use self::kernel::due::Timer;
use self::kernel::loss::{self, Losses};
use self::kernel::mounts::{First, Mount, Mounts};
use self::kernel::seal::{self, Directory, Key};
use self::kernel::store::{MemoryStore, Store};
use self::kernel::store_disk::DiskStore;
use self::kernel::{Kernel, random};
use self::lease::Leases;
use self::lease::core::Core;
use self::pipeline::Pipeline;
use self::policy::Policies;
use self::quota::Quotas;
pub(crate) use self::setup::ID_FILE;
pub use self::setup::{AwsTransport, Config, Limits, OpenError, Storage, VAULT_VERSION, VERSION};
use self::token::Tokens;
use self::wire::error::Error;
use crate::durable;
use crate::secret::Secret;
use crate::trail::Trail;

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
    pipeline: Arc<Pipeline>,
    store: Arc<dyn Store>,
    // Taken when the engine closes: the lock is let go only after the store.
    directory: Mutex<Option<Directory>>,
    limits: Limits,
    root_token: Option<Secret>,
    losses: Losses,
    home: loss::Home,
    timer: Mutex<Option<tokio::task::JoinHandle<()>>>,
    noting: tokio::task::JoinHandle<()>,
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
    /// Opens the store, unseals, and starts the expiry timer, which first revokes what was left open.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when another process has the data directory.
    pub async fn open(mut config: Config) -> Result<Self, OpenError> {
        config.trail = config.trail.as_deref().map(whole_path).transpose()?;
        match config.storage.clone() {
            Storage::Memory => {
                let key = Key::new(random::bytes::<KEY_LEN>()?);
                Self::unseal(config, None, Arc::new(MemoryStore::default()), &key, None).await
            }
            Storage::Disk { directory } => {
                let directory = Directory::hold(&directory)?;
                let store: Arc<dyn Store> = Arc::new(DiskStore::open(&directory.file("engine.db"))?);
                if loss::is_small(&*store) {
                    loss::structure(&*store)?;
                }
                let (key, fresh) = directory.unseal_key(&*store)?;
                Self::unseal(config, Some(directory), store, &key, fresh).await
            }
        }
    }

    async fn unseal(
        config: Config,
        directory: Option<Directory>,
        store: Arc<dyn Store>,
        key: &Key,
        key_file: Option<durable::Fresh>,
    ) -> Result<Self, OpenError> {
        let (barrier, keyring) = seal::unseal(store.clone(), key)?;
        let losses = Losses::default();
        losses.look_through(&store, &barrier)?;
        let home = match &config.storage {
            Storage::Memory => None,
            Storage::Disk { directory } => Some(whole_path(directory)?),
        };
        let noted = loss::noted(&barrier, &home)?;
        // What a store begins with is one batch, so that a start that is killed leaves all of it or nothing.
        let mut first = Batch::new();
        let engine_id = engine_id(&barrier, &mut first)?;
        let backends = Arc::new(table::all(&config));
        let mounts = Mounts::open(&barrier, backends.folds(), first_mounts(&backends, &config.storage)?, &mut first)?;
        let tokens = Tokens::open(&barrier, &mut first)?;
        let policies = Policies::open(&barrier, &mut first)?;
        let identity = Identity::open(&barrier, &mut first)?;
        if config.trail.is_some() {
            sys::audit::make_built_in(&barrier, &mut first)?;
        }
        let unix = config.clock.now().unix_timestamp();
        let root_token = root_token(&barrier, &tokens, unix, directory.as_ref(), config.dev_root_token, &mut first)?;
        if !first.is_empty() || !keyring.writes.is_empty() {
            barrier.commit_with(keyring, first).await?;
        }
        if let Some(key_file) = key_file {
            key_file.put().map_err(|e| OpenError::Failed(format!("cannot give the unseal key its name: {e}")))?;
        }
        if let Some(directory) = &directory {
            directory.name(&engine_id).map_err(|e| OpenError::Failed(format!("cannot write the engine's id: {e}")))?;
        }
        // Its first line comes after the first batch: a trail with lines says that there was a store.
        let trail = Trail::new(config.clock.clone());
        let data_directory = directory.as_ref().map(|directory| directory.file("."));
        let missing = sys::audit::open_devices(&barrier, &trail, config.trail, data_directory.as_deref(), &noted)?;
        missing.into_iter().for_each(|loss| losses.tell(loss));
        loss::note_with_every_batch(&barrier, &trail, noted, home.clone());
        let noting = tokio::spawn(loss::keep_noting(config.clock.clone(), barrier.clone()));
        let kernel = Arc::new(Kernel {
            clock: config.clock.clone(),
            trail,
            engine_id,
            mounts,
            timer: Timer::new(),
            storage_type: if directory.is_some() { "sqlite" } else { "inmem" },
            data_directory,
            sealed: AtomicBool::new(false),
            at_work: Arc::default(),
            barrier,
        });
        let quotas = Quotas::open(&kernel.barrier)?;
        let leases = Leases::new(backends.clone());
        let core = Arc::new(Core { kernel, identity, tokens, policies, quotas, leases });
        let timer = Leases::start(&core);
        Ok(Self {
            shared: Arc::new(Shared {
                pipeline: Arc::new(Pipeline { core, backends }),
                store,
                directory: Mutex::new(directory),
                limits: config.limits,
                root_token,
                losses,
                home,
                timer: Mutex::new(Some(timer)),
                noting,
                streams: Mutex::new(Some(GracefulShutdown::new())),
            }),
        })
    }

    /// The root token made at the first start, where it is still known.
    pub fn root_token(&self) -> Option<Secret> {
        self.shared.root_token.clone()
    }

    /// What was found to be lost since the engine last ran, with what to do next. A large store is looked through
    /// beside the engine's work, so that more may come.
    pub fn losses(&self) -> Vec<String> {
        self.shared.losses.all()
    }

    /// Serves one plain HTTP/1.1 connection until its end. `peer` is none for the in-process stream.
    pub async fn serve_stream<S>(&self, io: S, peer: Option<SocketAddr>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let watcher = lock(&self.shared.streams).as_ref().map(GracefulShutdown::watcher);
        http::serve_stream(self.shared.pipeline.clone(), self.shared.limits, io, peer, watcher).await;
    }

    /// Accepts connections until `shutdown`, then lets the requests in flight end.
    pub async fn serve(
        &self,
        listener: TcpListener,
        tls: Option<Arc<rustls::ServerConfig>>,
        shutdown: impl Future<Output = ()>,
    ) {
        http::serve(self.shared.pipeline.clone(), self.shared.limits, listener, tls, shutdown).await;
    }

    /// Writes the address of the listening server (`http://host:port`) into the data directory's lock,
    /// where a command that finds the directory held reads it.
    pub fn announce(&self, address: &str) -> std::io::Result<()> {
        lock(&self.shared.directory).as_ref().map_or(Ok(()), |directory| directory.announce(address))
    }

    /// Closes and reopens the files of the trail, after they were rotated.
    pub fn reload(&self) {
        self.shared.pipeline.core.trail.reload();
    }

    /// Revokes everything overdue, within `limit`; answers how many remain.
    pub async fn settle(&self, limit: Duration) -> usize {
        Leases::settle(&self.shared.pipeline.core, limit).await
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
        // Requests go on without their clients, and what nobody got is taken back.
        let ended =
            tokio::time::timeout(self.shared.limits.drain_time_max, self.shared.pipeline.core.at_work.write()).await;
        if ended.is_err() {
            tracing::warn!("requests without a client were still at work when the time to stop was up");
        }
        drop(ended);
        Leases::stop(&self.shared.pipeline.core);
        self.shared.pipeline.backends.close();
        let timer = lock(&self.shared.timer).take();
        if let Some(timer) = timer {
            // A timer task that panicked has nothing left to wait for.
            let _ = timer.await;
        }
        self.shared.noting.abort();
        let (trail, store) = (self.shared.pipeline.core.trail.clone(), self.shared.store.clone());
        // Both wait for their last flush, so not on a worker of the runtime.
        let lines = tokio::task::spawn_blocking(move || trail.close()).await.unwrap_or_default();
        if let Err(error) = loss::note_last(&self.shared.pipeline.core.barrier, lines, &self.shared.home).await {
            tracing::warn!(%error, "the trail's last lines were not noted down");
        }
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
        drop(lock(&self.shared.directory).take());
    }
}

/// A path that means the same wherever the engine is started from.
fn whole_path(path: &Path) -> Result<PathBuf, OpenError> {
    std::path::absolute(path).map_err(|e| OpenError::Failed(format!("the path {} leads nowhere: {e}", path.display())))
}

/// What is always mounted; and a development server starts with key-value storage at `secret/`.
fn first_mounts(backends: &Backends, storage: &Storage) -> Result<First, Error> {
    let built_in = backends.built_in().map(|(path, kind, description)| Mount::new(path, kind, description));
    let always = built_in.collect::<Result<Vec<_>, _>>()?;
    let mut once = Vec::new();
    if let Storage::Memory = storage {
        let mut mount = Mount::new("secret/", "kv", "key/value secret storage")?;
        mount.options.insert("version".to_owned(), "2".to_owned());
        once.push(mount);
    }
    Ok(First { always, once })
}

fn engine_id(barrier: &Barrier, first: &mut Batch) -> Result<String, Error> {
    const KEY: &str = "core/engine-id";
    if let Some(id) = barrier.get(KEY)? {
        return Ok(id);
    }
    let id = hex::encode(random::bytes::<16>()?);
    first.put(KEY, &id)?;
    Ok(id)
}

/// The root token: made at the first start, in `first`, and, with a directory, kept in its file `root-token`.
fn root_token(
    barrier: &Barrier,
    tokens: &Tokens,
    unix: i64,
    directory: Option<&Directory>,
    wanted: Option<Secret>,
    first: &mut Batch,
) -> Result<Option<Secret>, OpenError> {
    const DONE: &str = "core/initialized";
    let file = directory.map(|directory| directory.file("root-token"));
    // An empty file holds no token: it is as good as none.
    let kept = file.as_deref().map(seal::read_private).transpose()?.flatten().filter(|token| !token.is_empty());
    if barrier.get::<bool>(DONE)?.is_some() {
        // Whoever moved the file elsewhere keeps the token there.
        return Ok(kept);
    }
    let token = match kept.clone().or(wanted) {
        Some(token) => token,
        None => Secret::new(format!("s.{}", random::base62(24)?)),
    };
    // The file comes first: a crash in between leaves a token text that the next start takes up, never
    // an engine that nobody can enter.
    if let (Some(file), None) = (&file, &kept) {
        seal::write_private(file, &token)?;
    }
    tokens.make_root(barrier, unix, &token, first)?;
    first.put(DONE, &true)?;
    Ok(Some(token))
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
