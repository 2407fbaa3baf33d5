//! The address on this machine that a browser comes back to with a login, for as long as one is waited for.
//!
//! Whoever knows the login's `state` is answered, once; all others are told that nothing was begun with them, and the
//! login goes on. The page that a person sees in the end says how it went, and nothing else: no script, nothing from
//! elsewhere, no secret.
//!
//! Source: RFC 8252 (OAuth for native apps), 7.3 and 8.3.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::secret::Secret;
use crate::text::percent::decode_form;

/// The path that browsers come back to, as Vault's command line has it.
pub(crate) const PATH: &str = "/oidc/callback";

/// How long a client may take for a request's head.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);

/// How long the last page may take to its browser.
const LAST_TIME_MAX: Duration = Duration::from_secs(3);

/// Connections at a time. A browser makes a few.
const CONNECTIONS_MAX: usize = 16;

/// Nothing is loaded, run, framed or sent from the page.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A browser that came back.
pub(crate) struct Back {
    /// The parameters of the address that it came to.
    pub(crate) parameters: BTreeMap<String, String>,
    page: oneshot::Sender<Page>,
    /// Ends when its connection does.
    served: oneshot::Receiver<()>,
}

/// What a person sees in the end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Page {
    /// The token is there.
    LoggedIn,
    /// There is none: the terminal says why.
    Failed,
}

/// Somebody who waits for a browser with this state.
struct Waiting {
    state: Secret,
    back: Mutex<Option<oneshot::Sender<Back>>>,
}

/// Where browsers come back to.
pub(crate) struct Callback {
    listeners: Vec<TcpListener>,
}

impl Callback {
    /// Listens at all addresses of a host.
    ///
    /// # Errors
    /// There is none, or another program listens there.
    pub(crate) async fn listen(host: &str, port: u16) -> std::io::Result<Self> {
        let mut found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
        // The first decides which port is free; the others are only for browsers that try them first.
        found.sort_unstable_by_key(SocketAddr::is_ipv6);
        found.dedup();
        let first = found.first().copied().ok_or_else(|| std::io::Error::other("the host has no address"))?;
        let first = TcpListener::bind(first).await?;
        let port = first.local_addr()?.port();
        let mut listeners = vec![first];
        for mut other in found.into_iter().skip(1) {
            other.set_port(port);
            listeners.extend(TcpListener::bind(other).await.ok());
        }
        Ok(Self { listeners })
    }

    /// The port that it listens at.
    ///
    /// # Errors
    /// The system does not say.
    pub(crate) fn port(&self) -> std::io::Result<u16> {
        let first = self.listeners.first().ok_or_else(|| std::io::Error::other("nothing is listened at"))?;
        Ok(first.local_addr()?.port())
    }

