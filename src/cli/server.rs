//! `leasehold server`.

mod args;
mod dev;
mod file;
mod settings;
mod socket;
mod tls;
mod unserved;

use std::fs::Permissions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

pub(crate) use self::args::Args;
use self::args::AwsChoice;
use self::dev::{DevTls, KeptToken, Passing};
use self::settings::Settings;
use self::socket::Bound;
use self::tls::Certificate;
use super::embedded::LazySandbox;
use super::error::CliError;
use super::global::Global;
use super::output;
use crate::clock::Clock;
use crate::durable;
use crate::engine::kernel::seal::BESIDE;
use crate::engine::{AwsTransport, Config, Engine, KeyFile, Limits, Listener, OpenError, Seal, Storage, VERSION};
use crate::guardrail;
use crate::iam::catalogue::Catalogue;
use crate::sandbox::{self, Account, Control};
use crate::secret::Secret;

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    let settings = Settings::new(args)?;
    log_to_stderr(&settings.log_level, settings.logs_json)?;
    settings.notes.iter().for_each(|note| tracing::warn!("{note}"));
    read_built_in()?;
    let clock = Clock::system();
    let wanted = settings.dev.tls.as_ref();
    let dev_tls = wanted.map(|tls| DevTls::make(tls.directory.as_deref(), &tls.names, clock.now())).transpose()?;
    let files = dev_tls.as_ref().map(|made| &made.files).or(settings.tls.as_ref());
    let certificate = files.map(Certificate::load).transpose()?.map(Arc::new);
    // Declared before the engine, and so dropped after it.
    let (audit_file, _passing) = audit_file(&settings)?;
    let sandbox = sandbox(&settings, &clock);
    let engine = Engine::open(config(&settings, &audit_file, sandbox.as_ref(), clock)).await.map_err(opening)?;
    if let Some(sandbox) = &sandbox {
        // The engine holds the data directory by now, so whoever else was about to use the sandbox is done.
        sandbox.check().map_err(|error| CliError::new(1, error))?;
    }
    let served = match sandbox.as_ref().and_then(LazySandbox::account) {
        Some(account) => Some(Served::start(account).await?),
        None => None,
    };
    let (listeners, addresses, _socket) = listeners(&settings, certificate.as_ref()).await?;
    let address = addresses.first().cloned().unwrap_or_default();
    engine
        .announce(&address)
        .map_err(|e| CliError::new(1, format!("cannot write the address into the data directory's lock: {e}")))?;
    let _pid_file = settings.pid_file.as_deref().map(PidFile::write).transpose()?;
    // Before it says that it started: whoever reads that may send a signal at once.
    let (stop, reload) = (stopped()?, reloaded(engine.clone(), certificate.clone())?);
    let kept = kept_token(&settings, &engine);
    let dev = DevShown { ca: dev_tls.as_ref().map(|made| made.ca.as_path()), kept: kept.as_ref() };
    output::data(&banner(&settings, &engine, &addresses, &audit_file, served.as_ref(), &dev))?;

    tracing::info!(address, "serving");
    engine.serve_all(listeners, stop).await;
    reload.abort();
    tracing::info!("stopping");
    engine.close().await;
    if let Some(served) = served {
        served.stop().await;
    }
    Ok(0)
}

/// Where connections come in, each with its address: a port, a socket, or both; and the socket's file.
async fn listeners(
    settings: &Settings,
    certificate: Option<&Arc<Certificate>>,
) -> Result<(Vec<Listener>, Vec<String>, Option<Bound>), CliError> {
    let (mut listeners, mut addresses, mut file) = (Vec::new(), Vec::new(), None);
    if let Some(listen) = &settings.listen {
        let failed = |e: std::io::Error| CliError::new(1, format!("cannot listen on {listen}: {e}"));
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let scheme = if certificate.is_some() { "https" } else { "http" };
        addresses.push(format!("{scheme}://{}", listener.local_addr().map_err(failed)?));
        let tls = certificate.map(|certificate| certificate.clone().server_config(settings.client_certificates));
        listeners.push(Listener::Tcp(listener, tls.transpose()?));
    }
    if let Some(socket) = &settings.socket {
        let (listener, bound) = socket.listen()?;
        addresses.push(format!("unix://{}", socket.path.display()));
        listeners.push(Listener::Unix(listener));
        file = Some(bound);
    }
    Ok((listeners, addresses, file))
}

