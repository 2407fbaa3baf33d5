//! What can go wrong in the engine, and the one mapping to an HTTP answer.
//!
//! A variant is a situation as the Vault API distinguishes it. What a client may see is in the
//! variant; what only the operator may see ([`Error::Internal`]) goes to the log and leaves as
//! `internal error`.

use serde_json::Value;

/// A refused or failed operation. [`Error::status`] and [`Error::messages`] are what a client sees.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The request is wrong: 400 with this text.
    #[error("{0}")]
    Invalid(String),
    /// The token is missing, unknown or expired: 403 `permission denied`, on one line.
    #[error("permission denied")]
    Unauthenticated,
    /// The token's policies do not allow it: 403, in Vault's multi-error form.
    #[error("permission denied")]
    Denied,
    /// A login or a binding was refused with a text of its own: 403.
    #[error("{0}")]
    Forbidden(String),
    /// Nothing is there: 404 with no messages.
    #[error("not found")]
    NotFound,
    /// Nothing is there, and Vault says what: 404 with this text.
    #[error("{0}")]
    Missing(String),
    /// No mount serves the path: 404.
    #[error("no handler for route \"{0}\". route entry not found.")]
    NoRoute(String),
    /// The mount has no such path: 404 `unsupported path`.
    #[error("unsupported path")]
    UnsupportedPath,
    /// The path does not take this operation: 405 `unsupported operation`.
    #[error("unsupported operation")]
    UnsupportedOperation,
    /// The body is larger than the server takes: 413 with this text.
    #[error("{0}")]
    TooLarge(String),
    /// The body is not of the type that the method needs: 415 with this text.
    #[error("{0}")]
    MediaType(String),
    /// The connection asks for too much at a time: 429 with this text.
    #[error("{0}")]
    Busy(String),
    /// A rate limit is reached: 429, and after how many seconds to ask again.
    #[error("request path {path:?}: rate limit quota exceeded")]
    Limited {
        /// What was asked for.
        path: String,
        /// After how many seconds it would be let through.
        seconds: u64,
    },
    /// There are as many leases as there may be: 429.
    #[error("request path {path:?}: lease count quota exceeded")]
    Full {
        /// What was asked for.
        path: String,
    },
    /// AWS throttled us: 502 with this text.
    #[error("{0}")]
    Upstream(String),
    /// The barrier is sealed: 503.
    #[error("Vault is sealed")]
    Sealed,
    /// A failure the client is told about: 500 with this text.
    #[error("{0}")]
    Server(String),
    /// A failure only the log may describe: 500 `internal error`.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// The HTTP status (reference: Vault API, "HTTP status codes").
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) => 400,
            Self::Unauthenticated | Self::Denied | Self::Forbidden(_) => 403,
            Self::NotFound | Self::Missing(_) | Self::NoRoute(_) | Self::UnsupportedPath => 404,
            Self::UnsupportedOperation => 405,
            Self::TooLarge(_) => 413,
            Self::MediaType(_) => 415,
            Self::Busy(_) | Self::Limited { .. } | Self::Full { .. } => 429,
            Self::Server(_) | Self::Internal(_) => 500,
            Self::Upstream(_) => 502,
            Self::Sealed => 503,
        }
    }

    /// The `errors` array of the answer.
    pub(crate) fn messages(&self) -> Vec<String> {
        match self {
            Self::NotFound => vec![],
            Self::Denied | Self::UnsupportedPath | Self::UnsupportedOperation => {
                vec![format!("1 error occurred:\n\t* {self}\n\n")]
            }
            Self::Internal(_) => vec!["internal error".to_owned()],
            _ => vec![self.to_string()],
        }
    }

    /// The body of the answer: `{"errors":[...]}`.
    pub(crate) fn body(&self) -> Value {
        serde_json::json!({ "errors": self.messages() })
    }
}
