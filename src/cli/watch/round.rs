//! One round: the newest files, a plan of them, drift, and, where that is said, an apply.

use std::sync::atomic::{AtomicBool, Ordering};

use super::settings::Settings;
use crate::api::Client;
use crate::apply::{self, Options};
use crate::cli::baseline;
use crate::cli::context::{Context, Proposed, Workplace, owner_of};
use crate::cli::error::CliError;
use crate::cli::lock::{self, LockArgs, Locking};
use crate::cli::output;
use crate::clock::Clock;
use crate::drift::Drift;
use crate::estate::Estate;
use crate::git;
use crate::ledger::lock::Seen;
use crate::proposal::{self, Proposal, Purpose};
use crate::watch::{Ending, Finding, Held, HeldOf, Left, Made, Mode, Moment, Round, Written};

/// What a round that runs is told.
#[derive(Default)]
pub(super) struct Control {
    /// Nothing more is to be begun.
    pub(super) stop: AtomicBool,
    /// Something is being written.
    pub(super) writes: AtomicBool,
}

/// A round that ended, and what it saw.
pub(super) struct Ended {
    pub(super) round: Round,
    /// What is not as it should be, as of its end.
    pub(super) drift: Option<Drift>,
    /// The exit code of `--once`.
    pub(super) exit_code: u8,
}

/// What a round has found out so far.
#[derive(Default)]
struct Known {
    commit: Option<String>,
    read: bool,
    plan: Option<String>,
    found: Option<Left>,
    left: Option<Left>,
    made: Made,
    drift: Option<Drift>,
    held: Option<Held>,
}

/// Makes one round. What it can't do is what it came to.
pub(super) async fn run(settings: &Settings, before: &[Finding], control: &Control) -> Ended {
    let clock = Clock::system();
    let (began, start) = (Moment::of(clock.now()), clock.elapsed());
    let mut known = Known::default();
    let end = match Box::pin(Rounds { settings, before, control }.look(&mut known)).await {
        Ok(end) => end,
        Err(error) => Ending::Failed { exit_code: error.exit_code.max(1), why: words(&error) },
    };
    let (outcome, exit_code) = (end.outcome(), end.exit_code());
    let round = Round {
        began,
        ended: Moment::of(clock.now()),
        seconds: (clock.elapsed().saturating_sub(start)).as_secs_f64(),
        mode: settings.mode,
        commit: known.commit,
        read: known.read,
        plan: known.plan,
        outcome,
        why: end.why(),
        found: known.found,
        left: known.left,
        made: known.made,
        held: known.held,
    };
    Ended { round, drift: known.drift, exit_code }
}

/// An error with its hints.
fn words(error: &CliError) -> String {
    let hints = error.hints.iter().map(|hint| format!("\nhelp: {hint}"));
    format!("{}{}", error.message, hints.collect::<String>())
}

/// What rounds are made with.
#[derive(Clone, Copy)]
struct Rounds<'a> {
    settings: &'a Settings,
    before: &'a [Finding],
    control: &'a Control,
}

