//! HTTP/1.1 with kept-alive connections, time limits and a few careful retries. The only file of the
//! room, with its parts, that touches the world. No proxy is ever used: a token does not go to a
//! host that nobody named (`nodes.rs` says which these are).

pub(super) mod bulk;
mod connect;
mod index;
mod nodes;
pub(super) mod pace;
pub(super) mod post;
mod queue;
pub(super) mod tls;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use http::{HeaderMap, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::ServerName;
use serde_json::{Map, Value};
use tokio_rustls::TlsConnector;

use self::connect::{ConnectError, Connector};
use self::index::Index;
use self::nodes::{Nodes, address_of};
use self::pace::Pace;
use self::queue::Queue;
use self::tls::TlsOptions;
use self::trouble::Trouble;
use super::answer::{self, Answer, Asked, Error};
use super::said::Said;
use super::target::{Options, Origin, Target};
use super::unsent::Unsent;
use crate::secret::Secret;
use crate::text::percent;
use crate::units::address;

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

/// The connections to one engine, and what goes with every request.
pub(super) struct Transport {
    http: HttpClient<Connector, Full<Bytes>>,
    /// What makes connections for it.
    connector: Connector,
    nodes: Nodes,
    /// How far the engine has written, where it tells.
    index: Index,
    headers: HeaderMap,
    timeout: Duration,
    retries: u32,
    namespace: Option<String>,
    queue: Queue,
    pace: Pace,
    /// How many times as fast waits pass: 1, but in tests.
    haste: u32,
}

/// What is sent, wherever it goes.
struct Sending<'a> {
    method: Method,
    /// With its query.
    path: &'a str,
    headers: &'a HeaderMap,
    body: &'a Bytes,
}

