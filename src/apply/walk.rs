//! The stages of a plan, one after the other, each concurrently. Changes in one folder are made in batches: with one page
//! of it they are looked at before, with another they are read back, so that ten thousand roles cost little more than ten
//! thousand requests.
//!
//! A batch is as large as what is written at one time: between the look and the last write of it lies one request, as
//! between the read and the write of a single object. What a page does not tell is read by itself.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};

use super::report::{Acted, Outcome};
use super::step::{self, Sent};
use crate::api::{Client, Origin};
use crate::clock::Clock;
use crate::ledger::lock::{Lock, Standing};
use crate::live::{self, Seen};
use crate::object::{Kind, Object};
use crate::plan::{self, Change, ChangeAction, Plan};

/// Objects that are written at one time, where each is by itself.
const WRITES_AT_ONCE: usize = 32;

/// Batches that are under way at one time: while one is looked at, the other is written.
const BATCHES_AT_ONCE: usize = 2;

/// Objects of a batch.
const BATCH_MAX: usize = 32;

/// With fewer, their reads are as good as two pages.
const BATCH_MIN: usize = 4;

/// How a plan is carried out.
pub struct Options<'a> {
    /// The time.
    pub clock: &'a Clock,
    /// When it turns true, what runs is finished and nothing more is begun.
    pub stop: &'a AtomicBool,
    /// The lock of the ledger's owner: it is renewed, and looked at before what is written. Without one, whoever applies
    /// beside is met by the ledger's check-and-set alone.
    pub lock: Option<&'a Lock>,
    /// Told when an object's change begins, and when it ends.
    pub progress: &'a (dyn Fn(&Change, &Step<'_>) + Sync),
}

/// How far an object's change is.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// It is looked at anew, and then made.
    Begins,
    /// It has ended so.
    Ended(&'a Outcome),
}

/// Carries out what has no outcome yet.
pub(super) async fn walk(
    client: &Client,
    plan: &Plan,
    objects: &HashMap<&str, &Object>,
    outcomes: &mut [Option<Outcome>],
    options: &Options<'_>,
) {
    let blockers = plan::blockers(&plan.changes);
    let many = plan.changes.len() >= BATCH_MIN;
    let pages = many && live::is_leasehold(client).await.unwrap_or(false);
    for range in plan::stages(&plan.changes) {
        let stage = Stage { client, plan, objects, options, blockers: &blockers, pages, known: outcomes };
        let (single, batched): (Vec<Vec<usize>>, Vec<Vec<usize>>) =
            batches(plan, range).into_iter().partition(|batch| batch.len() < BATCH_MIN);
        let single = stream::iter(single.into_iter().flatten().map(|index| stage.carry_out(vec![index])));
        let mut done: Vec<Vec<(usize, Outcome)>> = single.buffer_unordered(WRITES_AT_ONCE).collect().await;
        let batched = stream::iter(batched.into_iter().map(|batch| stage.carry_out(batch)));
        done.extend(batched.buffer_unordered(BATCHES_AT_ONCE).collect::<Vec<_>>().await);
        for (index, outcome) in done.into_iter().flatten() {
            outcomes[index] = Some(outcome);
        }
    }
}

/// The changes of a stage in batches of one folder each, by their indices, sorted by their paths; what is in no folder is
/// by itself.
fn batches(plan: &Plan, stage: Range<usize>) -> Vec<Vec<usize>> {
    let (mut batches, mut folders) = (Vec::new(), BTreeMap::<&str, Vec<usize>>::new());
    for index in stage {
        let change = &plan.changes[index];
        match change.kind.folder_of(&change.path).filter(|_| change.action != ChangeAction::Forget) {
            Some(folder) => folders.entry(folder).or_default().push(index),
            None => batches.push(vec![index]),
        }
    }
    for mut indices in folders.into_values() {
        indices.sort_by_key(|&index| &plan.changes[index].path);
        batches.extend(indices.chunks(BATCH_MAX).map(<[usize]>::to_vec));
    }
    batches
}

