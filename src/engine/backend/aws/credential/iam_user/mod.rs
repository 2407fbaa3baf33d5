//! `iam_user`: an IAM user for each lease, with one access key.

mod absence;
mod make;
mod revoke;
mod user;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use self::absence::{VISIBILITY_SECONDS, Verdict, doubt, judge};
use self::make::CREATE_SECONDS_MAX;
use self::user::IssuedUser;
use super::craft::{Craft, CredentialType, Ending, Intent, Legacy, Order, ours};
use crate::engine::backend::aws::role::Role;
use crate::engine::lease::{End, Failure, Terms, Told, now};
use crate::engine::wire::error::Error;

/// The type.
pub(super) static TYPE: CredentialType = CredentialType {
    name: "iam_user",
    fields: &["user_path", "permissions_boundary_arn"],
    legacy: |legacy| match legacy {
        Legacy::Arn { arn, resource: "policy" } => {
            Some(Role { policy_arns: Some(vec![(*arn).to_owned()]), ..Role::default() })
        }
        Legacy::Arn { .. } => None,
        Legacy::Document(document) => Some(Role { policy_document: (*document).to_owned(), ..Role::default() }),
    },
    craft: Some(&IamUser),
    ..CredentialType::PLAIN
};

struct IamUser;

impl Craft for IamUser {
    fn is_renewable(&self) -> bool {
        true
    }

    fn terms(&self, order: &Order<'_>) -> Result<Terms, Error> {
        let config = &order.account.lease;
        Ok(Terms { backend_ttl: config.lease, backend_max: config.lease_max, ..Terms::default() })
    }

    fn intend<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Box<dyn Intent>, Error>> {
        make::intend(order).boxed()
    }

    fn told(&self, made: &Value) -> Told {
        let user = IssuedUser::of(made).unwrap_or_default();
        Told { id: user.access_key_id, holder: user.name, goes_by: None }
    }

    fn doubt(&self, made: &mut Value, issue_time: i64, now: i64) -> Result<(), Error> {
        let mut user = IssuedUser::of(made)?;
        if !user.created && user.absence_believed_from == 0 {
            // Whoever was at work on it was done by the time the pending lease fell due, if not before.
            let last_attempt = issue_time.saturating_add(CREATE_SECONDS_MAX).min(now);
            user.absence_believed_from = last_attempt.saturating_add(VISIBILITY_SECONDS);
            *made = user.to_value()?;
        }
        Ok(())
    }

    fn not_before(&self, made: &Value) -> i64 {
        IssuedUser::of(made).map_or(0, |user| user.absence_believed_from)
    }

    fn end<'a>(&'a self, ending: Ending<'a>, made: &'a mut Value) -> BoxFuture<'a, Result<End, Failure>> {
        let ended = async move {
            let unreadable = |error: Error| ours(error.to_string());
            let mut user = IssuedUser::of(made).map_err(unreadable)?;
            let sighting = revoke::revoke(ending, &user).await?;
            let time = now(ending.core);
            match judge(&user, sighting, time) {
                Verdict::Gone => Ok(End::Gone),
                Verdict::LookAgain { at, absences } => {
                    user.absences = absences;
                    *made = user.to_value().map_err(unreadable)?;
                    Ok(End::Unsure { at, text: doubt(&user, sighting, at.saturating_sub(time)) })
                }
            }
        };
        ended.boxed()
    }
}
