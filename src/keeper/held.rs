//! A credential that is held for somebody, and until when: its lease and the token that it was asked for with are renewed
//! together, and end together. Between the calls nothing is held open, so that an embedded engine is free for others.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::source::{Issued, Source, Trouble};
use crate::api::{self, Client, Said};
use crate::clock::Clock;

/// The shortest time between two calls about one credential.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest time until a call that failed is tried again.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A credential that is held.
pub struct Held {
    /// What was issued.
    pub issued: Issued,
    /// When lease or token end, whichever is first.
    ends: Instant,
    /// When it is renewed; `None` where that is not possible any more.
    renewed_at: Option<Instant>,
    /// When another takes its place, where it is not renewed.
    replaced_at: Instant,
    /// Whether the engine can be asked if it is there still.
    is_seen: bool,
}

/// Whether what is held is there still.
pub enum Sight<E> {
    /// It is.
    There,
    /// The token that it was asked for with is over, which ends nothing that is under no lease: it is to be asked for anew.
    Stale,
    /// The engine does not know the lease any more, or the token that it was asked for with, or has another key: somebody
    /// ended it.
    Gone(Trouble<E>),
    /// The engine could not be asked; it is asked again, unless it is that the token may not ask.
    Unknown(Trouble<E>),
}

/// What became of a renewal.
pub enum Renewal<E> {
    /// There is more time.
    Longer,
    /// There is no more to be had: it ends after this.
    Last(Duration),
    /// The engine does not know the lease or the token any more, or refuses: it has ended, or will.
    Refused(Trouble<E>),
    /// The engine could not be asked; it is tried again.
    Failed(Trouble<E>),
}

impl Held {
    /// Logs in, and asks for a credential.
    ///
    /// # Errors
    /// An engine that can't be reached, and what it refuses.
    pub async fn ask<S: Source>(source: &S) -> Result<Self, Trouble<S::Error>> {
        let asked = Instant::now();
        let (client, opened) = source.open().await.map_err(Trouble::Source)?;
        let issued = source.issue(&client, &opened).await;
        source.close(opened).await;
        let issued = issued.map_err(Trouble::Source)?;
        let ends = asked
            + match issued.credential.is_leased() {
                true => left(issued.credential.lease_seconds(), issued.token_ttl),
                false => (issued.credential.ends() - Clock::system().now()).try_into().unwrap_or_default(),
            };
        // A lease of a batch token ends with it.
        let is_renewable = issued.credential.is_renewable() && !issued.is_batch;
        let renewed_at = is_renewable.then(|| after_two_thirds(asked, ends));
        // Each look would take one of the uses that the token is there for.
        let is_seen = issued.token_uses == 0;
        Ok(Self { issued, ends, renewed_at, replaced_at: after_two_thirds(asked, ends), is_seen })
    }

    /// When it ends, if it is not renewed.
    pub fn ends(&self) -> Instant {
        self.ends
    }

    /// When it is to be renewed; `None` where that is not possible.
    pub fn renewed_at(&self) -> Option<Instant> {
        self.renewed_at
    }

    /// When another takes its place, where it is not renewed: with a third of its life left.
    pub fn replaced_at(&self) -> Instant {
        self.replaced_at
    }

    /// Whether the engine can be asked if it is there still.
    pub fn is_seen(&self) -> bool {
        self.is_seen
    }

    /// Asks whether it is there still: its lease, or, of what is under none, the key. What ends a lease early ends what it is
    /// for, or takes it away in AWS, and nobody else tells who holds it.
    ///
    /// It asks to renew the lease, which every app's token may: of one that can't be renewed the answer tells whether it is
    /// there. What is given for one that can is not counted on. The key of a static role it reads where it read it first.
    pub async fn look<S: Source>(&mut self, source: &S) -> Sight<S::Error> {
        let (client, opened) = match self.open(source).await {
            Ok(opened) => opened,
            Err(error) => return Sight::Unknown(Trouble::Source(error)),
        };
        let credential = &self.issued.credential;
        let is_there = match credential.is_leased() {
            true => client.write("sys/leases/renew", &lease_body(credential.lease_id())).await.map(|_| true),
            false => {
                client.read(&self.issued.path).await.map(|answer| answer.is_some_and(|one| credential.is_of(&one)))
            }
        };
        source.close(opened).await;
        let error = match is_there {
            Ok(true) => return Sight::There,
            Ok(false) => return Sight::Gone(Trouble::Superseded),
            // The token of a static key is over; the key need not be.
            Err(error) if !credential.is_leased() && error.denial() == Some(api::Denial::Ended) => {
                self.is_seen = false;
                return Sight::Stale;
            }
            Err(error) => error,
        };
        let is_gone = error.says(Said::NoLease) || error.denial() == Some(api::Denial::Ended);
        let is_there = error.says(Said::NotRenewable);
        self.is_seen = error.code() != Some(403);
        let trouble = Trouble::Engine { doing: "Error asking whether the credential is there still", error };
        match (is_gone, is_there) {
            (true, _) => Sight::Gone(trouble),
            (false, true) => Sight::There,
            (false, false) => Sight::Unknown(trouble),
        }
    }

