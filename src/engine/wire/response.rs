//! The answer of an operation on the Vault API, before HTTP is put on.

use serde_json::{Map, Value};

use super::bulk::Bulk;
use super::error::Error;
use super::given::Given;
use super::wrapped::WrapInfo;
use crate::secret::Secret;
use crate::trail::Credential;

/// What an operation answers.
#[derive(Debug, Default)]
pub(crate) struct Response {
    /// `data`. `None` with no warnings and nothing else is 204.
    pub(crate) data: Option<Map<String, Value>>,
    /// The `auth` of a login or a token creation.
    pub(crate) auth: Option<Value>,
    /// A renewed or issued lease: the three lease fields of the envelope.
    pub(crate) lease: Option<LeaseFields>,
    /// `warnings`.
    pub(crate) warnings: Vec<String>,
    /// How the body is shaped.
    pub(crate) shape: Shape,
    /// What the client gets instead of an envelope; the rest is what the trail tells of it.
    pub(crate) whole: Option<Whole>,
    /// The answer was put away, and this is told of it.
    pub(crate) wrapped: Option<WrapInfo>,
    /// A status other than the shape's own (202, or the codes of `sys/health`).
    pub(crate) status: Option<u16>,
    /// A credential that the answer shows and that nothing takes back: the answer's line in the trail tells of it.
    pub(crate) shows: Option<Box<Credential>>,
    /// What the answer hands out: the pipeline makes it the client's, or takes it back.
    pub(crate) given: Option<Box<dyn Given>>,
}

/// A whole body.
#[derive(Debug)]
pub(crate) enum Whole {
    /// A text in Prometheus's format.
    Prometheus(String),
    /// A file.
    Bulk(Bulk),
    /// JSON that was an answer before.
    Json(Secret),
}

/// The lease fields of an envelope.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeaseFields {
    /// `lease_id`.
    pub(crate) lease_id: String,
    /// `renewable`.
    pub(crate) renewable: bool,
    /// `lease_duration`, in seconds.
    pub(crate) lease_duration: i64,
}

/// How a body is shaped (reference: Vault API, response envelope).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The eight-key envelope.
    #[default]
    Envelope,
    /// The envelope, with the keys of `data` repeated at the top level (`sys/mounts` and its like).
    Repeated,
    /// `data` alone (`sys/health`, `sys/seal-status`, `sys/init`).
    Bare,
}

impl Response {
    /// 204.
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// 200 with `data`. Anything but a JSON object is a programming error and answers `data: null`.
    pub(crate) fn data(value: Value) -> Self {
        let data = match value {
            Value::Object(map) => Some(map),
            _ => None,
        };
        Self { data, ..Self::default() }
    }

    /// Whether there is nothing to tell: an answer without a body.
    pub(crate) fn is_nothing(&self) -> bool {
        self.data.is_none()
            && self.auth.is_none()
            && self.lease.is_none()
            && self.warnings.is_empty()
            && self.shape == Shape::Envelope
            && self.whole.is_none()
            && self.wrapped.is_none()
    }

    /// The eight keys of the envelope. What they say is taken out of the answer, but for its warnings.
    pub(crate) fn envelope(&mut self, request_id: &str) -> Map<String, Value> {
        let lease = self.lease.take().unwrap_or_default();
        let warnings = if self.warnings.is_empty() { Value::Null } else { serde_json::json!(self.warnings) };
        let mut body = Map::new();
        body.insert("request_id".into(), request_id.into());
        body.insert("lease_id".into(), lease.lease_id.into());
        body.insert("renewable".into(), lease.renewable.into());
        body.insert("lease_duration".into(), lease.lease_duration.into());
        body.insert("data".into(), self.data.take().map_or(Value::Null, Value::Object));
        body.insert("wrap_info".into(), self.wrapped.take().map_or(Value::Null, |wrapped| wrapped.shown()));
        body.insert("warnings".into(), warnings);
        body.insert("auth".into(), self.auth.take().unwrap_or(Value::Null));
        body
    }

    /// A list's answer: `{"keys": [...]}`, or not found when there are none.
    pub(crate) fn keys(keys: Vec<String>) -> Result<Self, Error> {
        if keys.is_empty() {
            return Err(Error::NotFound);
        }
        Ok(Self::data(serde_json::json!({ "keys": keys })))
    }

    /// The same answer with `data` repeated at the top level.
    pub(crate) fn repeated(mut self) -> Self {
        self.shape = Shape::Repeated;
        self
    }

    /// The same answer with one more warning.
    pub(crate) fn warn(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }
}
