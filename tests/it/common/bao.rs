//! What OpenBao does where our engine differs: put between a client and ours ([`crate::between`]), it makes a server
//! that the reconciler meets as it would meet a real one.
//!
//! Source of each difference: OpenBao 2.6, `http/json.go` (complexity of a request), `vault/request_handling.go` and
//! `http/handler.go` (namespaces), `vault/logical_system.go` (audit devices), `http/util.go` (quotas; there is no
//! `Retry-After`); the answers as a server of 2.6.2 gives them. Of its AWS plugin, `path_static_roles.go`: there is no LIST.

use serde_json::{Value, json};

use crate::between::Fault;
use crate::fake::Asked;

/// The one namespace besides the root one. What is behind it is the engine.
pub(crate) const NAMESPACE: &str = "team";

/// Strings that one request may have, names and values.
const STRINGS_MAX: usize = 1000;

/// What only the root namespace answers, of what a client of ours may ask.
const ROOT_ONLY: &[&str] = &["audit", "audit-hash", "config/auditing", "config/cors", "quotas/rate-limit", "loggers"];

/// The same for what does not get as far as a namespace.
const ROOT_ONLY_EARLY: &[&str] = &["health", "init", "seal", "unseal", "storage", "metrics", "rekey", "generate-root"];

/// The key by which our engine says that it is ours, and one that says nothing.
pub(crate) const OUR_NAME: &str = "\"leasehold_version\"";
pub(crate) const OTHER_NAME: &str = "\"elsewhere_version\"";

/// Every so many requests a quota refuses one.
const QUOTA_EVERY: usize = 29;

/// Every so many reads the answer of one is dropped.
const DROPPED_READS_EVERY: usize = 23;

/// Every so many writes of one it is said that it failed, and every second of these is not answered at all.
const BELIED_WRITES_EVERY: usize = 7;

/// What OpenBao answers where it does not do what our engine would.
pub(crate) fn refusal(asked: &Asked) -> Option<(u16, String)> {
    let namespace = asked.header("x-vault-namespace").unwrap_or_default().trim_matches('/');
    let path = asked.line.split_once(" /v1/").map_or("", |(_, path)| path.split('?').next().unwrap_or_default());
    let system = path.strip_prefix("sys/").unwrap_or_default();
    let below = |paths: &[&str]| paths.iter().any(|path| system == *path || system.starts_with(&format!("{path}/")));
    if asked.line.starts_with("LIST") && path.ends_with("/static-roles") {
        return Some((405, "1 error occurred:\n\t* unsupported operation\n\n".to_owned()));
    }
    if below(&["leasehold"]) {
        return Some((404, "1 error occurred:\n\t* unsupported path\n\n".to_owned()));
    }
    let (status, what) = match namespace {
        "" | "root" if asked.line.starts_with("PUT") && system.starts_with("audit/") => {
            (400, "cannot enable audit device via API; use declarative, config-based audit device management instead")
        }
        NAMESPACE if below(ROOT_ONLY) => (400, "operation only available in root namespace"),
        "" | "root" | NAMESPACE if strings(&asked.body) > STRINGS_MAX => {
            (400, "refused JSON input due to high complexity: exceeded maximum number of strings")
        }
        "" | "root" => return None,
        _ if below(ROOT_ONLY_EARLY) => (400, "operation unavailable in namespaces"),
        NAMESPACE => return None,
        _ => (404, "namespace not found"),
    };
    Some((status, what.to_owned()))
}

/// What OpenBao tells that our engine has not: how it takes audit devices.
pub(crate) fn told(asked: &Asked) -> Option<Value> {
    let is_asked = asked.line.starts_with("GET /v1/sys/config/state/sanitized");
    let is_root = matches!(asked.header("x-vault-namespace").unwrap_or_default().trim_matches('/'), "" | "root");
    (is_asked && is_root)
        .then(|| json!({ "request_id": "1", "data": { "enable_ui": false, "unsafe_allow_api_audit_creation": false } }))
}

/// How many texts a JSON document has, the keys of its objects among them.
fn strings(body: &str) -> usize {
    fn of(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::String(_) => 1,
            serde_json::Value::Array(items) => items.iter().map(of).sum(),
            serde_json::Value::Object(map) => map.values().map(|value| 1 + of(value)).sum(),
            _ => 0,
        }
    }
    serde_json::from_str(body).map_or(0, |value| of(&value))
}

/// A bad hour, the same in each run as far as the requests are: which fault the next request meets.
#[derive(Default)]
pub(crate) struct BadHour {
    requests: usize,
    reads: usize,
    writes: usize,
}

impl BadHour {
    pub(crate) fn fault_of(&mut self, asked: &Asked) -> Option<Fault> {
        self.requests += 1;
        if self.requests.is_multiple_of(QUOTA_EVERY) {
            return Some(Fault::Refused(429));
        }
        if asked.line.starts_with("GET") {
            self.reads += 1;
            return self.reads.is_multiple_of(DROPPED_READS_EVERY).then_some(Fault::Unanswered);
        }
        self.writes += 1;
        match self.writes {
            writes if writes.is_multiple_of(2 * BELIED_WRITES_EVERY) => Some(Fault::Unanswered),
            writes if writes.is_multiple_of(BELIED_WRITES_EVERY) => Some(Fault::Belied(500)),
            _ => None,
        }
    }
}