impl Rounds<'_> {
    async fn look(self, known: &mut Known) -> Result<Ending, CliError> {
        let context = self.settings.context().await?;
        let end = Box::pin(self.look_with(&context, known)).await;
        context.close().await;
        end
    }

    async fn look_with(self, context: &Context, known: &mut Known) -> Result<Ending, CliError> {
        let dir = context.estate_dir();
        known.commit = crate::git::commit(&dir).map_err(crate::cli::access::git_failed)?;
        if let Some(why) = self.unsigned(context, known)? {
            // Not even where its engine is may be taken from such files.
            return Ok(Ending::Refused(why));
        }
        let workplace = context.workplace().await?;
        known.read = true;
        // A round that logs in has a token of its own, which is no other round's.
        if !context.logs_in()
            && let Some(told) = super::token::keep(&workplace.client, self.settings.interval).await
        {
            output::say(&format!("warning: {}", output::one_line(&told)));
        }
        match self.settings.mode {
            Mode::Report => {
                let proposed = context.propose(workplace, self.settings.word(), Purpose::Show).await?;
                self.find(context, &proposed, known).await
            }
            Mode::Apply => Box::pin(self.apply(context, workplace, known)).await,
        }
    }

    /// Why the files count as signed by nobody, where that is asked.
    fn unsigned(self, context: &Context, known: &Known) -> Result<Option<String>, CliError> {
        let Some(signers) = &self.settings.signers else { return Ok(None) };
        let why = match known.commit.as_deref() {
            None => Some("the files are in no commit".to_owned()),
            Some(commit) if git::is_changed(commit) => Some("the files are not as their commit has them".to_owned()),
            Some(_) => {
                let unsigned = proposal::unsigned(&context.estate_dir(), signers);
                unsigned.map_err(|error| context.unproposed(error))?
            }
        };
        Ok(why.map(|why| format!("only commits are read that are signed by one of --require-signed: {why}")))
    }

    /// Looks what is not as it should be.
    async fn find(self, context: &Context, proposed: &Proposed, known: &mut Known) -> Result<Ending, CliError> {
        let Proposed { proposal, client, .. } = proposed;
        known.plan = (!proposal.plan.is_empty()).then(|| proposal.plan.digest());
        let drift = self.drift(context, proposal, client).await?;
        known.found = Some(Left::of(&drift, self.before, Moment::of(context.clock().now())));
        known.held = Some(held(context, &proposal.estate, client).await);
        let extent = drift.extent();
        known.drift = Some(drift);
        Ok(Ending::Looked(extent))
    }

    /// What is not as it was left, without what somebody accepts.
    async fn drift(self, context: &Context, proposal: &Proposal, client: &Client) -> Result<Drift, CliError> {
        let drift = proposal::drift_of(proposal, client, &context.estate_dir()).await;
        let mut drift = drift.map_err(|error| context.unproposed(error))?;
        baseline::accept(context, &mut drift, client, self.settings.baseline.as_deref()).await?;
        Ok(drift)
    }

    /// The same, and makes it as the files say.
    async fn apply(self, context: &Context, workplace: Workplace, known: &mut Known) -> Result<Ending, CliError> {
        let environment = &workplace.estate.environment;
        let owner = owner_of(environment);
        let locking = Locking::new(context, &workplace.client, owner, "watch", &LockArgs::default())?;
        let free = match locking.look().await? {
            Ok(free) => free,
            Err(by) => return Ok(Ending::Waits(format!("the lock is held by {by}"))),
        };
        let mut proposed = context.propose(workplace, self.settings.word(), Purpose::Apply).await?;
        if proposed.proposal.plan.commit != known.commit {
            return Ok(Ending::Waits("the files became others while they were read".to_owned()));
        }
        let end = self.find(context, &proposed, known).await?;
        let is_dirty = known.commit.as_deref().is_some_and(git::is_changed);
        let missing: Vec<&str> = proposed.proposal.missing_to_write().map(|missing| missing.problem.as_str()).collect();
        let allow_deletes = self.settings.allow_deletes;
        if let Some(refused) = Ending::refused(&proposed.proposal.plan, &missing, is_dirty, allow_deletes) {
            return Ok(refused);
        }
        let (plan, desired, ledger) = proposed.proposal.parts();
        if !apply::has_work(plan, desired, ledger) || self.is_held_back()? {
            return Ok(end);
        }
        match Box::pin(self.write(context, &locking, free, &mut proposed, known)).await? {
            None => Ok(Ending::Waits("somebody else has applied since this round began".to_owned())),
            Some(Written::Whole(why)) => {
                drop(proposed);
                Box::pin(self.look_again(context, why, known)).await
            }
            Some(Written::Short(end)) => Ok(end),
        }
    }

    /// Whether somebody said meanwhile that nothing is to be written.
    fn is_held_back(self) -> Result<bool, CliError> {
        let suspension = self.settings.store.suspension().map_err(|error| super::unkept(&error))?;
        Ok(suspension.is_some() || self.control.stop.load(Ordering::Relaxed))
    }

    /// Carries the plan out; none where somebody else was quicker to take the lock.
    async fn write(
        self,
        context: &Context,
        locking: &Locking<'_>,
        free: Option<Seen>,
        proposed: &mut Proposed,
        known: &mut Known,
    ) -> Result<Option<Written>, CliError> {
        let Proposed { proposal, client, .. } = proposed;
        let (plan, desired, ledger) = proposal.parts();
        self.control.writes.store(true, Ordering::Relaxed);
        let Some(lock) = locking.take(ledger, free).await? else { return Ok(None) };
        let options =
            Options { clock: context.clock(), stop: &self.control.stop, lock: Some(&lock), progress: &|_, _| () };
        let end = async {
            let applied = apply::run(client, plan, desired, ledger, &options).await;
            let applied = applied.map_err(|error| context.unproposed(error.into()))?;
            let (written, done) = (Written::of(&applied.report, desired), applied.report.applied());
            known.made =
                Made { added: done.add + done.adopt, changed: done.change + done.rename, deleted: done.delete };
            context.recorded(applied.record(client, ledger, context.clock()).await)?;
            Ok(written)
        };
        let end: Result<Written, CliError> = end.await;
        lock::free(lock).await;
        end.map(Some)
    }

    /// What an apply has left, read anew: what it reported is not taken for what is.
    async fn look_again(self, context: &Context, why: Option<String>, known: &mut Known) -> Result<Ending, CliError> {
        let workplace = context.workplace().await?;
        let proposed = context.propose(workplace, self.settings.word(), Purpose::Apply).await?;
        let drift = self.drift(context, &proposed.proposal, &proposed.client).await?;
        known.left = Some(Left::of(&drift, self.before, Moment::of(context.clock().now())));
        let left = drift.extent();
        known.drift = Some(drift);
        known.held = Some(held(context, &proposed.proposal.estate, &proposed.client).await);
        Ok(Ending::Applied { why, left })
    }
}

/// What apps hold now.
async fn held(context: &Context, estate: &Estate, client: &Client) -> Held {
    let roles = proposal::outstanding(client, estate).await;
    let of = |(app, role, leases)| HeldOf { app, role, leases };
    Held { at: Moment::of(context.clock().now()), roles: roles.map(|roles| roles.into_iter().map(of).collect()) }
}