/// A file with the number of this process, for service managers; gone when it ends.
struct PidFile<'a>(&'a Path);

impl<'a> PidFile<'a> {
    fn write(path: &'a Path) -> Result<Self, CliError> {
        let written = durable::replace(path, |file| {
            file.set_permissions(Permissions::from_mode(0o644))?;
            writeln!(file, "{}", std::process::id())
        });
        let failed = |e| CliError::new(1, format!("pid_file {} can't be written: {e}", path.display()));
        written.map_err(failed).map(|()| Self(path))
    }
}

impl Drop for PidFile<'_> {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(self.0) {
            tracing::warn!(%error, path = %self.0.display(), "the file with the process's number is left behind");
        }
    }
}

/// The simulated account on a port of its own, for the AWS CLI: to look at what the engine makes, and to use the
/// credentials that it issues.
struct Served {
    address: SocketAddr,
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn start(account: Arc<Account>) -> Result<Self, CliError> {
        let failed = |e: std::io::Error| CliError::new(1, format!("the sandbox's endpoint cannot be served: {e}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            if let Err(error) = sandbox::serve(account, listener, Control::Disabled, stopped).await {
                tracing::error!(%error, "the sandbox's endpoint is not served any more");
            }
        });
        Ok(Self { address, stop, task })
    }

    async fn stop(self) {
        drop(self.stop);
        // A panic in it has been told.
        let _ = self.task.await;
    }

    /// What people need to use it.
    fn describe(&self) -> String {
        format!(
            "\nThe simulated AWS account, for the AWS CLI (nothing in it is real):\n\n    \
             export AWS_ENDPOINT_URL='http://{}'\n    \
             export AWS_DEFAULT_REGION='us-east-1'\n    export AWS_REGION='us-east-1'\n    \
             export AWS_ACCESS_KEY_ID='{}'\n    export AWS_SECRET_ACCESS_KEY='{}'\n\n\
             That is the account's root key. Where config/root of a mount has none, the engine signs as the user \
             {}, an administrator.\n",
            self.address,
            sandbox::ROOT_ACCESS_KEY,
            sandbox::ROOT_SECRET,
            sandbox::ENGINE_USER,
        )
    }
}

/// Looks now whether what the guardrails on roles judge by is whole: better no server than one whose first credential
/// fails. Of the catalogue it is enough that it is the text which the tests have read.
fn read_built_in() -> Result<(), CliError> {
    let broken =
        |why: String| CliError::new(1, why).hint("this program was built from a damaged source: build it anew");
    Catalogue::check_built_in()
        .map_err(|bad| broken(format!("the catalogue of actions in this program can't be read: {bad}")))?;
    let (text, tested) = Catalogue::built_in_text();
    if hex::encode(digest(&SHA256, text.as_bytes())) != tested {
        return Err(broken("the catalogue of actions in this program is not the one that was tested".to_owned()));
    }
    guardrail::check_paths().map_err(|why| broken(why.to_string()))
}

fn opening(error: OpenError) -> CliError {
    let hint = match &error {
        OpenError::Locked { address: Some(address), .. } => {
            format!("a server runs there already; use it with LEASEHOLD_ADDR={address}")
        }
        OpenError::Locked { address: None, .. } => "wait until the command that uses it has ended".to_owned(),
        OpenError::Failed(_) => return CliError::new(1, error.to_string()),
    };
    CliError::new(1, error.to_string()).hint(hint)
}

