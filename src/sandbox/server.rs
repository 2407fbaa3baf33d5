//! The account over HTTP, on loopback only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming as Body;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::account::Account;
use super::order;
use super::wire::{BODY_BYTES_MAX, Incoming};

/// Whether faults can be ordered over HTTP, under `/_sandbox/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// They can.
    Enabled,
    /// The paths are not there.
    Disabled,
}

/// Why the account is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener is not on a loopback address.
    #[error("the sandbox is served on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The listener or the lock file failed.
    #[error("the sandbox could not be served: {0}")]
    Io(#[from] std::io::Error),
}

/// Serves the account until `shutdown` completes. Where the account is kept in a directory, its lock file
/// names the address.
///
/// # Errors
/// [`ServeError::NotLoopback`], and [`ServeError::Io`] before the first connection is taken.
pub async fn serve(
    account: Arc<Account>,
    listener: TcpListener,
    control: Control,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    account.announce(&format!("http://{address}"))?;
    tracing::info!(%address, "serving a simulated AWS account (sandbox)");
    let mut connections = tokio::task::JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            () = &mut shutdown => break,
            // Finished connections are taken out, so that the set does not grow.
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _peer)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: give connections time to end.
                    tracing::warn!(%error, "the sandbox could not take a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let account = Arc::clone(&account);
        connections.spawn(async move {
            let service = service_fn(move |request| respond(Arc::clone(&account), request, control));
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
            if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a connection to the sandbox ended");
            }
        });
    }
    connections.shutdown().await;
    Ok(())
}

/// What ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox ends the connection, as ordered")]
struct Dropped;

async fn respond(
    account: Arc<Account>,
    request: Request<Body>,
    control: Control,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": error.to_string() }))),
    };
    if control == Control::Enabled && parts.uri.path().starts_with("/_sandbox/") {
        return Ok(controlled(&account, &parts.method, parts.uri.path(), &body));
    }
    let incoming = Incoming {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        headers: parts.headers,
        body,
    };
    account.answer(incoming).await.map(|answer| answer.map(Full::new)).ok_or(Dropped)
}

/// `POST /_sandbox/faults`, `DELETE /_sandbox/faults`, `GET` and `DELETE /_sandbox/calls`.
fn controlled(account: &Account, method: &Method, path: &str, body: &[u8]) -> Response<Full<Bytes>> {
    match (method, path) {
        (&Method::POST, "/_sandbox/faults") => match order::carry_out(account.faults(), body) {
            Ok(()) => plain(StatusCode::OK, &json!({})),
            Err(error) => plain(StatusCode::BAD_REQUEST, &json!({ "error": error })),
        },
        (&Method::DELETE, "/_sandbox/faults") => {
            account.faults().clear();
            plain(StatusCode::OK, &json!({}))
        }
        (&Method::GET, "/_sandbox/calls") => {
            let calls = account.faults().calls();
            let calls: Vec<Value> = calls
                .iter()
                .map(|call| {
                    let params: serde_json::Map<String, Value> =
                        call.params.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
                    json!({
                        "number": call.number, "unix_millis": call.unix_millis, "service": call.service,
                        "action": call.action, "params": params, "access_key_id": call.access_key_id,
                        "outcome": call.outcome, "answered": call.answered,
                    })
                })
                .collect();
            plain(StatusCode::OK, &json!({ "calls": calls }))
        }
        (&Method::DELETE, "/_sandbox/calls") => {
            account.faults().clear_calls();
            plain(StatusCode::OK, &json!({}))
        }
        _ => plain(StatusCode::NOT_FOUND, &json!({ "error": "no such control path" })),
    }
}

fn plain(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
