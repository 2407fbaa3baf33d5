//! What of an engine is there only while it is unsealed, and how it comes and goes: at a start, with `sys/init` and
//! `sys/unseal`, and with `sys/seal`.
//!
//! Nothing of what an open engine knows outlives it: tokens that were read, answers, mounts, clients of AWS, pooled
//! secrets and the keys are made anew at each unsealing, from the store, and go when the engine is sealed. So there is
//! no list of things to clear. What was on its way when it was sealed is waited for, and past that refused by the
//! barrier, whose copies have no keys any more. Leases that ended meanwhile are the first that the timer finds.

mod restore;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::backend::{Backends, sys, table};
use super::identity::Identity;
use super::kernel::barrier::{Barrier, Batch};
use super::kernel::due::Timer;
use super::kernel::loss::{self, Losses};
use super::kernel::mounts::{First, Mount, Mounts};
use super::kernel::seal::gate::{Gate, Shares};
use super::kernel::seal::{self, Directory};
use super::kernel::store::{RawBatch, Store};
use super::kernel::{Kernel, random};
use super::lease::Leases;
use super::lease::core::Core;
use super::pipeline::{Answer, Delivery, Pipeline};
use super::policy::Policies;
use super::quota::Quotas;
use super::setup::{Config, Limits, OpenError, Storage};
use super::token::Tokens;
use super::wire::error::Error;
use super::wire::request::Request;
use super::wire::response::Response;
use crate::secret::Secret;
use crate::trail::Trail;

/// An engine, sealed or not.
pub(super) struct Opening {
    config: Config,
    store: Arc<dyn Store>,
    gate: Arc<Gate>,
    data: Option<PathBuf>,
    home: loss::Home,
    losses: Losses,
    inside: RwLock<Option<Arc<Inside>>>,
    /// Held by who opens or closes it, or begins its store.
    turn: tokio::sync::Mutex<()>,
}

/// What is there while it is unsealed.
struct Inside {
    pipeline: Arc<Pipeline>,
    timer: Mutex<Option<tokio::task::JoinHandle<()>>>,
    noting: tokio::task::JoinHandle<()>,
}

/// What is read from a store, or made for an empty one.
struct Begun {
    engine_id: String,
    backends: Arc<Backends>,
    mounts: Mounts,
    tokens: Tokens,
    policies: Policies,
    identity: Identity,
    /// What a store begins with, as far as it is not there.
    first: Batch,
    root_token: Option<Secret>,
}

/// A request that came in while the engine was unsealed, or not.
pub(super) struct Entered {
    inside: Option<Arc<Inside>>,
    /// Keeps what is inside from closing.
    _running: Option<tokio::sync::OwnedRwLockReadGuard<()>>,
}

impl Opening {
    /// A sealed engine.
    pub(super) fn new(
        config: Config,
        store: Arc<dyn Store>,
        gate: Gate,
        data: Option<PathBuf>,
    ) -> Result<Self, OpenError> {
        let home = match &config.storage {
            Storage::Memory => None,
            Storage::Disk { directory } => Some(whole_path(directory)?),
        };
        let (losses, inside, turn) = Default::default();
        Ok(Self { config, store, gate: Arc::new(gate), data, home, losses, inside, turn })
    }

    /// What it takes from its clients.
    pub(super) fn limits(&self) -> Limits {
        self.config.limits
    }

    /// What opens it.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What was found to be lost.
    pub(super) fn losses(&self) -> Vec<String> {
        self.losses.all()
    }

    /// What is inside, unless it is sealed.
    fn inside(&self) -> Option<Arc<Inside>> {
        let inside = self.inside.read().unwrap_or_else(PoisonError::into_inner).clone();
        inside.filter(|inside| !inside.pipeline.core.is_sealed())
    }

    /// What requests share, unless it is sealed.
    pub(super) fn core(&self) -> Option<Arc<Core>> {
        self.inside().map(|inside| inside.pipeline.core.clone())
    }

    /// Which segments of a path are names that are read in any case, as far as that is known.
    pub(super) fn folded(&self, path: &str) -> std::ops::Range<usize> {
        self.inside().map_or(0..0, |inside| inside.pipeline.core.mounts.folded(path))
    }

    /// Begins a request.
    pub(super) fn enter(&self) -> Entered {
        let inside = self.inside();
        let running = inside.as_ref().and_then(|inside| inside.pipeline.core.running());
        Entered { inside, _running: running }
    }

