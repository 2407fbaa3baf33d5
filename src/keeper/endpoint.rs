//! Where apps ask: the container credentials of the SDKs of AWS, as ECS and EKS serve them.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Container credential provider": `GET` on the address in
//! `AWS_CONTAINER_CREDENTIALS_FULL_URI`, with the text of `AWS_CONTAINER_AUTHORIZATION_TOKEN` (or of the file that
//! `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` names) in the header `Authorization`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::keep::Kept;
use super::places::{Place, Places};
use crate::secret::Secret;

/// How long a client may take for a request's head.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);

/// What is served.
pub struct Endpoint {
    /// What a client shows.
    token: Secret,
    /// What is held for each app.
    apps: BTreeMap<String, watch::Receiver<Kept>>,
    /// Its connections.
    places: Arc<Places>,
}

impl Endpoint {
    /// Serves what is held for these apps.
    pub fn new(token: Secret, apps: BTreeMap<String, watch::Receiver<Kept>>) -> Arc<Self> {
        Arc::new(Self { token, apps, places: Arc::default() })
    }

    /// Serves a connection in the background.
    pub fn serve(self: &Arc<Self>, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let place = self.places.enter();
        let number = place.number;
        let endpoint = Arc::clone(self);
        let task = tokio::spawn(async move {
            let service = service_fn(|request| {
                let answer = endpoint.answer(&request, &place);
                async move { Ok::<_, Infallible>(answer) }
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIME_MAX)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            // A client that goes away is no trouble of ours.
            drop(served);
        });
        self.places.served_by(number, task.abort_handle());
    }

    /// Takes the place of a connection back: there is no room for another.
    pub fn make_room(&self) {
        self.places.evict();
    }

    fn answer(&self, request: &Request<Incoming>, place: &Place) -> Response<Full<Bytes>> {
        let shown = request.headers().get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
        if verify_slices_are_equal(shown, self.token.expose().as_bytes()).is_err() {
            return refused(StatusCode::UNAUTHORIZED, "the header Authorization does not hold the agent's token");
        }
        place.recognise();
        if request.method() != Method::GET {
            return refused(StatusCode::METHOD_NOT_ALLOWED, "credentials are asked for by GET");
        }
        let name = match (request.uri().path(), self.apps.len()) {
            ("/credentials", 1) => self.apps.keys().next().map(String::as_str),
            (path, _) => path.strip_prefix("/credentials/"),
        };
        let Some(kept) = name.and_then(|name| self.apps.get(name)) else {
            let known: Vec<String> = self.apps.keys().map(|name| format!("/credentials/{name}")).collect();
            return refused(StatusCode::NOT_FOUND, &format!("there is: {}", known.join(", ")));
        };
        match kept.borrow().living() {
            Ok(credential) => answered(StatusCode::OK, &credential.container()),
            Err(why) => refused(StatusCode::SERVICE_UNAVAILABLE, &why),
        }
    }
}

/// A refusal in the form that the SDKs read: `code` and `message`.
fn refused(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    let code = status.canonical_reason().unwrap_or_default().replace(' ', "");
    answered(status, &json!({ "code": code, "message": message }))
}

fn answered(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
