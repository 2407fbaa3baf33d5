//! Answers as bytes: the eight-key envelope, its variants, and errors.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, STRICT_TRANSPORT_SECURITY};
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use crate::engine::wire::bulk::Bulk;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::{Response, Shape, Whole};
use crate::secret::Secret;

/// Whether the answer travels under TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// It does.
    Tls,
    /// It does not: loopback, in process, or plain HTTP by the operator's choice.
    Plain,
}

/// What is sent.
#[derive(Debug)]
pub(super) enum Payload {
    /// From memory.
    Bytes(Bytes),
    /// From a file.
    Bulk(Bulk),
}

/// The HTTP answer to the request `request_id`.
pub(super) fn render(
    request_id: &str,
    result: Result<Response, Error>,
    transport: Transport,
) -> http::Response<Payload> {
    match result {
        Ok(Response { whole: Some(Whole::Bulk(bulk)), .. }) => {
            finished(StatusCode::OK, Some("application/gzip"), Bytes::new(), transport).map(|_| Payload::Bulk(bulk))
        }
        result => from_memory(request_id, result, transport).map(Payload::Bytes),
    }
}

fn from_memory(request_id: &str, result: Result<Response, Error>, transport: Transport) -> http::Response<Bytes> {
    let again = match &result {
        Err(Error::Limited { seconds, .. }) => Some(*seconds),
        _ => None,
    };
    let (status, body) = match result {
        Ok(Response { whole: Some(Whole::Prometheus(text)), .. }) => return plain(text, transport),
        Ok(Response { whole: Some(Whole::Json(text)), .. }) => return json(&text, transport),
        Ok(response) => success(request_id, response),
        Err(error) => {
            if let Error::Internal(text) = &error {
                tracing::error!(request_id, error = %text, "request failed");
            }
            (error.status(), Some(error.body()))
        }
    };
    let bytes = body.map_or_else(Bytes::new, |body| {
        // A JSON value always has a JSON text.
        let mut text = serde_json::to_vec(&body).unwrap_or_default();
        text.push(b'\n');
        text.into()
    });
    let kind = (status != 204).then_some("application/json");
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = finished(status, kind, bytes, transport);
    if let Some(seconds) = again {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

fn plain(text: String, transport: Transport) -> http::Response<Bytes> {
    // The version is that of the text format (prometheus.io, exposition formats).
    finished(StatusCode::OK, Some("text/plain; version=0.0.4; charset=utf-8"), text.into(), transport)
}

fn json(text: &Secret, transport: Transport) -> http::Response<Bytes> {
    let bytes = Bytes::copy_from_slice(text.expose().as_bytes());
    finished(StatusCode::OK, Some("application/json"), bytes, transport)
}

/// An answer with what goes with every answer.
pub(super) fn finished(
    status: StatusCode,
    kind: Option<&'static str>,
    bytes: Bytes,
    transport: Transport,
) -> http::Response<Bytes> {
    let mut answer = http::Response::new(bytes);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(kind) = kind {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if transport == Transport::Tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    answer
}

fn success(request_id: &str, mut response: Response) -> (u16, Option<Value>) {
    if response.is_nothing() {
        return (response.status.unwrap_or(204), None);
    }
    let status = response.status.unwrap_or(200);
    if response.shape == Shape::Bare {
        return (status, Some(Value::Object(response.data.unwrap_or_default())));
    }
    let repeated = if response.shape == Shape::Repeated { response.data.clone() } else { None };
    let mut body = response.envelope(request_id);
    for (key, value) in repeated.into_iter().flatten() {
        // The envelope's own keys cannot be shadowed by a path called like one of them.
        body.entry(key).or_insert(value);
    }
    (status, Some(Value::Object(body)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Transport, from_memory};
    use crate::engine::wire::error::Error;
    use crate::engine::wire::response::{LeaseFields, Response, Shape};

    fn rendered(result: Result<Response, Error>) -> (u16, String) {
        let answer = from_memory("id-1", result, Transport::Plain);
        let status = answer.status().as_u16();
        let body = answer.into_body();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn an_envelope_has_all_eight_keys_and_ends_in_a_newline() {
        let (status, body) = rendered(Ok(Response::data(json!({ "a": 1 })).warn("w")));
        assert_eq!(status, 200);
        assert_eq!(
            body,
            "{\"request_id\":\"id-1\",\"lease_id\":\"\",\"renewable\":false,\"lease_duration\":0,\"data\":{\"a\":1},\
             \"wrap_info\":null,\"warnings\":[\"w\"],\"auth\":null}\n"
        );
    }

    #[test]
    fn shapes_and_statuses_follow_the_response() {
        assert_eq!(rendered(Ok(Response::empty())), (204, String::new()));
        let accepted = Response { status: Some(202), ..Response::default() };
        assert_eq!(rendered(Ok(accepted)), (202, String::new()));
        let bare = Response { shape: Shape::Bare, ..Response::data(json!({ "sealed": false })) };
        assert_eq!(rendered(Ok(bare)).1, "{\"sealed\":false}\n");
        let (_, body) = rendered(Ok(Response::data(json!({ "aws/": 1, "data": 2 })).repeated()));
        assert!(body.contains("\"data\":{\"aws/\":1,\"data\":2}") && body.ends_with("\"aws/\":1}\n"), "{body}");
        let lease = LeaseFields { lease_id: "l".into(), renewable: true, lease_duration: 9 };
        let (_, body) = rendered(Ok(Response { lease: Some(lease), ..Response::default() }));
        assert!(body.contains("\"lease_id\":\"l\",\"renewable\":true,\"lease_duration\":9,\"data\":null"), "{body}");
    }

    #[test]
    fn an_internal_error_is_not_shown() {
        let (status, body) = rendered(Err(Error::Internal("disk".to_owned())));
        assert_eq!((status, body.as_str()), (500, "{\"errors\":[\"internal error\"]}\n"));
        assert_eq!(rendered(Err(Error::NotFound)), (404, "{\"errors\":[]}\n".to_owned()));
    }
}
