//! The Vault API as a client sees it: requests, answers, errors.
//!
//! A [`Client`] does not know who answers: an OpenBao or Vault cluster, our own server, or the embedded
//! engine behind an in-memory stream. All of them speak HTTP/1.1, so there is one code path, and a
//! mistake in our encoding shows on both. Errors never carry a token or a body; the URL in them never
//! carries a query, because parameters may be secret.
//!
//! Source of the wire format: Vault API documentation, "HTTP API" (envelope, status codes, `list=true`).

mod answer;
mod fault;
mod node;
mod said;
mod target;
mod transport;
mod unsent;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::secret::Secret;

pub use self::answer::{Answer, Denial, Error};
pub use self::fault::TlsFault;
pub use self::node::{Health, Node};
pub use self::said::{Said, not_taken};
pub use self::target::{Options, Origin, Target};
pub use self::transport::bulk::FetchError;
pub use self::transport::pace::RateLimit;
pub use self::transport::post::{PostError, Poster};
pub(crate) use self::transport::random_unit;
pub use self::transport::tls::TlsOptions;
use self::transport::{Method, Patience, Request, Transport};
pub use self::unsent::{Shelf, Unsent};
pub use crate::units::address::Addresses;

/// A client of the Vault API. Cloning is cheap and shares the connections.
///
/// A request is sent again when no connection could be made, and a read or a list also when the answer
/// is 429 or 503 (but for a sealed engine, which does not open by asking), or that a mount is being set up: the server
/// says with these that it did not act. Of several nodes the one is asked that acts, and another one as soon as that one
/// does no longer; what did not act is asked again. A request whose outcome is unknown is sent again only by a [patient](Client::patient) client,
/// and only if it is a read.
#[derive(Clone)]
pub struct Client {
    transport: Arc<Transport>,
    token: Option<Secret>,
    origin: Arc<Origin>,
    patience: Patience,
    wrap_ttl: Option<Arc<str>>,
    shelf: Option<Shelf>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client. Nothing is sent yet; certificates and keys are read now.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::Tls`] and [`Error::Header`].
    pub fn new(target: Target, options: Options) -> Result<Self, Error> {
        let token = options.token.clone();
        let transport = Arc::new(Transport::new(target, &options)?);
        Ok(Self {
            transport,
            token,
            origin: Arc::default(),
            patience: Patience::default(),
            wrap_ttl: None,
            shelf: None,
        })
    }

    /// The same client with another token.
    pub fn with_token(&self, token: Secret) -> Self {
        Self { token: Some(token), ..self.clone() }
    }

    /// The same client without a token, for logins.
    pub fn without_token(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The same client, telling where its writes come from.
    pub fn with_origin(&self, origin: Origin) -> Self {
        Self { origin: Arc::new(origin), ..self.clone() }
    }

    /// The same client, asking that answers lie wrapped for so long: seconds, or a duration.
    pub fn wrapping(&self, ttl: impl Into<Arc<str>>) -> Self {
        Self { wrap_ttl: Some(ttl.into()), ..self.clone() }
    }

    /// The same client, sending nothing but questions for mounts: the first request it leaves on the shelf.
    pub fn shelving(&self, shelf: &Shelf) -> Self {
        Self { shelf: Some(shelf.clone()), ..self.clone() }
    }

    /// Whether it asks for wrapped answers.
    pub fn wraps(&self) -> bool {
        self.wrap_ttl.is_some()
    }

    /// The same client for work that a server's bad minute must not stop: it waits for a server that answers 429 or
    /// 503, one request after the other, until nothing was let through for a minute, and sends reads again whose answer was lost, or was 412, 500, 502 or 504. Not for reads
    /// that do something, as those of credentials do.
    pub fn patient(&self) -> Self {
        Self { patience: Patience::Whole, ..self.clone() }
    }

    /// The same client, waiting for a busy server as a [patient](Client::patient) one does, and sending nothing again whose
    /// answer was lost: for reads that do something.
    pub fn waiting(&self) -> Self {
        Self { patience: Patience::Waits, ..self.clone() }
    }

    /// The same client for what is not worth waiting for: as one is made.
    pub fn brisk(&self) -> Self {
        Self { patience: Patience::default(), ..self.clone() }
    }

    /// The address it talks to, or all of them, sorted; `http://embedded` for an engine in this process.
    pub fn address(&self) -> &str {
        self.transport.address()
    }

    /// Whether it knows several nodes of its engine.
    pub fn is_cluster(&self) -> bool {
        self.transport.is_cluster()
    }

    /// Whether its requests go to a node that is known to be the active one, and so are never answered by another.
    pub async fn is_at_active_node(&self) -> bool {
        self.is_cluster() && self.transport.is_at_active_node().await
    }

    /// How the nodes of its engine are, as each of them says, and which one is asked.
    pub async fn nodes(&self) -> Vec<Node> {
        self.transport.nodes().await
    }

    /// The namespace that it speaks to; `None` for the root one.
    pub fn namespace(&self) -> Option<&str> {
        self.transport.namespace()
    }

    /// That its namespace is not there; `None` in the root one.
    pub fn no_namespace(&self) -> Option<Error> {
        self.transport.no_namespace()
    }

    /// Whether it has a token.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The token that it shows.
    pub fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    /// Reads a path. `None` when there is nothing (404).
    ///
    /// # Errors
    /// [`Error`], of any kind.
    pub async fn read(&self, path: &str) -> Result<Option<Answer>, Error> {
        self.read_with(path, &[]).await
    }

