//! HTTP/1.1 with kept-alive connections, time limits and a few careful retries. The only file of the
//! room, with its two parts, that touches the world. No proxy is ever used: a token does not go to a
//! host that nobody named.

mod connect;
pub(super) mod post;
mod queue;
pub(super) mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::ServerName;
use serde_json::{Map, Value};
use tokio_rustls::TlsConnector;

use self::connect::{ConnectError, Connector};
use self::queue::Queue;
use self::tls::TlsOptions;
use super::answer::{self, Answer, Asked, Error};
use super::said::Said;
use super::target::{Options, Origin, Target};
use super::unsent::Unsent;
use crate::secret::Secret;
use crate::text::percent;

/// What the body of a change is (RFC 7396, 4).
const MERGE_PATCH: &str = "application/merge-patch+json";

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Read,
    List,
    Write,
    Patch,
    Delete,
}

impl Method {
    fn http(self) -> http::Method {
        match self {
            // LIST is not a standard method, and proxies drop it; `list=true` is the same to the server.
            Self::Read | Self::List => http::Method::GET,
            Self::Write => http::Method::PUT,
            Self::Patch => http::Method::PATCH,
            Self::Delete => http::Method::DELETE,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Read | Self::List => "GET",
            Self::Write => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Of a body that goes with it.
    fn media_type(self) -> &'static str {
        if self == Self::Patch { MERGE_PATCH } else { "application/json" }
    }

    /// Whether it may be sent again after the server said "not now".
    fn repeatable(self) -> bool {
        matches!(self, Self::Read | Self::List)
    }
}

/// How much trouble with a server a request bears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Patience {
    /// A read is sent again a few times, at once, to a server that is busy.
    #[default]
    Little,
    /// It waits for a server that is busy.
    Waits,
    /// And a read is sent again whose answer was lost, since asking does nothing.
    Whole,
}

/// One request.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) body: Option<&'a Map<String, Value>>,
    pub(super) token: Option<&'a Secret>,
    pub(super) origin: &'a Origin,
    pub(super) patience: Patience,
    pub(super) wrap_ttl: Option<&'a str>,
}

/// The connections to one server, and what goes with every request.
pub(super) struct Transport {
    http: HttpClient<Connector, Full<Bytes>>,
    /// Without a trailing slash.
    address: String,
    headers: HeaderMap,
    timeout: Duration,
    retries: u32,
    namespace: Option<String>,
    queue: Queue,
    /// How many times as fast waits pass: 1, but in tests.
    haste: u32,
}

/// What one attempt brought.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// As the servers limit requests; what comes back is of the same order.
const BODY_BYTES_MAX: usize = 64 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_DELAY_MIN: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);
/// How long patient requests wait for a server that says "not now" to all of them.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a patient read is sent again whose answer was lost, or was a failure of the server.
const LOST_RETRIES: u32 = 4;
/// An idle connection is given up before servers and balancers commonly do.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

