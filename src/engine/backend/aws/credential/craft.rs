//! What a type of credential is, as the roles, the path `creds/` and the leases see it.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::engine::backend::Call;
use crate::engine::backend::aws::Aws;
use crate::engine::backend::aws::client::Account;
use crate::engine::backend::aws::role::Role;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::lease::{self, End, Lane, Lease, Terms, Told};
use crate::engine::token::Token;
use crate::engine::wire::error::Error;

/// A type of credential: a description, and the code that differs.
pub(in crate::engine::backend::aws) struct CredentialType {
    /// Its name on the wire and in stored roles: `iam_user`.
    pub(in crate::engine::backend::aws) name: &'static str,
    /// Which of the fields that not every type takes (`check.rs`) a role of it may have.
    pub(super) fields: &'static [&'static str],
    /// What a role of it lacks, or has that does not go together: one sentence each.
    pub(super) problems: fn(&Role) -> Vec<String>,
    /// What AWS will refuse of a role of it that is stored all the same: one sentence each.
    pub(super) warnings: fn(&Role) -> Vec<String>,
    /// Whether credentials of a role of it may do more than the role's policies say, and nobody knows what.
    pub(super) is_open: fn(&Role) -> bool,
    /// Whether the policies of its roles only limit what somebody else may do, whose sessions it makes.
    pub(super) is_of_another: bool,
    /// The role of it that a write with the parameters of before 2018 means, if it means one.
    pub(super) legacy: fn(&Legacy<'_>) -> Option<Role>,
    /// How credentials of it are made and ended; none of a type that is not issued.
    pub(super) craft: Option<&'static dyn Craft>,
}

impl CredentialType {
    /// One that takes no field that others do not, demands nothing, and is not issued: what most begin with.
    pub(super) const PLAIN: Self = Self {
        name: "",
        fields: &[],
        problems: |_| Vec::new(),
        warnings: |_| Vec::new(),
        is_open: |_| false,
        is_of_another: false,
        legacy: |_| None,
        craft: None,
    };
}

/// What a role's write with the parameters of before 2018 gives.
pub(in crate::engine::backend::aws) enum Legacy<'a> {
    /// The ARN of something in IAM.
    Arn {
        /// The ARN.
        arn: &'a str,
        /// The type of the resource: `policy`, `role`.
        resource: &'a str,
    },
    /// A policy document, without insignificant white space.
    Document(&'a str),
}

/// One credential that is asked for.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    /// The engine.
    pub(super) core: &'a Arc<Core>,
    /// The request: its parameters are in it.
    pub(super) call: Call<'a>,
    /// Who asks.
    pub(super) token: &'a Token,
    /// The role's name.
    pub(super) role_name: &'a str,
    /// The role.
    pub(super) role: &'a Role,
    /// Where it is made.
    pub(super) account: &'a Account,
}

/// How credentials of a type are made and ended. What was made is a value of the type's own; it is stored with the
/// lease, so what one release has written the next one reads.
pub(super) trait Craft: Sync {
    /// Whether its leases can be renewed.
    fn is_renewable(&self) -> bool;

    /// What the role, the mount's configuration and the request say of a new lease's TTL: `increment`, `backend_ttl`
    /// and `backend_max`.
    ///
    /// # Errors
    /// Which of them can't be.
    fn terms(&self, order: &Order<'_>) -> Result<Terms, Error>;

    /// How long a credential may live, with all renewals, in seconds.
    fn longest(&self, _role: &Role, mount: &Mount, terms: &Terms) -> i64 {
        match terms.backend_max {
            max if max > 0 => max.min(mount.max_ttl()),
            _ => mount.max_ttl(),
        }
    }

    /// All that comes before the lease is written, the wait for a turn of the account at the end, so that the lease's
    /// time is that of the first attempt.
    ///
    /// # Errors
    /// Why none can be made; AWS was not asked for it.
    fn intend<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Box<dyn Intent>, Error>>;

    /// What the trail tells about what was made: never a secret.
    fn told(&self, made: &Value) -> Told;

    /// The lease, issued at `issue_time`, ends at `now` while its outcome may be unknown: what will have to be seen
    /// before an absence is believed is noted. Both are Unix seconds.
    ///
    /// # Errors
    /// If the value is not the type's.
    fn doubt(&self, _made: &mut Value, _issue_time: i64, _now: i64) -> Result<(), Error> {
        Ok(())
    }

    /// When what a lease holds ends by itself (Unix seconds), where nothing ends it before and that is after `time`.
    fn runs_until(&self, _made: &Value, _time: i64) -> Option<i64> {
        None
    }

    /// The session of an IAM role that a lease holds, if it goes on past `time` (Unix seconds): what can be cut off
    /// before its end.
    fn living_session(&self, _made: &Value, _time: i64) -> Option<RoleSession> {
        None
    }

    /// Before this time (Unix seconds) there is no use in looking.
    fn not_before(&self, _made: &Value) -> i64 {
        0
    }

    /// Removes what was made, as far as one attempt goes. Where AWS holds nothing that could be removed, it is gone
    /// with its lease.
    fn end<'a>(&'a self, _ending: Ending<'a>, _made: &'a mut Value) -> BoxFuture<'a, Result<End, lease::Failure>> {
        std::future::ready(Ok(End::Gone)).boxed()
    }
}

/// A session of an IAM role.
pub(super) struct RoleSession {
    /// The ARN of the role.
    pub(super) role_arn: String,
    /// When AWS ends it (Unix seconds).
    pub(super) ends: i64,
}

/// A lease that ends.
#[derive(Clone, Copy)]
pub(super) struct Ending<'a> {
    /// The backend.
    pub(super) aws: &'a Aws,
    /// The engine.
    pub(super) core: &'a Core,
    /// The mount that issued it.
    pub(super) mount: &'a Mount,
    /// Its id.
    pub(super) lease: &'a str,
    /// When it was issued (Unix seconds).
    pub(super) issued: i64,
    /// Who waits for it.
    pub(super) lane: Lane,
}

/// A credential between the intent and its being made.
pub(super) trait Intent: Send {
    /// What the lease says of it before AWS is asked: enough to remove it.
    ///
    /// # Errors
    /// None that is known: it is plain data.
    fn made(&self) -> Result<Value, Error>;

    /// Makes it, under a lease that is durable.
    fn make<'a>(self: Box<Self>, order: Order<'a>, lease: &'a Lease) -> BoxFuture<'a, Outcome>;
}

/// What came of making a credential.
pub(super) struct Outcome {
    /// What is there now, or may be.
    pub(super) made: Result<Value, Error>,
    /// The answer's `data`.
    pub(super) answer: Result<Value, Refusal>,
    /// When AWS ends it by itself (Unix seconds), if it does: no lease lasts longer.
    pub(super) until: Option<i64>,
}

/// What kept AWS from making a credential.
pub(super) struct Refusal {
    /// As the client is told.
    pub(super) error: Error,
    /// AWS has done nothing, for certain.
    pub(super) nothing_done: bool,
}

/// A failure to end a lease that is not AWS's.
pub(super) fn ours(text: String) -> lease::Failure {
    lease::Failure { text, outage: false, postponed: false }
}

/// The ARN of a session of a role.
pub(super) fn session_arn(role_arn: &str, name: &str) -> String {
    let sections: Vec<&str> = role_arn.splitn(6, ':').collect();
    let [_, partition, _, _, account, resource] = sections[..] else {
        return format!("{role_arn}/{name}");
    };
    let role = resource.rsplit('/').next().unwrap_or_default();
    format!("arn:{partition}:sts::{account}:assumed-role/{role}/{name}")
}
