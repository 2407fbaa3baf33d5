//! What commands share: the estate, its environment, a client to the engine.
//!
//! A command by hand goes where Vault's command line would go when an address is given; inside an
//! estate's directory it goes to that estate's engine. A command about the estate goes to the
//! environment's engine. Where that is embedded, it is opened in this process, or, when a server has the
//! data directory, reached through that server: whoever calls gets a client and can't tell.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::Mutex;

use super::error::CliError;
use super::global::{Global, TOKENS, exactly};
use super::{embedded, output, token_file};
use crate::api::{self, Client, Target};
use crate::clock::Clock;
use crate::engine::{Engine, OpenError};
use crate::estate::{self, AwsChoice, EngineChoice, Environment, Estate, Sources};
use crate::git;
use crate::plan::saved::{Opened, Unfit};
use crate::proposal::{self, Basis, Proposal, Purpose, Word};
use crate::secret::Secret;

/// Where Vault's command line goes when nobody says otherwise.
const ADDRESS_DEFAULT: &str = "https://127.0.0.1:8200";
/// How long to wait for another command that has the data directory.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);
const LOCK_POLL: Duration = Duration::from_millis(50);
/// How long the end of a command may take for revoking what is overdue.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);
/// How much is looked at to see whether the current directory is an estate.
const LOOK_ENTRIES_MAX: usize = 1_000;
const LOOK_BYTES_MAX: u64 = 1 << 20;

/// Warnings about the files that a command other than `validate` shows, a few lines each, so that its own answer is seen
/// on one screen with them.
const WARNINGS_SHOWN_MAX: usize = 5;

/// What a command makes of warnings about the files that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warnings {
    /// Nothing: it judges nobody.
    Untold,
    /// It shows them.
    Told,
    /// It shows them, and takes them for errors (`--strict`).
    Errors,
}

impl Warnings {
    /// Of a command that judges, with or without `--strict`.
    pub(crate) fn of(strict: bool) -> Self {
        if strict { Self::Errors } else { Self::Told }
    }

    /// Shows warnings about the files.
    ///
    /// # Errors
    /// If there are any and they are taken for errors.
    pub(crate) fn tell(self, warnings: &[estate::Problem], sources: &Sources) -> Result<(), CliError> {
        if self == Self::Untold || warnings.is_empty() {
            return Ok(());
        }
        let (shown, rest) = warnings.split_at(warnings.len().min(WARNINGS_SHOWN_MAX));
        output::say(&estate::render(shown, sources, std::io::stderr().is_terminal()));
        if !rest.is_empty() {
            let noun = if rest.len() == 1 { "warning" } else { "warnings" };
            output::say(&format!("... and {} more {noun}: `leasehold validate` shows all\n", rest.len()));
        }
        if self == Self::Told {
            return Ok(());
        }
        let noun = if warnings.len() == 1 { "warning" } else { "warnings" };
        let what = format!("the estate has {} {noun}, which --strict takes for errors", warnings.len());
        Err(CliError::new(1, what).hint("a typo in what is forbidden proves nothing"))
    }
}

/// Who a command speaks as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    /// A person who may have logged in as someone.
    Hand,
    /// The estate's operator: never whom `leasehold login` made us in the embedded engine.
    Operator,
}

/// Where a command reads an estate's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Files {
    /// As they stand in its directory.
    Directory,
    /// As the `HEAD` of the repository has them: nothing is checked out.
    Head,
}

/// What a command works with. [`Context::close`] it at the end, whatever the outcome.
pub(crate) struct Context {
    global: Global,
    dir: Option<PathBuf>,
    files: Files,
    warnings: Warnings,
    clock: Clock,
    engine: Mutex<Option<(PathBuf, Engine)>>,
    /// Where the token came from, for the hint when it is not good enough.
    token_source: OnceLock<String>,
    /// The data directory, when the engine is the estate's embedded one.
    data: OnceLock<PathBuf>,
}

impl Context {
    /// Whether connections show a certificate of ours.
    ///
    /// # Errors
    /// What is said of TLS makes no sense.
    pub(crate) fn shows_certificate(&self) -> Result<bool, CliError> {
        Ok(self.global.tls()?.client_cert.is_some())
    }

