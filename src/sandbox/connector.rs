//! The account as an HTTP client of the AWS SDK: in this process, so that no byte leaves it, or in the one
//! that serves it on loopback.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{HeaderValue, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::TokioExecutor;

use super::account::Account;
use super::wire::Incoming;

/// An SDK client that this account answers. Requests are signed, checked and answered as over the network.
pub fn connector(account: Arc<Account>) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(account));
    http_client_fn(move |_settings, _components| connector.clone())
}

/// An SDK client for the account that another process serves at `address` (`http://127.0.0.1:4566`), as its
/// lock file says. Requests keep the host that they were signed for.
///
/// # Errors
/// What is wrong with the address, such as not being on loopback.
pub fn remote_connector(address: &str) -> Result<SharedHttpClient, String> {
    let base: Uri = address.parse().map_err(|error| format!("{address} is no address: {error}"))?;
    let authority = base.authority().ok_or_else(|| format!("{address} names no host"))?.clone();
    // Requests are not encrypted, and a sandbox is served nowhere else.
    let loopback =
        authority.host().trim_matches(['[', ']']).parse().is_ok_and(|host: std::net::IpAddr| host.is_loopback());
    if !loopback {
        return Err(format!("{address} is not a loopback address, and a sandbox is served on no other"));
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let connector = SharedHttpConnector::new(Remote { authority, client });
    Ok(http_client_fn(move |_settings, _components| connector.clone()))
}

#[derive(Debug)]
struct Connector(Arc<Account>);

#[derive(Debug)]
struct Remote {
    authority: http::uri::Authority,
    client: Client<Tcp, Full<Bytes>>,
}

impl HttpConnector for Remote {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, authority) = (self.client.clone(), self.authority.clone());
        HttpConnectorFuture::new(async move {
            let incoming = incoming(request)?;
            let answer = client.request(outgoing(incoming, &authority)?).await;
            let answer = answer.map_err(|error| ConnectorError::io(error.into()))?;
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.map_err(|error| ConnectorError::io(error.into()))?.to_bytes();
            HttpResponse::try_from(http::Response::from_parts(parts, SdkBody::from(body)))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn outgoing(
    incoming: Incoming,
    authority: &http::uri::Authority,
) -> Result<http::Request<Full<Bytes>>, ConnectorError> {
    let query = if incoming.query.is_empty() { String::new() } else { format!("?{}", incoming.query) };
    let uri = format!("http://{authority}{}{query}", incoming.path);
    let mut request = http::Request::builder().method(incoming.method.as_str()).uri(uri);
    if let Some(headers) = request.headers_mut() {
        *headers = incoming.headers;
    }
    request.body(Full::new(incoming.body)).map_err(|error| ConnectorError::user(error.into()))
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let account = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let incoming = incoming(request)?;
            let answer = account.answer_engine(incoming).await.ok_or_else(|| {
                let ended =
                    std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the sandbox ended the connection");
                ConnectorError::io(ended.into())
            })?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn incoming(request: HttpRequest) -> Result<Incoming, ConnectorError> {
    let user = |error: &str| ConnectorError::user(error.to_owned().into());
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (mut parts, body) = request.into_parts();
    let body = body.bytes().ok_or_else(|| user("the sandbox takes no streaming bodies"))?;
    // Over a network the HTTP client adds this header; the signature covers it.
    if !parts.headers.contains_key(http::header::HOST)
        && let Some(authority) = parts.uri.authority()
    {
        let default_port = if parts.uri.scheme_str() == Some("https") { 443 } else { 80 };
        let host = match authority.port_u16() {
            Some(port) if port == default_port => authority.host(),
            _ => authority.as_str(),
        };
        let host = HeaderValue::from_str(host).map_err(|_| user("the endpoint's host is not a header value"))?;
        parts.headers.insert(http::header::HOST, host);
    }
    Ok(Incoming {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        headers: parts.headers,
        body: Bytes::copy_from_slice(body),
    })
}
