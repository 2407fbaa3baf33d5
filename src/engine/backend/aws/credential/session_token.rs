//! `session_token`: for each lease a session of the user that the engine signs as (STS, GetSessionToken), with a second
//! factor where the role names its device and the request brings the code.
//!
//! It may do all that the user may, but no IAM without the second factor, and of STS nothing but AssumeRole. Nothing narrows
//! it. AWS ends it by itself and can't be asked to end it before.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::craft::{Craft, CredentialType, Ending, Intent, Order, Outcome, Refusal, ours};
use super::limits;
use super::session::{self, OwnSession};
use crate::engine::backend::aws::client::Repeat;
use crate::engine::backend::aws::failure::Failure;
use crate::engine::backend::aws::pacer::Turn;
use crate::engine::backend::aws::role::Role;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::{self, End, Lane, Lease, Terms, Told};
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
    craft: Some(&SessionToken),
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

const GENERATING: &str = "Error generating STS keys";

struct SessionToken;

impl Craft for SessionToken {
    fn is_renewable(&self) -> bool {
        false
    }

    fn terms(&self, order: &Order<'_>) -> Result<Terms, Error> {
        session::terms(order, GENERATING)
    }

    fn longest(&self, role: &Role, mount: &Mount, _terms: &Terms) -> i64 {
        session::most(role, mount).min(limits::OWN_SECONDS_MAX)
    }

    fn intend<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Box<dyn Intent>, Error>> {
        let intended = async move {
            let factor = factor(order)?;
            session::reachable(order.account, GENERATING)?;
            let seconds = self.terms(&order)?.increment;
            let turn = order.account.turn(Lane::Issue).await.map_err(|failure| failure.told(GENERATING))?;
            Ok(Box::new(NewSession { factor, seconds, turn }) as Box<dyn Intent>)
        };
        intended.boxed()
    }

    fn told(&self, made: &Value) -> Told {
        OwnSession::of(made).unwrap_or_default().told()
    }

    fn end<'a>(&'a self, ending: Ending<'a>, made: &'a mut Value) -> BoxFuture<'a, Result<End, lease::Failure>> {
        let ended = OwnSession::of(made).map_err(|error| ours(error.to_string()));
        std::future::ready(ended.map(|made| session::end(ending.core, &made.named(), made.ends))).boxed()
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

/// A session to be, and the first turn to ask for it.
struct NewSession {
    factor: Option<(String, String)>,
    seconds: i64,
    turn: Turn,
}

impl Intent for NewSession {
    fn made(&self) -> Result<Value, Error> {
        OwnSession::default().to_value()
    }

    fn make<'a>(self: Box<Self>, order: Order<'a>, _lease: &'a Lease) -> BoxFuture<'a, Outcome> {
        let Self { factor, seconds, turn } = *self;
        let mut made = OwnSession::default();
        let ended = async move {
            let answer = open(&mut made, factor, seconds, order, turn).await;
            // A session whose secret nobody heard is none that anybody could use.
            let answer = answer.map_err(|failure| Refusal { error: failure.told(GENERATING), nothing_done: true });
            Outcome { made: made.to_value(), answer, until: made.ends }
        };
        ended.boxed()
    }
}

async fn open(
    made: &mut OwnSession,
    factor: Option<(String, String)>,
    seconds: i64,
    order: Order<'_>,
    turn: Turn,
) -> Result<Value, Failure> {
    let (sts, seconds) = session::client(order.account, seconds)?;
    let (serial, code) = factor.unzip();
    let send = || {
        let call = sts.get_session_token().duration_seconds(seconds);
        call.set_serial_number(serial.clone()).set_token_code(code.clone()).send()
    };
    // Made twice is two sessions, of which nobody has the first one's secret; a code that was used AWS refuses.
    let answer = order.account.call_in(turn, Lane::Issue, Repeat::Anything, send).await?;
    let given =
        answer.credentials.ok_or_else(|| Failure::unknown("the answer of AWS holds no credentials".to_owned()))?;
    made.begun(&given);
    Ok(session::answer(order.core, &given))
}
