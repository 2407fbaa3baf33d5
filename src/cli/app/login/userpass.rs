//! By name and password: the password is the app's own, for nobody can read it from an engine.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde_json::{Value, json};

use super::hand::{AtHand, Here, says};
use super::{ByHand, Method, OfApp, Own, Request, Said, given};
use crate::api::Client;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::global::PASSWORD;
use crate::cli::prompt::prompt;
use crate::cli::request::body;
use crate::estate::Login;
use crate::secret::Secret;

/// By name and password.
pub(super) const METHOD: Method = Method {
    name: "userpass",
    secret: Some(("password", "A password")),
    takes: &[("username", "The name; required"), ("password", "The password; asked for when left out")],
    of_app: Some(OfApp { request, at_hand }),
    by_hand: ByHand::Sends(by_hand),
};

fn by_hand(said: Said) -> BoxFuture<'static, Result<Request, CliError>> {
    ready(named(said)).boxed()
}

fn named(mut said: Said) -> Result<Request, CliError> {
    let name = said.take("username").ok_or_else(|| {
        CliError::new(1, "a username is needed")
            .hint("leasehold login -method=userpass username=NAME asks for the password; password=@FILE reads it")
    })?;
    let password = match said.values.remove("password") {
        // Blanks may be part of it; the line feed at the end of a file is not.
        Some(Value::String(text)) => Secret::new(text.strip_suffix('\n').unwrap_or(&text)),
        _ => prompt("Password (will be hidden): ", "password=@FILE and password=- read it without one")?,
    };
    Ok(said.request(&format!("/{name}"), json!({ "password": password.expose() })))
}

fn at_hand(_login: &Login, own: &Own, _here: Here<'_>) -> AtHand {
    match says(own, PASSWORD.variable) || says(own, PASSWORD.file_variable) {
        true => AtHand::Yes,
        false => AtHand::No(format!("{} or {}", PASSWORD.file_variable, PASSWORD.variable)),
    }
}

/// What is sent.
///
/// # Errors
/// When there is no password.
fn request<'a>(
    _client: &'a Client,
    login: &'a Login,
    own: &'a Own,
    _context: &'a Context,
) -> BoxFuture<'a, Result<Request, CliError>> {
    ready(by_password(login, own)).boxed()
}

fn by_password(login: &Login, own: &Own) -> Result<Request, CliError> {
    if login.role_name.is_empty() {
        return Err(CliError::new(1, "no user is named to log in as").hint("--login-role NAME"));
    }
    let password = given(own, &PASSWORD)?.ok_or_else(|| {
        CliError::new(1, format!("there is no password to log in as {}", login.role_name))
            .hint("set LEASEHOLD_PASSWORD_FILE to a file that has it, or LEASEHOLD_PASSWORD")
    })?;
    Ok(Request {
        path: format!("auth/{}/login/{}", login.mount, login.role_name),
        body: body(json!({ "password": password.expose() })),
    })
}