    /// Looks at flags and environment variables; opens nothing yet.
    ///
    /// # Errors
    /// None at present; what is wrong with the flags shows when they are used.
    pub(crate) fn open(global: &Global) -> Result<Self, CliError> {
        Ok(Self {
            global: global.clone(),
            dir: global.dir.clone().or_else(|| exactly("LEASEHOLD_DIR").map(PathBuf::from)),
            files: Files::Directory,
            warnings: Warnings::Untold,
            clock: Clock::system(),
            engine: Mutex::default(),
            token_source: OnceLock::new(),
            data: OnceLock::new(),
        })
    }

    /// The same context for the estate in `dir`, where a command takes it as an argument.
    pub(crate) fn at(mut self, dir: Option<PathBuf>) -> Self {
        self.dir = dir.or(self.dir);
        self
    }

    /// The same context for the estate at `dir` of a bare repository, as its `HEAD` has it.
    pub(crate) fn at_head_of(self, dir: PathBuf) -> Self {
        Self { dir: Some(dir), files: Files::Head, ..self }
    }

    /// The same context for a command that judges by the files, and so tells what it could not look up in them.
    pub(crate) fn telling(self, warnings: Warnings) -> Self {
        Self { warnings, ..self }
    }

    /// The same context for an environment, unless another one was asked for.
    pub(crate) fn in_environment(mut self, name: &str) -> Self {
        if self.global.environment().is_none() {
            self.global.environment = Some(name.to_owned());
        }
        self
    }

    /// The time.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The day, as `2026-11-25`: of UTC, so that a run in CI and one at a desk agree.
    pub(crate) fn today(&self) -> String {
        let date = self.clock.now().date();
        format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
    }

