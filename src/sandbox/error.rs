//! What the simulated account refuses, with AWS's codes, statuses and, where they are known, its words.

/// An error answer of IAM or STS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// AWS's error code.
    pub code: &'static str,
    /// AWS's text.
    pub message: String,
}

/// The code of what policies don't allow.
const DENIED: &str = "AccessDenied";

impl Refusal {
    /// Whether policies don't allow it.
    pub fn is_denied(&self) -> bool {
        self.code == DENIED
    }

    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 404 `NoSuchEntity`.
    pub(super) fn no_such_entity(message: impl Into<String>) -> Self {
        Self::new(404, "NoSuchEntity", message)
    }

    /// 409 `EntityAlreadyExists`.
    pub(super) fn already_exists(message: impl Into<String>) -> Self {
        Self::new(409, "EntityAlreadyExists", message)
    }

    /// 409 `LimitExceeded`: `Cannot exceed quota for AccessKeysPerUser: 2`.
    pub(super) fn quota(name: &str, limit: usize) -> Self {
        Self::limit(format!("Cannot exceed quota for {name}: {limit}"))
    }

    /// 409 `LimitExceeded` with a text of its own.
    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::new(409, "LimitExceeded", message)
    }

    /// 409 `DeleteConflict`.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "DeleteConflict", message)
    }

    /// 400 `MalformedPolicyDocument`.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "MalformedPolicyDocument", message)
    }

    /// 400 `ValidationError`.
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    /// 400 `ValidationError` in the form of a violated constraint.
    pub(super) fn constraint(parameter: &str, value: &str, constraint: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value '{value}' at '{parameter}' failed to satisfy constraint: {constraint}"
        ))
    }

    /// 400 `ValidationError` for a parameter that is missing.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value null at '{parameter}' failed to satisfy constraint: Member must not be null"
        ))
    }

    /// 400 `InvalidInput`.
    pub(super) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidInput", message)
    }

    /// 400 `InvalidAction`.
    pub(super) fn unknown_action(action: &str) -> Self {
        Self::new(
            400,
            "InvalidAction",
            format!("Could not find operation {action}; the Leasehold sandbox simulates a part of IAM and STS only"),
        )
    }

    /// 400 `InvalidAction` for a request to S3, EC2 and the like.
    pub(super) fn unknown_service(service: &str) -> Self {
        let message = format!("The Leasehold sandbox simulates IAM and STS only; {service} is not there");
        Self::new(400, "InvalidAction", message)
    }

    /// 403 `AccessDenied`.
    pub(super) fn denied(message: impl Into<String>) -> Self {
        Self::new(403, DENIED, message)
    }

    /// 403 `MissingAuthenticationToken`.
    pub(super) fn unsigned() -> Self {
        Self::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    }

    /// 403 `ExpiredToken`.
    pub(super) fn expired() -> Self {
        Self::new(403, "ExpiredToken", "The security token included in the request is expired")
    }

    /// 400 `PackedPolicyTooLarge`.
    pub(super) fn packed(percent: usize) -> Self {
        let message = format!(
            "Packed policy consumes {percent}% of allotted space, please use smaller policy. (How it packs is not AWS's, \
             but the sandbox's.)"
        );
        Self::new(400, "PackedPolicyTooLarge", message)
    }

    /// 403 `InvalidClientTokenId`.
    pub(super) fn unknown_key() -> Self {
        Self::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    }

    /// 400 `IncompleteSignature`.
    pub(super) fn incomplete_signature(what: &str) -> Self {
        Self::new(400, "IncompleteSignature", format!("Authorization header is incomplete: {what}"))
    }

    /// 403 `SignatureDoesNotMatch`.
    pub(super) fn wrong_signature() -> Self {
        Self::new(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.",
        )
    }

    /// 400 `Throttling`.
    pub(super) fn throttled() -> Self {
        Self::new(400, "Throttling", "Rate exceeded")
    }

    /// 500 `ServiceFailure`.
    pub(super) fn service_failure(message: impl Into<String>) -> Self {
        Self::new(500, "ServiceFailure", message)
    }

    /// An injected error.
    pub(super) fn injected(status: u16, code: &'static str, message: &str) -> Self {
        Self::new(status, code, message)
    }
}
