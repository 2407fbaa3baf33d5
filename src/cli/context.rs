//! What commands share: the estate, its environment, a client to the engine.
//!
//! A command by hand goes where Vault's command line would go when an address is given; inside an
//! estate's directory it goes to that estate's engine. A command about the estate goes to the
//! environment's engine. Where that is embedded, it is opened in this process, or, when a server has the
//! data directory, reached through that server: whoever calls gets a client and can't tell.

mod reach;
mod session;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::{Mutex, OnceCell};

use self::reach::{Speaker, login_token};
use self::session::Run;
pub(crate) use self::session::{LogIn, Session};
use super::error::CliError;
use super::global::{Global, addresses, exactly};
use super::{output, token_file};
use crate::api::{self, Client, Shelf};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::estate::{self, EngineChoice, Environment, Estate, Sources};
use crate::git;
use crate::ledger;
use crate::plan::saved::{Opened, Unfit};
use crate::proposal::{self, Basis, Proposal, Purpose, Word};
use crate::text::count;
use crate::units::address::Addresses;

/// Where Vault's command line goes when nobody says otherwise.
const ADDRESS_DEFAULT: &str = "https://127.0.0.1:8200";
/// How long the end of a command may take for revoking what is overdue.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);

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
            output::say(&format!("... and {}: `leasehold validate` shows all\n", count(rest.len(), "more warning")));
        }
        if self == Self::Told {
            return Ok(());
        }
        let warnings = count(warnings.len(), "warning");
        let what = format!("the estate has {warnings}, which --strict takes for errors");
        Err(CliError::new(1, what).hint("a typo in what is forbidden proves nothing"))
    }
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
    /// The root of the estate that one stands in, once that was looked for.
    found: OnceLock<Option<PathBuf>>,
    files: Files,
    warnings: Warnings,
    clock: Clock,
    engine: Mutex<Option<(PathBuf, Engine)>>,
    /// Where the token came from, for the hint when it is not good enough.
    token_source: OnceLock<String>,
    /// The data directory, when the engine is the estate's embedded one.
    data: OnceLock<PathBuf>,
    /// How the run logs in, where it does, in place of a token that is there.
    login: Option<Box<dyn LogIn>>,
    /// What came of that.
    run: OnceCell<Run>,
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
            found: OnceLock::new(),
            files: Files::Directory,
            warnings: Warnings::Untold,
            clock: Clock::system(),
            engine: Mutex::default(),
            token_source: OnceLock::new(),
            data: OnceLock::new(),
            login: None,
            run: OnceCell::new(),
        })
    }

    /// The same context for a run that logs in for itself, if somebody says how.
    pub(crate) fn logging_in(self, login: Option<Box<dyn LogIn>>) -> Self {
        Self { login, ..self }
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

    /// Whether the run logs in for itself.
    pub(crate) fn logs_in(&self) -> bool {
        self.login.is_some()
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

    /// The estate's directory: the one that was named, else that of the estate which one stands in, else the current one.
    pub(crate) fn estate_dir(&self) -> PathBuf {
        self.dir.as_ref().or_else(|| self.found()).cloned().unwrap_or_else(|| PathBuf::from("."))
    }

    /// The root of the estate that one stands in.
    fn found(&self) -> Option<&PathBuf> {
        self.found.get_or_init(|| estate::root(Path::new("."))).as_ref()
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

    /// The plan that puts back what was changed behind our back, and a client to carry it out with.
    ///
    /// # Errors
    /// An engine that can't be read; what was applied last is not known any more.
    pub(crate) async fn repair(&self, workplace: Workplace, account_change: bool) -> Result<Proposed, CliError> {
        let Workplace { estate, sources, client } = workplace;
        let again =
            estate::load(&sources, Some(&estate.environment.name)).map_err(|problems| rendered(&problems, &sources))?;
        let (dir, today) = (self.estate_dir(), self.today());
        let basis = Basis { purpose: Purpose::Apply, ..self.basis(&dir, &today, &estate.environment) };
        let proposal = proposal::repair([estate, again], &client, basis, account_change).await;
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
    pub(crate) async fn operator_at(&self, addresses: Addresses) -> Result<Client, CliError> {
        let client = self.network(addresses, self.global.namespace())?;
        Ok(self.logged_in(client).await?.patient())
    }

    /// A client to an environment's engine that speaks as the operator.
    ///
    /// # Errors
    /// An engine that can't be opened, settings that can't be used.
    pub(crate) async fn operator(&self, environment: &Environment) -> Result<Client, CliError> {
        let client = match self.global.flagged_addresses()? {
            Some(addresses) => self.network(addresses, self.namespace(environment)?)?,
            None => self.reach(environment, Speaker::Operator).await?,
        };
        Ok(self.logged_in(client).await?.waiting())
    }

    /// The client as the run speaks, which logs in for that once.
    async fn logged_in(&self, client: Client) -> Result<Client, CliError> {
        let Some(how) = &self.login else { return Ok(client) };
        let run = self.run.get_or_try_init(|| Run::begin(&client, how.as_ref(), self)).await?;
        // Set at most once with another value: a run has one login.
        let _ = self.token_source.set(how.source());
        Ok(run.speaks(&client))
    }

    /// A client to the engine at an address, where no estate says more of it: of a command about what estates left there.
    ///
    /// # Errors
    /// As [`Context::operator`].
    pub(crate) async fn engine(&self) -> Result<Client, CliError> {
        let client = self.client().await?;
        self.logged_in(client).await
    }

    /// A client for commands by hand.
    ///
    /// # Errors
    /// As [`Context::operator`].
    pub(crate) async fn client(&self) -> Result<Client, CliError> {
        if let Some(addresses) = self.global.addresses()? {
            return self.network(addresses, self.global.namespace());
        }
        if self.dir.is_some() || self.found().is_some() {
            let environment = self.chosen().map_err(|error| {
                error.hint("the engine is the estate's own unless --address or LEASEHOLD_ADDR names one")
            })?;
            return self.reach(&environment, Speaker::Hand).await;
        }
        self.network(addresses(ADDRESS_DEFAULT, "the default")?, self.global.namespace())
    }

    /// The engine that was opened in this process, with its data directory; none where it is elsewhere.
    pub(crate) async fn embedded_engine(&self) -> Option<(PathBuf, Engine)> {
        self.engine.lock().await.clone()
    }

    /// A client to the engine that flags or the environment name, else to the one at this address and in this namespace,
    /// else as [`Context::client`].
    ///
    /// # Errors
    /// As [`Context::operator`]; a namespace of no server.
    pub(crate) async fn engine_at(
        &self,
        address: Option<String>,
        namespace: Option<String>,
    ) -> Result<Client, CliError> {
        let said = match (self.global.addresses()?, address) {
            (Some(said), _) => Some(said),
            (None, Some(address)) => Some(addresses(&address, "`address`")?),
            (None, None) => None,
        };
        match (said, namespace) {
            (Some(said), namespace) => Ok(self.network(said, self.global.namespace().or(namespace))?.waiting()),
            (None, Some(namespace)) => {
                let namespace = output::one_line(&namespace);
                Err(CliError::new(1, format!("the namespace `{namespace}` is named, and no server that has it"))
                    .hint("add `address` beside it"))
            }
            (None, None) => Ok(self.client().await?.waiting()),
        }
    }

    /// Whether a command is about the engine at an address, and no estate is meant or near.
    pub(crate) fn is_about_an_engine(&self) -> bool {
        self.global.names_address() && self.dir.is_none() && self.found().is_none()
    }

    /// Whether an environment's engine is reached over an address, where other estates may use it too. The
    /// data of an embedded engine is inside its estate's directory.
    pub(crate) fn is_remote(&self, environment: &Environment) -> bool {
        self.global.address.is_some() || matches!(environment.engine, EngineChoice::Address(_))
    }

    /// Whether the estate's directory looks like one.
    pub(crate) fn holds_estate(&self) -> bool {
        estate::is_near(&self.estate_dir())
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

    /// What an engine refused, with the hints that fit: exit code 2, as Vault's command line has it.
    pub(crate) fn failed(&self, doing: impl std::fmt::Display, error: &api::Error) -> CliError {
        self.failed_as(CliError::REFUSED, doing, error)
    }

    /// The same for a command in which that exit code means something else.
    pub(crate) fn failed_as(&self, exit_code: u8, doing: impl std::fmt::Display, error: &api::Error) -> CliError {
        let failure = CliError::api_as(exit_code, doing, error);
        match (error.code(), self.token_source.get()) {
            (Some(403), Some(source)) => failure.hint(format!("the token came from {source}")),
            // What is said of a token is about none.
            (Some(403), None) => CliError { hints: Vec::new(), ..failure }
                .hint("no token was sent; `leasehold login`, or set LEASEHOLD_TOKEN"),
            _ => failure,
        }
    }

    /// Gives the run's token back, revokes what is overdue and closes the engine, as far as there are any.
    pub(crate) async fn close(self) {
        if let Some(run) = self.run.into_inner() {
            run.end().await;
        }
        let Some((_, engine)) = self.engine.into_inner() else { return };
        let left = engine.settle(SETTLE_LIMIT).await;
        if left > 0 {
            let leases = count(left, "ended lease");
            output::say(&format!("{leases} could not be revoked yet; the next command on this engine tries again"));
        }
        engine.close().await;
    }
}

/// Whose share of an engine an environment's is, as the ledger names it.
pub(crate) fn owner_of(environment: &Environment) -> String {
    ledger::owner(environment.estate.as_deref(), &environment.name)
}

/// Runs `work` with a client for commands by hand, and closes what was opened, whatever the outcome.
pub(crate) async fn with_client(
    global: &Global,
    work: impl AsyncFnOnce(&Context, Client) -> Result<u8, CliError>,
) -> Result<u8, CliError> {
    let sketch = global.sketch()?;
    let context = Context::open(global)?;
    let outcome = match (context.client().await, sketch) {
        (Ok(client), None) => match work(&context, client.clone()).await {
            Err(error) if error.is_of_sealed() => Err(said_of_sealed(error, &client).await),
            outcome => outcome,
        },
        (Ok(client), Some(sketch)) => {
            let shelf = Shelf::default();
            let outcome = work(&context, client.shelving(&shelf)).await;
            match shelf.take() {
                Some(request) => sketch.print(&request, &client, context.data.get().is_some()).await,
                None => outcome,
            }
        }
        (Err(error), _) => Err(error),
    };
    context.close().await;
    outcome
}

/// What to do about a server that answers that it is sealed: where there is nothing yet, nobody has a share.
async fn said_of_sealed(error: CliError, client: &Client) -> CliError {
    let found = client.without_token().read("sys/init").await;
    let is_there = found.ok().flatten().and_then(|found| found.body.get("initialized").cloned());
    if is_there == Some(serde_json::Value::Bool(false)) { error.of_nothing_yet() } else { error }
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

pub(crate) fn rendered(problems: &[estate::Problem], sources: &Sources) -> CliError {
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    let text = estate::render(problems, sources, false);
    CliError::plain(1, format!("{}\n\n{count} in the estate", text.trim_end()))
}
