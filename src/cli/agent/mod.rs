//! `leasehold agent`: credentials for the apps of a host, without a line of code in them.
//!
//! It logs in as each app, holds a credential for it that is renewed or replaced before it ends, hands it to whoever shows
//! the agent's token, in the form in which ECS and EKS hand credentials to the SDKs of AWS, and writes it into files.

mod config;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use self::config::{AppConfig, Config, Listen};
use super::app::{AppArgs, Asked, Wanted};
use super::context::Context;
use super::error::CliError;
use super::global::{Global, exactly};
use super::server::stopped;
use super::{output, token_file};
use crate::keeper::{Endpoint, Keeper, Kept, LOOK_EVERY};
use crate::secret::Secret;

/// How long no client is taken after one could not be.
const PAUSE: Duration = Duration::from_millis(100);

/// Arguments of `leasehold agent`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  leasehold agent webapp --login approle      one app, on a host without the estate\n  leasehold agent --config agent.yaml         several, and files\n\nClients find it by AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, which it\nprints. What it has handed out lives until its lease ends, also when the agent is stopped."
)]
pub(crate) struct Args {
    #[command(flatten)]
    app: AppArgs,
    /// A file that names the apps, instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["app", "role", "mount", "login", "login_mount", "login_role", "app_file", "role_arn", "ttl", "session_name"])]
    config: Option<PathBuf>,
    /// Where to listen: an address on loopback, or unix:PATH [default: 127.0.0.1:9911]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The file of the token that clients show; made where it is not there [default: ~/.leasehold-agent-token]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Write the files of --config once, and end
    #[arg(long, requires = "config")]
    once: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    let config = args.config.as_deref().map(Config::read).transpose()?;
    let (keepers, apps) = keepers(&args, config.as_ref(), global)?;
    if args.once && keepers.iter().all(|keeper| keeper.files.is_empty()) {
        return Err(
            CliError::new(1, "--once writes files, and no app has any").hint("files: [{ path: ..., form: env }]")
        );
    }
    if args.once {
        return Ok(once(keepers).await);
    }
    let config = config.unwrap_or_default();
    let listen = config.listen(args.listen.as_deref())?;
    let (token_path, token) = token(args.token_file.or(config.token_file))?;
    let stop = stopped()?;
    let names: Vec<String> = apps.keys().cloned().collect();
    let endpoint = Endpoint::new(token, apps);
    let bound = Bound::to(&listen).await?;
    output::say(&bound.advice(&names, &token_path));
    let tasks: Vec<_> = keepers.into_iter().map(|keeper| tokio::spawn(keeper.run())).collect();
    tokio::select! {
        () = stop => {}
        () = bound.accept(&endpoint) => {}
    }
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    if let Listen::Unix(path) = &listen {
        // It is no use to anybody now; one that is gone is as good.
        let _ = std::fs::remove_file(path);
    }
    Ok(0)
}

type Apps = BTreeMap<String, watch::Receiver<Kept>>;

/// Who sees to which app, and where what is held of it is seen.
fn keepers(args: &Args, config: Option<&Config>, global: &Global) -> Result<(Vec<Keeper<Asked>>, Apps), CliError> {
    let context = || Context::open(global);
    let mut wanted: Vec<(String, Wanted, AppConfig)> = Vec::new();
    match config {
        None => {
            let one = args.app.wanted(&context()?)?;
            wanted.push((one.app.replace('/', "-"), one, AppConfig::default()));
        }
        Some(config) => {
            for (name, app) in &config.apps {
                let said = app.said(name, config);
                let one = match said.login {
                    Some(_) => Wanted::of(said, app.own())?,
                    None => AppArgs::named(said, app.own()).wanted(&context()?)?,
                };
                wanted.push((name.clone(), one, app.clone()));
            }
        }
    }
    let look_every = config.map_or(Ok(LOOK_EVERY), Config::look_every)?;
    let (mut keepers, mut apps) = (Vec::new(), Apps::new());
    for (name, wanted, app) in wanted {
        let (kept, seen) = watch::channel(Kept::default());
        apps.insert(name.clone(), seen);
        let source = Asked { wanted, global: global.clone() };
        keepers.push(Keeper { name, source, files: app.files, look_every, kept });
    }
    Ok((keepers, apps))
}

