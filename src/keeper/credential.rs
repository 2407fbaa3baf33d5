//! A fresh credential, and the forms in which it is handed on. Pure.

use serde_json::{Value, json};
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::api::Answer;
use crate::secret::Secret;
use crate::units::duration;

/// After so many seconds a key that is under no lease is asked for again, whatever the engine says of its end: somebody may
/// have had it made anew.
const ASK_AGAIN_SECONDS: i64 = 3600;

/// An AWS credential: under a lease, or the key of a static role, whose end is when it is to be asked for again.
#[derive(Clone, Debug)]
pub struct Credential {
    app: String,
    /// `mount/role`.
    role: String,
    access_key: String,
    secret_key: Secret,
    /// Only with credentials from STS.
    security_token: Option<Secret>,
    /// Empty where there is none.
    lease_id: String,
    lease_seconds: i64,
    renewable: bool,
    expiration: OffsetDateTime,
    /// Whether the app's token ends before the lease would, and takes the credential with it.
    ends_with_token: bool,
}

impl Credential {
    /// A credential from the answer of `creds/`, asked for at `now` with a token that lasts `token_ttl`
    /// more seconds (0: for ever). `None` when the answer holds none.
    pub fn new(app: String, role: String, answer: &Answer, token_ttl: i64, now: OffsetDateTime) -> Option<Self> {
        let text = |key: &str| answer.data.as_ref()?.get(key)?.as_str();
        let security_token = text("security_token").or_else(|| text("session_token"));
        // What came with a session token AWS ends at its own time, whatever becomes of lease and token.
        let ttl = answer.data.as_ref().and_then(|data| data.get("ttl")?.as_i64());
        let session_ttl = ttl.filter(|_| security_token.is_some());
        let is_leased = !answer.lease_id.is_empty();
        // An engine ends the leases of a token together with the token.
        let ends_with_token =
            is_leased && security_token.is_none() && token_ttl > 0 && token_ttl < answer.lease_duration;
        let seconds = match session_ttl {
            Some(seconds) => seconds,
            None if !is_leased => ttl.unwrap_or(ASK_AGAIN_SECONDS).min(ASK_AGAIN_SECONDS),
            None if ends_with_token => token_ttl,
            None => answer.lease_duration,
        };
        Some(Self {
            app,
            role,
            access_key: text("access_key")?.to_owned(),
            secret_key: Secret::new(text("secret_key")?),
            security_token: security_token.map(Secret::new),
            lease_id: answer.lease_id.clone(),
            lease_seconds: answer.lease_duration,
            renewable: answer.renewable,
            expiration: (now + time::Duration::seconds(seconds)).replace_nanosecond(0).unwrap_or(now),
            ends_with_token,
        })
    }

