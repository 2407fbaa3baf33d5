//! `leasehold login`.
//!
//! A token, a secret id or a password comes from stdin, from a file, or from a prompt that does not echo. As an
//! argument every process on the machine could read it; Vault's users are used to that, so it works,
//! with a warning. What a method needs besides is its own business (`app/login/`).

use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value};

use super::context::with_client;
use super::data::{self, Sources as _};
use super::error::CliError;
use super::format::Format;
use super::global::{Global, TOKENS, exactly};
use super::prompt::prompt;
use super::{answer, app, output, token_file};
use crate::api::{Answer, Client};
use crate::secret::Secret;

/// The method of whoever has a token.
const TOKEN: &str = "token";

/// Arguments of `leasehold login`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  leasehold login                                  asks for a token\n  leasehold login - < token                        reads one from stdin\n  leasehold login -method=approle role_id=ID secret_id=@secret-id.txt\n  leasehold login -method=userpass username=NAME     asks for the password\n  leasehold login -method=jwt role=NAME jwt=@FILE    or LEASEHOLD_JWT_FILE\n  leasehold login -method=oidc role=NAME             opens a browser\n  leasehold login -method=kubernetes role=NAME       with the pod's own token\n  leasehold login -method=cert -client-cert=FILE -client-key=FILE name=NAME"
)]
pub(crate) struct Args {
    /// A token, or - for stdin; for other methods KEY=VALUE, KEY=@FILE or KEY=-
    #[arg(value_name = "TOKEN|KEY=VALUE")]
    arguments: Vec<String>,
    /// How to log in
    #[arg(long, default_value = TOKEN, value_parser = PossibleValuesParser::new([TOKEN].into_iter().chain(app::login::names())))]
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
            TOKEN => with_token(&args, &client).await?,
            _ => with_method(&args, &client).await?,
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

async fn with_method(args: &Args, client: &Client) -> Result<Login, CliError> {
    let said = data::parse(&args.arguments, &mut data::Real::default())?;
    if let Some((key, what)) = app::login::secret_in(&args.method, &args.arguments) {
        output::say(&format!(
            "WARNING! {what} in an argument can be read by every process on this machine; {key}=@FILE and {key}=- are \
             not.\n"
        ));
    }
    let mount = app::login::mount_named(args.path.as_deref().unwrap_or(&args.method));
    let (path, answer) = app::login::by_hand(&args.method, &mount, said, client).await?;
    let token = answer.auth.as_ref().and_then(|auth| auth.get("client_token")).and_then(Value::as_str);
    match token.map(Secret::new) {
        Some(token) => Ok(Login { token, answer }),
        None => Err(CliError::plain(2, format!("Error authenticating: {path} answered without a token"))),
    }
}
