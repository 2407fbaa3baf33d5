//! What the types of STS have in common: how long a session lasts, what AWS answers, and that nothing ends it but time.

use aws_sdk_sts::types::Credentials;
use serde_json::{Value, json};

use super::craft::Order;
use crate::clock::rfc3339;
use crate::engine::backend::aws::client::Account;
use crate::engine::backend::aws::failure::{Class, Failure};
use crate::engine::backend::aws::role::Role;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::lease::{End, Terms, now};
use crate::engine::wire::error::Error;

/// How long a session lasts when neither the request nor the role says it, in seconds.
const DEFAULT_SECONDS: i64 = 3600;

/// What a request and its role say of a session's length. More than the most is the most: of the role, else of the mount.
/// Where the role's is above the mount's, the lease is cut short with a warning, and the session is not (Vault's
/// behaviour). `doing` begins what is told.
///
/// # Errors
/// A session of no length.
pub(super) fn terms(order: &Order<'_>, doing: &str) -> Result<Terms, Error> {
    let asked = order.call.fields().seconds("ttl")?;
    let seconds = match (asked, order.role.default_sts_ttl) {
        (Some(seconds), _) => seconds,
        (None, default) if default > 0 => default,
        (None, _) => DEFAULT_SECONDS,
    };
    let increment = seconds.min(most(order.role, order.call.mount));
    if increment <= 0 {
        // As AWS would: a lease of no length is none.
        return Err(Error::Invalid(format!("{doing}: a session of {increment} seconds is none")));
    }
    Ok(Terms { increment, backend_max: order.role.max_sts_ttl, ..Terms::default() })
}

/// What a TTL is cut to: the most of the role, else of the mount, in seconds.
pub(super) fn most(role: &Role, mount: &Mount) -> i64 {
    if role.max_sts_ttl > 0 { role.max_sts_ttl } else { mount.max_ttl() }
}

/// Refuses where STS has no address: before anything is written, as no lease would help.
///
/// # Errors
/// That it has none.
pub(super) fn reachable(account: &Account, doing: &str) -> Result<(), Error> {
    match account.sts {
        Some(_) => Ok(()),
        None => {
            let text = "iam_endpoint is set and sts_endpoint is not, so that STS has no address";
            Err(Error::Invalid(format!("{doing}: {text}")))
        }
    }
}

/// The client of STS, and the seconds as it takes them.
///
/// # Errors
/// What can't be asked.
pub(super) fn client(account: &Account, seconds: i64) -> Result<(&aws_sdk_sts::Client, i32), Failure> {
    let sts = account.sts.as_ref().ok_or_else(|| refused("STS has no address".to_owned()))?;
    let seconds = i32::try_from(seconds).map_err(|_| refused(format!("no session lasts {seconds} seconds")))?;
    Ok((sts, seconds))
}

/// What AWS is not asked for.
pub(super) fn refused(text: String) -> Failure {
    Failure { class: Class::Refused, text }
}

/// An answer of STS, as clients get it; it holds the secret. Its token has two names, of which Vault's clients read either.
pub(super) fn answer(core: &Core, given: &Credentials) -> Value {
    json!({
        "access_key": given.access_key_id,
        "secret_key": given.secret_access_key,
        "security_token": given.session_token,
        "session_token": given.session_token,
        "ttl": given.expiration.secs().saturating_sub(now(core)).max(0),
    })
}

/// What ends it: time alone, where it has begun and is not over. Nobody ever heard the secret of one that has not.
pub(super) fn end(core: &Core, who: &str, ends: Option<i64>) -> End {
    match ends {
        Some(ends) if ends > now(core) => {
            End::Lapses(format!("AWS has no way to end a session: {who} works until {}", rfc3339(ends)))
        }
        Some(_) | None => End::Gone,
    }
}
