//! `leasehold login`.
//!
//! A token, a secret id or a password comes from stdin, from a file, or from a prompt that does not echo. As an
//! argument every process on the machine could read it; Vault's users are used to that, so it works,
//! with a warning.

use std::io::{BufRead, IsTerminal};

use serde_json::{Map, Value};

use super::context::{Context, with_client};
use super::data::{self, Sources as _};
use super::error::CliError;
use super::format::Format;
use super::global::{Global, TOKENS, exactly};
use super::{answer, output, token_file};
use crate::api::{Answer, Client};
use crate::secret::Secret;

/// Arguments of `leasehold login`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  leasehold login                                  asks for a token\n  leasehold login - < token                        reads one from stdin\n  leasehold login -method=approle role_id=ID secret_id=@secret-id.txt\n  leasehold login -method=userpass username=NAME     asks for the password"
)]
pub(crate) struct Args {
    /// A token, or - for stdin; for other methods KEY=VALUE, KEY=@FILE or KEY=-
    #[arg(value_name = "TOKEN|KEY=VALUE")]
    arguments: Vec<String>,
    /// How to log in
    #[arg(long, default_value = "token", value_parser = ["token", "approle", "userpass"])]
    method: String,
    /// Where the method is mounted [default: its name]
    #[arg(long)]
    path: Option<String>,
    /// Do not keep the token
    #[arg(long)]
    no_store: bool,
    /// Print nothing but the token, and do not keep it
    #[arg(long)]
    token_only: bool,
    /// Print nothing
    #[arg(long)]
    no_print: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    with_client(global, async |context, client| {
        let client = client.without_token();
        let login = match args.method.as_str() {
            "token" => with_token(&args, &client).await?,
            "userpass" => with_userpass(&args, context, &client).await?,
            _ => with_approle(&args, context, &client).await?,
        };
        if args.token_only {
            return answer::print_field(Some(Value::String(login.token.expose().to_owned())), "token", format);
        }
        let mut kept = None;
        if !args.no_store {
            let path = context.login_file().ok_or_else(|| {
                CliError::new(1, "there is no place to keep the token: HOME is not set")
                    .hint("set HOME, or use --no-store")
            })?;
            token_file::write(&path, &login.token)?;
            kept = Some(path);
            for name in TOKENS {
                if exactly(name).is_some() {
                    output::say(&format!("WARNING! {name} is set, and goes before the token that is kept now.\n"));
                }
            }
        }
        if args.no_print {
            return Ok(0);
        }
        if format == Format::Table && global.field.is_none() {
            output::say(&match kept {
                Some(path) => format!(
                    "Success! You are now authenticated. The token is kept in {} and used from now on.\n",
                    path.display()
                ),
                None => "Success! You are now authenticated. The token was not kept.\n".to_owned(),
            });
        }
        answer::print(&login.answer, global)
    })
    .await
}

/// A login that worked.
struct Login {
    token: Secret,
    /// With an `auth` part, as a login answers.
    answer: Answer,
}

async fn with_token(args: &Args, client: &Client) -> Result<Login, CliError> {
    if args.arguments.len() > 1 {
        return Err(CliError::new(1, "more than one token was given"));
    }
    let token = match args.arguments.first().map(String::as_str) {
        Some("-") => Secret::new(data::Real::default().stdin()?.trim()),
        Some(text) => {
            output::say(
                "WARNING! A token in an argument can be read by every process on this machine; `leasehold login -` reads it from stdin.\n",
            );
            Secret::new(text.strip_prefix("token=").unwrap_or(text))
        }
        None => prompt("Token (will be hidden): ", "leasehold login - reads it from stdin")?,
    };
    if token.is_empty() {
        return Err(CliError::new(1, "the token is empty"));
    }
    let found = client.with_token(token.clone()).read("auth/token/lookup-self").await;
    let found = found.map_err(|error| CliError::api("Error authenticating", &error))?;
    let Some(mut answer) = found else {
        return Err(CliError::plain(
            2,
            "Error authenticating: the engine does not know the path auth/token/lookup-self",
        ));
    };
    answer.auth = Some(auth_of(&token, answer.data.take().unwrap_or_default()));
    Ok(Login { token, answer })
}

