//! Logging in as an app, by the first of its logins that works from a command line. A method is a file, and a line in
//! [`METHODS`].

mod approle;
mod jwt;
mod kubernetes;
mod userpass;

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::super::context::Context;
use super::super::error::CliError;
use super::super::global::{OwnSecret, exactly};
use super::super::token_file;
use crate::api::Client;
use crate::estate::{App, Login};
use crate::secret::Secret;

/// What an app shows of itself, by the variables that say so, before what the environment says.
pub(super) type Own = BTreeMap<&'static str, String>;

/// What puts together the request of a login.
type Method = for<'a> fn(&'a Client, &'a Login, &'a Own, &'a Context) -> BoxFuture<'a, Result<Request, CliError>>;

/// The methods that work from a command line, by the type of the auth method.
const METHODS: &[(&str, Method)] = &[
    ("approle", approle::request),
    ("userpass", userpass::request),
    ("jwt", jwt::request),
    ("kubernetes", kubernetes::request),
];

/// A login as it is sent.
struct Request {
    path: String,
    body: Map<String, Value>,
}

/// The app's token.
pub(super) struct Session {
    pub(super) token: Secret,
    /// Seconds until it ends; 0 for never.
    pub(super) ttl: i64,
}

fn method_of(login: &Login) -> Option<Method> {
    METHODS.iter().find(|(name, _)| *name == login.method).map(|(_, method)| *method)
}

/// Whether a method works from a command line.
///
/// # Errors
/// When it does not, with those that do.
pub(super) fn known(method: &str) -> Result<(), CliError> {
    if METHODS.iter().any(|(name, _)| *name == method) {
        return Ok(());
    }
    let known: Vec<&str> = METHODS.iter().map(|(name, _)| *name).collect();
    Err(CliError::new(1, format!("{method:?} is no login that works from a command line"))
        .hint(format!("one of: {}", known.join(", "))))
}

/// The login that is used.
///
/// # Errors
/// When the app has none that works from a command line.
pub(super) fn chosen(app: &App) -> Result<&Login, CliError> {
    if app.logins.is_empty() {
        return Err(CliError::new(1, format!("the app {} has no login", app.name))
            .hint(format!("add a `login \"approle\"` block to it at {}", app.place)));
    }
    app.logins.iter().find(|login| method_of(login).is_some()).ok_or_else(|| {
        let known: Vec<&str> = METHODS.iter().map(|(name, _)| *name).collect();
        let what = format!("none of the logins of {} works from a command line: {} do", app.name, known.join(" and "));
        CliError::new(1, what).hint(format!("its logins are declared at {}", app.place))
    })
}

/// Logs in.
///
/// # Errors
/// When what the app shows is not good, or not there.
pub(super) async fn login(client: &Client, login: &Login, own: &Own, context: &Context) -> Result<Session, CliError> {
    let Some(method) = method_of(login) else {
        return Err(CliError::new(1, format!("{} does not work from a command line", login.method)));
    };
    let Request { path, body } = method(client, login, own, context).await?;
    let answer = client.without_token().write(&path, &body).await;
    let answer = answer.map_err(|error| CliError::api(format!("Error logging in as {}", login.role_name), &error))?;
    let auth = answer.auth.unwrap_or_default();
    match auth.get("client_token").and_then(Value::as_str) {
        Some(token) => Ok(Session {
            token: Secret::new(token),
            ttl: auth.get("lease_duration").and_then(Value::as_i64).unwrap_or_default(),
        }),
        None => {
            Err(CliError::plain(2, format!("Error logging in as {}: {path} answered without a token", login.role_name)))
        }
    }
}

/// A secret of the app's own, from the environment or from a file that it names.
fn given(own: &Own, secret: &OwnSecret) -> Result<Option<Secret>, CliError> {
    let OwnSecret { variable, file_variable, .. } = secret;
    // What is said of this app goes before what is said of all, in whichever of the two ways.
    let is_own = own.contains_key(file_variable);
    let of_all = |name: &str| if is_own { None } else { exactly(name) };
    match (of_all(variable), own.get(file_variable).cloned().or_else(|| of_all(file_variable))) {
        (Some(_), Some(_)) => {
            Err(CliError::new(1, format!("both {variable} and {file_variable} are set")).hint("unset one"))
        }
        (Some(text), None) => Ok(Some(Secret::new(text))),
        (None, Some(file)) => match token_file::read_line(file.as_ref())? {
            Some(secret) => Ok(Some(secret)),
            None => {
                let said_by = if is_own { secret.file_key } else { file_variable };
                Err(CliError::new(1, format!("{said_by}: {file} is not there or empty")))
            }
        },
        (None, None) => Ok(None),
    }
}
