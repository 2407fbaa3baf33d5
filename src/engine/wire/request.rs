//! One operation on the Vault API after HTTP has been taken off.

use std::net::SocketAddr;

use serde_json::{Map, Value};

use super::bulk::Bulk;
use super::presented::Presented;
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

impl Operation {
    /// As policies and people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::List => "list",
        }
    }
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
    /// `X-Leasehold-Plan`: the digest of the plan that the change was part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<String>,
}

/// A request, parsed once at the edge.
#[derive(Debug)]
pub(crate) struct Request {
    /// UUID; the `request_id` of the answer and the `request.id` of both audit lines.
    pub(crate) id: String,
    /// What to do.
    pub(crate) operation: Operation,
    /// Whether only help of the path is asked for, `?help=1`. The operation is then a read that nobody does.
    pub(crate) help: bool,
    /// Without `/v1/`, no leading slash, never with empty, `.` or `..` segments, with a slash at the end if
    /// and only if it is a list, and with names that the backend reads in any case in lower case: the one
    /// spelling of what the request is about, which policies, router, backends and trail all see.
    pub(crate) path: String,
    /// Whether a name in the path was given in upper case.
    pub(crate) folded: bool,
    /// The JSON body, or the query parameters of a GET, LIST or DELETE.
    pub(crate) data: Map<String, Value>,
    /// What came in place of JSON, on the paths that take it.
    pub(crate) bulk: Option<Bulk>,
    /// `X-Vault-Token`, or the bearer of `Authorization`.
    pub(crate) token: Option<Secret>,
    /// The peer; none for the in-process stream.
    pub(crate) remote: Option<SocketAddr>,
    /// What the client showed when its connection began.
    pub(crate) presented: Presented,
    /// `X-Vault-Wrap-TTL`, in seconds and more than 0: for how long the answer is to lie wrapped.
    pub(crate) wrap_ttl: Option<i64>,
    /// Set when any `X-Leasehold-*` header came with the request.
    pub(crate) origin: Option<Origin>,
    /// `X-Leasehold-Guardrails`: what a role's credentials are judged by, as base64 of JSON.
    pub(crate) guardrails: Option<String>,
}
