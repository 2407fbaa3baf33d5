//! JSON to somebody who wants to be told. No engine: nothing of Vault's is sent along, and no token of it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::connect::Connector;
use super::connector;
use super::tls::TlsOptions;
use crate::api::answer::Error;
use crate::secret::Secret;

/// How long one message may take.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Why a message was not delivered. Never more of the address than its host.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// It is no address.
    #[error("the receiver's address is no URL such as https://hooks.example.com/x")]
    Address,
    /// Its token can't stand in a header.
    #[error("the token for {host} has characters that no token has")]
    Token {
        /// For whom it is.
        host: String,
    },
    /// The system's certificates.
    #[error(transparent)]
    Tls(Error),
    /// The receiver took it not.
    #[error("{host} answered {status}")]
    Refused {
        /// Who.
        host: String,
        /// What.
        status: u16,
    },
    /// There was no answer.
    #[error("{host} gave no answer: {what}")]
    Lost {
        /// Who.
        host: String,
        /// What happened.
        what: String,
    },
}

/// Sends messages to one address, which may hold a secret.
pub struct Poster {
    http: HttpClient<Connector, Full<Bytes>>,
    uri: Secret,
    host: String,
    /// Who sends them, where the receiver asks.
    token: Option<Secret>,
}

impl std::fmt::Debug for Poster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poster").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Poster {
    /// To an address. Nothing is sent yet.
    ///
    /// # Errors
    /// [`PostError::Address`], [`PostError::Tls`].
    pub fn new(url: Secret) -> Result<Self, PostError> {
        let uri: Uri = url.expose().trim().parse().map_err(|_| PostError::Address)?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(PostError::Address),
        };
        let host = uri.host().ok_or(PostError::Address)?.to_owned();
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(PostError::Address);
        }
        let connector = connector(is_secure, &TlsOptions::default(), None).map_err(PostError::Tls)?;
        let http = HttpClient::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { http, uri: Secret::new(url.expose().trim()), host, token: None })
    }

    /// The same, as whom a token is of.
    #[must_use]
    pub fn with_token(self, token: Secret) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The host that it sends to.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Sends a message once.
    ///
    /// # Errors
    /// [`PostError::Refused`], [`PostError::Lost`].
    pub async fn post(&self, message: &Value) -> Result<(), PostError> {
        let lost = |what: String| PostError::Lost { host: self.host.clone(), what };
        let mut request = http::Request::new(Full::new(Bytes::from(message.to_string())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.expose().parse().map_err(|_| PostError::Address)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("leasehold/", env!("CARGO_PKG_VERSION"))));
        if let Some(token) = &self.token {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose().trim()))
                .map_err(|_| PostError::Token { host: self.host.clone() })?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        let sent = tokio::time::timeout(TIME_MAX, self.http.request(request)).await;
        let sent = sent.map_err(|_| lost(format!("it took more than {} s", TIME_MAX.as_secs())))?;
        let answer = sent.map_err(|error| lost(root(&error)))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(PostError::Refused { host: self.host.clone(), status: status.as_u16() }),
        }
    }
}

/// The innermost cause: the outer ones say less.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