/// What one try brought.
struct Tried {
    /// Without its query; empty where nothing was sent.
    url: String,
    reply: Result<Reply, Error>,
    trouble: Trouble,
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
        let (connector, nodes) = match target {
            Target::Stream(open) => (Connector::Memory(open), Nodes::here()),
            Target::Network { addresses, tls } => {
                let connector = match addresses.only().and_then(address::socket) {
                    Some(path) => Connector::Socket(std::path::Path::new(path).into()),
                    None => connector(addresses.each().any(address::is_secure), &tls, server_name(&tls)?)?,
                };
                (connector, Nodes::of(&addresses))
            }
        };
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector.clone());
        let headers = common_headers(options)?;
        let (timeout, retries, namespace) = (options.timeout, options.retries, options.namespace.clone());
        let (index, queue) = (Index::default(), Queue::new());
        let pace = Pace::new(options.parallelism, options.rate_limit);
        Ok(Self { http, connector, nodes, index, headers, timeout, retries, namespace, queue, pace, haste: 1 })
    }

    pub(super) fn address(&self) -> &str {
        self.nodes.name()
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.nodes.are_several()
    }

    /// The namespace that goes with every request, if it is not the root one.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|name| !matches!(name.trim_matches('/'), "" | "root"))
    }

    pub(super) fn no_namespace(&self) -> Option<Error> {
        let namespace = self.namespace()?.to_owned();
        Some(Error::NoNamespace { namespace, address: self.address().to_owned() })
    }

    /// A request as it would be sent.
    pub(super) fn unsent(&self, request: &Request<'_>) -> Unsent {
        let url = format!("{}/v1/{}{}", base(self.nodes.any()), encode_path(request.path), encode_query(request.query));
        Unsent {
            method: request.method.name(),
            is_list: request.method == Method::List,
            path: request.path.to_owned(),
            url,
            socket: address::socket(self.nodes.any()).map(str::to_owned),
            body: request.body.cloned(),
            file: None,
            media_type: request.method.media_type(),
            namespace: self.namespace().map(str::to_owned),
            wrap_ttl: request.wrap_ttl.map(str::to_owned),
            has_token: request.token.is_some(),
        }
    }

    /// Sends a request until there is an answer, or no sense in trying again.
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let path = format!("/v1/{}{}", encode_path(request.path), encode_query(request.query));
        let (headers, body) = (self.headers_of(request)?, body_of(request));
        let sending = Sending { method: request.method, path: &path, headers: &headers, body: &body };
        let queues = request.patience >= Patience::Waits && self.retries > 0;
        let mut turn = if queues && self.queue.is_busy() { Some(self.queue.turn().await) } else { None };
        let (mut attempt, mut seeks, mut sought) = (0, 0, Duration::ZERO);
        loop {
            let step = self.pace.step().await;
            let Tried { url, reply, trouble } = self.try_once(&sending).await;
            drop(step);
            match trouble {
                Trouble::NotNow(told) if queues && turn.is_none() => {
                    turn = Some(self.queue.turn().await);
                    if told.is_none() {
                        // Others were before it, or it waits from now on.
                        continue;
                    }
                }
                Trouble::None | Trouble::Lost => self.queue.admitted(),
                Trouble::NotNow(_) | Trouble::NoConnection | Trouble::Elsewhere => {}
            }
            // Who looks for a node has a patience of its own: an election is no fault of what comes after it.
            let tries = if trouble == Trouble::Elsewhere { &mut seeks } else { &mut attempt };
            let delay = trouble.delay(*tries);
            let waited = match trouble {
                Trouble::Elsewhere => sought + delay,
                _ => self.queue.refused_for(delay),
            };
            if trouble.sends_again(request, *tries, waited, self.retries) {
                *tries += 1;
                tokio::time::sleep(delay / self.haste).await;
                match trouble {
                    Trouble::Elsewhere => sought = waited,
                    Trouble::NotNow(_) if queues => self.queue.waited(delay),
                    _ => {}
                }
                continue;
            }
            let reply = match reply {
                Ok(reply) => reply,
                Err(error) => return Err(self.explained(error).await),
            };
            let asked = Asked { method: request.method.name(), url: &url };
            let answer = answer::parse(asked, reply.status.as_u16(), &reply.body);
            return answer.map_err(|error| match self.no_namespace() {
                Some(no_namespace) if error.says(Said::NoNamespace) => no_namespace,
                _ => error,
            });
        }
    }

    /// Sends a request to the node of now, and once to where that one leads.
    async fn try_once(&self, sending: &Sending<'_>) -> Tried {
        let node = match self.node().await {
            Ok(node) => node,
            Err(error) => return Tried { url: String::new(), reply: Err(error), trouble: Trouble::NoConnection },
        };
        let are_several = self.nodes.are_several();
        let url = format!("{}{}", base(&node.address), sending.path);
        let mut headers = sending.headers.clone();
        self.index.show(&mut headers);
        if node.acts_itself {
            headers.insert(HeaderName::from_static("x-vault-no-request-forwarding"), HeaderValue::from_static("true"));
        }
        let mut reply = self.attempt_at(&url, &node.address, sending, &headers).await;
        if let Some(active) = active_node(&url, &reply) {
            reply = match are_several {
                true => Err(self.led(&node.address, &active)),
                false => self.follow(&node.address, &active, sending, &headers).await,
            };
        }
        if let Ok(reply) = &reply {
            self.index.take(&reply.headers);
        }
        let trouble = Trouble::of(&reply, are_several);
        if are_several && trouble.is_of_the_node() {
            self.nodes.leave(&node).await;
        }
        Tried { url: without_query(&url).to_owned(), reply, trouble }
    }

    /// Sends a request to where the only node that is named leads, which goes no further.
    async fn follow(
        &self,
        from: &str,
        active: &Uri,
        sending: &Sending<'_>,
        headers: &HeaderMap,
    ) -> Result<Reply, Error> {
        let to = address_of(active);
        let led = |problem: String| Error::Led { from: from.to_owned(), to: to.clone(), problem };
        let url = active.to_string();
        let reply = self.attempt_at(&url, &to, sending, headers).await;
        match (active_node(&url, &reply), reply) {
            (Some(next), _) => Err(led(format!("and that one says that it is {}", address_of(&next)))),
            (None, Err(error @ Error::Connect { .. })) => {
                Err(led(format!("and that one can't be reached: {}", error.cause().unwrap_or_default())))
            }
            (None, reply) => reply,
        }
    }

    async fn attempt_at(
        &self,
        url: &str,
        address: &str,
        sending: &Sending<'_>,
        headers: &HeaderMap,
    ) -> Result<Reply, Error> {
        let asked = Asked { method: sending.method.name(), url: without_query(url) };
        self.attempt(asked, address, sending.method, parse_uri(url)?, headers, sending.body.clone()).await
    }

    async fn attempt(
        &self,
        asked: Asked<'_>,
        address: &str,
        method: Method,
        uri: Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Reply, Error> {
        let mut request = http::Request::new(Full::new(body));
        *request.method_mut() = method.http();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers.clone();
        match tokio::time::timeout(self.timeout, self.exchange(asked, address, request)).await {
            Ok(result) => result,
            Err(_) => {
                Err(Error::Timeout { method: asked.method, url: asked.url.to_owned(), seconds: self.timeout.as_secs() })
            }
        }
    }

    async fn exchange(
        &self,
        asked: Asked<'_>,
        address: &str,
        request: http::Request<Full<Bytes>>,
    ) -> Result<Reply, Error> {
        let broken = |source: Box<dyn std::error::Error + Send + Sync>| Error::Broken {
            method: asked.method,
            url: asked.url.to_owned(),
            source,
        };
        let response = match self.http.request(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Err(no_connection(address, error)),
            Err(error) => return Err(broken(error.into())),
        };
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(broken)?.to_bytes();
        Ok(Reply { status: parts.status, headers: parts.headers, body })
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

/// What stands before a path in the URL of a node. What comes by a socket is addressed to this host, as Vault's client does.
fn base(address: &str) -> &str {
    if address::socket(address).is_some() { "http://localhost" } else { address }
}

fn no_connection(address: &str, error: hyper_util::client::legacy::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(ConnectError::Tls(problem, fault)) = current.downcast_ref() {
            return Error::Tls { subject: address.to_owned(), problem: problem.clone(), fault: *fault };
        }
        cause = current.source();
    }
    Error::Connect { address: address.to_owned(), source: error.into() }
}

fn server_name(tls: &TlsOptions) -> Result<Option<ServerName<'static>>, Error> {
    let Some(name) = &tls.server_name else { return Ok(None) };
    let wrong =
        |_| Error::Address { address: name.clone(), problem: "the TLS server name is not a host name".to_owned() };
    ServerName::try_from(name.clone()).map(Some).map_err(wrong)
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

/// From 0 to 1.
pub(crate) fn random_unit() -> f64 {
    let mut byte = [0_u8];
    match aws_lc_rs::rand::fill(&mut byte) {
        Ok(()) => f64::from(byte[0]) / f64::from(u8::MAX),
        Err(_) => 1.0,
    }
}

/// Where a standby node leads with 307 (Vault, "307 from a standby"): only to the very same request on another host of the
/// same scheme; anything else would hand the token to whoever wrote the header.
fn active_node(asked: &str, reply: &Result<Reply, Error>) -> Option<Uri> {
    let reply = reply.as_ref().ok().filter(|reply| reply.status == StatusCode::TEMPORARY_REDIRECT)?;
    let asked: Uri = asked.parse().ok()?;
    let location: Uri = reply.headers.get(LOCATION)?.to_str().ok()?.parse().ok()?;
    let same = location.scheme() == asked.scheme() && location.path_and_query() == asked.path_and_query();
    (same && location.authority().is_some()).then_some(location)
}

/// What of a URL may be shown.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
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
