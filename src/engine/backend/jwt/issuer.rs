//! What an issuer says of itself: where its keys are, and where people log in.
//!
//! Source: OpenID Connect Discovery 1.0, sections 3 and 4.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::engine::backend::outgoing::{Failure, Peer};

/// Why nothing is known of an issuer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    /// No answer.
    #[error(transparent)]
    Unanswered(#[from] Failure),
    /// An answer of another status.
    #[error("{url} answered with status {status}")]
    Status { url: String, status: u16 },
    /// An answer that says something else.
    #[error("{url}: {what}")]
    Odd { url: String, what: String },
    /// It was asked a moment ago, in vain.
    #[error("{url} was asked a moment ago, and is asked again in a few seconds")]
    Pausing { url: String },
}

/// Where an issuer has what. What it does not say is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    /// Its keys.
    pub(super) keys: String,
    /// Where people log in.
    pub(super) authorization: String,
    /// Where a code becomes tokens.
    pub(super) token: String,
    /// Where more is told of who logged in.
    pub(super) user_info: String,
    /// How clients show who they are where a code becomes tokens.
    pub(super) client_methods: Vec<String>,
}

/// What an issuer says of itself.
///
/// # Errors
/// It doesn't.
pub(super) async fn described(issuer: &str, ca_pem: &str) -> Result<About, Unknown> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let body = answered(&url, ca_pem).await?;
    let odd = |what: String| Unknown::Odd { url: url.clone(), what };
    let told: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|error| odd(format!("the description is not JSON: {error}")))?;
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if text("issuer") != issuer {
        return Err(odd(format!("it describes the issuer {:?}, and not {issuer:?}", text("issuer"))));
    }
    if text("jwks_uri").is_empty() {
        return Err(odd("it has no `jwks_uri`".to_owned()));
    }
    let methods = told.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    let methods = methods.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    Ok(About {
        keys: text("jwks_uri"),
        authorization: text("authorization_endpoint"),
        token: text("token_endpoint"),
        user_info: text("userinfo_endpoint"),
        client_methods: methods.collect(),
    })
}

/// The body of an answer of status 200.
///
/// # Errors
/// Why there is none.
pub(super) async fn answered(url: &str, ca_pem: &str) -> Result<Bytes, Unknown> {
    let peer = Peer { url, ca_pem };
    peer.check()?;
    let answer = peer.get().await?;
    if answer.status != 200 {
        return Err(Unknown::Status { url: url.to_owned(), status: answer.status });
    }
    Ok(answer.body)
}