/// Writes all files once, of each app whatever becomes of the others. Answers the exit code: the first failure's.
async fn once(keepers: Vec<Keeper<Asked>>) -> u8 {
    let mut code = 0;
    for keeper in keepers.iter().filter(|keeper| !keeper.files.is_empty()) {
        match keeper.once().await {
            Ok(until) => output::say(&format!("{}: a credential until {until}", keeper.name)),
            Err(trouble) => {
                let error = CliError::from(trouble);
                output::failure(&CliError { message: format!("{}: {}", keeper.name, error.message), ..error });
                code = if code == 0 { error.exit_code } else { code };
            }
        }
    }
    code
}

/// The token that clients show, and its file, which is made where it is not there.
fn token(path: Option<PathBuf>) -> Result<(PathBuf, Secret), CliError> {
    let path = path.or_else(|| Some(Path::new(&exactly("HOME")?).join(".leasehold-agent-token")));
    let path = path.ok_or_else(|| {
        CliError::new(1, "there is no place for the agent's token: HOME is not set").hint("name one: --token-file FILE")
    })?;
    if let Some(token) = token_file::read(&path)? {
        return Ok((path, token));
    }
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| CliError::new(1, "the system gave no random bytes"))?;
    let token = Secret::new(hex::encode(bytes));
    token_file::write(&path, &token)?;
    Ok((path, token))
}

/// What it listens on.
enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Bound {
    async fn to(listen: &Listen) -> Result<Self, CliError> {
        match listen {
            Listen::Tcp(address) => {
                let bound = TcpListener::bind(address).await.map(Self::Tcp);
                bound.map_err(|error| CliError::new(1, format!("cannot listen on {address}: {error}")))
            }
            Listen::Unix(path) => {
                let failed =
                    |error: std::io::Error| CliError::new(1, format!("cannot listen on {}: {error}", path.display()));
                // What an agent that was killed has left takes the place of a new one.
                if std::os::unix::net::UnixStream::connect(path).is_err()
                    && std::fs::symlink_metadata(path).is_ok_and(|found| is_socket(&found))
                {
                    std::fs::remove_file(path).map_err(failed)?;
                }
                let bound = UnixListener::bind(path).map_err(failed)?;
                std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).map_err(failed)?;
                Ok(Self::Unix(bound, path.clone()))
            }
        }
    }

    /// What clients need to know.
    fn advice(&self, names: &[String], token: &Path) -> String {
        match self {
            Self::Unix(_, path) => {
                let of = names.iter().map(|name| format!("/credentials/{name}")).collect::<Vec<_>>().join(", ");
                format!("Serving {of} on {}, for who shows the token in {}", path.display(), token.display())
            }
            Self::Tcp(listener) => {
                let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
                let uri =
                    |name: &String| format!("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://{address}/credentials/{name}\n");
                let uris: String = names.iter().map(uri).collect();
                format!("{uris}AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={}", token.display())
            }
        }
    }

    /// Serves whoever comes, for ever.
    async fn accept(&self, endpoint: &Arc<Endpoint>) {
        loop {
            let error = match self {
                Self::Tcp(listener) => match listener.accept().await {
                    Ok((stream, _)) => {
                        endpoint.serve(stream);
                        continue;
                    }
                    Err(error) => error,
                },
                Self::Unix(listener, _) => match listener.accept().await {
                    Ok((stream, _)) => {
                        endpoint.serve(stream);
                        continue;
                    }
                    Err(error) => error,
                },
            };
            // Out of descriptors, for example: one is freed.
            endpoint.make_room();
            output::say(&format!("warning: a client could not be taken: {error}"));
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn is_socket(found: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&found.file_type())
}
