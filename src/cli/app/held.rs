//! A credential that is held for somebody, and until when: its lease and the token that it was asked for with are renewed
//! together, and end together. Between the calls nothing is held open, so that an embedded engine is free for others.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::super::context::Context;
use super::super::error::CliError;
use super::super::global::Global;
use super::super::request::body;
use super::{Issued, Wanted};
use crate::api::{self, Client};
use crate::clock::Clock;

/// The shortest time between two calls about one credential.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest time until a call that failed is tried again.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A credential that is held.
pub(in crate::cli) struct Held {
    pub(in crate::cli) issued: Issued,
    /// When lease or token end, whichever is first.
    ends: Instant,
    /// When it is renewed; `None` where that is not possible any more.
    renewed_at: Option<Instant>,
}

/// What became of a renewal.
pub(in crate::cli) enum Renewal {
    /// There is more time.
    Longer,
    /// There is no more to be had: it ends after this.
    Last(Duration),
    /// The engine does not know the lease or the token any more, or refuses: it has ended, or will.
    Refused(CliError),
    /// The engine could not be asked; it is tried again.
    Failed(CliError),
}

impl Held {
    /// Logs in, and asks for a credential.
    ///
    /// # Errors
    /// An engine that can't be reached, and what it refuses.
    pub(in crate::cli) async fn ask(wanted: &Wanted, context: Context) -> Result<Self, CliError> {
        let asked = Instant::now();
        let issued = match wanted.client(&context).await {
            Ok(client) => wanted.issue(&client, &context).await,
            Err(error) => Err(error),
        };
        context.close().await;
        let issued = issued?;
        let ends = asked
            + match issued.credential.is_leased() {
                true => left(issued.credential.lease_seconds(), issued.token_ttl),
                false => (issued.credential.ends() - Clock::system().now()).try_into().unwrap_or_default(),
            };
        let renewed_at = issued.credential.is_renewable().then(|| after_two_thirds(asked, ends));
        Ok(Self { issued, ends, renewed_at })
    }

    /// When it ends, if it is not renewed.
    pub(in crate::cli) fn ends(&self) -> Instant {
        self.ends
    }

    /// When it is to be renewed; `None` where that is not possible.
    pub(in crate::cli) fn renewed_at(&self) -> Option<Instant> {
        self.renewed_at
    }

    /// Asks for more time for token and lease.
    pub(in crate::cli) async fn renew(&mut self, wanted: &Wanted, global: &Global) -> Renewal {
        let asked = Instant::now();
        let (lease, token_ttl) = (self.issued.credential.lease_id().to_owned(), self.issued.token_ttl);
        let now = Clock::system().now();
        let given = self.with_token(wanted, global, async |client| {
            let token_ttl = match token_ttl {
                0 => 0,
                _ => {
                    let renewed = client.write("auth/token/renew-self", &Map::new()).await?;
                    renewed.auth.unwrap_or_default().get("lease_duration").and_then(Value::as_i64).unwrap_or(0)
                }
            };
            let renewed = client.write("sys/leases/renew", &body(json!({ "lease_id": lease }))).await?;
            Ok(left(renewed.lease_duration, token_ttl))
        });
        let error = match given.await {
            Ok(Ok(given)) => {
                let before = std::mem::replace(&mut self.ends, asked + given);
                let is_longer = self.ends > before + PAUSE_MIN;
                self.renewed_at = is_longer.then(|| after_two_thirds(asked, self.ends));
                self.issued.credential.extend(now, given);
                return if is_longer { Renewal::Longer } else { Renewal::Last(given) };
            }
            Ok(Err(error)) => {
                let refused = error.code().is_some_and(|code| (400..500).contains(&code) && code != 429);
                let error = CliError::api("Error renewing the credential", &error);
                if refused {
                    self.renewed_at = None;
                    return Renewal::Refused(error);
                }
                error
            }
            Err(error) => error,
        };
        let now = Instant::now();
        let pause = (self.ends.saturating_duration_since(now) / 10).clamp(PAUSE_MIN, PAUSE_MAX);
        self.renewed_at = (now < self.ends).then(|| now + pause);
        Renewal::Failed(error)
    }

    /// Ends the token, and the lease with it.
    ///
    /// # Errors
    /// An engine that can't be reached, or refuses.
    pub(in crate::cli) async fn end(&self, wanted: &Wanted, global: &Global) -> Result<(), CliError> {
        let ended = self.with_token(wanted, global, async |client| {
            match client.write("auth/token/revoke-self", &Map::new()).await {
                // It has ended by itself, and all that was asked for with it.
                Err(error) if error.denial() == Some(api::Denial::Ended) => Ok(()),
                answered => answered.map(drop),
            }
        });
        ended.await?.map_err(|error| CliError::api("Error revoking the app's token", &error))
    }

    /// Does something with the app's token, and closes what was opened for it.
    async fn with_token<T>(
        &self,
        wanted: &Wanted,
        global: &Global,
        work: impl AsyncFnOnce(Client) -> Result<T, api::Error>,
    ) -> Result<Result<T, api::Error>, CliError> {
        let context = Context::open(global)?;
        let outcome = match wanted.client(&context).await {
            Ok(client) => Ok(work(client.with_token(self.issued.token.clone())).await),
            Err(error) => Err(error),
        };
        context.close().await;
        outcome
    }
}

fn after_two_thirds(from: Instant, ends: Instant) -> Instant {
    from + (ends.saturating_duration_since(from) * 2 / 3).max(PAUSE_MIN)
}

/// How long lease and token are there; a token of 0 seconds has no end.
fn left(lease: i64, token: i64) -> Duration {
    let seconds = if token > 0 { lease.min(token) } else { lease };
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