fn config(settings: &Settings, audit_file: &Path, sandbox: Option<&LazySandbox>, clock: Clock) -> Config {
    let storage = match &settings.data {
        Some(directory) => Storage::Disk { directory: directory.clone() },
        None => Storage::Memory,
    };
    let limits = Limits { page: settings.ui, ..Limits::default() };
    Config {
        limits,
        trail: Some(audit_file.to_owned()),
        auditing: settings.auditing.clone(),
        seal: settings.seal,
        key: settings.key.clone(),
        aws: sandbox.map_or(AwsTransport::Network, LazySandbox::transport),
        aws_key: sandbox.map(|_| sandbox::engine_key()),
        ttls: settings.ttls,
        dev_root_token: settings.root_token.clone().map(Secret::new),
        dev_kv_v1: settings.dev.kv_v1,
        ..Config::new(storage, clock)
    }
}

fn sandbox(settings: &Settings, clock: &Clock) -> Option<LazySandbox> {
    let directory = || settings.data.as_ref().map(|data| data.join("sandbox"));
    (settings.aws == AwsChoice::Sandbox).then(|| LazySandbox::new(directory(), clock))
}

/// The trail's file; a development server without one gets it in a directory of its own, which goes with the server.
fn audit_file(settings: &Settings) -> Result<(PathBuf, Option<Passing>), CliError> {
    if let Some(file) = &settings.audit_file {
        return Ok((file.clone(), None));
    }
    if let Some(directory) = &settings.data {
        return Ok((directory.join("trail.log"), None));
    }
    let passing = Passing::new()?;
    Ok((passing.path().join("trail.log"), Some(passing)))
}

/// The token of a development server, kept where commands look for one.
fn kept_token(settings: &Settings, engine: &Engine) -> Option<KeptToken> {
    let token = engine.root_token().filter(|_| settings.data.is_none() && settings.dev.stores_token)?;
    KeptToken::keep(&token).unwrap_or_else(|why| {
        tracing::warn!(why, "the root token is not kept for other commands");
        None
    })
}

/// What is told of a development server alone.
struct DevShown<'a> {
    ca: Option<&'a Path>,
    kept: Option<&'a KeptToken>,
}

fn banner(
    settings: &Settings,
    engine: &Engine,
    addresses: &[String],
    audit_file: &Path,
    served: Option<&Served>,
    dev: &DevShown<'_>,
) -> String {
    let address = addresses.first().map_or("", String::as_str);
    let row = |name: &str, value: &str| format!("{name:>24}: {value}\n");
    let mut text = "==> Leasehold server configuration:\n\n".to_owned();
    for address in addresses {
        text += &row("Api Address", address);
        if settings.ui && !address.starts_with("unix:") {
            text += &row("Page", &format!("{address}/ui/"));
        }
    }
    text += &row("Audit File", &audit_file.display().to_string());
    text += &row(
        "AWS",
        match settings.aws {
            AwsChoice::Aws => "aws",
            AwsChoice::Sandbox => "sandbox (simulated: its credentials open nothing in AWS)",
        },
    );
    if let Some(served) = served {
        text += &row("AWS Endpoint", &format!("http://{}", served.address));
    }
    if let (Some(data), Seal::KeyFile | Seal::Kms) = (&settings.data, settings.seal) {
        text += &row(
            "Key File",
            &match &settings.key {
                KeyFile::Beside => {
                    format!("{} (beside the data: who reads both reads all)", data.join(BESIDE).display())
                }
                KeyFile::At(file) | KeyFile::Given(file) => file.display().to_string(),
                KeyFile::Wrapped(service) => format!("beside the data, wrapped by AWS KMS with {}", service.key_id),
            },
        );
    }
    text += &row("Log Level", &settings.log_level);
    text += &row("Storage", &settings.data.as_ref().map_or_else(|| "memory".to_owned(), |d| d.display().to_string()));
    text += &row("Version", &format!("Leasehold v{VERSION}"));
    if let Some(served) = served {
        text += &served.describe();
    }
    match (&settings.data, engine.root_token()) {
        (Some(directory), Some(_)) => {
            text += &row("Root Token File", &directory.join("root-token").display().to_string());
        }
        (None, Some(token)) => {
            text += "\nThis is a development server. It keeps everything in memory and forgets it when it stops;\n\
                     it must not guard anything real. To use it from another terminal:\n\n";
            text += &format!("    export LEASEHOLD_ADDR='{address}'\n    export VAULT_ADDR='{address}'\n");
            if let Some(ca) = dev.ca.map(Path::display) {
                text += &format!("    export LEASEHOLD_CACERT='{ca}'\n    export VAULT_CACERT='{ca}'\n");
            }
            text.push('\n');
            if let Some(key) = engine.unseal_key() {
                text += &format!("Unseal Key: {}\n", key.expose());
            }
            text += &format!("Root Token: {}\n", token.expose());
            if let Some(kept) = dev.kept {
                let path = kept.path().display();
                text += &format!("\nUntil it stops, the token is in {path} too, for commands that are given none.\n");
            }
        }
        (Some(_), None) if engine.is_sealed() => {
            text += &format!(
                "\nThis server is sealed, and serves nothing until it is unsealed. From another terminal:\n\n    \
                 export LEASEHOLD_ADDR='{address}'\n    leasehold operator init      # once, where there is nothing yet\n    \
                 leasehold operator unseal    # once for each share that is needed\n"
            );
        }
        (_, None) => {}
    }
    text + "\n==> Leasehold server started! Log data follows on stderr.\n"
}

