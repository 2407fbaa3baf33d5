//! What commands that change what is an estate's share: they take its lock, wait for it, and give it back.

use std::time::Duration;

use super::context::Context;
use super::error::CliError;
use super::global::exactly;
use super::output;
use crate::api::Client;
use crate::apply;
use crate::ledger::lock::{self, Claim, Lock, Seen};
use crate::ledger::{self, Ledger};
use crate::plan::escape;
use crate::units::duration;

/// How long giving it back may take: it ends by itself.
const FREE_LIMIT: Duration = Duration::from_secs(10);

/// How often it is waited for anew when somebody was faster.
const TAKES_MAX: u32 = 100;

/// Flags of commands that take the lock.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct LockArgs {
    /// Wait so long for another apply or forget of this estate to end, such as 10m [default: refuse at once]
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    lock_timeout: Option<Duration>,
}

impl LockArgs {
    /// With this patience.
    pub(crate) fn of(lock_timeout: Option<Duration>) -> Self {
        Self { lock_timeout }
    }
}

/// Reads how long to wait.
///
/// # Errors
/// It is no duration.
pub(crate) fn wait(text: &str) -> Result<Duration, String> {
    let seconds = duration::parse(text)?;
    u64::try_from(seconds).map(Duration::from_secs).map_err(|_| "it can't be less than nothing".to_owned())
}

/// An owner's lock, for one command.
pub(crate) struct Locking<'a> {
    context: &'a Context,
    client: Client,
    owner: String,
    claim: Claim,
    patience: Duration,
}

impl<'a> Locking<'a> {
    /// For an operation, such as `apply`.
    ///
    /// # Errors
    /// The machine has no random bytes.
    pub(crate) fn new(
        context: &'a Context,
        client: &Client,
        owner: String,
        operation: &'static str,
        args: &LockArgs,
    ) -> Result<Self, CliError> {
        let claim = claim(context, operation)?;
        let patience = args.lock_timeout.unwrap_or_default();
        Ok(Self { context, client: client.clone(), owner, claim, patience })
    }

    /// Waits until nobody holds it. `None` where this token may not read it, which taking it tells.
    ///
    /// # Errors
    /// Who holds it still.
    pub(crate) async fn wait(&self) -> Result<Option<Seen>, CliError> {
        let told = |by: &lock::Holder| {
            output::say(&format!("Waiting for the lock: it is held by {}.", escape(&by.to_string())));
        };
        match lock::wait(&self.client, self.context.clock(), &self.owner, self.patience, &told).await {
            Ok(seen) => Ok(Some(seen)),
            Err(ledger::Error::Api { source, .. }) if source.code() == Some(403) => Ok(None),
            Err(error) => Err(failed(self.context, error)),
        }
    }

    /// Looks at it without waiting. `Err` is who holds it, for people.
    ///
    /// # Errors
    /// The engine can't be asked.
    pub(crate) async fn look(&self) -> Result<Result<Option<Seen>, String>, CliError> {
        match lock::wait(&self.client, self.context.clock(), &self.owner, Duration::ZERO, &|_| ()).await {
            Ok(seen) => Ok(Ok(Some(seen))),
            Err(ledger::Error::Locked { by, .. }) => Ok(Err(by.to_string())),
            Err(ledger::Error::Api { source, .. }) if source.code() == Some(403) => Ok(Ok(None)),
            Err(error) => Err(failed(self.context, error)),
        }
    }

    /// Takes it as it was seen; `None` if somebody else has had it since.
    ///
    /// # Errors
    /// The engine refused, or can't be asked.
    pub(crate) async fn take(&self, ledger: &mut Ledger, seen: Option<Seen>) -> Result<Option<Lock>, CliError> {
        let clock = self.context.clock();
        let taken = async {
            let seen = match seen {
                Some(seen) => seen,
                None => {
                    ledger.open(&self.client, clock).await?;
                    lock::look(&self.client, clock, &self.owner).await?
                }
            };
            ledger.lock(&self.client, clock, &self.claim, &seen).await
        };
        match taken.await {
            Ok(lock) => Ok(Some(lock)),
            Err(ledger::Error::Moved { .. }) => Ok(None),
            Err(error) => Err(failed(self.context, error)),
        }
    }

    /// Takes it as soon as nobody holds it.
    ///
    /// # Errors
    /// As [`Locking::wait`] and [`Locking::take`].
    pub(crate) async fn take_when_free(&self, ledger: &mut Ledger) -> Result<Lock, CliError> {
        for _ in 0..TAKES_MAX {
            let seen = self.wait().await?;
            if let Some(lock) = self.take(ledger, seen).await? {
                return Ok(lock);
            }
        }
        Err(CliError::new(4, format!("others were faster {TAKES_MAX} times to take the lock"))
            .hint("let fewer applies of this estate run at one time"))
    }
}

/// Gives it back. Where that can't be done it ends by itself, which is told.
pub(crate) async fn free(lock: Lock) {
    let stays = match tokio::time::timeout(FREE_LIMIT, lock.free()).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("the engine did not answer in {} s", FREE_LIMIT.as_secs()),
    };
    let ttl = lock::TTL.as_secs();
    output::say(&format!(
        "warning: the lock could not be given back, and ends by itself within {ttl} s: {}",
        escape(&stays)
    ));
}

/// Who asks for a lock.
///
/// # Errors
/// The machine has no random bytes.
pub(crate) fn claim(context: &Context, operation: &'static str) -> Result<Claim, CliError> {
    let (user, host) = who();
    Claim::new(&user, &host, operation).map_err(|error| failed(context, error))
}

/// Who runs this command, and on which host.
pub(crate) fn who() -> (String, String) {
    let user = ["USER", "LOGNAME"].into_iter().find_map(exactly).filter(|name| !name.is_empty());
    let user = user.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    (user, rustix::system::uname().nodename().to_string_lossy().into_owned())
}

/// What went wrong with a lock or a ledger.
pub(crate) fn failed(context: &Context, error: ledger::Error) -> CliError {
    context.unproposed(apply::Error::Ledger(error).into())
}
