//! By the certificate that is shown when the connection begins: `--client-cert` and `--client-key`.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde_json::json;

use super::hand::{AtHand, Here};
use super::{ByHand, Method, OfApp, Own, Request};
use crate::api::Client;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::request::body;
use crate::estate::Login;

/// By a TLS certificate. Nothing of it is said in the request.
pub(super) const METHOD: Method = Method {
    name: "cert",
    secret: Some(("key", "A private key")),
    takes: &[("name", "The role [default: whichever fits the certificate, which -client-cert and -client-key show]")],
    of_app: Some(OfApp { request, at_hand }),
    by_hand: ByHand::Sends(|said| ready(Ok(said.request("", json!({})))).boxed()),
};

/// A certificate is shown. What is said of TLS and makes no sense is told when it is used.
fn at_hand(_login: &Login, _own: &Own, here: Here<'_>) -> AtHand {
    match here.context.shows_certificate() {
        Ok(false) => AtHand::No("LEASEHOLD_CLIENT_CERT and LEASEHOLD_CLIENT_KEY".to_owned()),
        Ok(true) | Err(_) => AtHand::Yes,
    }
}

/// What is sent.
///
/// # Errors
/// When there is no certificate to show.
fn request<'a>(
    _client: &'a Client,
    login: &'a Login,
    _own: &'a Own,
    context: &'a Context,
) -> BoxFuture<'a, Result<Request, CliError>> {
    ready(named(login, context)).boxed()
}

fn named(login: &Login, context: &Context) -> Result<Request, CliError> {
    if !context.shows_certificate()? {
        let what = format!("there is no certificate to log in as {}", login.role_name);
        return Err(CliError::new(1, what).hint(
            "name it and its key: --client-cert and --client-key, or LEASEHOLD_CLIENT_CERT and LEASEHOLD_CLIENT_KEY",
        ));
    }
    Ok(Request { path: format!("auth/{}/login", login.mount), body: body(json!({ "name": login.role_name })) })
}
