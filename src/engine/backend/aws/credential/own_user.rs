//! Sessions of the engine's own user, whatever STS is asked for: all but what goes with the request.

use std::marker::PhantomData;

use aws_sdk_sts::types::Credentials;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::craft::{Craft, Ending, Intent, Order, Outcome, Refusal, ours};
use super::{limits, session};
use crate::engine::backend::aws::failure::Failure;
use crate::engine::backend::aws::pacer::Turn;
use crate::engine::backend::aws::role::Role;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::{self, End, Lane, Lease, Terms, Told};
use crate::engine::wire::error::Error;

/// How texts about making one begin.
pub(super) const GENERATING: &str = "Error generating STS keys";

/// What AWS answers: the ARN that it tells, if it tells one, and the credentials, if it gives any.
pub(super) struct Answer {
    pub(super) arn: Option<String>,
    pub(super) credentials: Option<Credentials>,
}

/// What goes with the request of one type.
pub(super) trait Asked: Sized + Send + Sync + 'static {
    /// Reads it from the role and the request. Nothing is written yet.
    ///
    /// # Errors
    /// What can't be asked.
    fn of(order: Order<'_>) -> BoxFuture<'_, Result<Self, Error>>;

    /// Asks STS for a session of so many seconds.
    ///
    /// # Errors
    /// What AWS refused.
    fn ask<'a>(
        &'a self,
        sts: &'a aws_sdk_sts::Client,
        seconds: i32,
        order: Order<'a>,
        turn: Turn,
    ) -> BoxFuture<'a, Result<Answer, Failure>>;
}

/// How sessions of the engine's own user are made and ended.
pub(super) struct OfOwnUser<A>(PhantomData<fn() -> A>);

impl<A> OfOwnUser<A> {
    pub(super) const CRAFT: Self = Self(PhantomData);
}

impl<A: Asked> Craft for OfOwnUser<A> {
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
            let asked = A::of(order).await?;
            session::reachable(order.account, GENERATING)?;
            let seconds = self.terms(&order)?.increment;
            let turn = order.account.turn(Lane::Issue).await.map_err(|failure| failure.told(GENERATING))?;
            Ok(Box::new(NewSession { asked, seconds, turn }) as Box<dyn Intent>)
        };
        intended.boxed()
    }

    fn told(&self, made: &Value) -> Told {
        OwnSession::of(made).unwrap_or_default().told()
    }

    fn runs_until(&self, made: &Value, time: i64) -> Option<i64> {
        OwnSession::of(made).ok()?.ends.filter(|ends| *ends > time)
    }

    fn end<'a>(&'a self, ending: Ending<'a>, made: &'a mut Value) -> BoxFuture<'a, Result<End, lease::Failure>> {
        let ended = OwnSession::of(made).map_err(|error| ours(error.to_string()));
        std::future::ready(ended.map(|made| session::end(ending.core, &made.named(), made.ends))).boxed()
    }
}

/// A session to be, and the first turn to ask for it.
struct NewSession<A> {
    asked: A,
    seconds: i64,
    turn: Turn,
}

impl<A: Asked> Intent for NewSession<A> {
    fn made(&self) -> Result<Value, Error> {
        OwnSession::default().to_value()
    }

    fn make<'a>(self: Box<Self>, order: Order<'a>, _lease: &'a Lease) -> BoxFuture<'a, Outcome> {
        let Self { asked, seconds, turn } = *self;
        let mut made = OwnSession::default();
        let ended = async move {
            let answer = open(&mut made, &asked, seconds, order, turn).await;
            // A session whose secret nobody heard is none that anybody could use.
            let answer = answer.map_err(|failure| Refusal { error: failure.told(GENERATING), nothing_done: true });
            Outcome { made: made.to_value(), answer, until: made.ends }
        };
        ended.boxed()
    }
}

async fn open<A: Asked>(
    made: &mut OwnSession,
    asked: &A,
    seconds: i64,
    order: Order<'_>,
    turn: Turn,
) -> Result<Value, Failure> {
    let (sts, seconds) = session::client(order.account, seconds)?;
    let Answer { arn, credentials } = asked.ask(sts, seconds, order, turn).await?;
    let given = credentials.ok_or_else(|| Failure::unknown("the answer of AWS holds no credentials".to_owned()))?;
    made.arn = arn;
    made.begun(&given);
    Ok(session::answer(order.core, &given))
}

/// What a lease holds of a session of the engine's own user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct OwnSession {
    /// The ARN of a federated user, once known; that of a session of the user itself is the user's, which AWS does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    /// The access key id, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    /// When AWS ends it (Unix seconds), once it has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends: Option<i64>,
}

impl OwnSession {
    /// What a lease holds.
    ///
    /// # Errors
    /// If it holds something else.
    fn of(made: &Value) -> Result<Self, Error> {
        Self::deserialize(made).map_err(|error| Error::Internal(format!("a lease holds no session: {error}")))
    }

    /// As a lease holds it.
    ///
    /// # Errors
    /// None that is known: it is plain data.
    fn to_value(&self) -> Result<Value, Error> {
        serde_json::to_value(self).map_err(|error| Error::Internal(format!("a session is not JSON: {error}")))
    }

    /// It has begun.
    fn begun(&mut self, given: &Credentials) {
        self.access_key_id = Some(given.access_key_id.clone());
        self.ends = Some(given.expiration.secs());
    }

    /// What the trail tells of it.
    fn told(self) -> Told {
        Told { id: self.access_key_id, holder: String::new(), goes_by: self.arn }
    }

    /// How errors and the trail name it.
    fn named(&self) -> String {
        let key = || self.access_key_id.as_ref().map(|id| format!("the key {id}"));
        self.arn.clone().or_else(key).unwrap_or_else(|| "it".to_owned())
    }
}