    /// The estate's directory.
    pub(crate) fn estate_dir(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| PathBuf::from("."))
    }

    fn sources(&self) -> Result<Sources, CliError> {
        let none = Sources::default();
        let sources = match self.files {
            Files::Directory => {
                estate::read_directory(&self.estate_dir()).map_err(|problems| rendered(&problems, &none))?
            }
            Files::Head => {
                git::sources(&self.estate_dir(), "HEAD").map_err(|error| self.unproposed(error.into()))?.sources
            }
        };
        Ok(sources.as_of(&self.today()))
    }

    /// Reads and checks the estate's files. Secrets stay unresolved.
    ///
    /// # Errors
    /// Everything that is wrong with the files, rendered.
    pub(crate) fn estate(&self) -> Result<Estate, CliError> {
        Ok(self.read_estate()?.0)
    }

    fn read_estate(&self) -> Result<(Estate, Sources), CliError> {
        let sources = self.sources()?;
        let estate = estate::load(&sources, self.global.environment().as_deref())
            .map_err(|problems| rendered(&problems, &sources))?;
        self.warnings.tell(&estate.warnings, &sources)?;
        Ok((estate, sources))
    }

    /// The environment alone, for commands that need no more of the files.
    ///
    /// # Errors
    /// What is wrong with the files, if that leaves open which engine is meant.
    pub(crate) fn chosen(&self) -> Result<Environment, CliError> {
        let sources = self.sources()?;
        estate::environment(&sources, self.global.environment().as_deref())
            .map_err(|problems| rendered(&problems, &sources))
    }

    /// The estate for each of its environments, or for the chosen one. Secrets stay unresolved.
    ///
    /// # Errors
    /// Everything that is wrong with the files, rendered; an environment that is not declared.
    pub(crate) fn estates(&self) -> Result<Vec<Estate>, CliError> {
        let sources = self.sources()?;
        let wanted = self.global.environment();
        let estates =
            estate::load_each(&sources, wanted.as_deref()).map_err(|problems| rendered(&problems, &sources))?;
        if estates.is_empty() {
            // The one that knows what is wrong with the choice.
            estate::load(&sources, wanted.as_deref()).map_err(|problems| rendered(&problems, &sources))?;
        }
        self.warnings.tell(&estate::warnings(&estates), &sources)?;
        Ok(estates)
    }

    /// The estate, its secrets unresolved, and a client to the environment's engine that speaks as the operator.
    ///
    /// # Errors
    /// Problems in the files, an engine that can't be opened.
    pub(crate) async fn environment(&self) -> Result<(Estate, Client), CliError> {
        let estate = self.estate()?;
        let client = self.operator(&estate.environment).await?.patient();
        Ok((estate, client))
    }

    /// The files, and a client to the environment's engine that speaks as the operator.
    ///
    /// # Errors
    /// Problems in the files, an engine that can't be opened.
    pub(crate) async fn workplace(&self) -> Result<Workplace, CliError> {
        let (estate, sources) = self.read_estate()?;
        let client = self.operator(&estate.environment).await?.patient();
        Ok(Workplace { estate, sources, client })
    }

    /// The plan of the files, reviewed, and a client to carry it out with.
    ///
    /// # Errors
    /// An engine that can't be read.
    pub(crate) async fn propose(
        &self,
        workplace: Workplace,
        word: Word<'_>,
        purpose: Purpose,
    ) -> Result<Proposed, CliError> {
        let Workplace { estate, sources, client } = workplace;
        let (dir, today) = (self.estate_dir(), self.today());
        let basis = Basis { purpose, ..self.basis(&dir, &today, &estate.environment) };
        let proposal = proposal::propose(estate, &client, basis, word).await.map_err(|error| self.unproposed(error))?;
        Ok(Proposed { proposal, client, sources })
    }

    /// Refuses a saved plan of another environment than the one that was asked for.
    ///
    /// # Errors
    /// That.
    pub(crate) fn is_for(&self, opened: &Opened) -> Result<(), CliError> {
        let planned = &opened.plan.environment;
        match self.global.environment().filter(|asked| asked != planned) {
            Some(asked) => Err(self.unproposed(Unfit::Environment { planned: planned.clone(), asked }.into())),
            None => Ok(()),
        }
    }

    /// A saved plan with the files, the engine and the ledger of now, and a client to carry it out with.
    ///
    /// # Errors
    /// An engine that can't be read, and whatever of it all is not as it was planned.
    pub(crate) async fn reopen(&self, workplace: Workplace, opened: &Opened) -> Result<Proposed, CliError> {
        let Workplace { estate, sources, client } = workplace;
        let (dir, today) = (self.estate_dir(), self.today());
        let basis = Basis { purpose: Purpose::Apply, ..self.basis(&dir, &today, &estate.environment) };
        let proposal = proposal::reopen(opened, estate, &sources, &client, basis).await;
        Ok(Proposed { proposal: proposal.map_err(|error| self.unproposed(error))?, client, sources })
    }

    /// Where a proposal for an environment is made.
    pub(crate) fn basis<'a>(&self, dir: &'a Path, today: &'a str, environment: &Environment) -> Basis<'a> {
        Basis { dir, shared: self.is_remote(environment), today, purpose: Purpose::Show }
    }

    /// A client to the engine at an address that speaks as the operator: of an estate that is not there yet.
    ///
    /// # Errors
    /// Settings that can't be used.
    pub(crate) fn operator_at(&self, address: String) -> Result<Client, CliError> {
        Ok(self.network(address)?.patient())
    }

    /// A client to an environment's engine that speaks as the operator.
    ///
    /// # Errors
    /// An engine that can't be opened, settings that can't be used.
    pub(crate) async fn operator(&self, environment: &Environment) -> Result<Client, CliError> {
        if let Some(address) = self.global.address.clone() {
            return Ok(self.network(address)?.waiting());
        }
        Ok(self.reach(environment, Speaker::Operator).await?.waiting())
    }

    /// A client for commands by hand.
    ///
    /// # Errors
    /// As [`Context::operator`].
    pub(crate) async fn client(&self) -> Result<Client, CliError> {
        if let Some(address) = self.global.address() {
            return self.network(address);
        }
        if self.dir.is_some() || holds_estate(Path::new(".")) {
            let environment = self.chosen().map_err(|error| {
                error.hint("the engine is the estate's own unless --address or LEASEHOLD_ADDR names one")
            })?;
            return self.reach(&environment, Speaker::Hand).await;
        }
        self.network(ADDRESS_DEFAULT.to_owned())
    }

    /// A client to the engine that flags or the environment name, else to the one at this address, else as
    /// [`Context::client`].
    ///
    /// # Errors
    /// As [`Context::operator`].
    pub(crate) async fn engine_at(&self, address: Option<String>) -> Result<Client, CliError> {
        match self.global.address().or(address) {
            Some(address) => Ok(self.network(address)?.waiting()),
            None => Ok(self.client().await?.waiting()),
        }
    }

    /// Whether a command is about the engine at an address, and no estate is meant or near.
    pub(crate) fn is_about_an_engine(&self) -> bool {
        self.global.address().is_some() && self.dir.is_none() && !holds_estate(Path::new("."))
    }

    /// Whether an environment's engine is reached over an address, where other estates may use it too. The
    /// data of an embedded engine is inside its estate's directory.
    pub(crate) fn is_remote(&self, environment: &Environment) -> bool {
        self.global.address.is_some() || matches!(environment.engine, EngineChoice::Address(_))
    }

    /// Whether the estate's directory looks like one.
    pub(crate) fn holds_estate(&self) -> bool {
        holds_estate(&self.estate_dir())
    }

    /// The data directory of an environment's embedded engine, if it has one.
    pub(crate) fn data_dir(&self, environment: &Environment) -> Option<PathBuf> {
        match &environment.engine {
            EngineChoice::Embedded { data, .. } => Some(self.estate_dir().join(data)),
            EngineChoice::Address(_) => None,
        }
    }

    /// Where `leasehold login` keeps the token for the engine that [`Context::client`] reached: a login to
    /// the embedded engine is no business of any other.
    pub(crate) fn login_file(&self) -> Option<PathBuf> {
        self.data.get().map(|data| login_token(data)).or_else(token_file::helper)
    }

    /// What an engine refused, with the exit code and the hints that fit.
    pub(crate) fn failed(&self, doing: impl std::fmt::Display, error: &api::Error) -> CliError {
        let failure = CliError::api(doing, error);
        match (error.code(), self.token_source.get()) {
            (Some(403), Some(source)) => failure.hint(format!("the token came from {source}")),
            // What is said of a token is about none.
            (Some(403), None) => CliError { hints: Vec::new(), ..failure }
                .hint("no token was sent; `leasehold login`, or set LEASEHOLD_TOKEN"),
            _ => failure,
        }
    }

    /// Revokes what is overdue and closes the engine, if one was opened.
    pub(crate) async fn close(self) {
        let Some((_, engine)) = self.engine.into_inner() else { return };
        let left = engine.settle(SETTLE_LIMIT).await;
        if left > 0 {
            output::say(&format!(
                "{left} ended {} could not be revoked yet; the next command on this engine tries again",
                if left == 1 { "lease" } else { "leases" }
            ));
        }
        engine.close().await;
    }

    async fn reach(&self, environment: &Environment, speaker: Speaker) -> Result<Client, CliError> {
        match &environment.engine {
            EngineChoice::Address(address) => self.network(address.clone()),
            EngineChoice::Embedded { .. } if self.files == Files::Head => {
                let what = format!("the environment `{}` has its engine in the estate's directory", environment.name);
                Err(CliError::new(1, format!("{what}, and this estate is read from a remote, without one"))
                    .hint("give it an `address`, or name the engine with --address"))
            }
            EngineChoice::Embedded { data, aws } => self.embedded(&self.estate_dir().join(data), *aws, speaker).await,
        }
    }

    fn network(&self, address: String) -> Result<Client, CliError> {
        let mut options = self.global.options()?;
        options.token = self.network_token()?;
        let target = Target::Network { address, tls: self.global.tls()? };
        Client::new(target, options).map_err(|error| CliError::new(1, error.to_string()))
    }

    async fn embedded(&self, data: &Path, aws: AwsChoice, speaker: Speaker) -> Result<Client, CliError> {
        let options = self.global.options()?;
        if options.namespace.is_some() {
            return Err(CliError::new(1, "the embedded engine has no namespaces")
                .hint("leave --namespace out, and unset LEASEHOLD_NAMESPACE, BAO_NAMESPACE and VAULT_NAMESPACE"));
        }
        // Set at most once with another value: a command uses one environment.
        let _ = self.data.set(data.to_owned());
        let (target, root_token) = match self.open_engine(data, aws).await? {
            Reached::Here(engine) => (embedded::target(&engine), engine.root_token()),
            Reached::Server(address) => (Target::Network { address, tls: self.global.tls()? }, None),
        };
        let client = Client::new(target, options).map_err(|error| CliError::new(1, error.to_string()))?;
        // BAO_TOKEN and VAULT_TOKEN are for hands: whoever has one for a real server shall still be able to apply here.
        let names = match speaker {
            Speaker::Hand => TOKENS.as_slice(),
            Speaker::Operator => &TOKENS[..1],
        };
        for name in names {
            let Some(text) = exactly(name) else { continue };
            let token = client.with_token(Secret::new(text.trim()));
            if self.knows(&token, speaker).await? {
                let _ = self.token_source.set((*name).to_owned());
                return Ok(token);
            }
            output::say(&format!(
                "warning: the token in {name} is not one of the embedded engine in {}, or has ended: it is not used\n",
                data.display()
            ));
        }
        Ok(match self.embedded_token(data, root_token, speaker)? {
            Some(token) => client.with_token(token),
            None => client,
        })
    }

    /// Whether an engine knows the token that a client speaks with, whatever it may do.
    async fn knows(&self, client: &Client, speaker: Speaker) -> Result<bool, CliError> {
        match client.read("auth/token/lookup-self").await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some(403) => Ok(error.denial() != Some(api::Denial::Ended)),
            Err(error) => {
                let failure = CliError::api("Error looking up a token", &error);
                Err(match speaker {
                    Speaker::Hand => failure,
                    // What is about the estate has other codes for what it finds.
                    Speaker::Operator => CliError { exit_code: 1, ..failure },
                })
            }
        }
    }

    async fn open_engine(&self, data: &Path, aws: AwsChoice) -> Result<Reached, CliError> {
        let mut opened = self.engine.lock().await;
        if let Some((_, engine)) = opened.as_ref().filter(|(at, _)| at == data) {
            return Ok(Reached::Here(engine.clone()));
        }
        let deadline = tokio::time::Instant::now() + LOCK_PATIENCE;
        let mut told = false;
        loop {
            match embedded::open(data, aws, &self.clock).await {
                Ok(engine) => {
                    for loss in engine.losses() {
                        output::say(&format!("warning: {}\n", output::printable(&loss)));
                    }
                    *opened = Some((data.to_owned(), engine.clone()));
                    return Ok(Reached::Here(engine));
                }
                Err(OpenError::Locked { address: Some(address), .. }) => return Ok(Reached::Server(address)),
                Err(OpenError::Locked { .. }) if tokio::time::Instant::now() < deadline => {
                    if !told {
                        output::say(&format!("waiting for another command that uses {} …", data.display()));
                        told = true;
                    }
                    tokio::time::sleep(LOCK_POLL).await;
                }
                Err(OpenError::Locked { .. }) => {
                    let problem = format!(
                        "another command has used {} for more than {} s",
                        data.display(),
                        LOCK_PATIENCE.as_secs()
                    );
                    return Err(CliError::new(1, problem).hint("wait for it or stop it, then try again"));
                }
                Err(OpenError::Failed(problem)) => {
                    return Err(CliError::new(1, format!("the engine in {} did not open: {problem}", data.display())));
                }
            }
        }
    }

    fn network_token(&self) -> Result<Option<Secret>, CliError> {
        for name in TOKENS {
            if let Some(token) = exactly(name) {
                return Ok(Some(self.token_from(name, token.trim())));
            }
        }
        for file in [token_file::helper(), token_file::vault_helper()].into_iter().flatten() {
            if let Some(token) = token_file::read(&file)? {
                return Ok(Some(self.token_from(&file.display().to_string(), token.expose())));
            }
        }
        Ok(None)
    }

    fn embedded_token(
        &self,
        data: &Path,
        root_token: Option<Secret>,
        speaker: Speaker,
    ) -> Result<Option<Secret>, CliError> {
        let login = login_token(data);
        if speaker == Speaker::Hand
            && let Some(token) = token_file::read(&login)?
        {
            return Ok(Some(self.token_from(&login.display().to_string(), token.expose())));
        }
        let root = data.join("root-token");
        let token = match root_token {
            Some(token) => Some(token),
            None => token_file::read(&root)?,
        };
        Ok(token.map(|token| self.token_from(&root.display().to_string(), token.expose())))
    }

    fn token_from(&self, source: &str, token: &str) -> Secret {
        // The first one stays; a command asks for one client.
        let _ = self.token_source.set(source.to_owned());
        Secret::new(token)
    }
}

