//! The credential that is held for one app: renewed before it ends, and asked for anew where that is not possible.
//!
//! What was handed out stays good for as long as it was said to be: a new credential takes the place of one with a third of
//! its life left, and that one ends with its lease. While the engine is away, what still lives is served, and the engine is
//! asked again after a pause that doubles, up to a minute, and is never the same for two agents.
//!
//! Somebody may end a lease before its time, in an emergency also what sessions may do that AWS can't end. Nobody tells who
//! holds it, so the engine is asked now and then whether the lease is there, and another credential takes the place of one
//! that has none.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::credential::Credential;
use super::file::KeptFile;
use super::held::{Held, Renewal, Sight};
use super::source::{Source, Trouble};
use crate::api::random_unit;
use crate::clock::Clock;

/// The first pause after a failure, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// How often it is asked whether what is served is there still, unless somebody says how often.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What is held for an app.
#[derive(Default)]
pub struct Kept {
    credential: Option<Credential>,
    /// Why there is none, or no newer one.
    failure: Option<String>,
}

impl Kept {
    /// The credential, while it lives.
    ///
    /// # Errors
    /// Why there is none.
    pub fn living(&self) -> Result<&Credential, String> {
        let living = self.credential.as_ref().filter(|credential| credential.ends() > Clock::system().now());
        living.ok_or_else(|| match &self.failure {
            Some(failure) => format!("there is no credential: {failure}"),
            None if self.credential.is_some() => "there is no credential: the last one has just ended".to_owned(),
            None => "there is no credential yet".to_owned(),
        })
    }
}

/// Who sees to one app's credential.
pub struct Keeper<S> {
    /// The app's name, as clients ask for it.
    pub name: String,
    /// Where its credentials are from.
    pub source: S,
    /// The files that are written for it.
    pub files: Vec<KeptFile>,
    /// How often it is asked whether what is served is there still.
    pub look_every: Duration,
    /// Where what is held is seen.
    pub kept: watch::Sender<Kept>,
}

impl<S: Source> Keeper<S> {
    /// Sees to it for ever.
    pub async fn run(self) {
        let mut pause = PAUSES[0];
        let mut held: Option<Held> = None;
        loop {
            match &held {
                Some(one) => {
                    let next = sooner(next(one));
                    let look = sooner(Instant::now() + self.look_every);
                    tokio::time::sleep_until(next.min(look)).await;
                    if look < next {
                        held = self.looked(held.take()).await;
                        continue;
                    }
                }
                None if self.kept.borrow().failure.is_some() => {
                    tokio::time::sleep(pause.mul_f64(0.5 + random_unit() / 2.0)).await;
                    pause = (pause * 2).min(PAUSES[1]);
                }
                None => {}
            }
            held = self.step(held.take()).await;
            if held.is_some() {
                pause = PAUSES[0];
            }
        }
    }

    /// Asks whether what is held is there still; what is not is held and served no more.
    async fn looked(&self, held: Option<Held>) -> Option<Held> {
        let mut held = held?;
        if !held.is_seen() {
            return Some(held);
        }
        match held.look(&self.source).await {
            Sight::There => Some(held),
            Sight::Stale => match Held::ask(&self.source).await {
                Ok(anew) => {
                    if !anew.issued.credential.is_same(&held.issued.credential) {
                        self.publish(&anew);
                    }
                    Some(anew)
                }
                Err(error) => {
                    self.say(&format!(
                        "whether the key is there still can't be told, and it is not asked again: {error}"
                    ));
                    Some(held)
                }
            },
            Sight::Unknown(error) => {
                let again = if held.is_seen() { "" } else { ", and it is not asked again" };
                self.say(&format!("whether the credential is there still can't be told{again}: {error}"));
                Some(held)
            }
            Sight::Gone(error) => {
                self.failed("was ended before its time", &error, true);
                None
            }
        }
    }

    /// Renews what is held, or asks for another. None is held where there is none, or no better one can be had now.
    async fn step(&self, held: Option<Held>) -> Option<Held> {
        if let Some(mut held) = held
            && held.renewed_at().is_some()
        {
            match held.renew(&self.source).await {
                // With little left, it is the next one's turn.
                Renewal::Last(left) if left.as_secs_f64() * 2.0 < held.issued.credential.lease_seconds() as f64 => {}
                Renewal::Longer | Renewal::Last(_) => {
                    self.publish(&held);
                    return Some(held);
                }
                // It is asked again, unless it ends before that.
                Renewal::Failed(error) if held.renewed_at().is_some() => {
                    self.failed("could not be renewed yet", &error, false);
                    return Some(held);
                }
                Renewal::Failed(error) => self.failed("could not be renewed", &error, false),
                Renewal::Refused(error) => self.failed("can't be renewed", &error, true),
            }
        }
        match Held::ask(&self.source).await {
            Ok(held) => {
                self.publish(&held);
                Some(held)
            }
            Err(error) => {
                self.failed("could not be had", &error, false);
                None
            }
        }
    }

    /// Asks for a credential, and writes the files. Answers when it ends.
    ///
    /// # Errors
    /// What the engine refuses; the files that can't be written.
    pub async fn once(&self) -> Result<String, Trouble<S::Error>> {
        let held = Held::ask(&self.source).await?;
        self.write(&held.issued.credential)?;
        Ok(held.issued.credential.expires().to_string())
    }

    /// Hands it on: to whoever asks, and into the files.
    fn publish(&self, held: &Held) {
        let credential = &held.issued.credential;
        self.kept.send_replace(Kept { credential: Some(credential.clone()), failure: None });
        if let Err(error) = self.write(credential) {
            self.say(&error.to_string());
        }
        self.say(&format!("a credential until {}", credential.expires()));
    }

    /// Writes the files, each whatever becomes of the others.
    ///
    /// # Errors
    /// Those that can't be written.
    fn write(&self, credential: &Credential) -> Result<(), Trouble<S::Error>> {
        let failed = self.files.iter().filter_map(|file| {
            let error = file.write(credential).err()?;
            Some(format!("{} could not be written: {error}", file.path.display()))
        });
        let failed: Vec<String> = failed.collect();
        if failed.is_empty() { Ok(()) } else { Err(Trouble::Files(failed.join("; "))) }
    }

    /// Notes why there is no newer one; what the engine says has ended is served no more.
    fn failed(&self, what: &str, error: &Trouble<S::Error>, has_ended: bool) {
        self.say(&format!("a credential {what}: {error}"));
        self.kept.send_modify(|kept| {
            kept.failure = Some(error.to_string());
            if has_ended {
                kept.credential = None;
            }
        });
    }

    fn say(&self, text: &str) {
        self.source.tell(&format!("{}: {text}", self.name));
    }
}

/// When a credential is seen to: renewed, or, where that is not possible, replaced with a third of its life left.
fn next(held: &Held) -> Instant {
    held.renewed_at().unwrap_or_else(|| held.replaced_at())
}

/// Up to a tenth sooner, so that many agents which started together do not come together.
fn sooner(at: Instant) -> Instant {
    let now = Instant::now();
    now + at.saturating_duration_since(now).mul_f64(1.0 - random_unit() / 10.0)
}
