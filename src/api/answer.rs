//! What comes back: the eight-key envelope, bare bodies, and errors. Pure.

use serde_json::{Map, Value};

use super::fault::TlsFault;
use super::node::{self, Node};

/// An answer that is not an error.
#[derive(Clone)]
pub struct Answer {
    /// The server's id of the request; in both of its audit lines.
    pub request_id: String,
    /// The lease of an issued credential; empty when there is none.
    pub lease_id: String,
    /// Seconds.
    pub lease_duration: i64,
    /// Whether the lease can be renewed.
    pub renewable: bool,
    /// The payload.
    pub data: Option<Map<String, Value>>,
    /// The token of a login or a token creation.
    pub auth: Option<Map<String, Value>>,
    /// What is told of an answer that lies wrapped, its token among it.
    pub wrap_info: Option<Map<String, Value>>,
    /// What the server wants to be read by a person.
    pub warnings: Vec<String>,
    /// The HTTP status.
    pub status: u16,
    /// The rest of the body as it came, which is all of it where there is no envelope; `null` when there was
    /// none. May hold secrets.
    pub body: Value,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// Why a server answers 403, as far as it lets one tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// It does not know the token: it has ended, was revoked, or is another server's.
    Ended,
    /// The token is good, and its policies do not allow the request.
    Forbidden,
}

impl Denial {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ended => "the server does not know the token: it has ended, was revoked, or is another server's",
            Self::Forbidden => "the token is good, and its policies do not allow this",
        }
    }
}

/// Why there is no answer. Never carries a token, a body, or a query.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused.
    #[error("{}", refusal(method, url, *code, errors))]
    Status {
        /// `GET`, `PUT`, `PATCH`, `DELETE`.
        method: &'static str,
        /// Without its query.
        url: String,
        /// The HTTP status.
        code: u16,
        /// The server's reasons; may be empty.
        errors: Vec<String>,
        /// The server's warnings.
        warnings: Vec<String>,
    },
    /// It was not to be sent: [`super::Client::shelving`].
    #[error("nothing was sent")]
    Unsent,
    /// No connection could be made, so nothing was done.
    #[error("could not connect to {address}: {}", root_cause(source.as_ref()))]
    Connect {
        /// The address that was tried.
        address: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No node of a cluster takes requests, so nothing was done.
    #[error("no node of the cluster can be used: {}", node::listed(nodes))]
    NoNode {
        /// How each of them is.
        nodes: Vec<Node>,
    },
    /// Addresses that are to be of one cluster are not, so nothing was done.
    #[error("{one} and {other} are not of one cluster: their `cluster_id` differs")]
    Apart {
        /// An address.
        one: String,
        /// Another one.
        other: String,
    },
    /// A node that does not act leads to the one that does, and that leads nowhere. Nothing was done.
    #[error("{from} says that {to} is the active node, {problem}")]
    Led {
        /// Who leads.
        from: String,
        /// To whom.
        to: String,
        /// What is wrong with that one: `and ...`.
        problem: String,
    },
    /// A certificate, a key or a handshake is not good.
    #[error("TLS with {subject}: {problem}")]
    Tls {
        /// The server's address, or the file.
        subject: String,
        /// What is wrong.
        problem: String,
        /// Which sort of trouble it is.
        fault: TlsFault,
    },
    /// No answer in time. Whether the server acted is unknown.
    #[error("{method} {url}: no answer within {seconds} s")]
    Timeout {
        /// `GET`, `PUT`, `PATCH`, `DELETE`.
        method: &'static str,
        /// Without its query.
        url: String,
        /// How long we waited.
        seconds: u64,
    },
    /// The connection broke. Whether the server acted is unknown.
    #[error("{method} {url}: the connection broke: {}", root_cause(source.as_ref()))]
    Broken {
        /// `GET`, `PUT`, `PATCH`, `DELETE`.
        method: &'static str,
        /// Without its query.
        url: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is not what the API promises.
    #[error("{method} {url}: {problem}")]
    Body {
        /// `GET`, `PUT`, `PATCH`, `DELETE`.
        method: &'static str,
        /// Without its query.
        url: String,
        /// What is odd about it. Never its content.
        problem: String,
    },
    /// The server has no namespace of the name that was given, so nothing was done.
    #[error("{address} has no namespace `{namespace}`")]
    NoNamespace {
        /// As given.
        namespace: String,
        /// The server's address.
        address: String,
    },
    /// The address is not one.
    #[error("the address {address:?} is not usable: {problem}")]
    Address {
        /// As given.
        address: String,
        /// What is wrong.
        problem: String,
    },
    /// A header or the token has characters that HTTP does not allow.
    #[error("{name} has characters that an HTTP header cannot carry")]
    Header {
        /// Its name; never its value.
        name: String,
    },
}

impl Answer {
    /// The payload; old versions answer tables bare, without the envelope.
    pub fn into_data(self) -> Option<Map<String, Value>> {
        self.data.or_else(|| self.body.as_object().cloned())
    }
}

impl Error {
    /// Whether it is not known if the server has done what it was asked: no answer came, or one that a server also gives
    /// after it has acted.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Broken { .. } | Self::Body { .. })
            || self.code().is_some_and(|code| code >= 500)
    }

    /// Whether what went wrong was a write or a delete, as far as anything was sent.
    pub fn is_of_write(&self) -> bool {
        let (Self::Status { method, .. } | Self::Timeout { method, .. } | Self::Broken { method, .. }) = self else {
            return false;
        };
        !matches!(*method, "GET" | "LIST")
    }

    /// The innermost reason that there is no connection, or no longer one.
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Connect { source, .. } | Self::Broken { source, .. } => Some(root_cause(source.as_ref())),
            _ => None,
        }
    }

    /// The HTTP status, when the server refused.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// The text that Vault's client gives to a refusal, so that scripts which look at it go on working.