/// Runs `work` with a client for commands by hand, and closes what was opened, whatever the outcome.
pub(crate) async fn with_client(
    global: &Global,
    work: impl AsyncFnOnce(&Context, Client) -> Result<u8, CliError>,
) -> Result<u8, CliError> {
    let context = Context::open(global)?;
    let outcome = match context.client().await {
        Ok(client) => work(&context, client).await,
        Err(error) => Err(error),
    };
    context.close().await;
    outcome
}

/// What a proposal is made of.
pub(crate) struct Workplace {
    pub(crate) estate: Estate,
    /// The estate's files.
    pub(crate) sources: Sources,
    pub(crate) client: Client,
}

/// A proposal, and what it was made with.
pub(crate) struct Proposed {
    pub(crate) proposal: Proposal,
    pub(crate) client: Client,
    /// The estate's files.
    pub(crate) sources: Sources,
}

enum Reached {
    Here(Engine),
    Server(String),
}

/// Where a login to an embedded engine is kept.
fn login_token(data: &Path) -> PathBuf {
    data.join("login-token")
}

fn rendered(problems: &[estate::Problem], sources: &Sources) -> CliError {
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    let text = estate::render(problems, sources, false);
    CliError::plain(1, format!("{}\n\n{count} in the estate", text.trim_end()))
}

