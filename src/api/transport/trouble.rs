//! What keeps a request from being answered, for now, and whether it is sent again. Pure.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use super::{LOST_RETRIES, PATIENCE, Patience, RETRY_DELAY_MAX, RETRY_DELAY_MIN, Reply, Request, random_unit};
use crate::api::answer::Error;
use crate::api::said::Said;

/// The longest wait of somebody who looks for a node: an election takes seconds, and what comes first after it is not to
/// wait longer than that took.
const SEEK_DELAY_MAX: Duration = Duration::from_secs(1);

/// What keeps a request from being answered, for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is answered, for good or ill.
    None,
    /// The server did not act, and may later: after this long, if it says so.
    NotNow(Option<Duration>),
    /// There is no connection, so nobody acted.
    NoConnection,
    /// Whether the server acted is not known.
    Lost,
    /// This node did not act, since it is not the one that does, or does not know yet what was written: another one will,
    /// or this one later.
    Elsewhere,
}

impl Trouble {
    /// Of a reply. What one of several nodes can't do another may.
    pub(super) fn of(reply: &Result<Reply, Error>, are_several: bool) -> Self {
        let reply = match reply {
            Ok(reply) => reply,
            Err(Error::Connect { .. }) if are_several => return Self::Elsewhere,
            Err(Error::Connect { .. }) => return Self::NoConnection,
            Err(Error::Led { .. }) => return Self::Elsewhere,
            Err(Error::Broken { .. } | Error::Timeout { .. }) => return Self::Lost,
            Err(_) => return Self::None,
        };
        let says = |said: Said| said.is_in(reply.status.as_u16(), [&*String::from_utf8_lossy(&reply.body)]);
        match reply.status {
            StatusCode::TOO_MANY_REQUESTS => Self::NotNow(told_delay(&reply.headers)),
            StatusCode::SERVICE_UNAVAILABLE if says(Said::Sealed) => {
                if are_several {
                    Self::Elsewhere
                } else {
                    Self::None
                }
            }
            _ if says(Said::NotActive) => Self::Elsewhere,
            // The node has not seen yet what this client has written (Vault, "eventual consistency"): it did not act, and
            // "should be retried" (Vault, "HTTP status codes").
            StatusCode::PRECONDITION_FAILED => Self::Elsewhere,
            StatusCode::SERVICE_UNAVAILABLE => Self::NotNow(told_delay(&reply.headers)),
            // A key-value mount that was made or upgraded just now: it says so of every request, and did not act.
            StatusCode::BAD_REQUEST if says(Said::SettingUp) => Self::NotNow(None),
            StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Self::Lost,
            _ => Self::None,
        }
    }

    /// Whether another node may be the better one to ask now.
    pub(super) fn is_of_the_node(self) -> bool {
        matches!(self, Self::Elsewhere | Self::Lost | Self::NotNow(None))
    }

    /// How long to wait before sending again: at least half of it is certain, so that clients which were refused
    /// together don't come back together.
    pub(super) fn delay(self, attempt: u32) -> Duration {
        let whole = RETRY_DELAY_MIN.saturating_mul(1 << attempt.min(16)).min(RETRY_DELAY_MAX);
        let whole = match self {
            Self::NotNow(Some(told)) => return told + whole.min(RETRY_DELAY_MIN).mul_f64(random_unit()),
            Self::Elsewhere => whole.min(SEEK_DELAY_MAX),
            _ => whole,
        };
        whole / 2 + (whole / 2).mul_f64(random_unit())
    }

    /// Whether a request is sent again after this, where it was tried so often, will have waited so long by then, and at
    /// most so often where it is not patient.
    pub(super) fn sends_again(self, request: &Request<'_>, attempt: u32, waited: Duration, retries: u32) -> bool {
        let repeatable = request.method.repeatable();
        match self {
            Self::None => false,
            _ if retries == 0 => false,
            Self::NotNow(_) | Self::Elsewhere if request.patience >= Patience::Waits => waited <= PATIENCE,
            Self::NotNow(_) => repeatable && attempt < retries,
            // Nobody acted.
            Self::NoConnection | Self::Elsewhere => attempt < retries,
            Self::Lost => request.patience == Patience::Whole && repeatable && attempt < LOST_RETRIES,
        }
    }
}

/// `Retry-After` in its form of whole seconds; the form with a date is not used by these servers.
fn told_delay(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_DELAY_MAX))
}
