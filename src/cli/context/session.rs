//! The login of one run: a command that is about an environment may log in for itself, by JWT, AppRole, Kubernetes, AWS
//! and whatever else apps log in by. One token then does all that the run does; it is renewed while that lasts, and
//! revoked at its end.
//!
//! Source: Vault API, "Tokens": `auth/token/renew-self` answers how long a token lives then, and `auth/token/revoke-self`
//! ends it; neither is for batch tokens.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Map;
use tokio::task::JoinHandle;

use super::Context;
use crate::api::Client;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::clock::Clock;
use crate::secret::Secret;
use crate::text::in_a_line;
use crate::units::duration;

/// How long giving the token back may take: it ends by itself.
const REVOKE_LIMIT: Duration = Duration::from_secs(10);

/// Shorter lives are not renewed: nothing is left of them once they are.
const RENEWED_MIN: Duration = Duration::from_secs(1);

/// What a login answered.
pub(crate) struct Session {
    pub(crate) token: Secret,
    /// Seconds until it ends; 0 for never.
    pub(crate) ttl: i64,
    /// For how many requests it was good when it was handed out; 0 for any number.
    pub(crate) uses: i64,
    /// Whether it is a batch token, which nobody can renew or revoke.
    pub(crate) is_batch: bool,
    /// Whether it can be renewed.
    pub(crate) is_renewable: bool,
}

/// A way to log in.
pub(crate) trait LogIn: Send + Sync {
    /// Logs in.
    ///
    /// # Errors
    /// What is shown is not good, or not there.
    fn log_in<'a>(&'a self, client: &'a Client, context: &'a Context) -> BoxFuture<'a, Result<Session, CliError>>;

    /// Where the token is from, as a hint has it: `the login by jwt at auth/ci as plan`.
    fn source(&self) -> String;
}

/// A run that has logged in.
pub(super) struct Run {
    client: Client,
    /// Where nobody can revoke it.
    is_batch: bool,
    lives: Duration,
    renewing: Option<JoinHandle<()>>,
}

impl Run {
    /// Logs in at an engine.
    ///
    /// # Errors
    /// As [`LogIn::log_in`]; a token that is good for less requests than a run makes.
    pub(super) async fn begin(client: &Client, how: &dyn LogIn, context: &Context) -> Result<Self, CliError> {
        let Session { token, ttl, uses, is_batch, is_renewable } = how.log_in(client, context).await?;
        let client = client.with_token(token);
        let lives = Duration::from_secs(u64::try_from(ttl).unwrap_or_default());
        let mut run = Self { client, is_batch, lives, renewing: None };
        if uses != 0 {
            run.end().await;
            let what = format!("{} gave a token that is good for {uses} requests, and a run makes many", how.source());
            return Err(CliError::new(1, what).hint("set token_num_uses = 0 there"));
        }
        if is_renewable && !is_batch && lives > RENEWED_MIN {
            run.renewing = Some(tokio::spawn(renew(run.client.clone(), context.clock().clone(), lives)));
        }
        Ok(run)
    }

    /// A client that speaks with the run's token.
    pub(super) fn speaks(&self, client: &Client) -> Client {
        self.client.token().map_or_else(|| client.clone(), |token| client.with_token(token.clone()))
    }

    /// Gives the token back.
    pub(super) async fn end(self) {
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
        if self.is_batch {
            return;
        }
        let (path, none) = ("auth/token/revoke-self", Map::new());
        let failed = match tokio::time::timeout(REVOKE_LIMIT, self.client.write(path, &none)).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => in_a_line(&error.to_string()),
            Err(_) => format!("no answer for {} s", REVOKE_LIMIT.as_secs()),
        };
        let ends = match self.lives.is_zero() {
            true => "it has no end of its own".to_owned(),
            false => format!(
                "it ends by itself, in {} at the latest",
                duration::shown(i64::try_from(self.lives.as_secs()).unwrap_or(i64::MAX))
            ),
        };
        output::say(&format!("warning: the token of this run could not be revoked ({failed}): {ends}\n"));
    }
}

/// Renews a token when two thirds of its life are over, again and again. What it can't do the next request of the run
/// tells better, since it knows what it was about.
async fn renew(client: Client, clock: Clock, mut lives: Duration) {
    while lives > RENEWED_MIN {
        clock.pause(lives * 2 / 3).await;
        let answer = client.write("auth/token/renew-self", &Map::new()).await;
        let answered = answer.ok().and_then(|answer| answer.auth?.get("lease_duration")?.as_u64());
        lives = answered.map_or(lives / 3, Duration::from_secs);
    }
}