    /// Whether it is the same key as another.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.access_key == other.access_key
    }

    /// Whether an answer hands out the same key.
    pub(super) fn is_of(&self, answer: &Answer) -> bool {
        answer.data.as_ref().and_then(|data| data.get("access_key")?.as_str()) == Some(self.access_key.as_str())
    }

    /// A credential that [`Credential::json`] wrote; `None` of anything else.
    pub fn kept(json: &Value) -> Option<Self> {
        let text = |key: &str| json.get(key)?.as_str();
        Some(Self {
            app: text("app")?.to_owned(),
            role: text("role")?.to_owned(),
            access_key: text("access_key")?.to_owned(),
            secret_key: Secret::new(text("secret_key")?),
            security_token: text("security_token").map(Secret::new),
            lease_id: text("lease_id")?.to_owned(),
            lease_seconds: json.get("lease_duration")?.as_i64()?,
            renewable: json.get("lease_renewable")?.as_bool()?,
            expiration: OffsetDateTime::parse(text("expiration")?, &Rfc3339).ok()?,
            ends_with_token: false,
        })
    }

    /// When it ends.
    pub fn ends(&self) -> OffsetDateTime {
        self.expiration
    }

    /// There is more time: it ends so long from now.
    pub(super) fn extend(&mut self, now: OffsetDateTime, left: Duration) {
        self.expiration = (now + left).replace_nanosecond(0).unwrap_or(now);
    }

    /// Whether it is under a lease: else nothing ends it with its app's token, or by hand.
    pub fn is_leased(&self) -> bool {
        !self.lease_id.is_empty()
    }

    /// Whether it is a session, whose end AWS knows.
    pub fn is_session(&self) -> bool {
        self.security_token.is_some()
    }

    /// Its lease; empty where there is none.
    pub fn lease_id(&self) -> &str {
        &self.lease_id
    }

    /// How long its lease is, in seconds.
    pub fn lease_seconds(&self) -> i64 {
        self.lease_seconds
    }

    /// Whether its lease can be renewed.
    pub fn is_renewable(&self) -> bool {
        self.renewable
    }

    /// The variables in which AWS SDKs look for it (AWS SDKs and Tools Reference Guide, "AWS access keys").
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, Secret)> {
        let keys = [
            ("AWS_ACCESS_KEY_ID", Secret::new(self.access_key.as_str())),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key.clone()),
        ];
        keys.into_iter().chain(self.security_token.clone().map(|token| ("AWS_SESSION_TOKEN", token)))
    }

    /// The rows of the table.
    pub fn rows(&self) -> Vec<(String, String)> {
        let security_token = self.security_token.as_ref().map_or("<nil>", Secret::expose);
        [
            ("app", self.app.as_str()),
            ("role", &self.role),
            ("access_key", &self.access_key),
            ("secret_key", self.secret_key.expose()),
            ("security_token", security_token),
            ("lease_id", &self.lease_id),
            ("lease_duration", &duration::shown(self.lease_seconds)),
            ("lease_renewable", if self.renewable { "true" } else { "false" }),
            ("expiration", &self.expires()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// What can be done with it next, for a person.
    pub fn advice(&self, flags: Option<&str>) -> String {
        let flags = flags.unwrap_or_default();
        let mut text = String::new();
        if self.ends_with_token {
            text.push_str("\nThe app's token ends before the lease, and the credential ends with it.");
        }
        if self.renewable {
            text.push_str(&format!("\nRenew:   leasehold{flags} lease renew {}", self.lease_id));
        }
        match self.security_token {
            None if !self.is_leased() => text.push_str(
                "\nThe key of a static role: it ends with no lease, and the engine makes it anew. Ask again, before it expires.",
            ),
            Some(_) => text.push_str(&format!("\nA session: nobody can end it before {}.", self.expires())),
            None => text.push_str(&format!("\nRevoke:  leasehold{flags} lease revoke -sync {}", self.lease_id)),
        }
        text
    }

    /// One field, by the name that it has in the table.
    pub fn field(&self, name: &str) -> Option<Value> {
        self.json().get(name).filter(|value| !value.is_null()).cloned()
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        json!({
            "app": self.app,
            "role": self.role,
            "access_key": self.access_key,
            "secret_key": self.secret_key.expose(),
            "security_token": self.security_token.as_ref().map(Secret::expose),
            "lease_id": self.lease_id,
            "lease_duration": self.lease_seconds,
            "lease_renewable": self.renewable,
            "expiration": self.expires(),
        })
    }

    /// What the AWS SDKs take from a `credential_process` (AWS SDKs and Tools Reference Guide, "Process
    /// credential provider").
    pub fn process(&self) -> Value {
        let mut process = json!({
            "Version": 1,
            "AccessKeyId": self.access_key,
            "SecretAccessKey": self.secret_key.expose(),
            "Expiration": self.expires(),
        });
        if let Some(token) = &self.security_token {
            process["SessionToken"] = json!(token.expose());
        }
        process
    }

    /// What the AWS SDKs take from a container's credential endpoint (AWS SDKs and Tools Reference Guide, "Container
    /// credential provider"). Some of them take no answer without a `Token`, so that it is empty where there is none.
    pub fn container(&self) -> Value {
        json!({
            "AccessKeyId": self.access_key,
            "SecretAccessKey": self.secret_key.expose(),
            "Token": self.security_token.as_ref().map_or("", Secret::expose),
            "Expiration": self.expires(),
        })
    }

    /// Lines for a shell. A session token of an earlier credential would make this one invalid, so it goes.
    pub fn shell(&self) -> String {
        let session = match &self.security_token {
            Some(token) => format!("export AWS_SESSION_TOKEN={}", quoted(token.expose())),
            None => "unset AWS_SESSION_TOKEN".to_owned(),
        };
        format!(
            "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\n{session}\nexport AWS_CREDENTIAL_EXPIRATION={}\n",
            quoted(&self.access_key),
            quoted(self.secret_key.expose()),
            quoted(&self.expires()),
        )
    }

    /// When it ends, as RFC 3339 has it.
    pub fn expires(&self) -> String {
        // Only a year beyond 9999 has no such form, and no lease reaches it.
        self.expiration.format(&Rfc3339).unwrap_or_default()
    }
}

/// A text as one word of a POSIX shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::{Credential, quoted};
    use crate::api::Answer;

    fn credential(data: Value, token_ttl: i64) -> Option<Credential> {
        credential_of(data, "aws/creds/webapp/x", token_ttl, datetime!(2026-01-02 03:04:05.6 UTC))
    }

    fn credential_of(data: Value, lease: &str, token_ttl: i64, now: OffsetDateTime) -> Option<Credential> {
        let answer = Answer {
            request_id: String::new(),
            lease_id: lease.to_owned(),
            lease_duration: if lease.is_empty() { 0 } else { 3600 },
            renewable: !lease.is_empty(),
            data: data.as_object().cloned(),
            auth: None,
            wrap_info: None,
            warnings: Vec::new(),
            status: 200,
            body: Value::Null,
        };
        Credential::new("webapp".to_owned(), "aws/webapp".to_owned(), &answer, token_ttl, now)
    }

    #[test]
    fn a_shell_takes_it_whatever_is_in_it() {
        let made = credential(json!({"access_key": "AKIA", "secret_key": "a'b$c", "security_token": null}), 0).unwrap();
        let expected = "\
export AWS_ACCESS_KEY_ID='AKIA'
export AWS_SECRET_ACCESS_KEY='a'\\''b$c'
unset AWS_SESSION_TOKEN
export AWS_CREDENTIAL_EXPIRATION='2026-01-02T04:04:05Z'
";
        assert_eq!(made.shell(), expected);
        assert_eq!(quoted("a b"), "'a b'");
    }

    #[test]
    fn an_aws_sdk_takes_it() {
        let made = credential(json!({"access_key": "AKIA", "secret_key": "s", "security_token": "t"}), 0).unwrap();
        let expected = json!({"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "s", "SessionToken": "t",
            "Expiration": "2026-01-02T04:04:05Z"});
        assert_eq!(made.process(), expected);
        let made = credential(json!({"access_key": "AKIA", "secret_key": "s", "security_token": null}), 0).unwrap();
        assert!(made.process().get("SessionToken").is_none());
    }

    #[test]
    fn it_ends_with_the_token_that_asked_for_it() {
        let data = json!({"access_key": "AKIA", "secret_key": "s"});
        let made = credential(data.clone(), 1200).unwrap();
        assert_eq!(made.field("expiration").unwrap(), "2026-01-02T03:24:05Z");
        assert!(made.advice(None).contains("ends before the lease"));
        assert!(!credential(data, 7200).unwrap().advice(None).contains("ends before"));
    }

    #[test]
    fn a_session_ends_when_aws_ends_it() {
        let data = json!({"access_key": "ASIA", "secret_key": "s", "security_token": "t", "ttl": 7200});
        let made = credential(data, 1200).unwrap();
        assert_eq!(made.field("expiration").unwrap(), "2026-01-02T05:04:05Z");
        let advice = made.advice(None);
        assert!(advice.contains("nobody can end it before 2026-01-02T05:04:05Z"), "{advice}");
        assert!(!advice.contains("ends before the lease") && !advice.contains("revoke"), "{advice}");
    }

    #[test]
    fn the_key_of_a_static_role_is_asked_for_again_within_the_hour() {
        let now = datetime!(2026-01-02 03:04:05 UTC);
        for (ttl, expiration) in [
            (json!(90_000), "2026-01-02T04:04:05Z"),
            (json!(90), "2026-01-02T03:05:35Z"),
            (json!(null), "2026-01-02T04:04:05Z"),
        ] {
            let data = json!({"access_key": "AKIA", "secret_key": "s", "ttl": ttl});
            let made = credential_of(data, "", 60, now).unwrap();
            assert_eq!(made.field("expiration").unwrap(), expiration);
            assert!(made.advice(None).contains("static role") && !made.advice(None).contains("Revoke"));
            assert!(!made.is_leased() && !made.is_renewable());
        }
    }

    #[test]
    fn an_answer_without_keys_is_none() {
        assert!(credential(json!({"value": 1}), 0).is_none());
        assert!(
            !format!("{:?}", credential(json!({"access_key": "A", "secret_key": "hunter2"}), 0)).contains("hunter2")
        );
    }
}