    /// Serves one request. Must not be dropped half way: run it as a task.
    pub(super) async fn handle(
        self: &Arc<Self>,
        entered: Entered,
        request: &Request,
        delivery: &Delivery,
    ) -> Result<Answer, Error> {
        let Some(inside) = &entered.inside else {
            let response = Box::pin(self.handle_sealed(request)).await?;
            return Ok(Answer { response, handed: None });
        };
        let answer = Box::pin(inside.pipeline.handle(request, delivery)).await;
        if let Some(snapshot) = request.bulk.as_ref().and_then(|_| inside.pipeline.core.to_restore(&request.id)) {
            let (answer, inside) = (answer?, inside.clone());
            // It waits for requests, of which this was one.
            drop(entered);
            return Box::pin(self.restore(&inside, snapshot)).await.map(|()| answer);
        }
        if inside.pipeline.core.is_sealed() {
            // Not here: it waits for requests, of which this is one.
            let (opening, inside) = (self.clone(), inside.clone());
            tokio::spawn(async move { opening.seal(&inside).await });
        }
        answer
    }

    async fn handle_sealed(&self, request: &Request) -> Result<Response, Error> {
        match sys::sealed::asked(request)? {
            sys::sealed::Asked::State => {}
            sys::sealed::Asked::Seal => return Ok(Response::empty()),
            sys::sealed::Asked::Init(shares) => return self.init(shares).await,
            sys::sealed::Asked::Reset => self.gate.reset(),
            sys::sealed::Asked::Unseal(share) => self.unseal(&share).await?,
        }
        // By now it may be open.
        sys::status::state(&self.gate, self.core().as_deref(), request)
    }

    /// Begins an empty store in one commit. It stays sealed.
    async fn init(&self, shares: Shares) -> Result<Response, Error> {
        let _turn = self.turn.lock().await;
        if self.gate.is_initialized()? {
            return Err(sys::status::initialized());
        }
        let unix = self.config.clock.now().unix_timestamp();
        let (barrier, keyring, split) = self.gate.first(shares, unix)?;
        let begun = self.begin(&barrier, None).map_err(said)?;
        barrier.commit_with(keyring, begun.first).await?;
        barrier.rekeyed(None);
        tracing::info!(shares = shares.shares, threshold = shares.threshold, "initialised; it is sealed");
        Ok(sys::sealed::begun(&split, begun.root_token.as_ref()))
    }

