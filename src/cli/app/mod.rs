//! An app's way to its credential, for the commands that go it: which app, which role and which login are meant, by the
//! estate or without one, the login, and the credential.

pub(super) mod cache;
mod choice;
mod file;
pub(super) mod login;
mod run;
mod wanted;

use std::path::{Path, PathBuf};

use serde_json::Map;

pub(super) use self::choice::Written;
pub(super) use self::file::AppFile;
pub(super) use self::run::RunArgs;
pub(super) use self::wanted::{AppArgs, Wanted};
use super::context::{Context, Session};
use super::error::CliError;
use super::global::Global;
use super::output;
use crate::api::{self, Answer, Client, Said};
use crate::estate::EngineChoice;
use crate::keeper::{Credential, Issued, Source, Trouble};
use crate::units::address::Addresses;

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
            error @ Trouble::Superseded => Self::new(1, error.to_string()),
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
            None => context.engine_at(self.address.clone(), self.namespace.clone()).await,
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
        // In whatever order a cluster's nodes are named, they are one engine. What is no address fails where it is used.
        let name = |text: &str| Addresses::listed(text).map_or_else(|_| text.to_owned(), |all| all.to_string());
        let environment = self.estate.as_ref().map(|estate| &estate.environment);
        match (environment.map(|environment| &environment.engine), self.data_dir(global, context)) {
            (Some(_), Some(data)) => whole(&data),
            (Some(EngineChoice::Address(declared)), _) => {
                global.address.as_deref().map_or_else(|| declared.to_string(), name)
            }
            (Some(_), None) => global.address.as_deref().map(name).unwrap_or_default(),
            // Where nobody says which engine it is, the directory does.
            (None, _) => {
                let said = global.addresses().ok().flatten().map(|said| said.to_string());
                said.or_else(|| self.address.as_deref().map(name)).unwrap_or_else(|| whole(&context.estate_dir()))
            }
        }
    }

    /// Logs in as the app, and asks for a credential.
    ///
    /// # Errors
    /// What the engine refuses, with where to mend it.
    pub(super) async fn issue(&self, client: &Client, context: &Context) -> Result<Issued, CliError> {
        let session = self.log_in(client, context).await?;
        let app = client.with_token(session.token.clone());
        let answer = self.read(client, &app, context).await?;
        output::warnings(&answer.warnings);
        let path = self.role.credentials();
        let now = context.clock().now();
        let credential = Credential::new(self.app.clone(), self.role.label(), &answer, session.ttl, now);
        let credential = credential.ok_or_else(|| {
            let mount = &self.role.mount;
            CliError::plain(2, format!("{path} answered without an access key; is {mount}/ an AWS secrets engine?"))
        })?;
        if let Some(said) = self.choice.said().filter(|_| !credential.is_session()) {
            return Err(self.given_back(said, &app, &credential).await);
        }
        let Session { token, ttl: token_ttl, uses: token_uses, is_batch, .. } = session;
        Ok(Issued { credential, path, token, token_ttl, token_uses, is_batch })
    }

    /// Ends a credential of a role that took no notice of what was said: it is not the one that was asked for.
    async fn given_back(&self, said: &str, app: &Client, credential: &Credential) -> CliError {
        let what = format!("{said} is for a role that opens sessions, and {} is another", self.role.label());
        let failure = CliError::new(1, what).hint("leave it out");
        match app.write("auth/token/revoke-self", &Map::new()).await {
            Ok(_) => failure,
            // Batch tokens end with nothing but time.
            Err(_) if credential.is_leased() => {
                failure.hint(format!("a credential was made; leasehold lease revoke {} ends it", credential.lease_id()))
            }
            Err(_) => failure,
        }
    }

    /// Logs in as the app, and asks for a credential that lies wrapped for `ttl`.
    ///
    /// # Errors
    /// What the engine refuses, with where to mend it.
    pub(super) async fn wrapped(&self, client: &Client, context: &Context, ttl: &str) -> Result<Answer, CliError> {
        let session = self.log_in(client, context).await?;
        self.read(client, &client.with_token(session.token).wrapping(ttl), context).await
    }

    async fn log_in(&self, client: &Client, context: &Context) -> Result<Session, CliError> {
        let session = login::login(client, &self.login, &self.own, context).await;
        let app = self.estate.as_ref().and_then(|estate| estate.apps.iter().find(|app| app.name == self.app));
        session.map_err(|failure| match app {
            Some(app) => login::beside(failure, app, &self.login),
            None => failure,
        })
    }

    /// Asks for a credential, as the app.
    async fn read(&self, client: &Client, app: &Client, context: &Context) -> Result<Answer, CliError> {
        let path = self.role.credentials();
        let code = self.mfa_code.iter().map(|code| ("mfa_code".to_owned(), code.expose().to_owned()));
        let asked: Vec<_> = self.choice.parameters().into_iter().chain(code).collect();
        match app.read_with(&path, &asked).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => {
                let failure = CliError::plain(2, format!("No value found at {path}"));
                Err(if self.estate.is_some() { failure.hint(APPLY) } else { failure })
            }
            Err(error) if error.says(Said::RoleArn) => Err(self.no_such_arn(&error, client, app).await),
            Err(error) => Err(self.refused(&error, context)),
        }
    }

    /// Why the engine opens no session of the IAM role that was named, or of one that nobody named: with those that the
    /// role has there, where whoever runs the command or the app may read it.
    async fn no_such_arn(&self, error: &api::Error, client: &Client, app: &Client) -> CliError {
        let failure = CliError::api(self.asking(), error);
        let mut arns = Vec::new();
        for who in [client, app].into_iter().filter(|who| who.has_token()) {
            // Who may not read it, knows no better.
            let Ok(Some(Answer { data: Some(data), .. })) = who.read(&self.role.path()).await else { continue };
            let live = self.role.kind.live(&self.role.path(), &data).ok();
            let roles = self.role.kind.access_fields().map_or("", |access| access.sessions.roles);
            arns = live.and_then(|live| live.fields.get(roles).map(choice::texts)).unwrap_or_default();
            break;
        }
        // What the files say of it has been looked at, so that the engine's is another.
        let declared = self.estate.as_ref().and_then(|estate| estate.object(&self.role.path()));
        let failure = failure.hint(choice::named(&arns));
        match declared {
            Some(object) => failure.hint(format!("the role that is declared at {} is another; {APPLY}", object.place)),
            None => failure,
        }
    }

    fn asking(&self) -> String {
        format!("Error reading {} as {}", self.role.credentials(), self.app)
    }

    /// Why an app got no credential, with what to do: an engine that is behind the files is brought in line with them;
    /// what AWS does not take is changed where it is declared.
    fn refused(&self, error: &api::Error, context: &Context) -> CliError {
        let doing = self.asking();
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
                let asked = self.choice.flags();
                let failure = match &asked {
                    Some(flags) => failure.hint(format!("AWS may not take what was asked for: {flags}")),
                    None => failure,
                };
                match (template, role_place) {
                    (Some(place), _) => {
                        failure.hint(format!("the username template of {} is declared at {place}", self.role.mount))
                    }
                    (None, Some(place)) => {
                        let failure = failure.hint(format!("what the role asks of AWS is declared at {place}"));
                        match asked {
                            Some(_) => failure,
                            None => failure.hint("`leasehold drift` tells whether somebody made the engine's another"),
                        }
                    }
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
