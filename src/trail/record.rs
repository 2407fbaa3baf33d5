//! What one line of the trail says, before secrets are hashed and before it becomes JSON.

use serde_json::{Map, Value};

/// One line to be: a request, its response, or something the engine did by itself.
#[derive(Clone, Debug)]
pub struct Record {
    /// RFC 3339 with nanoseconds, in UTC.
    pub time: time::OffsetDateTime,
    /// `request`, `response` or `system`.
    pub kind: LineType,
    /// The error that the request ended with.
    pub error: Option<String>,
    /// The token's `auth` part; `client_token` and `accessor` in clear, hashed when written.
    pub auth: Option<Map<String, Value>>,
    /// The `request` part in Vault's form; secrets in clear, hashed when written.
    pub request: Option<Map<String, Value>>,
    /// The `response` part in Vault's form; secrets in clear, hashed when written.
    pub response: Option<Map<String, Value>>,
    /// Set on the response that hands out a credential and on system lines about one. Never hashed.
    pub credential: Option<Credential>,
    /// What the engine did by itself, on `system` lines: `lease-revoked`, `lease-revoke-failed`, ...
    pub event: Option<Event>,
    /// Leaves of `request.data` under these keys stay in clear (mount tuning).
    pub clear_request_keys: Vec<String>,
    /// Leaves of `response.data` under these keys stay in clear (mount tuning).
    pub clear_response_keys: Vec<String>,
}

impl Record {
    /// A line with nothing in it yet.
    pub fn new(time: time::OffsetDateTime, kind: LineType) -> Self {
        Self {
            time,
            kind,
            error: None,
            auth: None,
            request: None,
            response: None,
            credential: None,
            event: None,
            clear_request_keys: Vec::new(),
            clear_response_keys: Vec::new(),
        }
    }

    /// A line about something the engine did by itself.
    pub fn system(time: time::OffsetDateTime, event: Event, credential: Option<Credential>) -> Self {
        Self { event: Some(event), credential, ..Self::new(time, LineType::System) }
    }
}

/// Which line of the trail it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineType {
    /// Written before the operation.
    Request,
    /// Written before the answer leaves.
    Response,
    /// Written when the engine acts by itself.
    System,
}

/// Which credential a line is about: never a secret, always in clear.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Credential {
    /// The app that asked; absent when the caller is no app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The role it was issued from.
    pub role: String,
    /// The lease; empty where it is under none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lease_id: String,
    /// The AWS access key id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// The IAM user; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub iam_user: String,
    /// The ARN of the session, where a role was assumed: it names the account, the role and the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The lease's TTL when issued, in seconds; 0 where there is no lease.
    pub ttl: i64,
    /// When the lease ends (RFC 3339); empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expire_time: String,
    /// The estate's commit that the role was written from; absent for a role written by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Where the role was declared (`file:line`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The digest of the review that the role's last change was part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
    /// The digest of the plan that the role's last change was part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// Something the engine did by itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Event {
    /// `lease-renewed`, `lease-revoked`, `lease-revoke-failed`, `lease-forced`, `lease-abandoned` and
    /// `static-key-deleted`, which [`super::query`] reads; `token-revoked`, `token-expired`, `audit-test`, `trail-line-cut`, ...
    pub name: String,
    /// Why: `expired`, `token-revoked`, `unknown-outcome`, `response-not-audited`, ...
    pub reason: String,
    /// More, in clear; never a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
