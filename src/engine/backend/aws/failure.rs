//! What an AWS error means to us, decided in one place by its code.
//!
//! The SDK's errors must not be printed with `{:?}`: they hold the whole answer, and the answer to
//! CreateAccessKey holds a secret. [`Failure`] keeps the code, AWS's message and the request id.

use aws_sdk_iam::config::http::HttpResponse;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};

use crate::engine::wire::error::Error;

/// What an error lets us conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The entity does not exist.
    Gone,
    /// The entity exists already.
    Exists,
    /// Something still hangs on the entity (DeleteUser).
    Conflict,
    /// Another change of the same entity is under way; nothing was done.
    Busy,
    /// Too many calls; nothing was done.
    Throttled,
    /// The caller may not do this; nothing was done.
    Denied,
    /// AWS refused for another reason; nothing was done.
    Refused,
    /// AWS was not asked: it answers nobody, or the engine is closing.
    Postponed,
    /// No answer, or one that does not say whether it was done.
    Unknown,
}

/// A failed call.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Failure {
    /// What follows from it.
    pub(super) class: Class,
    /// AWS's code and message, HTTP status and request id; fit for an API answer and a log.
    pub(super) text: String,
}

impl<E> From<SdkError<E, HttpResponse>> for Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        match &error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                let error = context.err();
                let code = error.code().unwrap_or("no error code");
                let message = error.message().unwrap_or("no message");
                let request = error.meta().extra("aws_request_id").unwrap_or("none");
                Self {
                    class: classify(status, error.code()),
                    text: format!("{code}: {message} (status code: {status}, request id: {request})"),
                }
            }
            SdkError::TimeoutError(_) => Self::unknown("AWS did not answer in time".to_owned()),
            SdkError::ResponseError(context) => {
                // The parser's message is left out as well: it may quote the answer.
                let status = context.raw().status().as_u16();
                Self::unknown(format!("the answer of AWS could not be read (status code: {status})"))
            }
            SdkError::ConstructionFailure(_) => {
                Self { class: Class::Refused, text: format!("the request could not be made: {}", causes(&error)) }
            }
            _ => Self::unknown(format!("AWS could not be reached: {}", causes(&error))),
        }
    }
}

impl Failure {
    /// A failure that does not say what was done.
    pub(super) fn unknown(text: String) -> Self {
        Self { class: Class::Unknown, text }
    }

    /// As the API tells it, of a step of an issue: 502 when AWS throttled us, else 400.
    pub(super) fn told(&self, step: &str) -> Error {
        let text = format!("{step}: {self}");
        match self.class {
            Class::Throttled => Error::Upstream(text),
            _ => Error::Invalid(text),
        }
    }
}

/// The messages of the causes below an error, outermost first.
fn causes(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        next = cause.source();
    }
    texts.join(": ")
}

/// What a status and an error code mean. Codes: IAM API reference, "Common Errors" and the errors of
/// each action.
fn classify(status: u16, code: Option<&str>) -> Class {
    const THROTTLED: [&str; 12] = [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "SlowDown",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
    ];
    match (status, code) {
        (_, Some(code)) if THROTTLED.contains(&code) => Class::Throttled,
        (429, _) => Class::Throttled,
        (500.., _) => Class::Unknown,
        (_, Some("NoSuchEntity" | "NoSuchEntityException")) => Class::Gone,
        (_, Some("EntityAlreadyExists" | "EntityAlreadyExistsException")) => Class::Exists,
        (_, Some("DeleteConflict" | "DeleteConflictException")) => Class::Conflict,
        (_, Some("ConcurrentModification" | "ConcurrentModificationException" | "EntityTemporarilyUnmodifiable")) => {
            Class::Busy
        }
        (_, Some("AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation")) => Class::Denied,
        (_, Some("RequestTimeout" | "RequestTimeoutException")) => Class::Unknown,
        (400..500, Some(_)) => Class::Refused,
        // A 4xx without a code does not come from IAM but from something in between.
        _ => Class::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, classify};

    #[test]
    fn codes_mean_what_iam_documents() {
        for (status, code, class) in [
            (404, Some("NoSuchEntity"), Class::Gone),
            (409, Some("EntityAlreadyExists"), Class::Exists),
            (409, Some("DeleteConflict"), Class::Conflict),
            (409, Some("ConcurrentModification"), Class::Busy),
            (409, Some("EntityTemporarilyUnmodifiable"), Class::Busy),
            (409, Some("LimitExceeded"), Class::Refused),
            (400, Some("Throttling"), Class::Throttled),
            (503, Some("SlowDown"), Class::Throttled),
            (429, None, Class::Throttled),
            (403, Some("AccessDenied"), Class::Denied),
            (403, Some("InvalidClientTokenId"), Class::Refused),
            (400, Some("MalformedPolicyDocument"), Class::Refused),
            (400, Some("ValidationError"), Class::Refused),
            (500, Some("ServiceFailure"), Class::Unknown),
            (503, None, Class::Unknown),
            (400, None, Class::Unknown),
            (408, Some("RequestTimeout"), Class::Unknown),
        ] {
            assert_eq!(classify(status, code), class, "{status} {code:?}");
        }
    }
}