    /// Whether the server has a path, whatever is there.
    ///
    /// # Errors
    /// [`Error`], of any kind.
    pub async fn serves(&self, path: &str) -> Result<bool, Error> {
        match self.send(Method::Read, path, &[], None).await {
            Err(error) if error.says(Said::NoPath) => Ok(false),
            Ok(_) | Err(Error::Status { code: 404, .. }) => Ok(true),
            Err(error) if error.says(Said::NothingThere) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Reads a path with query parameters.
    ///
    /// # Errors
    /// [`Error`], of any kind.
    pub async fn read_with(&self, path: &str, query: &[(String, String)]) -> Result<Option<Answer>, Error> {
        self.found(Method::Read, path, query).await
    }

    /// Lists the keys under a path. `None` when there are none (404).
    ///
    /// # Errors
    /// [`Error`], of any kind.
    pub async fn list(&self, path: &str) -> Result<Option<Answer>, Error> {
        let path = format!("{}/", path.trim_end_matches('/'));
        self.found(Method::List, &path, &[("list".to_owned(), "true".to_owned())]).await
    }

    /// Lists up to `limit` keys after `after` under a path and, where the engine can and the token may read
    /// them, what is behind them in `key_info`. Engines that can't page answer with all keys.
    ///
    /// # Errors
    /// [`Error`], of any kind.
    pub async fn list_page(&self, path: &str, after: &str, limit: usize) -> Result<Option<Answer>, Error> {
        let path = format!("{}/", path.trim_end_matches('/'));
        let limit = limit.to_string();
        let query = [("list", "true"), ("detailed", "true"), ("after", after), ("limit", &limit)];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.found(Method::List, &path, &query).await
    }

    /// Writes to a path.
    ///
    /// # Errors
    /// [`Error`], of any kind. After [`Error::Timeout`] and [`Error::Broken`] the outcome is unknown.
    pub async fn write(&self, path: &str, body: &Map<String, Value>) -> Result<Answer, Error> {
        self.send(Method::Write, path, &[], Some(body)).await
    }

    /// Changes what is at a path by a JSON merge patch (RFC 7396).
    ///
    /// # Errors
    /// As [`Client::write`].
    pub async fn patch(&self, path: &str, body: &Map<String, Value>) -> Result<Answer, Error> {
        self.send(Method::Patch, path, &[], Some(body)).await
    }

    /// Deletes a path.
    ///
    /// # Errors
    /// [`Error`], of any kind. After [`Error::Timeout`] and [`Error::Broken`] the outcome is unknown.
    pub async fn delete(&self, path: &str) -> Result<(), Error> {
        self.delete_with(path, &[]).await.map(|_| ())
    }

    /// Deletes a path with query parameters, and answers what the server said (warnings, as a rule).
    ///
    /// # Errors
    /// As [`Client::delete`].
    pub async fn delete_with(&self, path: &str, query: &[(String, String)]) -> Result<Answer, Error> {
        self.send(Method::Delete, path, query, None).await
    }

    /// Reads what a path answers that is no JSON, into a file; how many bytes it has.
    ///
    /// # Errors
    /// [`FetchError`]. What was written before it is not whole.
    pub async fn fetch(&self, path: &str, into: &mut (dyn std::io::Write + Send)) -> Result<u64, FetchError> {
        let (token, origin, patience) = (self.token.as_ref(), &*self.origin, self.patience);
        let request =
            Request { method: Method::Read, path, query: &[], body: None, token, origin, patience, wrap_ttl: None };
        if let Some(shelf) = &self.shelf {
            shelf.put(self.transport.unsent(&request));
            return Err(Error::Unsent.into());
        }
        self.transport.fetch(&request, into).await
    }

    /// Writes a file to a path, as it is; `name` is what people call it.
    ///
    /// # Errors
    /// As [`Client::write`].
    pub async fn send_file(&self, path: &str, file: std::fs::File, bytes: u64, name: &str) -> Result<Answer, Error> {
        let (token, origin, patience) = (self.token.as_ref(), &*self.origin, self.patience);
        let request =
            Request { method: Method::Write, path, query: &[], body: None, token, origin, patience, wrap_ttl: None };
        if let Some(shelf) = &self.shelf {
            shelf.put(Unsent { file: Some(name.to_owned()), ..self.transport.unsent(&request) });
            return Err(Error::Unsent);
        }
        self.transport.send_file(&request, file, bytes).await
    }

    async fn found(&self, method: Method, path: &str, query: &[(String, String)]) -> Result<Option<Answer>, Error> {
        match self.send(method, path, query, None).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Error::Status { code: 404, .. }) => Ok(None),
            Err(error) if error.says(Said::NothingThere) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(String, String)],
        body: Option<&Map<String, Value>>,
    ) -> Result<Answer, Error> {
        let (token, origin, patience) = (self.token.as_ref(), &*self.origin, self.patience);
        let wrap_ttl = self.wrap_ttl.as_deref();
        let request = Request { method, path, query, body, token, origin, patience, wrap_ttl };
        match &self.shelf {
            // What a request is to be depends on this one.
            Some(shelf) if !path.starts_with("sys/internal/ui/mounts/") => {
                shelf.put(self.transport.unsent(&request));
                Err(Error::Unsent)
            }
            _ => self.transport.send(&request).await,
        }
    }
}
