//! The engine in this process: how it is opened, and how a client gets to it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::error::CliError;
use super::global::exactly;
use crate::api::Target;
use crate::clock::Clock;
use crate::durable;
use crate::engine::{AwsTransport, Config, Engine, ID_FILE, KeyFile, KeyService, OpenError, Seal, Storage};
use crate::estate::{AwsChoice, KeyChoice};
use crate::sandbox;

/// Buffer of an in-memory connection, in each direction.
const STREAM_BYTES: usize = 256 << 10;

/// What opens the data of an engine.
#[derive(Clone, Debug)]
pub(crate) struct Opener {
    seal: Seal,
    key: KeyFile,
}

/// What opens data in `data`, of an estate in `estate`, as its files say it.
///
/// # Errors
/// The key would lie where the data or the estate does.
pub(crate) fn opener(choice: &KeyChoice, data: &Path, estate: &Path) -> Result<Opener, CliError> {
    let path = match choice {
        KeyChoice::Beside => return Ok(Opener { seal: Seal::KeyFile, key: KeyFile::Beside }),
        KeyChoice::Service(key_id) => {
            let service = KeyService { key_id: key_id.clone(), region: None, endpoint: None };
            return Ok(Opener { seal: Seal::Kms, key: KeyFile::Wrapped(service) });
        }
        KeyChoice::File(path) => match path.strip_prefix("~") {
            Ok(below) => exactly("HOME").filter(|home| home.starts_with('/')).map(|home| Path::new(&home).join(below)),
            Err(_) => Some(path.clone()),
        },
    };
    let path = path.ok_or_else(|| {
        CliError::new(1, "`key` in the environment names a file below ~, and HOME does not say where that is")
    })?;
    // By what they are, not by how they are named; what is not there yet is where its directory is.
    let real = |path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let there = path.ancestors().find_map(|part| Some((part, std::fs::canonicalize(part).ok()?)));
        there.map_or_else(|| path.clone(), |(part, real)| real.join(path.strip_prefix(part).unwrap_or(part)))
    };
    if [data, estate].into_iter().any(|within| real(&path).starts_with(real(within))) {
        let what = format!("the key {} would lie with what it keeps closed", path.display());
        return Err(CliError::new(1, what).hint("name a file outside of the estate's directory in `key`"));
    }
    Ok(Opener { seal: Seal::KeyFile, key: KeyFile::Given(path) })
}

/// Opens the engine that keeps its data in `data`.
///
/// # Errors
/// [`OpenError::Locked`] when another process has it; anything else is told in words.
pub(crate) async fn open(data: &Path, opener: &Opener, aws: AwsChoice, clock: &Clock) -> Result<Engine, OpenError> {
    let mut config = Config::new(Storage::Disk { directory: data.to_owned() }, clock.clone());
    (config.seal, config.key) = (opener.seal, opener.key.clone());
    config.trail = Some(data.join("trail.log"));
    // For whoever serves it on a port; on a stream nobody asks for it.
    config.limits.page = true;
    config.aws = match aws {
        AwsChoice::Aws => AwsTransport::Network,
        AwsChoice::Sandbox => LazySandbox::new(Some(data.join("sandbox")), clock).transport(),
    };
    config.aws_key = (aws == AwsChoice::Sandbox).then(sandbox::engine_key);
    let engine = Engine::open(config).await?;
    keep_out_of_git(data).map_err(|error| OpenError::Failed(format!("{}: {error}", data.display())))?;
    Ok(engine)
}

/// Which engine keeps its data in `data`, as far as one has been opened there.
pub(crate) fn id(data: &Path) -> Option<String> {
    std::fs::read_to_string(data.join(ID_FILE)).ok()
}

/// The directory lies in the estate, which is under git, and holds the key that unseals it: one careless
/// `git add` must not publish it.
fn keep_out_of_git(data: &Path) -> std::io::Result<()> {
    let ignore = data.join(".gitignore");
    match std::fs::metadata(&ignore) {
        // An empty one was being made when the process was killed.
        Ok(found) if found.len() > 0 => Ok(()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => durable::replace(&ignore, |file| std::io::Write::write_all(file, b"*\n")),
    }
}

/// The way to an engine in this process.
pub(crate) fn target(engine: &Engine) -> Target {
    let engine = engine.clone();
    Target::Stream(Arc::new(move || {
        let (ours, theirs) = tokio::io::duplex(STREAM_BYTES);
        let engine = engine.clone();
        tokio::spawn(async move { engine.serve_stream(theirs, None).await });
        ours
    }))
}

/// A simulated AWS account whose journal is in a directory, or that is gone with the process.
///
/// The journal is read when the engine first calls AWS, or with [`LazySandbox::check`]. Then the engine
/// holds the lock of its data directory, so that no other process still writes the journal.
#[derive(Clone, Debug)]
pub(crate) struct LazySandbox {
    dir: Option<PathBuf>,
    clock: Clock,
    opened: Arc<OnceLock<Result<Opened, String>>>,
}

/// The way to an account, and the account where it is this process's.
#[derive(Clone, Debug)]
struct Opened {
    client: SharedHttpClient,
    account: Option<Arc<sandbox::Account>>,
}

impl LazySandbox {
    /// Opens nothing yet.
    pub(crate) fn new(dir: Option<PathBuf>, clock: &Clock) -> Self {
        Self { dir, clock: clock.clone(), opened: Arc::default() }
    }

    /// The way to the account.
    pub(crate) fn transport(&self) -> AwsTransport {
        AwsTransport::InProcess(SharedHttpClient::new(self.clone()))
    }

    /// Opens it now; answers why that does not work.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.opened().as_ref().map(drop).map_err(Clone::clone)
    }

    /// The account, opened now. None where another process serves it, or where it does not open.
    pub(crate) fn account(&self) -> Option<Arc<sandbox::Account>> {
        self.opened().as_ref().ok().and_then(|opened| opened.account.clone())
    }

    fn opened(&self) -> &Result<Opened, String> {
        self.opened.get_or_init(|| {
            match sandbox::Account::open(self.dir.as_deref(), self.clock.clone()) {
                Ok(account) => {
                    account.add_engine_user().map_err(|error| error.to_string())?;
                    if self.dir.is_none() {
                        account.adopt_keys();
                    }
                    Ok(Opened { client: sandbox::connector(account.clone()), account: Some(account) })
                }
                // `leasehold sandbox` serves this very account, for people to look at what the engine makes.
                Err(sandbox::OpenError::InUse { address: Some(address), .. }) => {
                    Ok(Opened { client: sandbox::remote_connector(&address)?, account: None })
                }
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

impl HttpClient for LazySandbox {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        match self.opened() {
            Ok(opened) => opened.client.http_connector(settings, components),
            Err(problem) => SharedHttpConnector::new(Broken(format!("the sandbox did not open: {problem}"))),
        }
    }
}

/// Answers every call to AWS with the reason why there is no sandbox.
#[derive(Debug)]
struct Broken(String);

impl aws_smithy_runtime_api::client::http::HttpConnector for Broken {
    fn call(
        &self,
        _request: aws_smithy_runtime_api::client::orchestrator::HttpRequest,
    ) -> aws_smithy_runtime_api::client::http::HttpConnectorFuture {
        use aws_smithy_runtime_api::client::{http::HttpConnectorFuture, result::ConnectorError};
        HttpConnectorFuture::ready(Err(ConnectorError::user(self.0.clone().into())))
    }
}
