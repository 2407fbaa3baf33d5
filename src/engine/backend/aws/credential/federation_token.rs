//! `federation_token`: for each lease a session of the user that the engine signs as, narrowed to policies that go with it
//! (STS, GetFederationToken).
//!
//! It may do what that user may and its policies allow, and no IAM and STS; without policies it could do nothing, so that
//! there have to be some. AWS ends it by itself and can't be asked to end it before.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::craft::{Craft, CredentialType, Ending, Intent, Order, Outcome, Refusal, ours};
use super::policies::{self, SessionPolicies};
use super::session::{self, OwnSession};
use super::{limits, name};
use crate::engine::backend::aws::client::Repeat;
use crate::engine::backend::aws::failure::Failure;
use crate::engine::backend::aws::pacer::Turn;
use crate::engine::backend::aws::role::Role;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::{self, End, Lane, Lease, Terms, Told};
use crate::engine::wire::error::Error;

/// The type.
pub(super) static TYPE: CredentialType = CredentialType {
    name: "federation_token",
    is_of_another: true,
    fields: &["default_sts_ttl", "max_sts_ttl"],
    warnings: |role| {
        let mut found = limits::of_policies(role);
        found.extend(limits::of_ttls(role, limits::OWN_SECONDS_MAX));
        found
    },
    craft: Some(&FederationToken),
    ..CredentialType::PLAIN
};

const GENERATING: &str = "Error generating STS keys";

struct FederationToken;

impl Craft for FederationToken {
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
            let name = name::by_template(order, name::Named::FederatedUser)?;
            let policies = policies::of(order.account, order.role, GENERATING).await?;
            if policies.is_empty() {
                return Err(Error::Invalid(format!(
                    "must specify at least one of policy_arns or policy_document with {} credential_type",
                    TYPE.name
                )));
            }
            session::reachable(order.account, GENERATING)?;
            let seconds = self.terms(&order)?.increment;
            let turn = order.account.turn(Lane::Issue).await.map_err(|failure| failure.told(GENERATING))?;
            Ok(Box::new(NewSession { name, policies, seconds, turn }) as Box<dyn Intent>)
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

/// A session to be, and the first turn to ask for it.
struct NewSession {
    /// The name of the federated user.
    name: String,
    policies: SessionPolicies,
    seconds: i64,
    turn: Turn,
}

impl Intent for NewSession {
    fn made(&self) -> Result<Value, Error> {
        OwnSession::default().to_value()
    }

    fn make<'a>(self: Box<Self>, order: Order<'a>, _lease: &'a Lease) -> BoxFuture<'a, Outcome> {
        let Self { name, policies, seconds, turn } = *self;
        let mut made = OwnSession::default();
        let ended = async move {
            let answer = federate(&mut made, &name, policies, seconds, order, turn).await;
            // A session whose secret nobody heard is none that anybody could use.
            let answer = answer.map_err(|failure| Refusal { error: failure.told(GENERATING), nothing_done: true });
            Outcome { made: made.to_value(), answer, until: made.ends }
        };
        ended.boxed()
    }
}

async fn federate(
    made: &mut OwnSession,
    name: &str,
    policies: SessionPolicies,
    seconds: i64,
    order: Order<'_>,
    turn: Turn,
) -> Result<Value, Failure> {
    let (sts, seconds) = session::client(order.account, seconds)?;
    let arns = policies.descriptors();
    let send = || {
        let call = sts.get_federation_token().name(name).duration_seconds(seconds);
        call.set_policy(policies.document.clone()).set_policy_arns(arns.clone()).send()
    };
    // Made twice is two sessions, of which nobody has the first one's secret.
    let answer = order.account.call_in(turn, Lane::Issue, Repeat::Anything, send).await?;
    let given =
        answer.credentials.ok_or_else(|| Failure::unknown("the answer of AWS holds no credentials".to_owned()))?;
    made.arn = answer.federated_user.map(|user| user.arn);
    made.begun(&given);
    Ok(session::answer(order.core, &given))
}
