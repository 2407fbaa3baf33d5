//! What auth methods ask of others over HTTP: an issuer for its keys and tokens, an API server about a token.
//!
//! One request and its answer, on a connection of its own, bounded in time and size. Redirects are not followed: the
//! address that was configured is the one that is asked. With CA certificates given, the system's are not trusted.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::engine::setup::VERSION;
use crate::proof::{address, certificates, host};
use crate::secret::Secret;
use crate::text::percent::encode;

/// How long all of it may take. Logins wait for it, and each request has 90 s.
const TIME_MAX: Duration = Duration::from_secs(10);

/// Bytes of an answer. Key sets of the large issuers have some ten thousand.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Whom to ask, and how to know them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer<'a> {
    /// `https://...`, or `http://...`.
    pub(super) url: &'a str,
    /// CA certificates as PEM; empty for the system's.
    pub(super) ca_pem: &'a str,
}

/// What is sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The header `Authorization`; empty for none.
    authorization: Secret,
    /// Of a POST: its type, and what it is. It may hold a token, too.
    body: Option<(&'static str, Secret)>,
}

impl Sent {
    /// A GET with a token.
    pub(super) fn with_token(bearer: &Secret) -> Self {
        Self { authorization: Secret::new(format!("Bearer {}", bearer.expose())), body: None }
    }

    /// A POST of JSON, with a token.
    pub(super) fn json(bearer: &Secret, body: Secret) -> Self {
        Self { body: Some(("application/json", body)), ..Self::with_token(bearer) }
    }

    /// A POST of a form.
    pub(super) fn form(fields: &[(&str, &str)]) -> Self {
        let field = |(name, value): &(&str, &str)| format!("{}={}", encode(name), encode(value));
        let form = fields.iter().map(field).collect::<Vec<_>>().join("&");
        Self { body: Some(("application/x-www-form-urlencoded", Secret::new(form))), ..Self::default() }
    }

    /// The same, of a client of OAuth with its secret (RFC 6749, 2.3.1: both are coded as a form's before).
    pub(super) fn by(self, id: &str, secret: &Secret) -> Self {
        let both = Secret::new(format!("{}:{}", encode(id), encode(secret.expose())));
        Self { authorization: Secret::new(format!("Basic {}", STANDARD.encode(both.expose()))), ..self }
    }
}

/// An answer, of any status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// Why there is no answer. The text names no secret, and says what failed at whom.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {what}")]
pub(super) struct Failure {
    url: String,
    what: String,
}

impl Peer<'_> {
    /// Refuses an address that can't be asked, and CA certificates that are none.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.uri()?;
        roots(self.ca_pem).map(drop).map_err(|what| self.failed(what))
    }

    /// GET.
    ///
    /// # Errors
    /// If there is no whole answer in time.
    pub(super) async fn get(&self) -> Result<Answer, Failure> {
        self.send(&Sent::default()).await
    }

    fn failed(&self, what: impl std::fmt::Display) -> Failure {
        Failure { url: self.url.to_owned(), what: what.to_string() }
    }

    fn uri(&self) -> Result<Uri, Failure> {
        address(self.url).map_err(|what| self.failed(what))
    }

    /// What is sent: GET, or POST of a body.
    ///
    /// # Errors
    /// If there is no whole answer in time.
    pub(super) async fn send(&self, sent: &Sent) -> Result<Answer, Failure> {
        let uri = self.uri()?;
        let answered = tokio::time::timeout(TIME_MAX, self.exchange(&uri, sent)).await;
        answered.map_err(|_| self.failed(format!("no answer in {} s", TIME_MAX.as_secs())))?
    }

    async fn exchange(&self, uri: &Uri, sent: &Sent) -> Result<Answer, Failure> {
        let name = host(uri).ok_or_else(|| self.failed("the address has no host"))?;
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let request = request(uri, sent).map_err(|error| self.failed(error))?;
        let stream = TcpStream::connect((name, port)).await.map_err(|error| self.failed(error))?;
        if !is_tls {
            return self.on(TokioIo::new(stream), request).await;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| self.failed(error))?
            .with_root_certificates(roots(self.ca_pem).map_err(|what| self.failed(what))?)
            .with_no_client_auth();
        let server = ServerName::try_from(name.to_owned()).map_err(|error| self.failed(error))?;
        let secured = TlsConnector::from(Arc::new(config)).connect(server, stream).await;
        self.on(TokioIo::new(secured.map_err(|error| self.failed(error))?), request).await
    }

    async fn on<I>(&self, io: I, request: Request<Full<Bytes>>) -> Result<Answer, Failure>
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(io).await.map_err(|error| self.failed(error))?;
        // Both end here, so that nothing outlives the time that there is.
        let answering = async {
            let answer = sender.send_request(request).await.map_err(|error| self.failed(error))?;
            let status = answer.status().as_u16();
            Ok(Answer { status, body: self.body(answer.into_body()).await? })
        };
        tokio::pin!(connection, answering);
        let mut is_open = true;
        loop {
            tokio::select! {
                answer = &mut answering => return answer,
                _ = &mut connection, if is_open => is_open = false,
            }
        }
    }

    async fn body(&self, body: Incoming) -> Result<Bytes, Failure> {
        let read = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        read.map(http_body_util::Collected::to_bytes).map_err(|error| self.failed(error))
    }
}

fn request(uri: &Uri, sent: &Sent) -> Result<Request<Full<Bytes>>, http::Error> {
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    let mut request = Request::builder()
        .method(if sent.body.is_some() { Method::POST } else { Method::GET })
        .uri(path)
        .header(HOST, authority.rsplit('@').next().unwrap_or(authority))
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, format!("leasehold/{VERSION}"));
    if !sent.authorization.is_empty() {
        let mut shown = http::HeaderValue::from_str(sent.authorization.expose())?;
        shown.set_sensitive(true);
        request = request.header(AUTHORIZATION, shown);
    }
    match &sent.body {
        None => request.body(Full::new(Bytes::new())),
        Some((kind, body)) => {
            request.header(CONTENT_TYPE, *kind).body(Full::new(Bytes::from(body.expose().to_owned())))
        }
    }
}

fn roots(ca_pem: &str) -> Result<RootCertStore, String> {
    if !ca_pem.trim().is_empty() {
        return certificates(ca_pem);
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::Peer;

    #[test]
    fn what_can_not_be_asked_is_told() {
        for (url, ca_pem, expected) in [
            ("https://issuer.example", "", None),
            ("http://127.0.0.1:8080/keys", "", None),
            ("issuer.example/keys", "", Some("no address that begins with https:// or http://")),
            ("ftp://issuer.example", "", Some("no address that begins with https:// or http://")),
            ("https://issuer.example", "no certificate", Some("there is no certificate in the CA's text")),
        ] {
            let told = Peer { url, ca_pem }.check().map_err(|error| error.to_string());
            match expected {
                None => assert_eq!(told, Ok(()), "{url}"),
                Some(expected) => assert!(told.as_ref().is_err_and(|told| told.contains(expected)), "{url}: {told:?}"),
            }
        }
    }
}
