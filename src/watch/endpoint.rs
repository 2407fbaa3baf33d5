//! Where a loop is looked at: `/metrics`, `/healthz` and a page. It tells, and takes nothing.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::moment::Moment;
use super::page;
use super::shown::Shown;
use crate::clock::Clock;
use crate::text::metrics;

/// How long a client may take for a request's head, and for all of it.
const TIMES_MAX: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];

/// Connections at once; who comes then waits.
const CONNECTIONS_MAX: usize = 64;

/// How long nobody is taken after somebody could not be.
const PAUSE: Duration = Duration::from_millis(100);

/// What is served, and to whom.
#[derive(Clone)]
struct Endpoint {
    shown: watch::Receiver<Option<Shown>>,
    /// Whether only this machine can reach it.
    is_local: bool,
    clock: Clock,
}

/// Serves whoever comes, for ever.
pub async fn serve(listener: TcpListener, shown: watch::Receiver<Option<Shown>>, clock: Clock) -> Infallible {
    let is_local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let endpoint = Endpoint { shown, is_local, clock };
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = match Arc::clone(&places).acquire_owned().await {
            Ok(place) => listener.accept().await.map(|(stream, _)| (stream, place)),
            // It is never closed.
            Err(_) => std::future::pending().await,
        };
        match accepted {
            Ok((stream, place)) => {
                let endpoint = endpoint.clone();
                tokio::spawn(async move {
                    endpoint.serve(stream).await;
                    drop(place);
                });
            }
            // Out of descriptors, for example: one is freed.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

impl Endpoint {
    async fn serve(self, stream: TcpStream) {
        let service = service_fn(|request: Request<Incoming>| {
            let answer = self.answer(request.method(), request.uri().path(), request.headers());
            async move { Ok::<_, Infallible>(answer) }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(TIMES_MAX[0])
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        // A client that goes away, or takes too long, is no trouble of ours.
        drop(tokio::time::timeout(TIMES_MAX[1], serving).await);
    }

    fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response<Full<Bytes>> {
        const TEXT: &str = "text/plain; charset=utf-8";
        if self.is_local && !is_local_name(headers) {
            // A page of somebody else's, whose name leads here, reads nothing.
            return answered(StatusCode::FORBIDDEN, TEXT, "ask for it by its address, such as 127.0.0.1\n".to_owned());
        }
        if method != Method::GET && method != Method::HEAD {
            return answered(StatusCode::METHOD_NOT_ALLOWED, TEXT, "it is asked by GET\n".to_owned());
        }
        let now = Moment::of(self.clock.now());
        let shown = self.shown.borrow();
        let Some(shown) = shown.as_ref() else {
            return answered(StatusCode::SERVICE_UNAVAILABLE, TEXT, "it begins\n".to_owned());
        };
        match path {
            "/metrics" => answered(StatusCode::OK, metrics::CONTENT_TYPE, shown.metrics()),
            "/healthz" => match shown.health(now) {
                Ok(why) => answered(StatusCode::OK, TEXT, format!("{why}\n")),
                Err(why) => answered(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n")),
            },
            "/" => answered(StatusCode::OK, "text/html; charset=utf-8", shown.page(now)),
            _ => answered(StatusCode::NOT_FOUND, TEXT, "there is: /, /metrics, /healthz\n".to_owned()),
        }
    }
}

/// Whether who asks names this machine.
fn is_local_name(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn answered(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&page::policy()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::is_local_name;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for (host, is) in [
            ("127.0.0.1:9102", true),
            ("127.0.0.1", true),
            ("localhost:9102", true),
            ("LOCALHOST", true),
            ("[::1]:9102", true),
            ("[::1]", true),
            ("evil.example.com:9102", false),
            ("127.0.0.1.example.com", false),
            ("192.0.2.1:9102", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            assert_eq!(is_local_name(&headers), is, "{host}");
        }
        assert!(!is_local_name(&HeaderMap::new()));
    }
}
