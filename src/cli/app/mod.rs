//! An app's way to its credential, for the commands that go it: which app, which role and which login are meant, by the
//! estate or without one, the login, and the credential.

pub(super) mod cache;
mod file;
pub(super) mod login;
mod wanted;

use std::path::{Path, PathBuf};

pub(super) use self::file::AppFile;
pub(super) use self::wanted::{AppArgs, Wanted};
use super::context::Context;
use super::error::CliError;
use super::global::Global;
use super::output;
use crate::api::{self, Answer, Client, Said};
use crate::estate::EngineChoice;
use crate::keeper::{Credential, Issued, Source, Trouble};

const APPLY: &str = "`leasehold apply` brings the engine in line with the files";

/// A credential that is meant, by the settings of a command: where a keeper has it from.
pub(super) struct Asked {
    /// What is meant.
    pub(super) wanted: Wanted,
    /// The settings.
    pub(super) global: Global,
}

impl Source for Asked {
    type Opened = Context;
    type Error = CliError;

    async fn open(&self) -> Result<(Client, Context), CliError> {
        let context = Context::open(&self.global)?;
        match self.wanted.client(&context).await {
            Ok(client) => Ok((client, context)),
            Err(error) => {
                context.close().await;
                Err(error)
            }
        }
    }

    async fn issue(&self, client: &Client, context: &Context) -> Result<Issued, CliError> {
        self.wanted.issue(client, context).await
    }

    async fn close(&self, context: Context) {
        context.close().await;
    }

    fn tell(&self, text: &str) {
        output::say(&output::one_line(text));
    }
}

impl From<Trouble<Self>> for CliError {
    fn from(trouble: Trouble<Self>) -> Self {
        match trouble {
            Trouble::Source(error) => error,
            Trouble::Engine { doing, error } => Self::api(doing, &error),
            Trouble::Files(why) => Self::new(1, why),
        }
    }
}

impl Wanted {
    /// A client to the engine, which speaks as whoever runs the command.
    ///
    /// # Errors
    /// An engine that can't be opened, settings that can't be used.
    pub(super) async fn client(&self, context: &Context) -> Result<Client, CliError> {
        match &self.estate {
            Some(estate) => context.operator(&estate.environment).await,
            None => context.engine_at(self.address.clone()).await,
        }
    }

    /// The data directory of the engine, where it is embedded.
    fn data_dir(&self, global: &Global, context: &Context) -> Option<PathBuf> {
        let estate = self.estate.as_ref().filter(|_| global.address.is_none())?;
        context.data_dir(&estate.environment)
    }

    /// Which engine it is, as a text that is the same whenever it is the same engine.
    fn engine(&self, global: &Global, context: &Context) -> String {
        let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
        let environment = self.estate.as_ref().map(|estate| &estate.environment);
        match (environment.map(|environment| &environment.engine), self.data_dir(global, context)) {
            (Some(_), Some(data)) => whole(&data),
            (Some(EngineChoice::Address(address)), _) => global.address.as_ref().unwrap_or(address).clone(),
            (Some(_), None) => global.address.clone().unwrap_or_default(),
            // Where nobody says which engine it is, the directory does.
            (None, _) => {
                global.address().or_else(|| self.address.clone()).unwrap_or_else(|| whole(&context.estate_dir()))
            }
        }
    }

    /// Logs in as the app, and asks for a credential.
    ///
    /// # Errors
    /// What the engine refuses, with where to mend it.
    pub(super) async fn issue(&self, client: &Client, context: &Context) -> Result<Issued, CliError> {
        let session = login::login(client, &self.login, &self.own, context).await?;
        let answer = self.read(&client.with_token(session.token.clone()), context).await?;
        output::warnings(&answer.warnings);
        let path = self.role.credentials();
        let now = context.clock().now();
        let credential = Credential::new(self.app.clone(), self.role.label(), &answer, session.ttl, now);
        let credential = credential.ok_or_else(|| {
            let mount = &self.role.mount;
            CliError::plain(2, format!("{path} answered without an access key; is {mount}/ an AWS secrets engine?"))
        })?;
        let (token, token_ttl, is_batch) = (session.token, session.ttl, session.is_batch);
        Ok(Issued { credential, token, token_ttl, is_batch })
    }

    /// Logs in as the app, and asks for a credential that lies wrapped for `ttl`.
    ///
    /// # Errors
    /// What the engine refuses, with where to mend it.
    pub(super) async fn wrapped(&self, client: &Client, context: &Context, ttl: &str) -> Result<Answer, CliError> {
        let session = login::login(client, &self.login, &self.own, context).await?;
        self.read(&client.with_token(session.token).wrapping(ttl), context).await
    }

    /// Asks for a credential, as the app.
    async fn read(&self, app: &Client, context: &Context) -> Result<Answer, CliError> {
        let path = self.role.credentials();
        let code = self.mfa_code.iter().map(|code| ("mfa_code".to_owned(), code.expose().to_owned()));
        match app.read_with(&path, &code.collect::<Vec<_>>()).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => {
                let failure = CliError::plain(2, format!("No value found at {path}"));
                Err(if self.estate.is_some() { failure.hint(APPLY) } else { failure })
            }
            Err(error) => Err(self.refused(&error, context)),
        }
    }

    /// Why an app got no credential, with what to do: an engine that is behind the files is brought in line with them;
    /// what AWS does not take is changed where it is declared.
    fn refused(&self, error: &api::Error, context: &Context) -> CliError {
        let doing = format!("Error reading {} as {}", self.role.credentials(), self.app);
        if error.says(Said::SecondFactor) {
            return CliError::api(doing, error).hint("a code of that device goes with it: --mfa-code CODE");
        }
        let Some(estate) = &self.estate else { return CliError::api(doing, error) };
        let place = |path: String| estate.object(&path).map(|object| object.place.to_string());
        let role_place = place(self.role.path());
        match error {
            api::Error::Status { code: 403, .. } => CliError::api(doing, error).hint(APPLY),
            absent if absent.says(Said::NoRole) => CliError::api(doing, error).hint(APPLY),
            api::Error::Status { code: 400 | 500, .. } => {
                let template = error.says(Said::Username).then(|| self.template_place()).flatten();
                let failure = CliError::api(doing, error);
                match (template, role_place) {
                    (Some(place), _) => {
                        failure.hint(format!("the username template of {} is declared at {place}", self.role.mount))
                    }
                    (None, Some(place)) => failure
                        .hint(format!("what the role asks of AWS is declared at {place}"))
                        .hint("`leasehold drift` tells whether somebody made the engine's another"),
                    (None, None) => failure,
                }
            }
            _ => context.failed(doing, error),
        }
    }

    /// Where the settings of the role's mount are declared that say how its users are named.
    fn template_place(&self) -> Option<String> {
        let estate = self.estate.as_ref()?;
        let settings = self.role.kind.needs(&self.role.path()).into_iter().filter_map(|path| estate.object(&path));
        let mut naming = settings.filter(|object| object.kind.field("username_template").is_some());
        naming.next().map(|object| object.place.to_string())
    }
}
