//! `assumed_role`: a session of an IAM role for each lease (STS, AssumeRole).
//!
//! AWS ends it by itself and can't be asked to end it before: a lease that is revoked says until when its credentials
//! go on working.

use aws_sdk_sts::types::Tag;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::craft::{
    Craft, CredentialType, Ending, Intent, Legacy, Order, Outcome, Refusal, RoleSession, ours, session_arn,
};
use super::policies::{self, SessionPolicies};
use super::{cut, limits, name, outlived, session as shared};
use crate::engine::backend::aws::client::Repeat;
use crate::engine::backend::aws::failure::Failure;
use crate::engine::backend::aws::pacer::Turn;
use crate::engine::backend::aws::policy_text::go_quote;
use crate::engine::backend::aws::role::Role;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::{self, End, Lane, Lease, Terms, Told, now};
use crate::engine::wire::error::Error;
use crate::username;

/// The type.
pub(super) static TYPE: CredentialType = CredentialType {
    name: "assumed_role",
    is_of_another: true,
    fields: &["default_sts_ttl", "max_sts_ttl", "role_arns", "session_tags", "external_id"],
    warnings: limits::of_roles,
    // A session without policies of its own may do all that its role may, which is not known here.
    is_open: |role| {
        let none = |list: &Option<Vec<String>>| list.as_ref().is_none_or(Vec::is_empty);
        role.policy_document.is_empty() && none(&role.policy_arns) && none(&role.iam_groups)
    },
    legacy: |legacy| match legacy {
        Legacy::Arn { arn, resource: "role" } => {
            Some(Role { role_arns: Some(vec![(*arn).to_owned()]), ..Role::default() })
        }
        _ => None,
    },
    craft: Some(&AssumedRole),
    ..CredentialType::PLAIN
};

const ASSUMING: &str = "Error assuming role";

struct AssumedRole;

impl Craft for AssumedRole {
    fn is_renewable(&self) -> bool {
        false
    }

    fn terms(&self, order: &Order<'_>) -> Result<Terms, Error> {
        shared::terms(order, ASSUMING)
    }

    /// A session may outlive its lease, and no session outlives AWS's longest.
    fn longest(&self, role: &Role, mount: &Mount, _terms: &Terms) -> i64 {
        shared::most(role, mount).min(limits::SECONDS_MAX)
    }

    fn intend<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Box<dyn Intent>, Error>> {
        let intended = async move {
            let session = Session::intended(order)?;
            cut::over(order.core, &session.role_arn).await?;
            let policies = policies::of(order.account, order.role, ASSUMING).await?;
            shared::reachable(order.account, ASSUMING)?;
            let seconds = self.terms(&order)?.increment;
            let turn = order.account.turn(Lane::Issue).await.map_err(|failure| failure.told(ASSUMING))?;
            Ok(Box::new(NewSession { session, policies, seconds, turn }) as Box<dyn Intent>)
        };
        intended.boxed()
    }

    fn told(&self, made: &Value) -> Told {
        let session = Session::of(made).unwrap_or_default();
        Told { id: session.access_key_id.clone(), holder: String::new(), goes_by: Some(session.arn()) }
    }

    fn runs_until(&self, made: &Value, time: i64) -> Option<i64> {
        self.living_session(made, time).map(|session| session.ends)
    }

    fn living_session(&self, made: &Value, time: i64) -> Option<RoleSession> {
        let session = Session::of(made).ok()?;
        let ends = session.ends.filter(|ends| *ends > time)?;
        Some(RoleSession { role_arn: session.role_arn, ends })
    }

    fn end<'a>(&'a self, ending: Ending<'a>, made: &'a mut Value) -> BoxFuture<'a, Result<End, lease::Failure>> {
        let ended = async move {
            let session = Session::of(made).map_err(|error| ours(error.to_string()))?;
            if let Some(goes_on) = self.living_session(made, now(ending.core)) {
                outlived::keep(&ending, goes_on).await.map_err(|error| ours(error.to_string()))?;
            }
            Ok(shared::end(ending.core, &session.arn(), session.ends))
        };
        ended.boxed()
    }
}

/// What a lease holds of its session.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Session {
    /// The role.
    role_arn: String,
    /// The RoleSessionName.
    name: String,
    /// The access key id, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    /// When AWS ends it (Unix seconds), once it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends: Option<i64>,
}

impl Session {
    /// The session to be.
    fn intended(order: Order<'_>) -> Result<Self, Error> {
        let fields = order.call.fields();
        let role_arn = role_arn(order, fields.string("role_arn")?.unwrap_or_default())?;
        let name = match fields.string("role_session_name")?.unwrap_or_default().as_str() {
            "" => name::by_template(order, name::Named::InIam)?,
            asked => username::name_part(asked),
        };
        Ok(Self { role_arn, name, access_key_id: None, ends: None })
    }

