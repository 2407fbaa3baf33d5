//! By name and password: the password is the app's own, for nobody can read it from an engine.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde_json::json;

use super::{Own, Request, given};
use crate::api::Client;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::global::PASSWORD;
use crate::cli::request::body;
use crate::estate::Login;

/// What is sent.
///
/// # Errors
/// When there is no password.
pub(super) fn request<'a>(
    _client: &'a Client,
    login: &'a Login,
    own: &'a Own,
    _context: &'a Context,
) -> BoxFuture<'a, Result<Request, CliError>> {
    ready(by_password(login, own)).boxed()
}

fn by_password(login: &Login, own: &Own) -> Result<Request, CliError> {
    let password = given(own, &PASSWORD)?.ok_or_else(|| {
        CliError::new(1, format!("there is no password to log in as {}", login.role_name))
            .hint("set LEASEHOLD_PASSWORD_FILE to a file that has it, or LEASEHOLD_PASSWORD")
    })?;
    Ok(Request {
        path: format!("auth/{}/login/{}", login.mount, login.role_name),
        body: body(json!({ "password": password.expose() })),
    })
}