impl Transport {
    /// Reads certificates, checks the address; connects later.
    pub(super) fn new(target: Target, options: &Options) -> Result<Self, Error> {
        let (connector, address) = match target {
            Target::Stream(open) => (Connector::Memory(open), "http://embedded".to_owned()),
            Target::Network { address, tls } => network(&address, &tls)?,
        };
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        let headers = common_headers(options)?;
        let (timeout, retries, namespace) = (options.timeout, options.retries, options.namespace.clone());
        Ok(Self { http, address, headers, timeout, retries, namespace, queue: Queue::new(), haste: 1 })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The namespace that goes with every request, if it is not the root one.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|name| !matches!(name.trim_matches('/'), "" | "root"))
    }

    pub(super) fn no_namespace(&self) -> Option<Error> {
        let namespace = self.namespace()?.to_owned();
        Some(Error::NoNamespace { namespace, address: self.address.clone() })
    }

    /// A request as it would be sent.
    pub(super) fn unsent(&self, request: &Request<'_>) -> Unsent {
        let url = format!("{}/v1/{}{}", self.address, encode_path(request.path), encode_query(request.query));
        Unsent {
            method: request.method.name(),
            is_list: request.method == Method::List,
            path: request.path.to_owned(),
            url,
            body: request.body.cloned(),
            media_type: request.method.media_type(),
            namespace: self.namespace().map(str::to_owned),
            wrap_ttl: request.wrap_ttl.map(str::to_owned),
            has_token: request.token.is_some(),
        }
    }

    /// Sends a request until there is an answer, or no sense in trying again.
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let url = format!("{}/v1/{}", self.address, encode_path(request.path));
        let asked = Asked { method: request.method.name(), url: &url };
        let headers = self.headers_of(request)?;
        let body = body_of(request);
        let mut at = parse_uri(&format!("{url}{}", encode_query(request.query)))?;
        let mut redirected = false;
        let queues = request.patience >= Patience::Waits && self.retries > 0;
        let mut turn = if queues && self.queue.is_busy() { Some(self.queue.turn().await) } else { None };
        let mut attempt = 0;
        loop {
            let reply = self.attempt(asked, request.method, at.clone(), &headers, body.clone()).await;
            let trouble = trouble(&reply);
            match trouble {
                Trouble::NotNow(told) if queues && turn.is_none() => {
                    turn = Some(self.queue.turn().await);
                    if told.is_none() {
                        // Others were before it, or it waits from now on.
                        continue;
                    }
                }
                Trouble::None | Trouble::Lost => self.queue.admitted(),
                Trouble::NotNow(_) | Trouble::NoConnection => {}
            }
            let delay = trouble.delay(attempt);
            if self.sends_again(request, trouble, attempt, self.queue.refused_for(delay)) {
                attempt += 1;
                tokio::time::sleep(delay / self.haste).await;
                if matches!(trouble, Trouble::NotNow(_)) && queues {
                    self.queue.waited(delay);
                }
                continue;
            }
            let reply = reply?;
            if reply.status == StatusCode::TEMPORARY_REDIRECT
                && !redirected
                && let Some(active) = active_node(&at, &reply.headers)
            {
                redirected = true;
                at = active;
                continue;
            }
            let answer = answer::parse(asked, reply.status.as_u16(), &reply.body);
            return answer.map_err(|error| match self.no_namespace() {
                Some(no_namespace) if error.says(Said::NoNamespace) => no_namespace,
                _ => error,
            });
        }
    }

    /// Whether to send again after this, where the server will have let nothing through for so long by then.
    fn sends_again(&self, request: &Request<'_>, trouble: Trouble, attempt: u32, waited: Duration) -> bool {
        let repeatable = request.method.repeatable();
        match trouble {
            Trouble::None => false,
            _ if self.retries == 0 => false,
            Trouble::NotNow(_) if request.patience >= Patience::Waits => waited <= PATIENCE,
            Trouble::NotNow(_) => repeatable && attempt < self.retries,
            Trouble::NoConnection => attempt < self.retries,
            Trouble::Lost => request.patience == Patience::Whole && repeatable && attempt < LOST_RETRIES,
        }
    }

    async fn attempt(
        &self,
        asked: Asked<'_>,
        method: Method,
        uri: Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Reply, Error> {
        let mut request = http::Request::new(Full::new(body));
        *request.method_mut() = method.http();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers.clone();
        match tokio::time::timeout(self.timeout, self.exchange(asked, request)).await {
            Ok(result) => result,
            Err(_) => {
                Err(Error::Timeout { method: asked.method, url: asked.url.to_owned(), seconds: self.timeout.as_secs() })
            }
        }
    }

    async fn exchange(&self, asked: Asked<'_>, request: http::Request<Full<Bytes>>) -> Result<Reply, Error> {
        let broken = |source: Box<dyn std::error::Error + Send + Sync>| Error::Broken {
            method: asked.method,
            url: asked.url.to_owned(),
            source,
        };
        let response = match self.http.request(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Err(self.no_connection(error)),
            Err(error) => return Err(broken(error.into())),
        };
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(broken)?.to_bytes();
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    }

    fn no_connection(&self, error: hyper_util::client::legacy::Error) -> Error {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(current) = cause {
            if let Some(ConnectError::Tls(problem, fault)) = current.downcast_ref() {
                return Error::Tls { subject: self.address.clone(), problem: problem.clone(), fault: *fault };
            }
            cause = current.source();
        }
        Error::Connect { address: self.address.clone(), source: error.into() }
    }

    fn headers_of(&self, request: &Request<'_>) -> Result<HeaderMap, Error> {
        let mut headers = self.headers.clone();
        if request.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(request.method.media_type()));
        }
        if let Some(token) = request.token {
            let mut value = header_value("the token", token.expose())?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static("x-vault-token"), value);
        }
        if let Some(ttl) = request.wrap_ttl {
            headers.insert(HeaderName::from_static("x-vault-wrap-ttl"), header_value("the wrapping TTL", ttl)?);
        }
        let Origin { commit, app, source, review, plan, guardrails } = request.origin;
        for (name, text) in [
            ("x-leasehold-commit", commit),
            ("x-leasehold-app", app),
            ("x-leasehold-source", source),
            ("x-leasehold-review", review),
            ("x-leasehold-plan", plan),
            ("x-leasehold-guardrails", guardrails),
        ] {
            if let Some(text) = text {
                headers.insert(HeaderName::from_static(name), header_value(name, text)?);
            }
        }
        Ok(headers)
    }
}

