//! One operation on the Vault API after HTTP has been taken off, and its answer before it is put on.

use std::net::SocketAddr;

use serde_json::{Map, Value};

use crate::secret::Secret;

/// What a request does. POST and PUT are `Write`; the pipeline tells `create` from `update`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// GET.
    Read,
    /// POST or PUT.
    Write,
    /// PATCH: a JSON merge patch (RFC 7396).
    Patch,
    /// DELETE.
    Delete,
    /// LIST, or GET with `list=true`. The path ends in `/`.
    List,
}

/// Where a write came from, as the reconciler says in the `X-Leasehold-*` headers. Kept with the
/// object, so that a credential leads to the commit that allowed it. Absent for writes by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Origin {
    /// `X-Leasehold-Commit`: the estate's commit, with `-dirty` behind it where files were changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<String>,
    /// `X-Leasehold-App`: the app the object was lowered from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<String>,
    /// `X-Leasehold-Source`: the declaring `file:line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// `X-Leasehold-Review`: the digest of the review that the change was part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) review: Option<String>,
}

/// A request, parsed once at the edge.
#[derive(Debug)]
pub(crate) struct Request {
    /// UUID; the `request_id` of the answer and the `request.id` of both audit lines.
    pub(crate) id: String,
    /// What to do.
    pub(crate) operation: Operation,
    /// Without `/v1/`, no leading slash, never with empty, `.` or `..` segments, with a slash at the end if
    /// and only if it is a list, and with names that the backend reads in any case in lower case: the one
    /// spelling of what the request is about, which policies, router, backends and trail all see.
    pub(crate) path: String,
    /// Whether a name in the path was given in upper case.
    pub(crate) folded: bool,
    /// The JSON body, or the query parameters of a GET, LIST or DELETE.
    pub(crate) data: Map<String, Value>,
    /// `X-Vault-Token`, or the bearer of `Authorization`.
    pub(crate) token: Option<Secret>,
    /// The peer; none for the in-process stream.
    pub(crate) remote: Option<SocketAddr>,
    /// Set when any `X-Leasehold-*` header came with the request.
    pub(crate) origin: Option<Origin>,
    /// `X-Leasehold-Guardrails`: what a role's credentials are judged by, as base64 of JSON.
    pub(crate) guardrails: Option<String>,
}

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
    /// A text that is the whole body, in Prometheus's format.
    pub(crate) plain: Option<String>,
    /// A status other than the shape's own (202, or the codes of `sys/health`).
    pub(crate) status: Option<u16>,
    /// A credential that the pipeline makes active, or revokes, before it answers.
    pub(crate) issued: Option<super::lease::Issued>,
    /// The hash of a token that this answer hands out: revoked if the answer cannot be audited.
    pub(crate) new_token: Option<String>,
    /// The same of a secret id: its accessor, and the keys of the store that go.
    pub(crate) new_secret_id: Option<(String, Vec<String>)>,
    /// Takes back what the answer hands out, wherever the answer is lost. Set by the pipeline.
    pub(crate) handed: Option<super::handed::Handed>,
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

    /// A list's answer: `{"keys": [...]}`, or not found when there are none.
    pub(crate) fn keys(keys: Vec<String>) -> Result<Self, super::error::Error> {
        if keys.is_empty() {
            return Err(super::error::Error::NotFound);
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
