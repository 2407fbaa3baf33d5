//! Logging in as an app, by the one of its logins for which everything is at hand, and by hand. A method is a file, and
//! a line in [`METHODS`].

mod approle;
mod aws;
mod cert;
mod hand;
mod jwt;
mod kubernetes;
mod oidc;
mod userpass;

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use self::hand::AtHand;
pub(super) use self::hand::{Here, Which, beside, chosen};
use super::super::context::{Context, Session};
use super::super::error::CliError;
use super::super::global::{OwnSecret, exactly};
use super::super::request::body;
use super::super::token_file;
use crate::api::{self, Answer, Client};
use crate::estate::Login;
use crate::secret::Secret;

/// Where a login is declared that no estate declares.
pub(super) const ALONE: &str = "--login";

/// What an app shows of itself, by the variables that say so, before what the environment says.
pub(super) type Own = BTreeMap<&'static str, String>;

/// What puts together the request of an app's login.
type Requests = for<'a> fn(&'a Client, &'a Login, &'a Own, &'a Context) -> BoxFuture<'a, Result<Request, CliError>>;

/// A login of an app.
struct OfApp {
    request: Requests,
    /// Whether what it takes is there. It asks nobody.
    at_hand: fn(&Login, &Own, Here<'_>) -> AtHand,
}

/// A way to log in.
struct Method {
    /// The type of the auth method.
    name: &'static str,
    /// The key of what nobody else should read, and what it is; nothing where nothing of it is said.
    secret: Option<(&'static str, &'static str)>,
    /// What it takes, each with what that is.
    takes: &'static [(&'static str, &'static str)],
    /// The login of an app; nothing where it takes a person.
    of_app: Option<OfApp>,
    /// A login by what somebody says.
    by_hand: ByHand,
}

impl Method {
    fn is_of_apps(&self) -> bool {
        self.of_app.is_some()
    }
}

/// What asks until there is an answer with a token, and says of which path.
type Asks = for<'a> fn(&'a Client, Said) -> BoxFuture<'a, Result<(String, Answer), CliError>>;