    fn of(made: &Value) -> Result<Self, Error> {
        Self::deserialize(made).map_err(|error| Error::Internal(format!("a lease holds no session: {error}")))
    }

    fn to_value(&self) -> Result<Value, Error> {
        serde_json::to_value(self).map_err(|error| Error::Internal(format!("a session is not JSON: {error}")))
    }

    /// `arn:aws:sts::123456789012:assumed-role/role/session`: the role's ARN says its account, and the path is left out
    /// (IAM user guide, "IAM ARNs").
    fn arn(&self) -> String {
        session_arn(&self.role_arn, &self.name)
    }
}

/// The role that is asked for, or the only one.
fn role_arn(order: Order<'_>, asked: String) -> Result<String, Error> {
    let arns = order.role.role_arns.as_deref().unwrap_or_default();
    match (asked.as_str(), arns) {
        ("", [only]) => Ok(only.clone()),
        ("", _) => Err(Error::Invalid("did not supply a role_arn parameter and unable to determine one".to_owned())),
        (_, arns) if arns.contains(&asked) => Ok(asked),
        _ => Err(Error::Invalid(format!(
            "role_arn {} not in allowed role arns for Vault role {}",
            go_quote(&asked),
            go_quote(order.role_name)
        ))),
    }
}

/// A session to be, and the first turn to ask for it.
struct NewSession {
    session: Session,
    policies: SessionPolicies,
    seconds: i64,
    turn: Turn,
}

impl Intent for NewSession {
    fn made(&self) -> Result<Value, Error> {
        self.session.to_value()
    }

    fn make<'a>(mut self: Box<Self>, order: Order<'a>, _lease: &'a Lease) -> BoxFuture<'a, Outcome> {
        let made = async move {
            let answer = assume(&mut self.session, self.policies, self.seconds, order, self.turn).await;
            // A session whose secret nobody heard is none that anybody could use.
            let answer = answer.map_err(|failure| Refusal { error: failure.told(ASSUMING), nothing_done: true });
            Outcome { made: self.session.to_value(), answer, until: self.session.ends }
        };
        made.boxed()
    }
}

async fn assume(
    session: &mut Session,
    policies: SessionPolicies,
    seconds: i64,
    order: Order<'_>,
    turn: Turn,
) -> Result<Value, Failure> {
    let Order { account, role, core, .. } = order;
    let (sts, seconds) = shared::client(account, seconds)?;
    let arns = policies.descriptors();
    let tags: Result<Vec<Tag>, _> =
        role.session_tags.iter().flatten().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    let tags = tags.map_err(|error| shared::refused(format!("the session tags could not be made: {error}")))?;
    let send = || {
        sts.assume_role()
            .role_arn(&session.role_arn)
            .role_session_name(&session.name)
            .duration_seconds(seconds)
            .set_policy(policies.document.clone())
            .set_policy_arns(arns.clone())
            .set_tags((!tags.is_empty()).then(|| tags.clone()))
            .set_external_id((!role.external_id.is_empty()).then(|| role.external_id.clone()))
            .send()
    };
    // Made twice is two sessions, of which nobody has the first one's secret.
    let answer = account.call_in(turn, Lane::Issue, Repeat::Anything, send).await?;
    let user_arn = answer.assumed_role_user.map(|user| user.arn).unwrap_or_else(|| session.arn());
    let given =
        answer.credentials.ok_or_else(|| Failure::unknown("the answer of AWS holds no credentials".to_owned()))?;
    let ends = given.expiration.secs();
    // AWS has dated it: what was cut off meanwhile, or while its clock is behind, is nobody's.
    let taken = cut::taken(core, &session.role_arn, ends.saturating_sub(i64::from(seconds)));
    if let Some(text) = taken.map_err(|error| shared::refused(error.to_string()))? {
        return Err(shared::refused(text));
    }
    session.access_key_id = Some(given.access_key_id.clone());
    session.ends = Some(ends);
    let mut answer = shared::answer(core, &given);
    answer["arn"] = user_arn.into();
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::Session;

    #[test]
    fn a_session_is_told_by_its_arn() {
        for (role_arn, arn) in [
            ("arn:aws:iam::123456789012:role/r", "arn:aws:sts::123456789012:assumed-role/r/s"),
            ("arn:aws-cn:iam::123456789012:role/a/b/r", "arn:aws-cn:sts::123456789012:assumed-role/r/s"),
            ("x", "x/s"),
        ] {
            let session = Session { role_arn: role_arn.to_owned(), name: "s".to_owned(), ..Session::default() };
            assert_eq!(session.arn(), arn);
        }
    }
}
