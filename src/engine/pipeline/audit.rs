//! The two lines of a request in the trail, in Vault's form (audit log schema), secrets still in clear:
//! the trail hashes them.

use serde_json::{Map, Value, json};

use crate::acl::Decision;
use crate::clock::{Clock, rfc3339};
use crate::engine::kernel::mounts::Mount;
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Request;
use crate::engine::wire::response::Response;
use crate::trail::{Credential, LineType, Record};

/// What both lines of a request have in common.
pub(crate) struct Scene<'a> {
    /// Dates each line.
    pub(crate) clock: &'a Clock,
    /// The request.
    pub(crate) request: &'a Request,
    /// The mount it goes to.
    pub(crate) mount: Option<&'a Mount>,
    /// Who asks.
    pub(crate) token: Option<&'a Token>,
    /// What the policies say.
    pub(crate) decision: Option<&'a Decision>,
    /// `create`, `read`, `update`, `delete`, `list`.
    pub(crate) operation: &'static str,
}

impl Scene<'_> {
    /// The line before the operation; `refusal` when there will be none.
    pub(crate) fn request_line(&self, refusal: Option<&Error>) -> Record {
        self.record(LineType::Request, refusal)
    }

    /// The line before the answer leaves.
    pub(crate) fn response_line(&self, result: Result<(&Response, Option<Credential>), &Error>) -> Record {
        let mut record = self.record(LineType::Response, result.as_ref().err().copied());
        let mut part = Map::new();
        self.mount_part(&mut part);
        if let Ok((response, credential)) = result {
            if let Some(auth) = &response.auth {
                part.insert("auth".into(), auth.clone());
            }
            if let Some(lease) = &response.lease {
                part.insert("secret".into(), json!({ "lease_id": lease.lease_id }));
            }
            if let Some(wrapped) = &response.wrapped {
                part.insert("wrap_info".into(), wrapped.shown());
            }
            if let Some(data) = &response.data {
                part.insert("data".into(), Value::Object(self.told(data)));
            }
            if !response.warnings.is_empty() {
                part.insert("warnings".into(), json!(response.warnings));
            }
            record.credential = credential;
        }
        record.response = Some(part);
        record
    }

    /// An answer's data as the trail tells it: of whole entries in a list, which may be thousands, which ones
    /// they were.
    fn told(&self, data: &Map<String, Value>) -> Map<String, Value> {
        let told = |(key, value): (&String, &Value)| match value.as_object() {
            Some(infos) if key == "key_info" && self.operation == "list" => {
                (key.clone(), infos.keys().map(String::as_str).collect())
            }
            _ => (key.clone(), value.clone()),
        };
        data.iter().map(told).collect()
    }

    fn record(&self, kind: LineType, error: Option<&Error>) -> Record {
        let tuning = self.mount.map(|mount| &mount.tuning);
        Record {
            time: self.clock.now(),
            kind,
            error: error.map(error_text),
            auth: self.token.map(|token| self.auth_part(token)),
            request: Some(self.request_part()),
            response: None,
            credential: None,
            event: None,
            clear_request_keys: tuning.map(|t| t.audit_non_hmac_request_keys.clone()).unwrap_or_default(),
            clear_response_keys: tuning.map(|t| t.audit_non_hmac_response_keys.clone()).unwrap_or_default(),
        }
    }

    fn auth_part(&self, token: &Token) -> Map<String, Value> {
        let mut part = Map::new();
        if let Some(secret) = &self.request.token {
            part.insert("client_token".into(), secret.expose().into());
        }
        part.insert("accessor".into(), token.accessor.as_str().into());
        part.insert("display_name".into(), token.display_name.as_str().into());
        part.insert("policies".into(), json!(token.judged_by().names));
        part.insert("token_policies".into(), json!(token.policies));
        if !token.identity_policies().is_empty() {
            part.insert("identity_policies".into(), json!(token.identity_policies()));
        }
        if !token.entity_id.is_empty() {
            part.insert("entity_id".into(), token.entity_id.as_str().into());
        }
        let granting: Vec<Value> = self.decision.map_or_else(Vec::new, |decision| {
            let rule = |name: &String| json!({ "name": name, "namespace_id": "root", "type": "acl" });
            decision.granting.iter().map(rule).collect()
        });
        let allowed = self.decision.is_some_and(|decision| decision.allowed);
        let mut results = json!({ "allowed": allowed });
        if !granting.is_empty() {
            results["granting_policies"] = granting.into();
        }
        part.insert("policy_results".into(), results);
        if !token.meta.is_empty() {
            part.insert("metadata".into(), json!(token.meta));
        }
        if token.num_uses != 0 {
            part.insert("remaining_uses".into(), token.num_uses.max(0).into());
        }
        part.insert("token_type".into(), token.kind.name().into());
        part.insert("token_ttl".into(), token.creation_ttl.into());
        part.insert("token_issue_time".into(), rfc3339(token.creation_time).into());
        part
    }

    fn request_part(&self) -> Map<String, Value> {
        let request = self.request;
        let mut part = Map::new();
        part.insert("id".into(), request.id.as_str().into());
        part.insert("operation".into(), self.operation.into());
        self.mount_part(&mut part);
        if let Some(secret) = &request.token {
            part.insert("client_token".into(), secret.expose().into());
        }
        if let Some(token) = self.token {
            part.insert("client_token_accessor".into(), token.accessor.as_str().into());
        }
        part.insert("namespace".into(), json!({ "id": "root" }));
        part.insert("path".into(), request.path.as_str().into());
        if !request.data.is_empty() {
            part.insert("data".into(), Value::Object(request.data.clone()));
        }
        if let Some(ttl) = request.wrap_ttl {
            part.insert("wrap_ttl".into(), ttl.into());
        }
        if let Some(remote) = request.remote {
            part.insert("remote_address".into(), remote.ip().to_canonical().to_string().into());
            part.insert("remote_port".into(), remote.port().into());
        }
        if let Some(chain) = request.presented.chain() {
            part.insert("client_certificate_serial_number".into(), chain.serial_number.as_str().into());
        }
        if let Some(origin) = &request.origin {
            let mut headers = Map::new();
            let values = [
                ("commit", &origin.commit),
                ("app", &origin.app),
                ("source", &origin.source),
                ("review", &origin.review),
                ("plan", &origin.plan),
            ];
            for (name, value) in values {
                if let Some(value) = value {
                    headers.insert(format!("x-leasehold-{name}"), json!([value]));
                }
            }
            part.insert("headers".into(), Value::Object(headers));
        }
        part
    }

    fn mount_part(&self, part: &mut Map<String, Value>) {
        if let Some(mount) = self.mount {
            part.insert("mount_point".into(), mount.path.as_str().into());
            part.insert("mount_type".into(), mount.kind.as_str().into());
            part.insert("mount_accessor".into(), mount.accessor.as_str().into());
            part.insert("mount_class".into(), if mount.is_auth() { "auth" } else { "secret" }.into());
        }
    }
}

/// The text of an error for the operator: an internal one says what happened.
fn error_text(error: &Error) -> String {
    match error {
        Error::Internal(text) => text.clone(),
        _ => {
            let messages = error.messages();
            if messages.is_empty() { error.to_string() } else { messages.join("; ") }
        }
    }
}
