//! By a token that somebody else signed, which is in a variable or in a file: CI services put it there, clusters do.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde_json::json;

use super::hand::{AtHand, says};
use super::{ByHand, Method, OfApp, Own, Request, Said};
use crate::api::Client;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::global::{JWT, exactly};
use crate::cli::request::body;
use crate::estate::Login;
use crate::secret::Secret;

/// By a signed token.
pub(super) const METHOD: Method = Method {
    name: "jwt",
    secret: Some(("jwt", "A signed token")),
    takes: &[
        ("role", "The role [default: the method's own]"),
        ("jwt", "The signed token [default: LEASEHOLD_JWT, LEASEHOLD_JWT_FILE]"),
    ],
    of_app: Some(OfApp { request, at_hand: |_, own, _| token_at_hand(own, None) }),
    by_hand: ByHand::Sends(|said| with_token(said, None)),
};

/// A login by hand: the token is said, or where an app's would be. Without a role, the method's default is meant.
pub(super) fn with_token(mut said: Said, usual: Option<&str>) -> BoxFuture<'static, Result<Request, CliError>> {
    let signed = match said.take("jwt") {
        Some(text) => Ok(Secret::new(text)),
        None => token("", &Own::new(), usual).map_err(|error| error.hint("jwt=@FILE and jwt=- read it, too")),
    };
    let role = said.take("role");
    let sent = signed.map(|signed| {
        let mut sent = json!({ "jwt": signed.expose().trim() });
        if let Some(role) = role {
            sent["role"] = role.into();
        }
        said.request("", sent)
    });
    ready(sent).boxed()
}

/// What is sent.
///
/// # Errors
/// When there is no token.
fn request<'a>(
    _client: &'a Client,
    login: &'a Login,
    own: &'a Own,
    _context: &'a Context,
) -> BoxFuture<'a, Result<Request, CliError>> {
    ready(token(&login.role_name, own, None).map(|token| sent(login, &token))).boxed()
}

/// Whether somebody says where the token is, or it is where it usually is.
pub(super) fn token_at_hand(own: &Own, usual: Option<&str>) -> AtHand {
    let is_said = says(own, JWT.variable) || says(own, JWT.file_variable);
    if is_said || usual.is_some_and(|file| std::path::Path::new(file).exists()) {
        return AtHand::Yes;
    }
    let variables = format!("{} or {}", JWT.file_variable, JWT.variable);
    AtHand::No(usual.map_or_else(|| variables.clone(), |file| format!("{variables}, or {file}")))
}

/// The request of a login with a signed token.
pub(super) fn sent(login: &Login, token: &Secret) -> Request {
    Request {
        path: format!("auth/{}/login", login.mount),
        body: body(json!({ "role": login.role_name, "jwt": token.expose().trim() })),
    }
}

/// The app's signed token, from where somebody says, or from where it usually is.
///
/// # Errors
/// When there is none.
pub(super) fn token(role_name: &str, own: &Own, usual: Option<&str>) -> Result<Secret, CliError> {
    if let Some(file) = own.get(JWT.file_variable) {
        return read(file);
    }
    match (exactly(JWT.variable), exactly(JWT.file_variable)) {
        (Some(_), Some(_)) => {
            Err(CliError::new(1, "both LEASEHOLD_JWT and LEASEHOLD_JWT_FILE are set").hint("unset one"))
        }
        (Some(text), None) => Ok(Secret::new(text)),
        (None, Some(file)) => read(&file),
        (None, None) => match usual.filter(|file| std::path::Path::new(file).exists()) {
            Some(file) => read(file),
            None => Err(CliError::new(1, format!("there is no signed token to log in{}", as_whom(role_name)))
                .hint("set LEASEHOLD_JWT_FILE to a file that has it, or LEASEHOLD_JWT")),
        },
    }
}

fn as_whom(role_name: &str) -> String {
    if role_name.is_empty() { String::new() } else { format!(" as {role_name}") }
}

/// Reads the file whatever its mode: whoever puts tokens there decides it, and clusters let the whole pod read them.
fn read(file: &str) -> Result<Secret, CliError> {
    let failed = |what: String| CliError::new(1, format!("the signed token can't be read from {file}: {what}"));
    let text = std::fs::read_to_string(file).map(Secret::new).map_err(|error| failed(error.to_string()))?;
    if text.expose().trim().is_empty() { Err(failed("it is empty".to_owned())) } else { Ok(text) }
}
