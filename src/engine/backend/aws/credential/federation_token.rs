//! `federation_token`: for each lease a session of the user that the engine signs as, narrowed to policies that go with it
//! (STS, GetFederationToken).
//!
//! It may do what that user may and its policies allow, and no IAM and STS; without policies it could do nothing, so that
//! there have to be some. AWS ends it by itself and can't be asked to end it before.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::craft::{CredentialType, Order};
use super::own_user::{Answer, Asked, GENERATING, OfOwnUser};
use super::policies::{self, SessionPolicies};
use super::{limits, name};
use crate::engine::backend::aws::client::Repeat;
use crate::engine::backend::aws::failure::Failure;
use crate::engine::backend::aws::pacer::Turn;
use crate::engine::lease::Lane;
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
    craft: Some(&OfOwnUser::<Federated>::CRAFT),
    ..CredentialType::PLAIN
};

/// What goes with the request.
struct Federated {
    /// The name of the federated user.
    name: String,
    policies: SessionPolicies,
}

impl Asked for Federated {
    fn of(order: Order<'_>) -> BoxFuture<'_, Result<Self, Error>> {
        let asked = async move {
            let name = name::by_template(order, name::Named::FederatedUser)?;
            let policies = policies::of(order.account, order.role, GENERATING).await?;
            if policies.is_empty() {
                return Err(Error::Invalid(format!(
                    "must specify at least one of policy_arns or policy_document with {} credential_type",
                    TYPE.name
                )));
            }
            Ok(Self { name, policies })
        };
        asked.boxed()
    }

    fn ask<'a>(
        &'a self,
        sts: &'a aws_sdk_sts::Client,
        seconds: i32,
        order: Order<'a>,
        turn: Turn,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        let answered = async move {
            let arns = self.policies.descriptors();
            let send = || {
                let call = sts.get_federation_token().name(&self.name).duration_seconds(seconds);
                call.set_policy(self.policies.document.clone()).set_policy_arns(arns.clone()).send()
            };
            // Made twice is two sessions, of which nobody has the first one's secret.
            let answer = order.account.call_in(turn, Lane::Issue, Repeat::Anything, send).await?;
            let arn = answer.federated_user.map(|user| user.arn);
            Ok(Answer { arn, credentials: answer.credentials })
        };
        answered.boxed()
    }
}