fn refusal(method: &str, url: &str, code: u16, errors: &[String]) -> String {
    let mut text = format!("Error making API request.\n\nURL: {method} {url}\nCode: {code}. Errors:\n\n");
    for error in errors {
        text.push_str("* ");
        text.push_str(error);
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

/// The innermost reason of an error: the outer ones only say "client error (Connect)".
fn root_cause(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Which request an answer belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) method: &'static str,
    /// Without its query.
    pub(super) url: &'a str,
}

/// Reads an answer.
///
/// A 404 that carries data or warnings is an answer and not an error, as it is for Vault's client
/// (`api/logical.go`: KV v2 tells a deleted version this way).
pub(super) fn parse(asked: Asked<'_>, status: u16, bytes: &[u8]) -> Result<Answer, Error> {
    let body = match bytes.iter().all(u8::is_ascii_whitespace) {
        true => Ok(Value::Null),
        false => serde_json::from_slice::<Value>(bytes),
    };
    if status >= 400 {
        let body = body.ok();
        let tells =
            |body: &Value| body.get("data").is_some_and(Value::is_object) || !strings(body.get("warnings")).is_empty();
        return match body {
            Some(body) if status == 404 && tells(&body) => Ok(envelope(status, body)),
            body => Err(refused(asked, status, body)),
        };
    }
    if status >= 300 {
        let errors = vec!["the server sends us elsewhere; give its own address".to_owned()];
        return Err(Error::Status {
            method: asked.method,
            url: asked.url.to_owned(),
            code: status,
            errors,
            warnings: Vec::new(),
        });
    }
    match body {
        Ok(body) => Ok(envelope(status, body)),
        Err(_) => Err(Error::Body {
            method: asked.method,
            url: asked.url.to_owned(),
            problem: "the answer is not JSON; is this the address of a Vault API?".to_owned(),
        }),
    }
}

fn refused(asked: Asked<'_>, code: u16, body: Option<Value>) -> Error {
    let errors = match &body {
        Some(body) => strings(body.get("errors")),
        None => vec!["the answer is not JSON; is this the address of a Vault API?".to_owned()],
    };
    let warnings = strings(body.as_ref().and_then(|body| body.get("warnings")));
    Error::Status { method: asked.method, url: asked.url.to_owned(), code, errors, warnings }
}

fn envelope(status: u16, mut body: Value) -> Answer {
    // Taken out and not copied: a list of thousands is large.
    let mut map = |key| match body.get_mut(key).filter(|value| value.is_object()).map(Value::take) {
        Some(Value::Object(map)) => Some(map),
        _ => None,
    };
    let (data, auth, wrap_info) = (map("data"), map("auth"), map("wrap_info"));
    let text = |key| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Answer {
        request_id: text("request_id"),
        lease_id: text("lease_id"),
        lease_duration: body.get("lease_duration").and_then(Value::as_i64).unwrap_or_default(),
        renewable: body.get("renewable").and_then(Value::as_bool).unwrap_or_default(),
        data,
        auth,
        wrap_info,
        warnings: strings(body.get("warnings")),
        status,
        body,
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let Some(Value::Array(list)) = value else { return Vec::new() };
    list.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Asked, Error, parse};

    const ASKED: Asked<'_> = Asked { method: "GET", url: "http://x/v1/a" };

    #[test]
    fn an_envelope_is_read() {
        let body = br#"{"request_id":"r","lease_id":"l","renewable":true,"lease_duration":60,"data":{"a":1},"warnings":["w"],"auth":null,"wrap_info":null}"#;
        let answer = parse(ASKED, 200, body).unwrap();
        assert_eq!((answer.lease_id.as_str(), answer.lease_duration, answer.renewable), ("l", 60, true));
        assert_eq!(answer.warnings, ["w"]);
        assert_eq!(answer.data.unwrap()["a"], 1);
    }

    #[test]
    fn an_empty_body_is_an_answer_without_data() {
        let answer = parse(ASKED, 204, b"").unwrap();
        assert!(answer.data.is_none() && answer.body.is_null());
    }

    #[test]
    fn a_bare_body_is_kept_whole() {
        let answer = parse(ASKED, 200, br#"{"sealed":false}"#).unwrap();
        assert_eq!(answer.body["sealed"], false);
    }

    #[test]
    fn a_refusal_reads_as_vaults_client_prints_it() {
        let error = parse(ASKED, 400, br#"{"errors":["one","two"]}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Error making API request.\n\nURL: GET http://x/v1/a\nCode: 400. Errors:\n\n* one\n* two"
        );
    }

    #[test]
    fn absent_is_told_from_deleted_with_data() {
        assert_eq!(parse(ASKED, 404, br#"{"errors":[]}"#).unwrap_err().code(), Some(404));
        assert!(parse(ASKED, 404, br#"{"data":{"data":null}}"#).is_ok());
        assert!(parse(ASKED, 404, br#"{"warnings":["w"]}"#).is_ok());
    }

    #[test]
    fn what_is_not_json_is_not_shown() {
        for status in [200, 502] {
            let error = parse(ASKED, status, b"<html>secret").unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
            assert!(error.to_string().contains("not JSON"), "{error}");
        }
        assert!(matches!(parse(ASKED, 200, b"{").unwrap_err(), Error::Body { .. }));
    }
}