/// Ends when the process is asked to stop.
pub(super) fn stopped() -> Result<impl Future<Output = ()>, CliError> {
    let failed = |e: std::io::Error| CliError::new(1, format!("cannot listen for signals: {e}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// On SIGHUP reopens the trail's files and reads the certificate again.
fn reloaded(engine: Engine, certificate: Option<Arc<Certificate>>) -> Result<tokio::task::JoinHandle<()>, CliError> {
    let mut hangup =
        signal(SignalKind::hangup()).map_err(|e| CliError::new(1, format!("cannot listen for signals: {e}")))?;
    Ok(tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            engine.reload();
            match certificate.as_ref().map(|certificate| certificate.reload()) {
                Some(Err(error)) => {
                    tracing::error!(error = error.message, "the certificate does not load; the old one stays in use");
                }
                _ => tracing::info!("reloaded"),
            }
        }
    }))
}

/// A writer of events, each in one piece and ending in a line feed: what would break its line is shown as an escape,
/// so that no text in it, such as an error that AWS answered, makes a line of its own.
struct OneLine<W>(W);

impl<W: std::io::Write> std::io::Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let line = event.strip_suffix(b"\n").unwrap_or(event);
        let text = String::from_utf8_lossy(line).replace('\n', "\\n").replace('\r', "\\r");
        self.0.write_all(text.as_bytes())?;
        self.0.write_all(&event[line.len()..])?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Logs of this program at `level`; of libraries only warnings, because theirs may show what we send.
pub(super) fn log_to_stderr(level: &str, as_json: bool) -> Result<(), CliError> {
    let filter = tracing_subscriber::EnvFilter::try_new(format!("warn,leasehold={level}"))
        .map_err(|e| CliError::new(1, format!("bad log level: {e}")))?;
    let subscriber = tracing_subscriber::fmt().with_writer(|| OneLine(std::io::stderr())).with_env_filter(filter);
    match as_json {
        true => subscriber.json().flatten_event(true).try_init(),
        false => subscriber.try_init(),
    }
    .map_err(|e| CliError::new(1, format!("cannot set up logging: {e}")))
}

#[cfg(test)]
mod tests {
    use super::OneLine;

    #[test]
    fn what_is_logged_is_a_line_each() {
        let log = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        #[derive(Clone)]
        struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl std::io::Write for Shared {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let shared = Shared(log.clone());
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || OneLine(shared.clone())).finish();
        tracing::subscriber::with_default(subscriber, || {
            let error = "no\n::error::such\r\n  ::warning::thing";
            tracing::error!(%error, path = error, "failed {error}");
        });
        let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
        assert_eq!(log.matches(['\n', '\r']).count(), 1, "{log}");
        assert!(log.ends_with('\n') && log.contains("no\\n::error::such"), "{log}");
    }
}
