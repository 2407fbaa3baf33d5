//! By the token of the service account whose pod this is.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::jwt::{sent, token, token_at_hand, with_token};
use super::{ByHand, Method, OfApp, Own, Request};
use crate::api::Client;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::estate::Login;

/// Where a pod has it. Source: Kubernetes, "Accessing the Kubernetes API from a Pod".
const FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// By the token of a service account.
pub(super) const METHOD: Method = Method {
    name: "kubernetes",
    secret: Some(("jwt", "A service account's token")),
    takes: &[("role", "The role; required"), ("jwt", "A service account's token [default: the pod's own]")],
    of_app: Some(OfApp { request, at_hand: |_, own, _| token_at_hand(own, Some(FILE)) }),
    by_hand: ByHand::Sends(|said| with_token(said, Some(FILE))),
};

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
    ready(token(&login.role_name, own, Some(FILE)).map(|token| sent(login, &token))).boxed()
}