fn network(address: &str, tls: &TlsOptions) -> Result<(Connector, String), Error> {
    let wrong = |problem: &str| Error::Address { address: shown(address), problem: problem.to_owned() };
    let uri: Uri = address.parse().map_err(|_| wrong("it is not a URL such as https://host:8200"))?;
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(wrong("it must begin with https:// or http://")),
    };
    let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("it must not carry a user name or password"));
    }
    if uri.query().is_some() {
        return Err(wrong("it must not have a query"));
    }
    let server_name = match &tls.server_name {
        Some(name) => {
            Some(ServerName::try_from(name.clone()).map_err(|_| wrong("the TLS server name is not a host name"))?)
        }
        None => None,
    };
    Ok((connector(secure, tls, server_name)?, address.trim_end_matches('/').to_owned()))
}

/// Makes connections over the network, with TLS or without.
fn connector(secure: bool, tls: &TlsOptions, server_name: Option<ServerName<'static>>) -> Result<Connector, Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let tls = match secure {
        true => Some(TlsConnector::from(Arc::new(tls.config()?))),
        false => None,
    };
    Ok(Connector::Network { tcp, tls, server_name })
}

/// An address as it may be shown: without what stands before an `@`, which is a password as a rule.
fn shown(address: &str) -> String {
    match (address.split_once("://"), address.rfind('@')) {
        (Some((scheme, _)), Some(at)) => format!("{scheme}://***{}", &address[at..]),
        (None, Some(at)) => format!("***{}", &address[at..]),
        (_, None) => address.to_owned(),
    }
}

fn common_headers(options: &Options) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("leasehold/", env!("CARGO_PKG_VERSION"))));
    // Servers and agents may be told to refuse requests without it, as a guard against SSRF.
    headers.insert(HeaderName::from_static("x-vault-request"), HeaderValue::from_static("true"));
    if let Some(namespace) = &options.namespace {
        headers.insert(HeaderName::from_static("x-vault-namespace"), header_value("the namespace", namespace)?);
    }
    for (name, value) in &options.headers {
        let key = HeaderName::try_from(name).map_err(|_| Error::Header { name: format!("header {name:?}") })?;
        let mut value = header_value(name, value)?;
        value.set_sensitive(true);
        headers.append(key, value);
    }
    Ok(headers)
}

fn header_value(name: &str, text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| Error::Header { name: name.to_owned() })
}

fn body_of(request: &Request<'_>) -> Bytes {
    match request.body {
        // A map with text keys always has a JSON form.
        Some(body) => serde_json::to_vec(body).map(Bytes::from).unwrap_or_default(),
        None => Bytes::new(),
    }
}

