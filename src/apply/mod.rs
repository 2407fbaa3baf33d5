//! Carrying a plan out: exactly that plan, and nothing when the world has moved.
//!
//! The ledger says what we are about to make before anything is made. Then the stages of the plan are walked in order,
//! each concurrently: an object is read again and must still be what the plan was computed from, it is written, read back
//! and compared; of many in one folder, a page at a time. A failure stops only what stands on it. At the end, also after
//! an interruption, whoever asked is told what became of each, and then the ledger says it. Killed at any moment, the
//! next apply goes on from there.

mod allowed;
mod error;
mod event;
mod filled;
mod record;
mod report;
mod step;
mod walk;

use std::collections::{BTreeMap, HashMap};

use crate::api::Client;
use crate::clock::Clock;
use crate::ledger::history::{Note, Run};
use crate::ledger::lock::Lock;
use crate::ledger::{self, Ledger, lock};
use crate::object::{Object, Owned, Progress};
use crate::plan::{self, Change, ChangeAction, Plan, Reviewed, Standing};
use crate::secret::Secret;
use crate::text::in_a_line;

use self::record::{entry, intent, needs_intent, record};

pub use self::error::Error;
pub use self::event::Event;
pub use self::report::{Acted, Outcome, Report};
pub use self::walk::{Options, Step};

/// A plan that was carried out, and what the ledger does not say of it yet.
#[derive(Debug)]
#[must_use = "the ledger does not say yet what became of the plan"]
pub struct Applied {
    /// What became of each change. To be told before it is recorded, which may fail.
    pub report: Report,
    edits: Vec<ledger::Edit>,
    released: Result<(), ledger::Error>,
    noted: Noted,
}

/// Whether the history has an apply: not where there is nothing to change, or nobody holds a lock for it.
type Noted = Option<Result<Note, ledger::Error>>;

impl Applied {
    /// Writes what became of each change into the ledger, and into the history. The ledger is durable on return. Where the
    /// lock was lost nothing is written into it: it would be in the way of who has it. Answers why the history lacks this
    /// apply or its end, if it does.
    ///
    /// # Errors
    /// [`Error::Unrecorded`], [`Error::Unlocked`].
    pub async fn record(
        mut self,
        client: &Client,
        ledger: &mut Ledger,
        clock: &Clock,
    ) -> Result<Option<ledger::Error>, Error> {
        let (noted, summary, rows) = (self.noted.take(), self.report.summary(), self.report.rows());
        // What the next apply goes by comes first: nothing goes by the history, and an engine may be slow with it.
        let recorded = self.into_ledger(client, ledger).await;
        let unnoted = match noted {
            Some(Ok(note)) => note.end(clock.now().unix_timestamp(), summary, rows).await.err(),
            Some(Err(error)) => Some(error),
            None => None,
        };
        recorded.map(|()| unnoted)
    }

    async fn into_ledger(self, client: &Client, ledger: &mut Ledger) -> Result<(), Error> {
        if let Some(by) = self.report.unlocked() {
            return Err(Error::Unlocked { by: by.to_owned(), begun: true });
        }
        let done = self.report.exit_code();
        let unrecorded = |source| Error::Unrecorded { source, done };
        ledger.write(client, self.edits).await.map_err(unrecorded)?;
        self.released.map_err(unrecorded)
    }
}

/// Whether a plan takes any write, of objects or of what the ledger says of them.
pub fn has_work(plan: &Plan, desired: &[Object], ledger: &Ledger) -> bool {
    let kept = kept(plan, desired);
    let objects = by_path(desired, &kept);
    !plan.changes.is_empty() || ledger.is_old() || !outdated(plan, &objects, desired, ledger).is_empty()
}

/// Carries out a plan. `desired` are the objects that it was computed from. The lock, if there is one, is renewed meanwhile.
///
/// When this returns, each object that is reported as applied was read back as declared. The ledger says what was
/// intended; [`Applied::record`] lets it say what became of it.
///
/// # Errors
/// [`Error`]: nothing was done. Failures of single objects are in the report.
pub async fn run(
    client: &Client,
    plan: &Reviewed,
    desired: &[Object],
    ledger: &mut Ledger,
    options: &Options<'_>,
) -> Result<Applied, Error> {
    if let Some(refusal) = plan.refusals.first() {
        return Err(Error::Refused(refusal.clone()));
    }
    let Some(lock) = options.lock else { return carry_out(client, plan, desired, ledger, options).await };
    if let lock::Standing::Lost(by) = lock.standing().await? {
        return Err(Error::Unlocked { by, begun: false });
    }
    tokio::select! {
        applied = carry_out(client, plan, desired, ledger, options) => applied,
        never = lock.renewed() => match never {},
    }
}