    /// Waits until a browser comes back with this state, works with what it brings, and shows how that went.
    pub(crate) async fn wait<T, E>(
        self,
        state: Secret,
        work: impl AsyncFnOnce(BTreeMap<String, String>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let (sender, receiver) = oneshot::channel();
        let waiting = Arc::new(Waiting { state, back: Mutex::new(Some(sender)) });
        let mut serving = JoinSet::new();
        for listener in self.listeners {
            serving.spawn(serve(listener, waiting.clone()));
        }
        let Back { parameters, page, served } = receiver.await.ok()?;
        let outcome = work(parameters).await;
        let shown = page.send(if outcome.is_ok() { Page::LoggedIn } else { Page::Failed });
        // A browser that went away sees nothing, which changes nothing. Everything here ends with `serving`.
        if shown.is_ok() {
            drop(tokio::time::timeout(LAST_TIME_MAX, served).await);
        }
        Some(outcome)
    }
}

/// Serves one address until it is dropped.
async fn serve(listener: TcpListener, waiting: Arc<Waiting>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < CONNECTIONS_MAX => {
                    connections.spawn(attend(stream, waiting.clone()));
                }
                // One too many is closed; out of descriptors, the next attempt is a moment later.
                Ok(_) => {}
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn attend(stream: tokio::net::TcpStream, waiting: Arc<Waiting>) {
    let (end, served) = oneshot::channel::<()>();
    let served = Mutex::new(Some(served));
    let service = service_fn(|request: Request<Incoming>| {
        let found = met(&waiting, &request, &served);
        async move {
            Ok::<_, Infallible>(match found {
                Ok(page) => shown(page.await.unwrap_or(Page::Failed)),
                Err((status, text)) => told(status, text),
            })
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // A browser that goes away is no trouble of ours.
    drop(connection.await);
    drop(end);
}

/// Hands a browser's parameters on to whom waits for them; else what it is told.
fn met(
    waiting: &Waiting,
    request: &Request<Incoming>,
    served: &Mutex<Option<oneshot::Receiver<()>>>,
) -> Result<oneshot::Receiver<Page>, (StatusCode, &'static str)> {
    if request.uri().path() != PATH {
        return Err((StatusCode::NOT_FOUND, "There is nothing here."));
    }
    if request.method() != Method::GET {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "A browser comes back here with GET."));
    }
    let parameters = parameters(request.uri().query().unwrap_or_default());
    let state = parameters.get("state").map_or("", String::as_str);
    if verify_slices_are_equal(state.as_bytes(), waiting.state.expose().as_bytes()).is_err() {
        return Err((StatusCode::BAD_REQUEST, "This is not the login that was begun here. Begin it anew."));
    }
    let take = |slot: &Mutex<Option<_>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let served = take(served).ok_or((StatusCode::BAD_REQUEST, "This login was ended already."))?;
    let back = waiting.back.lock().unwrap_or_else(PoisonError::into_inner).take();
    let back = back.ok_or((StatusCode::BAD_REQUEST, "This login was ended already."))?;
    let (page, receiver) = oneshot::channel();
    match back.send(Back { parameters, page, served }) {
        Ok(()) => Ok(receiver),
        Err(_) => Err((StatusCode::BAD_REQUEST, "Nobody waits for this login any more.")),
    }
}

/// The parameters of a query; of several of one name the first, and none that can't be read.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for part in query.split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if let (Ok(name), Ok(value)) = (decode_form(name), decode_form(value)) {
            all.entry(name).or_insert(value);
        }
    }
    all
}

fn shown(page: Page) -> Response<Full<Bytes>> {
    match page {
        Page::LoggedIn => told(StatusCode::OK, "You are logged in. This window can be closed."),
        Page::Failed => told(StatusCode::BAD_REQUEST, "You are not logged in. The terminal says why."),
    }
}

/// A page with one sentence of ours.
fn told(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>leasehold login</title>\n<p>{text}</p>\n</html>\n"
    );
    let mut response = Response::new(Full::new(Bytes::from(page)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The address has the code in it.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{Callback, parameters};
    use crate::secret::Secret;

    async fn get(port: u16, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[test]
    fn parameters_are_read_as_forms_are() {
        let all = parameters("a=b+c%2F&a=second&%zz=1&flag&=x");
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(all, [("", "x"), ("a", "b c/"), ("flag", "")]);
    }

    #[tokio::test]
    async fn only_who_knows_the_state_ends_a_login_and_sees_how_it_went() {
        let callback = Callback::listen("localhost", 0).await.unwrap();
        let port = callback.port().unwrap();
        let browser = tokio::spawn(async move {
            for (path, expected) in [
                ("/", "404"),
                ("/favicon.ico", "404"),
                ("/oidc/callback", "400"),
                ("/oidc/callback?state=other&code=x", "400"),
            ] {
                let answer = get(port, path).await;
                assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{path}: {answer}");
            }
            get(port, "/oidc/callback?state=s&code=secret").await
        });
        // One that never says anything keeps nobody waiting.
        let _silent = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let outcome = callback.wait(Secret::new("s"), async |back| back.get("code").cloned().ok_or(())).await;
        assert_eq!(outcome, Some(Ok("secret".to_owned())));
        let page = browser.await.unwrap();
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("You are logged in."), "{page}");
        assert!(page.contains("content-security-policy: default-src 'none';"), "{page}");
        assert!(!page.contains("secret") && !page.contains("<script"), "{page}");
    }

    #[tokio::test]
    async fn a_login_that_failed_is_told_as_one() {
        let callback = Callback::listen("127.0.0.1", 0).await.unwrap();
        let port = callback.port().unwrap();
        let browser = tokio::spawn(async move { get(port, "/oidc/callback?state=s&error=access_denied").await });
        let outcome = callback.wait(Secret::new("s"), async |_| Err::<(), _>("no")).await;
        assert_eq!(outcome, Some(Err("no")));
        let page = browser.await.unwrap();
        assert!(page.starts_with("HTTP/1.1 400") && page.contains("You are not logged in."), "{page}");
    }
}