fn parse_uri(url: &str) -> Result<Uri, Error> {
    url.parse().map_err(|_| Error::Address {
        address: url.split('?').next().unwrap_or_default().to_owned(),
        problem: "it is too long or malformed".to_owned(),
    })
}

/// What keeps a request from being answered, for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// It is answered, for good or ill.
    None,
    /// The server did not act, and may later: after this long, if it says so.
    NotNow(Option<Duration>),
    /// There is no connection, so nobody acted.
    NoConnection,
    /// Whether the server acted is not known.
    Lost,
}

impl Trouble {
    /// How long to wait before sending again: at least half of it is certain, so that clients which were refused
    /// together don't come back together.
    fn delay(self, attempt: u32) -> Duration {
        let whole = RETRY_DELAY_MIN.saturating_mul(1 << attempt.min(16)).min(RETRY_DELAY_MAX);
        let whole = match self {
            Self::NotNow(Some(told)) => return told + whole.min(RETRY_DELAY_MIN).mul_f64(random_unit()),
            _ => whole,
        };
        whole / 2 + (whole / 2).mul_f64(random_unit())
    }
}

/// From 0 to 1.
pub(crate) fn random_unit() -> f64 {
    let mut byte = [0_u8];
    match aws_lc_rs::rand::fill(&mut byte) {
        Ok(()) => f64::from(byte[0]) / f64::from(u8::MAX),
        Err(_) => 1.0,
    }
}

fn trouble(reply: &Result<Reply, Error>) -> Trouble {
    let reply = match reply {
        Ok(reply) => reply,
        Err(Error::Connect { .. }) => return Trouble::NoConnection,
        Err(Error::Broken { .. } | Error::Timeout { .. }) => return Trouble::Lost,
        Err(_) => return Trouble::None,
    };
    match reply.status {
        StatusCode::TOO_MANY_REQUESTS => Trouble::NotNow(told_delay(&reply.headers)),
        StatusCode::SERVICE_UNAVAILABLE if is_sealed(&reply.body) => Trouble::None,
        StatusCode::SERVICE_UNAVAILABLE => Trouble::NotNow(told_delay(&reply.headers)),
        StatusCode::BAD_REQUEST if is_setting_up(&reply.body) => Trouble::NotNow(None),
        // 412: the node has not seen yet what this client has written (Vault, "eventual consistency").
        StatusCode::PRECONDITION_FAILED
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::GATEWAY_TIMEOUT => Trouble::Lost,
        _ => Trouble::None,
    }
}

/// `Retry-After` in its form of whole seconds; the form with a date is not used by these servers.
fn told_delay(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_DELAY_MAX))
}

fn is_sealed(body: &[u8]) -> bool {
    Said::Sealed.is_in(StatusCode::SERVICE_UNAVAILABLE.as_u16(), [&*String::from_utf8_lossy(body)])
}

/// A key-value mount that was made or upgraded just now: it says so of every request, and did not act.
fn is_setting_up(body: &[u8]) -> bool {
    Said::SettingUp.is_in(StatusCode::BAD_REQUEST.as_u16(), [&*String::from_utf8_lossy(body)])
}

/// Where a standby node sends us (Vault: "307 from a standby"). Only to the very same request on another
/// host of the same scheme: anything else would hand the token to whoever wrote the header.
fn active_node(asked: &Uri, headers: &HeaderMap) -> Option<Uri> {
    let location: Uri = headers.get(LOCATION)?.to_str().ok()?.parse().ok()?;
    let same = location.scheme() == asked.scheme() && location.path_and_query() == asked.path_and_query();
    (same && location.authority().is_some()).then_some(location)
}

fn encode_path(path: &str) -> String {
    percent::encode_path(path.trim_start_matches('/'))
}

fn encode_query(query: &[(String, String)]) -> String {
    let pairs = query.iter().map(|(key, value)| format!("{}={}", percent::encode(key), percent::encode(value)));
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[cfg(test)]
#[path = "transport/tests.rs"]
mod tests;