/// A stage on its way.
struct Stage<'a> {
    client: &'a Client,
    plan: &'a Plan,
    objects: &'a HashMap<&'a str, &'a Object>,
    options: &'a Options<'a>,
    blockers: &'a [Vec<usize>],
    /// Whether a page of a folder tells what is there and what is not: that of other servers may lack what is hidden.
    pages: bool,
    /// What became of the changes before this stage.
    known: &'a [Option<Outcome>],
}

impl Stage<'_> {
    /// Carries out changes in one folder, sorted by their paths, or a single one.
    async fn carry_out(&self, batch: Vec<usize>) -> Vec<(usize, Outcome)> {
        let change = |index: usize| &self.plan.changes[index];
        let told = |index: usize, outcome: Outcome| {
            (self.options.progress)(change(index), &Step::Ended(&outcome));
            (index, outcome)
        };
        let (mut done, mut left) = (Vec::new(), Vec::new());
        for index in batch {
            match self.spared(index) {
                Some(outcome) => done.push(told(index, outcome)),
                None => left.push(index),
            }
        }
        let changes: Vec<&Change> = left.iter().map(|&index| change(index)).collect();
        let (barred, mut before) = tokio::join!(self.barred(), self.look(&changes));
        if let Some(outcome) = barred {
            done.extend(left.into_iter().map(|index| told(index, outcome.clone())));
            return done;
        }
        changes.iter().for_each(|change| (self.options.progress)(change, &Step::Begins));
        let clock = self.options.clock;
        let sent = join_all(changes.iter().map(|&change| {
            let seen = before.take(&change.path);
            step::send(self.client, clock, self.plan, change, self.object(change), seen)
        }))
        .await;
        let is_open = |sent: &Sent<'_>| !matches!(sent, Sent::Ended(_));
        let open: Vec<&Change> =
            changes.iter().zip(&sent).filter(|(_, sent)| is_open(sent)).map(|(&change, _)| change).collect();
        let mut after = self.look(&open).await;
        let proofs = join_all(left.iter().zip(sent).map(|(&index, sent)| {
            let seen = after.take(&change(index).path);
            async move { told(index, step::prove(self.client, clock, self.plan, change(index), sent, seen).await) }
        }));
        done.extend(proofs.await);
        done
    }

    /// What becomes of a change without anything being asked of the engine.
    fn spared(&self, index: usize) -> Option<Outcome> {
        if let Some(lost) = &self.known[index] {
            return Some(lost.clone());
        }
        if self.options.stop.load(Ordering::Relaxed) {
            return Some(Outcome::Interrupted);
        }
        let is_done = |other: usize| self.known[other].as_ref().is_some_and(Outcome::is_applied);
        let blocker = self.blockers[index].iter().copied().find(|&other| !is_done(other))?;
        Some(Outcome::Skipped { because: self.plan.changes[blocker].path.clone() })
    }

    /// What becomes of changes when the lock does not let them be made.
    async fn barred(&self) -> Option<Outcome> {
        match self.options.lock?.standing().await {
            Ok(Standing::Ours) => None,
            Ok(Standing::Lost(by)) => Some(Outcome::Unlocked { by }),
            Err(error) => {
                Some(Outcome::failed(Acted::No, format!("whether the lock is held still is not known: {error}")))
            }
        }
    }

    fn object(&self, change: &Change) -> Option<&Object> {
        self.objects.get(change.path.as_str()).copied()
    }

    /// A page of the folder. What has something that is told apart from it is read by itself.
    async fn look(&self, changes: &[&Change]) -> Seen {
        let whole = |change: &&&Change| self.object(change).is_none_or(|object| object.apart().next().is_none());
        let asked: Vec<&Change> = changes.iter().filter(whole).copied().collect();
        let Some(first) = asked.first().filter(|_| self.pages && asked.len() >= BATCH_MIN) else {
            return Seen::default();
        };
        let kind: &'static Kind = first.kind;
        let paths: Vec<&str> = asked.iter().map(|change| change.path.as_str()).collect();
        let (commit, review) = (self.plan.commit.clone(), self.plan.review_digest.clone());
        let client = self.client.with_origin(Origin { commit, review, ..Origin::default() });
        live::look(&client, kind, &paths).await
    }
}