    /// Asks for more time for token and lease.
    pub async fn renew<S: Source>(&mut self, source: &S) -> Renewal<S::Error> {
        let asked = Instant::now();
        let (lease, token_ttl) = (self.issued.credential.lease_id().to_owned(), self.issued.token_ttl);
        let now = Clock::system().now();
        let given = match self.open(source).await {
            Ok((client, opened)) => {
                let given = longer(&client, &lease, token_ttl).await;
                source.close(opened).await;
                given
            }
            Err(error) => return self.failed(Trouble::Source(error)),
        };
        match given {
            Ok(given) => {
                let before = std::mem::replace(&mut self.ends, asked + given);
                let is_longer = self.ends > before + PAUSE_MIN;
                self.replaced_at = after_two_thirds(asked, self.ends);
                self.renewed_at = is_longer.then_some(self.replaced_at);
                self.issued.credential.extend(now, given);
                if is_longer { Renewal::Longer } else { Renewal::Last(given) }
            }
            Err(error) => {
                let refused = error.code().is_some_and(|code| (400..500).contains(&code) && code != 429);
                let trouble = Trouble::Engine { doing: "Error renewing the credential", error };
                if refused {
                    self.renewed_at = None;
                    return Renewal::Refused(trouble);
                }
                self.failed(trouble)
            }
        }
    }

    /// The engine could not be asked: it is tried again, if there is time.
    fn failed<E>(&mut self, trouble: Trouble<E>) -> Renewal<E> {
        let now = Instant::now();
        let pause = (self.ends.saturating_duration_since(now) / 10).clamp(PAUSE_MIN, PAUSE_MAX);
        self.renewed_at = (now < self.ends).then(|| now + pause);
        Renewal::Failed(trouble)
    }

    /// Ends the token, and the lease with it; the lease alone of a batch token.
    ///
    /// # Errors
    /// An engine that can't be reached, or refuses.
    pub async fn end<S: Source>(&self, source: &S) -> Result<(), Trouble<S::Error>> {
        let (client, opened) = self.open(source).await.map_err(Trouble::Source)?;
        let lease_id = self.issued.credential.lease_id();
        let (path, body) = match self.issued.is_batch {
            true => ("sys/leases/revoke", lease_body(lease_id)),
            false => ("auth/token/revoke-self", Map::new()),
        };
        // What is under no lease nothing of the app's ends.
        let ended = match self.issued.is_batch && lease_id.is_empty() {
            true => Ok(()),
            false => client.write(path, &body).await.map(drop),
        };
        source.close(opened).await;
        match ended {
            Ok(()) => Ok(()),
            Err(error) if self.issued.is_batch && error.denial() == Some(api::Denial::Forbidden) => {
                source.tell(&format!(
                    "WARNING! The credential works on until its lease ends: nobody can revoke the app's batch token, and \
                     no policy of it has \"update\" on {path}."
                ));
                Ok(())
            }
            // It has ended by itself, and all that was asked for with it.
            Err(error) if error.denial() == Some(api::Denial::Ended) => Ok(()),
            Err(error) => Err(Trouble::Engine { doing: "Error revoking the app's token", error }),
        }
    }

    /// A client that speaks as the app, and what was opened for it.
    async fn open<S: Source>(&self, source: &S) -> Result<(Client, S::Opened), S::Error> {
        let (client, opened) = source.open().await?;
        Ok((client.with_token(self.issued.token.clone()), opened))
    }
}

/// Asks for more time, for the token first: what was given.
async fn longer(client: &Client, lease: &str, token_ttl: i64) -> Result<Duration, api::Error> {
    let token_ttl = match token_ttl {
        0 => 0,
        _ => {
            let renewed = client.write("auth/token/renew-self", &Map::new()).await?;
            renewed.auth.unwrap_or_default().get("lease_duration").and_then(Value::as_i64).unwrap_or(0)
        }
    };
    let renewed = client.write("sys/leases/renew", &lease_body(lease)).await?;
    Ok(left(renewed.lease_duration, token_ttl))
}

fn lease_body(lease: &str) -> Map<String, Value> {
    Map::from_iter([("lease_id".to_owned(), Value::from(lease))])
}

fn after_two_thirds(from: Instant, ends: Instant) -> Instant {
    from + (ends.saturating_duration_since(from) * 2 / 3).max(PAUSE_MIN)
}

/// How long lease and token are there; a token of 0 seconds has no end.
fn left(lease: i64, token: i64) -> Duration {
    let seconds = if token > 0 { lease.min(token) } else { lease };
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