    /// Takes a share; opens the engine with the last one that is needed.
    async fn unseal(&self, share: &Secret) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        if self.inside().is_some() {
            return Ok(());
        }
        // What was sealed just now may not have closed yet: two engines over one store would know nothing of each other.
        let left = self.inside.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(left) = left {
            self.shut(&left).await;
            tracing::warn!("sealed");
        }
        let Some(barrier) = self.gate.bring(share)? else { return Ok(()) };
        if let Err(error) = self.open(barrier, RawBatch::default(), None, None).await {
            self.gate.close();
            tracing::error!(%error, "the shares are right, and the engine did not open");
            let what = "the shares are right, and the engine did not open: its log says why";
            return Err(Error::Server(what.to_owned()));
        }
        tracing::info!("unsealed");
        Ok(())
    }

    fn begin(&self, barrier: &Barrier, directory: Option<&Directory>) -> Result<Begun, OpenError> {
        let config = &self.config;
        // What a store begins with is one batch, so that a start that is killed leaves all of it or nothing.
        let mut first = Batch::new();
        let engine_id = engine_id(barrier, &mut first)?;
        let backends = Arc::new(table::all(config));
        let mounts = Mounts::open(barrier, backends.folds(), first_mounts(&backends, config)?, &mut first)?;
        let tokens = Tokens::open(barrier, &mut first)?;
        let policies = Policies::open(barrier, &mut first)?;
        let identity = Identity::open(barrier, &mut first)?;
        if config.trail.is_some() {
            sys::audit::make_built_in(barrier, &mut first)?;
        }
        let unix = config.clock.now().unix_timestamp();
        let wanted = config.dev_root_token.clone();
        let root_token = root_token(barrier, &tokens, unix, directory, wanted, &mut first)?;
        Ok(Begun { engine_id, backends, mounts, tokens, policies, identity, first, root_token })
    }

    /// Opens the engine over a barrier; `keyring` is written with what its store begins with. Answers the root token,
    /// where it is known.
    ///
    /// # Errors
    /// Why it does not open.
    pub(super) async fn open(
        &self,
        barrier: Barrier,
        keyring: RawBatch,
        directory: Option<&Directory>,
        key_file: Option<crate::durable::Fresh>,
    ) -> Result<Option<Secret>, OpenError> {
        self.losses.look_through(&self.store, &barrier)?;
        let noted = loss::noted(&barrier, &self.home)?;
        let Begun { engine_id, backends, mounts, tokens, policies, identity, first, root_token } =
            self.begin(&barrier, directory)?;
        if !first.is_empty() || !keyring.writes.is_empty() {
            barrier.commit_with(keyring, first).await?;
        }
        if let Some(key_file) = key_file {
            key_file.put().map_err(|e| OpenError::Failed(format!("cannot give the unseal key its name: {e}")))?;
        }
        if let Some(data) = &self.data {
            seal::name(data, &engine_id)
                .map_err(|e| OpenError::Failed(format!("cannot write the engine's id: {e}")))?;
        }
        // Its first line comes after the first batch: a trail with lines says that there was a store.
        let config = &self.config;
        let trail = Trail::new(config.clock.clone());
        let bounds = sys::audit::Bounds { data: self.data.as_deref(), auditing: &config.auditing };
        let opened = sys::audit::open_devices(&barrier, &trail, config.trail.clone(), bounds, &noted);
        let missing = opened.inspect_err(|_| drop(trail.close()))?;
        missing.into_iter().for_each(|loss| self.losses.tell(loss));
        loss::note_with_every_batch(&barrier, &trail, noted, self.home.clone());
        let quotas = Quotas::open(&barrier)?;
        let noting = tokio::spawn(loss::keep_noting(config.clock.clone(), barrier.clone()));
        let kernel = Arc::new(Kernel {
            clock: config.clock.clone(),
            trail,
            engine_id,
            mounts,
            timer: Timer::new(),
            data_directory: self.data.clone(),
            auditing: config.auditing.clone(),
            gate: self.gate.clone(),
            sealed: AtomicBool::new(false),
            restoring: Mutex::default(),
            at_work: Arc::default(),
            barrier,
        });
        let leases = Leases::new(backends.clone());
        let core = Arc::new(Core { kernel, identity, tokens, policies, quotas, leases });
        let timer = Mutex::new(Some(Leases::start(&core)));
        let inside = Arc::new(Inside { pipeline: Arc::new(Pipeline { core, backends }), timer, noting });
        *self.inside.write().unwrap_or_else(PoisonError::into_inner) = Some(inside);
        Ok(root_token)
    }

    /// Closes what was inside, as far as nobody did before.
    async fn seal(&self, inside: &Arc<Inside>) {
        let _turn = self.turn.lock().await;
        let taken = {
            let mut held = self.inside.write().unwrap_or_else(PoisonError::into_inner);
            held.take_if(|held| Arc::ptr_eq(held, inside))
        };
        if let Some(inside) = taken {
            self.shut(&inside).await;
            tracing::warn!("sealed");
        }
    }

    /// Closes what is inside, for good or until it is unsealed.
    pub(super) async fn close(&self) {
        let _turn = self.turn.lock().await;
        let inside = self.inside.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(inside) = inside {
            self.shut(&inside).await;
        }
    }

    async fn shut(&self, inside: &Inside) {
        self.still(inside).await;
        inside.pipeline.core.barrier.rekeyed(None);
        self.gate.close();
    }

    /// Ends all that is at work inside. The store can still be read.
    async fn still(&self, inside: &Inside) {
        let core = &inside.pipeline.core;
        // Requests go on without their clients, and what nobody got is taken back.
        let ended = tokio::time::timeout(self.config.limits.drain_time_max, core.at_work.write()).await;
        if ended.is_err() {
            tracing::warn!("requests without a client were still at work when the time to stop was up");
        }
        drop(ended);
        Leases::stop(core);
        inside.pipeline.backends.close();
        let timer = inside.timer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(timer) = timer {
            // A timer task that panicked has nothing left to wait for.
            let _ = timer.await;
        }
        inside.noting.abort();
        let trail = core.trail.clone();
        // It waits for its last flush, so not on a worker of the runtime.
        let lines = tokio::task::spawn_blocking(move || trail.close()).await.unwrap_or_default();
        if let Err(error) = loss::note_last(&core.barrier, lines, &self.home).await {
            tracing::warn!(%error, "the trail's last lines were not noted down");
        }
    }
}

/// What a start would have said, to who asked for it over the wire: the log says it.
fn said(error: OpenError) -> Error {
    Error::Internal(error.to_string())
}

/// A path that means the same wherever the engine is started from.
pub(super) fn whole_path(path: &Path) -> Result<PathBuf, OpenError> {
    std::path::absolute(path).map_err(|e| OpenError::Failed(format!("the path {} leads nowhere: {e}", path.display())))
}

/// What is always mounted; and a development server starts with key-value storage at `secret/`.
fn first_mounts(backends: &Backends, config: &Config) -> Result<First, Error> {
    let built_in = backends.built_in().map(|(path, kind, description)| Mount::new(path, kind, description));
    let always = built_in.collect::<Result<Vec<_>, _>>()?;
    let mut once = Vec::new();
    if let Storage::Memory = config.storage {
        let mut mount = Mount::new("secret/", "kv", "key/value secret storage")?;
        let version = if config.dev_kv_v1 { "1" } else { "2" };
        mount.options.insert("version".to_owned(), version.to_owned());
        once.push(mount);
    }
    Ok(First { always, once, system: config.ttls })
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
