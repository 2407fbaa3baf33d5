//! What a loop was told: from arguments to what a round needs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::credentials::From;
use super::near::{Files, Near};
use super::receiver::Receiver;
use super::{Args, unkept};
use crate::cli::access::git_failed;
use crate::cli::app::RunArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::global::{Global, secret_variables};
use crate::git::{Mirror, Remote};
use crate::plan::Asked;
use crate::proposal::Word;
use crate::ssh::PublicKey;
use crate::text::one_line;
use crate::watch::{Form, Mode, Store};

/// What a loop was told.
pub(super) struct Settings {
    global: Global,
    login: RunArgs,
    /// The environment's name.
    pub(super) environment: String,
    pub(super) source: Source,
    pub(super) mode: Mode,
    /// Whether something may be deleted.
    pub(super) allow_deletes: bool,
    max_deletes: Option<u32>,
    /// Who has to have signed a commit.
    pub(super) signers: Option<Vec<PublicKey>>,
    /// What is accepted until a day.
    pub(super) baseline: Option<PathBuf>,
    pub(super) interval: Duration,
    pub(super) once: bool,
    /// Where it is looked at.
    pub(super) listen: Option<String>,
    /// Where credentials are logged, and what of.
    pub(super) log: Option<(PathBuf, From)>,
    /// Who is told news.
    pub(super) receivers: Vec<Receiver>,
    pub(super) store: Store,
    /// Variables that hold secrets, which no other program inherits.
    hidden: Vec<String>,
    /// All changes.
    asked: Asked,
}

/// Where the files are from.
pub(super) enum Source {
    /// A directory.
    Directory(PathBuf),
    /// The copy of a remote, and the estate's path in it.
    Remote { mirror: Mirror, path: PathBuf, name: String },
}

impl Settings {
    /// Checks all of it, and takes the state's directory.
    ///
    /// # Errors
    /// What makes no sense; a state that can't be had.
    pub(super) fn new(args: Args, global: &Global) -> Result<Self, CliError> {
        let mode: Mode = args.mode.into();
        if mode == Mode::Report && args.allow_deletes {
            return Err(CliError::new(1, "--allow-deletes is for --mode apply: a report deletes nothing"));
        }
        // What makes no sense is told before the first round.
        args.login.way()?;
        let environment = args.place.environment(global)?;
        let receivers = [(Form::Json, &args.notify), (Form::Slack, &args.notify_slack)];
        let kept = [&args.notify, &args.notify_slack, &args.notify_github, &args.notify_github_token];
        let variables = kept.into_iter().flatten();
        let variables = variables.filter_map(|url| url.strip_prefix("secret:env:").map(str::to_owned));
        let hidden = secret_variables().map(str::to_owned).chain(variables).collect();
        let receivers = receivers.into_iter().filter_map(|(form, url)| Some(Receiver::new(form, url.as_deref()?)));
        let mut receivers = receivers.collect::<Result<Vec<_>, _>>()?;
        if let (Some(url), Some(token)) = (&args.notify_github, &args.notify_github_token) {
            receivers.push(Receiver::new(Form::Github, url)?.with_token(token)?);
        }
        let signers = args.require_signed.as_deref().map(keys).transpose()?;
        let remote =
            args.remote.as_deref().map(|url| Remote::new(url, &args.branch)).transpose().map_err(git_failed)?;
        let path = args.path.unwrap_or_default();
        if !path.components().all(|part| matches!(part, std::path::Component::Normal(_))) {
            return Err(CliError::new(1, "--path leads out of the repository")
                .hint("name the estate's directory from the repository's root, such as infra/leasehold"));
        }
        if remote.is_some() && global.dir.is_some() {
            return Err(CliError::new(1, "--dir (-C) and --remote both say where the files are from")
                .hint("--path is the estate's directory in the repository"));
        }
        let dir = Context::open(global)?.at(args.dir).estate_dir();
        if remote.is_none() && !dir.is_dir() {
            let name = dir.display().to_string();
            let error = CliError::new(1, format!("there is no directory {}", one_line(&name)));
            return Err(match name.rsplit('/').next() {
                Some(word @ ("status" | "suspend" | "resume")) => {
                    error.hint(format!("the command stands before its flags: leasehold watch {word} -e ENV"))
                }
                _ => error.hint("name the estate's directory, or its repository with --remote"),
            });
        }
        let directory = args.place.directory(remote.is_none().then_some(&dir), &environment)?;
        let store = Store::open(&directory).map_err(|error| unkept(&error))?;
        let source = match remote {
            None => Source::Directory(dir),
            Some(remote) => {
                let name = remote.name();
                Source::Remote { mirror: Mirror::open(&store.mirror(), remote).map_err(git_failed)?, path, name }
            }
        };
        Ok(Self {
            global: global.clone(),
            login: args.login,
            environment,
            source,
            mode,
            allow_deletes: args.allow_deletes,
            max_deletes: args.max_deletes,
            signers,
            baseline: args.baseline,
            interval: args.interval,
            once: args.once,
            listen: args.listen,
            log: args.log.log(),
            receivers,
            store,
            hidden,
            asked: Asked::default(),
        })
    }

    /// The newest files.
    ///
    /// # Errors
    /// A remote that can't be fetched.
    pub(super) async fn context(&self) -> Result<Context, CliError> {
        let context = Context::open(&self.global)?.logging_in(self.login.way()?);
        match &self.source {
            Source::Directory(dir) => Ok(context.at(Some(dir.clone()))),
            Source::Remote { mirror, path, .. } => {
                let hidden: Vec<&str> = self.hidden.iter().map(String::as_str).collect();
                mirror.fetch(&hidden).await.map_err(git_failed)?;
                Ok(context.at_head_of(fetched(mirror, path)))
            }
        }
    }

    /// What the environment is reached by between rounds.
    pub(super) fn near(&self) -> Near {
        let files = match &self.source {
            Source::Directory(directory) => Files::Directory(directory.clone()),
            Source::Remote { mirror, path, .. } => Files::Fetched(fetched(mirror, path)),
        };
        Near::new(self.global.clone(), self.login.clone(), files)
    }

    /// What a round's plan may do: never more than the files say and the environment allows.
    pub(super) fn word(&self) -> Word<'_> {
        let max_deletes = match (self.mode, self.allow_deletes) {
            (Mode::Apply, false) => Some(0),
            _ => self.max_deletes,
        };
        Word { max_deletes, ..Word::cautious(&self.asked) }
    }
}

impl Source {
    /// As people know it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Directory(dir) => dir.canonicalize().unwrap_or_else(|_| dir.clone()).display().to_string(),
            Self::Remote { path, name, .. } if path.as_os_str().is_empty() => name.clone(),
            Self::Remote { path, name, .. } => format!("{name}, {}", path.display()),
        }
    }
}

/// Where the estate is in a copy.
fn fetched(mirror: &Mirror, path: &Path) -> PathBuf {
    // A path that ends in a slash for no path at all would be another.
    match path.as_os_str().is_empty() {
        true => mirror.directory().to_owned(),
        false => mirror.directory().join(path),
    }
}

/// The public keys of a file, one a line.
fn keys(file: &Path) -> Result<Vec<PublicKey>, CliError> {
    let failed = |why: String| CliError::new(1, format!("the signers in {} can't be read: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Result<Vec<_>, _> = lines.map(PublicKey::of_line).collect();
    let keys = keys.map_err(|error| failed(error.to_string()))?;
    match keys.is_empty() {
        true => Err(failed("it has no key".to_owned()).hint("a line each, as in ~/.ssh/id_ed25519.pub")),
        false => Ok(keys),
    }
}