/// The `auth` part that a login with this token would have answered, from its lookup.
fn auth_of(token: &Secret, data: Map<String, Value>) -> Map<String, Value> {
    let take = |key: &str| data.get(key).cloned().unwrap_or(Value::Null);
    let mut auth = Map::new();
    auth.insert("client_token".to_owned(), Value::String(token.expose().to_owned()));
    for (name, from) in [
        ("accessor", "accessor"),
        ("policies", "policies"),
        ("token_policies", "policies"),
        ("identity_policies", "identity_policies"),
        ("metadata", "meta"),
        ("lease_duration", "ttl"),
        ("renewable", "renewable"),
    ] {
        auth.insert(name.to_owned(), take(from));
    }
    auth
}

async fn with_approle(args: &Args, context: &Context, client: &Client) -> Result<Login, CliError> {
    let mount = args.path.as_deref().unwrap_or("approle").trim_matches('/');
    warn_of(args, "secret_id", "A secret id");
    let mut body = data::parse(&args.arguments, &mut data::Real::default())?;
    // Files end with a line feed, ids do not.
    for value in body.values_mut() {
        if let Value::String(text) = value {
            *text = text.trim().to_owned();
        }
    }
    if !body.contains_key("role_id") {
        return Err(
            CliError::new(1, "a role_id is needed").hint("leasehold login -method=approle role_id=ID secret_id=@FILE")
        );
    }
    send(client, context, &format!("auth/{mount}/login"), &body).await
}

async fn with_userpass(args: &Args, context: &Context, client: &Client) -> Result<Login, CliError> {
    let mount = args.path.as_deref().unwrap_or("userpass").trim_matches('/');
    warn_of(args, "password", "A password");
    let mut body = data::parse(&args.arguments, &mut data::Real::default())?;
    let named = body.remove("username").and_then(|name| name.as_str().map(|name| name.trim().to_owned()));
    let Some(name) = named.filter(|name| !name.is_empty()) else {
        return Err(CliError::new(1, "a username is needed")
            .hint("leasehold login -method=userpass username=NAME asks for the password; password=@FILE reads it"));
    };
    let password = match body.remove("password") {
        Some(Value::String(text)) => Secret::new(text.strip_suffix('\n').unwrap_or(&text)),
        _ => prompt("Password (will be hidden): ", "password=@FILE and password=- read it without one")?,
    };
    body.insert("password".to_owned(), Value::String(password.expose().to_owned()));
    send(client, context, &format!("auth/{mount}/login/{name}"), &body).await
}

/// Says that a secret was readable to others.
fn warn_of(args: &Args, key: &str, what: &str) {
    let given = args.arguments.iter().filter_map(|argument| argument.strip_prefix(key)?.strip_prefix('='));
    if given.into_iter().any(|value| value != "-" && !value.starts_with('@') && !value.is_empty()) {
        output::say(&format!(
            "WARNING! {what} in an argument can be read by every process on this machine; {key}=@FILE and {key}=- are \
             not.\n"
        ));
    }
}

async fn send(client: &Client, context: &Context, path: &str, body: &Map<String, Value>) -> Result<Login, CliError> {
    let answer = client.write(path, body).await.map_err(|error| context.failed("Error authenticating", &error))?;
    let token = answer.auth.as_ref().and_then(|auth| auth.get("client_token")).and_then(Value::as_str);
    match token.map(Secret::new) {
        Some(token) => Ok(Login { token, answer }),
        None => Err(CliError::plain(2, format!("Error authenticating: {path} answered without a token"))),
    }
}

/// Asks for a secret. The terminal does not show what is typed.
fn prompt(question: &str, hint: &str) -> Result<Secret, CliError> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let what = question.split(' ').next().unwrap_or_default().to_lowercase();
        return Err(
            CliError::new(1, format!("no {what} was given, and there is no terminal to ask on")).hint(hint.to_owned())
        );
    }
    let failed =
        |error: rustix::io::Errno| CliError::new(1, format!("the terminal can't be told not to echo: {error}"));
    let before = tcgetattr(&stdin).map_err(failed)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    output::ask(question);
    tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(failed)?;
    let mut text = String::new();
    let read = stdin.lock().read_line(&mut text);
    // Whatever happened, the terminal must show again what is typed.
    let restored = tcsetattr(&stdin, OptionalActions::Flush, &before);
    output::say("");
    restored.map_err(failed)?;
    read.map_err(|error| CliError::new(1, format!("the terminal could not be read: {error}")))?;
    let secret = Secret::new(text.trim_end_matches(['\r', '\n']));
    zeroize::Zeroize::zeroize(&mut text);
    Ok(secret)
}
