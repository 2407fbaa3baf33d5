//! A line of an audit file as it is read back: ours, OpenBao's or Vault's, which have one form.
//!
//! What is not asked for is passed over. Values of requests and answers are hashed there and say nothing.
//!
//! Source: OpenBao's documentation, "Audit Devices", and the `logical.LogRequest` forms of its JSON files; version 2.6.2 was
//! looked at.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::record::{Credential, Event};

/// What begins the name of the policy of an app that an estate makes.
const APP_POLICY: &str = "app-";

/// One line.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) time: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) auth: Option<Auth>,
    #[serde(default)]
    pub(super) request: Option<Request>,
    #[serde(default)]
    pub(super) response: Option<Response>,
    /// Ours alone.
    #[serde(default)]
    pub(super) credential: Option<Credential>,
    /// Ours alone.
    #[serde(default)]
    pub(super) event: Option<Event>,
}

/// Who asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Auth {
    pub(super) display_name: String,
    pub(super) entity_id: String,
    pub(super) accessor: String,
    pub(super) policies: Vec<String>,
}

/// What was asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) operation: String,
    pub(super) path: String,
    pub(super) mount_type: String,
    pub(super) remote_address: String,
    pub(super) namespace: Namespace,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Namespace {
    path: String,
}

/// What a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Revoked<'p> {
    /// A lease.
    One(&'p str),
    /// All leases that begin so, up to a slash; without one below, the lease.
    Below(&'p str),
}

/// What was answered.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response {
    secret: Option<Lease>,
    wrap_info: Option<Wrapped>,
    data: Option<Answered>,
}

/// How an answer tells that it is a refusal, where nothing else in its line does: a write that was answered with 400 has no
/// `error` of its own in the files of OpenBao 2.6.2.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answered {
    /// Hashed, or an object; it is not null.
    error: Option<IgnoredAny>,
    /// Of answers that are not JSON.
    http_status_code: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lease {
    lease_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wrapped {
    creation_path: String,
}

impl Entry {
    /// A line's text; a device may have put a prefix before it, which holds no brace.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let json = line.iter().position(|&byte| byte == b'{').map(|at| &line[at..])?;
        serde_json::from_slice(json).ok()
    }

    /// When it was.
    pub(super) fn at(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(&self.time, &Rfc3339).ok()
    }

    /// The lease that an answer is about, if it is.
    pub(super) fn lease_id(&self) -> Option<&str> {
        let told = self.response.as_ref().and_then(|response| Some(response.secret.as_ref()?.lease_id.as_str()));
        let ours = self.credential.as_ref().map(|credential| credential.lease_id.as_str());
        ours.or(told).filter(|lease| !lease.is_empty())
    }

    /// The app that asked: as our engine says it, else by the policy that an estate makes for each app, else none.
    pub(super) fn app(&self) -> Option<&str> {
        if let Some(credential) = &self.credential {
            return credential.app.as_deref();
        }
        self.auth.as_ref()?.policies.iter().find_map(|policy| policy.strip_prefix(APP_POLICY))
    }

    /// Whether the answer was wrapped: then its line does not have what was in it, a lease for one.
    pub(super) fn is_wrapped(&self) -> bool {
        let wrapped = self.response.as_ref().and_then(|response| response.wrap_info.as_ref());
        wrapped.is_some_and(|wrapped| !wrapped.creation_path.is_empty())
    }

    /// Whether a request was answered without an error.
    pub(super) fn is_done(&self) -> bool {
        let answered = self.response.as_ref().and_then(|response| response.data.as_ref());
        self.kind == "response" && self.error.is_none() && !answered.is_some_and(Answered::is_refusal)
    }
}

impl Answered {
    fn is_refusal(&self) -> bool {
        self.error.is_some() || self.http_status_code.as_ref().and_then(Value::as_u64).is_some_and(|code| code >= 400)
    }
}

impl Request {
    /// Its namespace, without slashes around it; empty is the root one.
    pub(super) fn namespace(&self) -> &str {
        self.namespace.path.trim_matches('/')
    }

    /// Whether it was in a namespace, named without slashes around it.
    pub(super) fn is_in(&self, namespace: &str) -> bool {
        self.namespace() == namespace
    }

    /// What it ends, by its path: a lease, or all leases that begin so.
    pub(super) fn revokes(&self) -> Option<Revoked<'_>> {
        let rest = self.path.strip_prefix("sys/").filter(|_| self.writes())?;
        let rest = rest.strip_prefix("leases/").unwrap_or(rest);
        let below = |word: &str| Some(rest.strip_prefix(word)?.trim_end_matches('/')).filter(|rest| !rest.is_empty());
        below("revoke/")
            .map(Revoked::One)
            .or_else(|| below("revoke-prefix/").or_else(|| below("revoke-force/")).map(Revoked::Below))
    }

    /// Whether it changes what is at its path.
    pub(super) fn writes(&self) -> bool {
        matches!(self.operation.as_str(), "create" | "update" | "patch" | "delete")
    }
}
