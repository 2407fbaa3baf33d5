//! What an API server says of a token: TokenReview.
//!
//! Source: Kubernetes API, `authentication.k8s.io/v1`, TokenReview.

use serde_json::{Value, json};

use super::config::Config;
use crate::engine::backend::outgoing::{Failure, Peer, Sent};
use crate::secret::Secret;

/// A service account that a token is of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
}

/// Why a token is of nobody. What the server said of it stays out: it may hold what it was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// No answer.
    #[error(transparent)]
    Unanswered(#[from] Failure),
    /// The reviewer may not ask, or is not known.
    #[error("{url} answered with status {status}: may the reviewer create tokenreviews (system:auth-delegator)?")]
    Status { url: String, status: u16 },
    /// It is not good, or of somebody else.
    #[error("{url}: {what}")]
    Not { url: String, what: &'static str },
}

/// Asks about a token that has to be for `audience`, if that is not empty.
///
/// # Errors
/// Why it is of nobody.
pub(super) async fn review(config: &Config, token: &Secret, audience: &str) -> Result<Account, Refusal> {
    let url = format!("{}/apis/authentication.k8s.io/v1/tokenreviews", config.host);
    let mut asked = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": { "token": token.expose() },
    });
    if !audience.is_empty() {
        asked["spec"]["audiences"] = json!([audience]);
    }
    let sent = Sent::json(&config.reviewer(token).await, Secret::new(asked.to_string()));
    let ca_pem = config.ca_pem().await;
    let answer = Peer { url: &url, ca_pem: &ca_pem }.send(&sent).await?;
    if !(200..300).contains(&answer.status) {
        return Err(Refusal::Status { url, status: answer.status });
    }
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    account(&told["status"], audience).map_err(|what| Refusal::Not { url, what })
}

/// The account that a review's `status` tells.
fn account(status: &Value, audience: &str) -> Result<Account, &'static str> {
    if status["authenticated"] != true || status["error"].as_str().is_some_and(|error| !error.is_empty()) {
        return Err("the token is not authenticated");
    }
    let audiences = status["audiences"].as_array();
    let is_for = |wanted: &str| audiences.is_some_and(|all| all.iter().any(|one| one == wanted));
    // A server that knows no audiences tells none, and has not looked at them.
    if !audience.is_empty() && !is_for(audience) {
        return Err("the token is not for the role's audience, or the server does not look at audiences");
    }
    let user = &status["user"];
    let parts: Vec<&str> = user["username"].as_str().unwrap_or_default().split(':').collect();
    match (parts.as_slice(), user["uid"].as_str()) {
        (["system", "serviceaccount", namespace, name], Some(uid)) if !uid.is_empty() => {
            Ok(Account { namespace: (*namespace).to_owned(), name: (*name).to_owned(), uid: uid.to_owned() })
        }
        _ => Err("the token is not a service account's"),
    }
}