/// Whether a directory holds an estate: an `environment` declaration in a file of it, or one folder down.
/// A look that costs little, since it is done for each command without an address; what is odd about
/// the files shows when they are read in earnest.
fn holds_estate(dir: &Path) -> bool {
    let mut left = LOOK_ENTRIES_MAX;
    let mut folders = Vec::new();
    declares(dir, &mut left, Some(&mut folders)) || folders.iter().any(|folder| declares(folder, &mut left, None))
}

fn declares(dir: &Path, left: &mut usize, mut folders: Option<&mut Vec<PathBuf>>) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    for entry in entries.flatten() {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        let Ok(kind) = entry.file_type() else { continue };
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        match &mut folders {
            Some(folders) if kind.is_dir() && !hidden => folders.push(entry.path()),
            _ if kind.is_file() && !hidden && names_environment(&entry.path()) => return true,
            _ => {}
        }
    }
    false
}

fn names_environment(path: &Path) -> bool {
    let declaration = matches!(path.extension().and_then(|ending| ending.to_str()), Some("hcl" | "yaml" | "yml"));
    let small = || std::fs::metadata(path).is_ok_and(|metadata| metadata.len() <= LOOK_BYTES_MAX);
    let begins = |text: String| {
        text.lines().any(|line| {
            line.strip_prefix("environment").is_some_and(|rest| rest.trim_start().starts_with(['"', ':', '{']))
        })
    };
    declaration && small() && std::fs::read_to_string(path).is_ok_and(begins)
}

#[cfg(test)]
mod tests {
    use super::holds_estate;

    #[test]
    fn an_estate_is_known_by_its_environment() {
        for (file, text, is) in [
            ("estate.hcl", "# x\nenvironment \"local\" {}\n", true),
            ("env/prod.yaml", "environment:\n  prod: {}\n", true),
            ("main.tf", "environment \"x\" {}", false),
            ("deep/er/x.hcl", "environment \"x\" {}", false),
            (".hidden/x.hcl", "environment \"x\" {}", false),
            ("values.yaml", "environments: [a]\n", false),
            ("values.yaml", "  environment: prod\n", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            assert_eq!(holds_estate(dir.path()), is, "{file}: {text}");
        }
    }
}