async fn carry_out(
    client: &Client,
    plan: &Reviewed,
    desired: &[Object],
    ledger: &mut Ledger,
    options: &Options<'_>,
) -> Result<Applied, Error> {
    let kept = kept(plan, desired);
    let objects = by_path(desired, &kept);
    let mut outcomes: Vec<Option<Outcome>> = plan.changes.iter().map(|_| None).collect();
    let upkeep: Vec<&Object> = outdated(plan, &objects, desired, ledger);
    if plan.changes.is_empty() && upkeep.is_empty() && !ledger.is_old() {
        let report = Report::new(plan, Vec::new());
        return Ok(Applied { report, edits: Vec::new(), released: Ok(()), noted: None });
    }
    allowed::may_revoke(client, plan).await?;
    let key = ledger.open(client, options.clock).await?;
    // What is put back comes from no newer commit than what was applied since.
    ledger.set_commit(plan.commit.clone().filter(|_| plan.put_back.is_none()));
    let before: HashMap<String, Owned> = plan
        .changes
        .iter()
        .filter_map(|change| Some((change.path.clone(), ledger.owned().get(&change.path)?.clone())))
        .collect();
    let noted = note(client, ledger, plan, options.lock).await;
    let intents = intents(plan, &objects, &before, &key);
    let begun = async {
        ledger.write(client, intents).await?;
        lost_to_others(client, plan, &before, ledger, &mut outcomes).await
    };
    if let Err(error) = begun.await {
        if let Some(Ok(note)) = noted {
            // That it can't be noted is no more of a trouble than what is told already.
            let summary = format!("Nothing was changed: {}", in_a_line(&error.to_string()));
            drop(note.end(options.clock.now().unix_timestamp(), summary, Vec::new()).await);
        }
        return Err(error);
    }
    walk::walk(client, plan, &objects, &mut outcomes, options).await;
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Interrupted)).collect();
    let report = Report::new(plan, outcomes.clone());
    if report.unlocked().is_some() {
        return Ok(Applied { report, edits: Vec::new(), released: Ok(()), noted });
    }
    let released = release(client, plan, &outcomes, &upkeep, ledger).await;
    let still_theirs = |from: Option<&String>| from.filter(|_| released.is_err()).cloned();
    let mut edits: Vec<ledger::Edit> = plan
        .changes
        .iter()
        .zip(&outcomes)
        .filter_map(|(change, outcome)| {
            let object = objects.get(change.path.as_str()).copied();
            let mut edit = record(change, outcome, object, before.get(&change.path), plan, &key)?;
            if let Some(entry) = edit.as_mut().filter(|_| outcome.is_applied()) {
                entry.from = still_theirs(change.from.as_ref());
            }
            Some((change.path.clone(), edit))
        })
        .collect();
    edits.extend(upkeep.into_iter().map(|object| {
        let owned = ledger.owned().get(&object.path);
        let mut entry = kept_up(object, owned, plan, &key);
        entry.from = still_theirs(owned.and_then(|owned| owned.from.as_ref()));
        (object.path.clone(), Some(entry))
    }));
    Ok(Applied { report, edits, released, noted })
}

/// Notes in the history that an apply begins.
async fn note(client: &Client, ledger: &Ledger, plan: &Reviewed, lock: Option<&Lock>) -> Noted {
    let lock = lock.filter(|_| !plan.changes.is_empty())?;
    let run = Run::of(plan.digest(), plan.commit.clone(), plan.review_digest.clone());
    Some(Note::begin(client, ledger.owner(), lock, run).await)
}

/// What the ledger says of each change before it is made.
fn intents(
    plan: &Reviewed,
    objects: &HashMap<&str, &Object>,
    before: &HashMap<String, Owned>,
    key: &Secret,
) -> Vec<ledger::Edit> {
    let changes = plan.changes.iter().filter(|change| needs_intent(change));
    changes
        .filter_map(|change| {
            let before = before.get(&change.path);
            let entry = match objects.get(change.path.as_str()) {
                Some(object) if !change.takes_away() => intent(object, change, before, plan, key),
                // What comes to its path once it is gone is not ours.
                _ => Owned {
                    state: Progress::Intended,
                    found: change.live_fingerprint(),
                    revokes: change.revokes,
                    ..before?.clone()
                },
            };
            Some((change.path.clone(), Some(entry)))
        })
        .collect()
}

/// What the ledger says of an object that stays as it is, and of which something else is to be remembered.
fn kept_up(object: &Object, owned: Option<&Owned>, plan: &Reviewed, key: &Secret) -> Owned {
    let mut entry = entry(object, plan, key, Progress::Applied);
    let Some(owned) = owned else { return entry };
    if is_untold(plan, object) {
        let (app, place, protect, on_change) = (entry.app, entry.place, entry.protect, entry.on_change);
        entry = Owned { app, place, protect, on_change, ..owned.clone() };
    }
    // It was not written now, so it still comes from the commit that wrote it, unless that said something else.
    if plan.kept(&object.path).is_some() || !is_other(plan, owned, object) {
        entry.commit.clone_from(&owned.commit);
        entry.review.clone_from(&owned.review);
        entry.plan.clone_from(&owned.plan);
    }
    entry.guardrails.clone_from(&owned.guardrails);
    if plan.kept(&object.path).is_some() {
        entry.secrets.clone_from(&owned.secrets);
    }
    if object.unresolved().next().is_some() {
        entry.fingerprint.clone_from(&owned.fingerprint);
        entry.secrets.clone_from(&owned.secrets);
        entry.apart.clone_from(&owned.apart);
        entry.keys.clone_from(&owned.keys);
        entry.key_last.clone_from(&owned.key_last);
    }
    entry
}

