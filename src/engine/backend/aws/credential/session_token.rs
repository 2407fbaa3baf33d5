//! `session_token`: for each lease a session of the user that the engine signs as (STS, GetSessionToken), with a second
//! factor where the role names its device and the request brings the code.
//!
//! It may do all that the user may, but no IAM without the second factor, and of STS nothing but AssumeRole. Nothing narrows
//! it. AWS ends it by itself and can't be asked to end it before.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::craft::{CredentialType, Order};
use super::limits;
use super::own_user::{Answer, Asked, OfOwnUser};
use crate::engine::backend::aws::client::Repeat;
use crate::engine::backend::aws::failure::Failure;
use crate::engine::backend::aws::pacer::Turn;
use crate::engine::backend::aws::role::Role;
use crate::engine::lease::Lane;
use crate::engine::wire::error::Error;

/// The type.
pub(super) static TYPE: CredentialType = CredentialType {
    name: "session_token",
    is_of_another: true,
    fields: &["default_sts_ttl", "max_sts_ttl", "mfa_serial_number"],
    problems,
    warnings: |role| limits::of_ttls(role, limits::OWN_SECONDS_MAX),
    // What the engine's own user may do is not known here.
    is_open: |_| true,
    craft: Some(&OfOwnUser::<Factor>::CRAFT),
    ..CredentialType::PLAIN
};

/// What would narrow it, if anything could.
fn problems(role: &Role) -> Vec<String> {
    let is_some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let given = [
        ("policy_document", !role.policy_document.is_empty()),
        ("policy_arns", is_some(&role.policy_arns)),
        ("iam_groups", is_some(&role.iam_groups)),
    ];
    let given = given.into_iter().filter(|(_, given)| *given);
    given.map(|(name, _)| format!("cannot supply {name} when credential_type is {}", TYPE.name)).collect()
}

/// What goes with the request: the second factor's device and code, where the role has one.
struct Factor(Option<(String, String)>);

impl Asked for Factor {
    fn of(order: Order<'_>) -> BoxFuture<'_, Result<Self, Error>> {
        std::future::ready(factor(order).map(Self)).boxed()
    }

    fn ask<'a>(
        &'a self,
        sts: &'a aws_sdk_sts::Client,
        seconds: i32,
        order: Order<'a>,
        turn: Turn,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        let answered = async move {
            let (serial, code) = self.0.clone().unzip();
            let send = || {
                let call = sts.get_session_token().duration_seconds(seconds);
                call.set_serial_number(serial.clone()).set_token_code(code.clone()).send()
            };
            // Made twice is two sessions, of which nobody has the first one's secret; a code that was used AWS refuses.
            let answer = order.account.call_in(turn, Lane::Issue, Repeat::Anything, send).await?;
            Ok(Answer { arn: None, credentials: answer.credentials })
        };
        answered.boxed()
    }
}

/// The device of the role, and the code of the request.
///
/// # Errors
/// One without the other.
fn factor(order: Order<'_>) -> Result<Option<(String, String)>, Error> {
    let code = order.call.fields().string("mfa_code")?.unwrap_or_default();
    match (order.role.mfa_serial_number.as_str(), code) {
        ("", code) if code.is_empty() => Ok(None),
        ("", _) => Err(Error::Invalid("mfa_code is given, and the role has no mfa_serial_number".to_owned())),
        (serial, code) if code.is_empty() => {
            Err(Error::Invalid(format!("the role asks for a second factor: send mfa_code, a code of {serial}")))
        }
        (serial, code) => Ok(Some((serial.to_owned(), code))),
    }
}
