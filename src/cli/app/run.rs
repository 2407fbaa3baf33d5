//! How a command about an environment logs in for its run, where it is told to.

use clap::builder::NonEmptyStringValueParser;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::context::{Context, LogIn, Session};
use super::super::error::CliError;
use super::super::global::exactly;
use super::login::{self, Own};
use crate::api::Client;
use crate::estate::Login;
use crate::object::Place;

/// Flags of commands that are about an environment's engine.
#[derive(Clone, Debug, Default, clap::Args)]
pub(in crate::cli) struct RunArgs {
    /// Log in by this method for this run, and revoke the token at its end [env: LEASEHOLD_LOGIN; default: the token that is there]
    #[arg(long, value_name = "METHOD", value_parser = NonEmptyStringValueParser::new())]
    login: Option<String>,
    /// Where that method is mounted [env: LEASEHOLD_LOGIN_MOUNT; default: its name]
    #[arg(long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    login_mount: Option<String>,
    /// The role or the user to log in as there [env: LEASEHOLD_LOGIN_ROLE]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    login_role: Option<String>,
}

impl RunArgs {
    /// How the run logs in; nothing where it speaks with the token that is there.
    ///
    /// # Errors
    /// A method that is none, or that takes a person; a flag that is about a login which nobody asked for.
    pub(in crate::cli) fn way(&self) -> Result<Option<Box<dyn LogIn>>, CliError> {
        let Some(method) = self.login.clone().or_else(|| exactly("LEASEHOLD_LOGIN")) else {
            let lone = [("--login-mount", &self.login_mount), ("--login-role", &self.login_role)];
            return match lone.iter().find(|(_, said)| said.is_some()) {
                None => Ok(None),
                Some((flag, _)) => Err(CliError::new(1, format!("{flag} is about a login, and none is asked for"))
                    .hint("--login METHOD beside it")),
            };
        };
        login::known(&method)?;
        let said = |flag: &Option<String>, variable| flag.clone().or_else(|| exactly(variable));
        let mount = said(&self.login_mount, "LEASEHOLD_LOGIN_MOUNT");
        let mount = mount.map_or_else(|| method.clone(), |mount| login::mount_named(&mount));
        let role_name = said(&self.login_role, "LEASEHOLD_LOGIN_ROLE").unwrap_or_default();
        let place = Place { file: login::ALONE.into(), line: 1, column: 1 };
        Ok(Some(Box::new(ForRun(Login { method, mount, role_name, place }))))
    }
}

/// A login that one run makes.
struct ForRun(Login);

impl LogIn for ForRun {
    fn log_in<'a>(&'a self, client: &'a Client, context: &'a Context) -> BoxFuture<'a, Result<Session, CliError>> {
        async move {
            // Nobody's token helps with it: a run shows what it has itself.
            let client = client.without_token();
            login::login(&client, &self.0, &Own::new(), context).await
        }
        .boxed()
    }

    fn source(&self) -> String {
        let Login { method, mount, role_name, .. } = &self.0;
        match role_name.is_empty() {
            true => format!("the login by {method} at auth/{mount}"),
            false => format!("the login by {method} at auth/{mount} as {role_name}"),
        }
    }
}