/// The objects with keys that stay: each is what the object is to have.
fn kept(plan: &Plan, desired: &[Object]) -> Vec<Object> {
    desired.iter().filter_map(|object| plan.with_kept(object)).collect()
}

fn by_path<'a>(desired: &'a [Object], kept: &'a [Object]) -> HashMap<&'a str, &'a Object> {
    desired.iter().chain(kept).map(|object| (object.path.as_str(), object)).collect()
}

/// Gives way where another estate has meant to have the same object since the plan was made. Each looks only after its
/// own intent is written, so that of two that apply at the same time at least one sees the other.
async fn lost_to_others(
    client: &Client,
    plan: &Plan,
    before: &HashMap<String, Owned>,
    ledger: &Ledger,
    outcomes: &mut [Option<Outcome>],
) -> Result<(), Error> {
    let comes = |change: &&Change| match change.action {
        ChangeAction::Create | ChangeAction::Adopt => true,
        // What only an intent makes ours.
        ChangeAction::Update => {
            let known = before.get(&change.path);
            change.from.is_some() || known.is_none_or(|known| known.state == Progress::Intended)
        }
        ChangeAction::Delete | ChangeAction::Forget => false,
    };
    if !plan.changes.iter().any(|change| comes(&change)) {
        return Ok(());
    }
    // Where it is not known, the plan has said so.
    let Some(others) = ledger.readable_others(client, ledger::owners(client).await).await? else { return Ok(()) };
    for (change, outcome) in plan.changes.iter().zip(outcomes).filter(|(change, _)| comes(change)) {
        let theirs = |other: &&Ledger| {
            change.from.as_deref() != Some(other.owner())
                && other.owned().get(&change.path).is_some_and(|owned| owned.is_ours(change.live.as_ref()))
        };
        if let Some(other) = others.iter().find(theirs) {
            *outcome = Some(Outcome::Lost { whose: ledger::describe(other.owner()) });
        }
    }
    Ok(())
}

/// Takes what is ours now out of the ledgers of those who had it. Before our own ledger says that it is done: until
/// then the next apply does it.
async fn release(
    client: &Client,
    plan: &Plan,
    outcomes: &[Outcome],
    upkeep: &[&Object],
    ledger: &Ledger,
) -> Result<(), ledger::Error> {
    let applied = plan.changes.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_applied());
    let changed = applied.filter_map(|(change, _)| Some((change.from.as_ref()?, &change.path)));
    let kept =
        upkeep.iter().filter_map(|object| Some((ledger.owned().get(&object.path)?.from.as_ref()?, &object.path)));
    let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (owner, path) in changed.chain(kept) {
        taken.entry(owner.clone()).or_default().push(path.clone());
    }
    Ledger::release(client, &taken).await
}

/// Whether an object has a key that nobody has taken for meant: the ledger must not take it either.
fn is_untold(plan: &Plan, object: &Object) -> bool {
    plan.kept(&object.path).is_some_and(|kept| kept.standing == Standing::Untold)
}

/// Whether an object is as declared and was not when it was written: somebody did by hand what the files say now.
fn is_other(plan: &Plan, owned: &Owned, object: &Object) -> bool {
    let is_known = plan.kept(&object.path).is_some() || object.unresolved().next().is_none();
    is_known && !owned.is_of(object)
}

/// Declared objects that need no change, but whose ledger entry does.
fn outdated<'a>(
    plan: &Plan,
    objects: &HashMap<&str, &'a Object>,
    desired: &'a [Object],
    ledger: &Ledger,
) -> Vec<&'a Object> {
    let changing: std::collections::HashSet<&str> = plan.changes.iter().map(|change| change.path.as_str()).collect();
    let is_outdated = |owned: &Owned, object: &Object| {
        if is_untold(plan, object) {
            // What is not known of it stays so.
            return plan::is_outdated(&Owned { state: Progress::Applied, ..owned.clone() }, object);
        }
        let lacks_key = owned.keys.is_none() || owned.key_last.is_none();
        let is_taken = plan.kept(&object.path).is_some_and(|kept| kept.standing == Standing::Taken);
        is_taken
            || plan::is_outdated(owned, object)
            || (lacks_key && object.unresolved().next().is_none() && plan.keys_of(object).is_some())
            || is_other(plan, owned, object)
    };
    desired
        .iter()
        .filter(|object| !changing.contains(object.path.as_str()))
        // What the server takes from its configuration alone no apply has written.
        .filter(|object| !plan.configured.iter().any(|one| one.change.path == object.path))
        .filter_map(|object| objects.get(object.path.as_str()).copied())
        .filter(|object| ledger.owned().get(&object.path).is_some_and(|owned| is_outdated(owned, object)))
        .collect()
}
