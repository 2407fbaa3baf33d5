//! How a command gets to its engine, and as whom it speaks there.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use super::{Context, Files};
use crate::api::{self, Client, Target};
use crate::cli::error::CliError;
use crate::cli::global::{TOKENS, addresses, exactly, set};
use crate::cli::{embedded, output, token_file};
use crate::engine::{Engine, OpenError};
use crate::estate::{AwsChoice, EngineChoice, Environment, KeyChoice};
use crate::secret::Secret;
use crate::units::address::Addresses;

/// How long to wait for another command that has the data directory.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Who a command speaks as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// A person who may have logged in as someone.
    Hand,
    /// The estate's operator: never whom `leasehold login` made us in the embedded engine.
    Operator,
}

enum Reached {
    Here(Engine),
    Server(String),
}

/// Where a login to an embedded engine is kept.
pub(super) fn login_token(data: &Path) -> PathBuf {
    data.join("login-token")
}

impl Context {
    pub(super) async fn reach(&self, environment: &Environment, speaker: Speaker) -> Result<Client, CliError> {
        match &environment.engine {
            EngineChoice::Address(addresses) => {
                let namespace = match speaker {
                    Speaker::Operator => self.namespace(environment)?,
                    // A variable is for hands, as one that names an address is.
                    Speaker::Hand => self.global.namespace().or_else(|| environment.namespace.clone()),
                };
                self.network(addresses.clone(), namespace)
            }
            EngineChoice::Embedded { .. } if self.files == Files::Head => {
                let what = format!("the environment `{}` has its engine in the estate's directory", environment.name);
                Err(CliError::new(1, format!("{what}, and this estate is read from a remote, without one"))
                    .hint("give it an `address`, or name the engine with --address"))
            }
            EngineChoice::Embedded { data, aws, key } => {
                self.embedded(&self.estate_dir().join(data), *aws, key, speaker).await
            }
        }
    }

    /// The namespace that a command about an environment speaks to: what the flag says, else the environment.
    ///
    /// # Errors
    /// A variable that leads elsewhere. It may have been left over in a shell, and another namespace is another engine.
    pub(crate) fn namespace(&self, environment: &Environment) -> Result<Option<String>, CliError> {
        static TOLD: Once = Once::new();
        let Some(declared) = &environment.namespace else { return Ok(self.global.namespace()) };
        let is_another = |name: &str| name.trim_matches('/') != declared;
        let Environment { name, place, .. } = environment;
        match (&self.global.namespace, set("NAMESPACE")) {
            (Some(flag), _) => {
                if is_another(flag) {
                    // A command that runs for long comes here again and again.
                    TOLD.call_once(|| {
                        let flag = output::one_line(flag);
                        output::say(&format!(
                            "warning: --namespace names `{flag}`, and the environment {name} is in `{declared}` ({place})\n"
                        ));
                    });
                }
                Ok(Some(flag.clone()))
            }
            (None, Some((variable, value))) if is_another(&value) => {
                let value = output::one_line(&value);
                let what =
                    format!("{variable} names the namespace `{value}`, and the environment {name} is in `{declared}`");
                Err(CliError::new(1, format!("{what} ({place})"))
                    .hint(format!("unset {variable}; or say --namespace {value}, if that is meant")))
            }
            (None, _) => Ok(Some(declared.clone())),
        }
    }

    pub(super) fn network(&self, addresses: Addresses, namespace: Option<String>) -> Result<Client, CliError> {
        let mut options = self.global.options()?;
        options.namespace = namespace;
        if self.login.is_none() {
            options.token = self.network_token()?;
        }
        let target = Target::Network { addresses, tls: self.global.tls()? };
        Client::new(target, options).map_err(|error| CliError::new(1, error.to_string()))
    }

    async fn embedded(
        &self,
        data: &Path,
        aws: AwsChoice,
        key: &KeyChoice,
        speaker: Speaker,
    ) -> Result<Client, CliError> {
        let options = self.global.options()?;
        if options.namespace.is_some() {
            return Err(CliError::new(1, "the embedded engine has no namespaces")
                .hint("leave --namespace out, and unset LEASEHOLD_NAMESPACE, BAO_NAMESPACE and VAULT_NAMESPACE"));
        }
        // Set at most once with another value: a command uses one environment.
        let _ = self.data.set(data.to_owned());
        let (target, root_token) = match self.open_engine(data, aws, key).await? {
            Reached::Here(engine) => (embedded::target(&engine), engine.root_token()),
            Reached::Server(address) => {
                let addresses = addresses(&address, &data.display().to_string())?;
                (Target::Network { addresses, tls: self.global.tls()? }, None)
            }
        };
        let client = Client::new(target, options).map_err(|error| CliError::new(1, error.to_string()))?;
        if self.login.is_some() {
            return Ok(client);
        }
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
            // A sealed one can't say, and is to be unsealed all the same.
            Err(error) if error.says(api::Said::Sealed) => Ok(true),
            Err(error) => {
                let exit_code = match speaker {
                    Speaker::Hand => CliError::REFUSED,
                    // What is about the estate has other codes for what it finds.
                    Speaker::Operator => 1,
                };
                Err(CliError::api_as(exit_code, "Error looking up a token", &error))
            }
        }
    }

    async fn open_engine(&self, data: &Path, aws: AwsChoice, key: &KeyChoice) -> Result<Reached, CliError> {
        let mut opened = self.engine.lock().await;
        if let Some((_, engine)) = opened.as_ref().filter(|(at, _)| at == data) {
            return Ok(Reached::Here(engine.clone()));
        }
        let deadline = tokio::time::Instant::now() + LOCK_PATIENCE;
        let mut told = false;
        let opener = embedded::opener(key, data, &self.estate_dir())?;
        let is_new = embedded::id(data).is_none();
        loop {
            match Box::pin(embedded::open(data, &opener, aws, &self.clock)).await {
                Ok(engine) => {
                    if is_new && *key == KeyChoice::Beside && aws == AwsChoice::Aws {
                        output::say(&format!(
                            "note: the key of the new engine lies beside its data, in {}: who reads that directory has \
                             both. `key = \"file:/...\"` or `\"kms:...\"` in the environment keeps them apart\n",
                            data.display()
                        ));
                    }
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

    /// Whether there is a token that commands about an environment speak with, good or not.
    pub(crate) fn has_operator(&self, environment: &Environment) -> bool {
        let is_kept = || {
            let files = [token_file::helper(), token_file::vault_helper()];
            // One that can't be read is told of when it is used.
            files.into_iter().flatten().any(|file| !matches!(token_file::read(&file), Ok(None)))
        };
        !self.is_remote(environment) || TOKENS.iter().any(|name| exactly(name).is_some()) || is_kept()
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