/// What a login by hand does.
enum ByHand {
    /// It puts together the one request that it is.
    Sends(fn(Said) -> BoxFuture<'static, Result<Request, CliError>>),
    /// It asks the engine, and somebody else.
    Asks(Asks),
}

/// The methods that work from a command line.
const METHODS: &[Method] =
    &[approle::METHOD, userpass::METHOD, jwt::METHOD, oidc::METHOD, kubernetes::METHOD, aws::METHOD, cert::METHOD];

/// A login as it is sent.
struct Request {
    path: String,
    body: Map<String, Value>,
}

/// What somebody says to log in: KEY=VALUE.
struct Said {
    mount: String,
    values: Map<String, Value>,
}

impl Said {
    /// A value without the white space around it: files end with a line feed. `None` where it is not said, or empty.
    fn take(&mut self, key: &str) -> Option<String> {
        match self.values.remove(key) {
            Some(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// The request at `login`, or below it, with these and what else is said.
    fn request(self, below: &str, own: Value) -> Request {
        let Self { mount, mut values } = self;
        values.extend(body(own));
        Request { path: format!("auth/{mount}/login{below}"), body: values }
    }
}

fn method_of(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// The names of the methods.
pub(in crate::cli) fn names() -> impl Iterator<Item = &'static str> {
    METHODS.iter().map(|method| method.name)
}

/// How to log in by a method of a type, at a path; none where that is not known.
pub(in crate::cli) fn help(kind: &str, path: &str) -> Option<String> {
    if kind == "token" {
        return Some("Usage: leasehold login [TOKEN|-]\n\n  A token is asked for, or read from stdin.\n".to_owned());
    }
    let method = method_of(kind)?;
    let at = if path == kind { String::new() } else { format!(" -path={path}") };
    let width = method.takes.iter().map(|(key, _)| key.len()).max().unwrap_or_default();
    let takes = method.takes.iter().map(|(key, what)| format!("  {key:width$}  {what}\n"));
    let takes: String = takes.collect();
    Some(format!(
        "Usage: leasehold login -method={kind}{at} [KEY=VALUE ...]\n\nIt takes, as KEY=VALUE, KEY=@FILE or KEY=-:\n\n{takes}"
    ))
}

/// The names of those that apps log in by.
fn of_apps() -> String {
    let methods = METHODS.iter().filter(|method| method.is_of_apps());
    methods.map(|method| method.name).collect::<Vec<_>>().join(", ")
}

/// A mount as people write it, with or without slashes around it and `auth/` before it.
pub(in crate::cli) fn mount_named(text: &str) -> String {
    let text = text.trim_matches('/');
    text.strip_prefix("auth/").unwrap_or(text).to_owned()
}

/// Whether an app's login by a method works from a command line.
///
/// # Errors
/// When it does not, with those that do.
pub(super) fn known(name: &str) -> Result<(), CliError> {
    of_app(name).map(drop)
}

fn method(name: &str) -> Result<&'static Method, CliError> {
    method_of(name).ok_or_else(|| no_method(name))
}

fn of_app(name: &str) -> Result<&'static OfApp, CliError> {
    method(name)?.of_app.as_ref().ok_or_else(|| no_method(name))
}

fn no_method(name: &str) -> CliError {
    CliError::new(1, format!("{name:?} is no login that works from a command line"))
        .hint(format!("one of: {}", of_apps()))
}

/// The key of a secret that stands in the arguments for all to read, and what it is.
pub(in crate::cli) fn secret_in(method: &str, arguments: &[String]) -> Option<(&'static str, &'static str)> {
    let (key, what) = method_of(method)?.secret?;
    let mut given = arguments.iter().filter_map(|argument| argument.strip_prefix(key)?.strip_prefix('='));
    given.any(|value| value != "-" && !value.starts_with('@') && !value.is_empty()).then_some((key, what))
}

/// Logs in by what somebody says. Answers which path answered, and what.
///
/// # Errors
/// When something is missing, or what is shown is not good.
pub(in crate::cli) async fn by_hand(
    method: &str,
    mount: &str,
    values: Map<String, Value>,
    client: &Client,
) -> Result<(String, Answer), CliError> {
    let said = Said { mount: mount.to_owned(), values };
    match self::method(method)?.by_hand {
        ByHand::Sends(request) => {
            let Request { path, body } = request(said).await?;
            let answer = client.write(&path, &body).await;
            Ok((path, answer.map_err(|error| refused_by_hand(method, mount, &error))?))
        }
        ByHand::Asks(ask) => ask(client, said).await,
    }
}

/// Logs in.
///
/// # Errors
/// When what the app shows is not good, or not there.
pub(super) async fn login(client: &Client, login: &Login, own: &Own, context: &Context) -> Result<Session, CliError> {
    let Request { path, body } = (of_app(&login.method)?.request)(client, login, own, context).await?;
    let answer = client.without_token().write(&path, &body).await;
    let answer = answer.map_err(|error| refused(login, &error))?;
    let auth = answer.auth.unwrap_or_default();
    match auth.get("client_token").and_then(Value::as_str) {
        Some(token) => Ok(Session {
            token: Secret::new(token),
            ttl: auth.get("lease_duration").and_then(Value::as_i64).unwrap_or_default(),
            uses: auth.get("num_uses").and_then(Value::as_i64).unwrap_or_default(),
            is_batch: auth.get("token_type").and_then(Value::as_str) == Some("batch"),
            is_renewable: auth.get("renewable").and_then(Value::as_bool) == Some(true),
        }),
        None => Err(CliError::plain(2, format!("Error logging in{}: {path} answered without a token", as_whom(login)))),
    }
}

/// As whom somebody logs in, where that is said.
fn as_whom(login: &Login) -> String {
    if login.role_name.is_empty() { String::new() } else { format!(" as {}", login.role_name) }
}

/// Why a login failed. No token of the server's was sent with it, so a 403 is about what was shown.
fn refused(login: &Login, error: &api::Error) -> CliError {
    let doing = format!("Error logging in{}", as_whom(login));
    let is_alone = login.place.file.as_ref() == ALONE;
    let place = || match is_alone {
        true => "if the method is mounted elsewhere, --login-mount PATH says where".to_owned(),
        false => format!("the login is declared at {}", login.place),
    };
    denied(doing, &login.method, &login.mount, error, place)
}

/// Why a login by hand failed.
fn refused_by_hand(method: &str, mount: &str, error: &api::Error) -> CliError {
    let elsewhere = || "if the method is mounted elsewhere, -path=PATH says where".to_owned();
    denied("Error authenticating".to_owned(), method, mount, error, elsewhere)
}

/// Why nobody was let in. No token was sent, so that what sounds like one that has ended is about what was shown, or about
/// where: servers answer the same where nothing is mounted.
fn denied(doing: String, method: &str, mount: &str, error: &api::Error, place: impl Fn() -> String) -> CliError {
    let failure = match error.code() {
        Some(403..=405) => CliError::plain(CliError::REFUSED, format!("{doing}: {error}")),
        Some(_) if error.says(api::Said::AnotherLogin) => CliError::api(doing, error),
        _ => return CliError::api(doing, error),
    };
    match (error.code(), error.denial()) {
        (Some(403), Some(api::Denial::Forbidden)) => {
            failure.hint("what was shown is good, and does not meet what the login asks for").hint(place())
        }
        (Some(403), _) => failure
            .hint(format!(
                "what was shown is not what the login asks for, or no {method} method with such a login is mounted at \
                 auth/{mount}: servers tell nobody which"
            ))
            .hint(
                "the cause is in the server's log and, where the engine is leasehold's, in its trail as login-refused",
            )
            .hint(place()),
        _ => {
            failure.hint(format!("no {method} method is mounted at auth/{mount}, or one of another type")).hint(place())
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
