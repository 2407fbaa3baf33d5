//! What was applied last, as a plan: of what somebody changed behind our back, each object as it was written. What is
//! committed and was not applied is no part of it, and what is not ours neither.
//!
//! An object is put back as the files say it where they say still what was applied, and else as the commit says that it was
//! written from. The digest in the ledger proves either. Guardrails, limits and demands are those of the files that are
//! there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::drift::found;
use super::engine::{Basis, Only, Proposal, Purpose, Unreviewed, Word, propose, propose_part};
use super::error::Error;
use crate::api::Client;
use crate::drift;
use crate::drift::{Changed, Drift};
use crate::estate::Estate;
use crate::object::{Object, Told};
use crate::plan::{Asked, Plan, Standing};

/// Of which an apply has not been seen to end.
const UNSETTLED: &str = "our last write of it was not seen to arrive, so it is not known what it was: `leasehold apply` \
                         writes it";

/// Which no plan writes.
const UNWRITTEN: &str = "no plan writes this over; `leasehold plan` says why";

/// Whose secret was put into the environment, or into another place, since.
const OTHER_SECRET: &str = "its secret is another now than the one that was applied: `leasehold apply` writes it";

/// Plans to put back what somebody changed, by an estate that was read twice from the same files: drift is found with one, and
/// the other becomes what is applied. Writes nothing.
///
/// # Errors
/// [`Error::Forgotten`] where it is not known any more what was applied; those of [`super::propose`].
pub async fn repair(
    [estate, mut again]: [Estate; 2],
    client: &Client,
    basis: Basis<'_>,
    account_change: bool,
) -> Result<Proposal, Error> {
    let asked = Asked::default();
    let cautious = Word::cautious(&asked);
    let seen = propose(estate, client, Basis { purpose: Purpose::Show, ..basis }, cautious).await?;
    let (drift, last) = found(&seen, client, basis.dir, usize::MAX).await?;
    let Meant { paths, objects, commits, mut left } = Meant::of(&drift, &seen, last)?;
    drop(seen);
    again.put_back(objects);
    // It takes nothing back that was applied, whichever commit is checked out.
    let word = Word { account_change, older: true, ..cautious };
    let only = Only { read: None, changed: &paths };
    let mut unreviewed = Box::pin(propose_part(again, client, basis, word, Some(only))).await?;
    settle(&mut unreviewed, &paths, commits);
    let plan = &mut unreviewed.plan;
    let is_written = |path: &String| {
        plan.changes.iter().any(|change| change.path == *path)
            || plan.configured.iter().any(|one| one.change.path == *path)
    };
    left.extend(paths.iter().filter(|path| !is_written(path)).map(|path| (path.clone(), UNWRITTEN)));
    plan.leaves(left);
    unreviewed.look(basis)
}

/// Says of a plan what it is, and leaves to it the objects that it puts back: of the others the ledger is told nothing.
fn settle(unreviewed: &mut Unreviewed, paths: &BTreeSet<String>, commits: BTreeMap<String, Option<String>>) {
    let Unreviewed { plan, estate, part, .. } = unreviewed;
    plan.puts_back(commits);
    let is_meant = |object: &&Object| paths.contains(&object.path);
    *part = Some(estate.objects.iter().filter(is_meant).cloned().collect());
}

/// Whether what is declared of an object now has another secret than what was written.
fn has_other_secret(plan: &Plan, path: &str) -> bool {
    let change = plan.changes.iter().find(|change| change.path == path);
    change.is_some_and(|change| {
        let is_hidden = |name: &str| change.kind.field(name).is_some_and(|field| field.told == Told::WriteOnly);
        change.fields.iter().any(|field| is_hidden(field.name))
    })
}

/// What is put back.
struct Meant {
    paths: BTreeSet<String>,
    /// Those objects of which the files say something else since, as they were.
    objects: Vec<Object>,
    /// The commits that they were written from.
    commits: BTreeMap<String, Option<String>>,
    left: Vec<(String, &'static str)>,
}

impl Meant {
    fn of(drift: &Drift, seen: &Proposal, mut last: HashMap<String, Object>) -> Result<Self, Error> {
        let mut meant =
            Self { paths: BTreeSet::new(), objects: Vec::new(), commits: BTreeMap::new(), left: Vec::new() };
        let mut unknown = BTreeMap::<Option<String>, Vec<String>>::new();
        for Changed { path, commit, unsettled, .. } in &drift.changed {
            let Some(owned) = seen.ledger.owned().get(path) else { continue };
            if *unsettled {
                meant.left.push((path.clone(), UNSETTLED));
                continue;
            }
            let live = seen.live.get(path);
            // With another key there, anything that is written of it would make that ours.
            if live.is_some() && seen.plan.kept(path).is_some_and(|kept| kept.standing == Standing::Untold) {
                meant.left.push((path.clone(), UNWRITTEN));
                continue;
            }
            if live.is_some() && has_other_secret(&seen.plan, path) {
                meant.left.push((path.clone(), OTHER_SECRET));
                continue;
            }
            let keeps_key = seen.plan.kept(path).is_some();
            let said = seen.estate.object(path);
            if !said.is_some_and(|object| drift::says_the_same(object, owned, live, keeps_key)) {
                let Some(object) = last.remove(path) else {
                    unknown.entry(commit.clone()).or_default().push(path.clone());
                    continue;
                };
                meant.objects.push(object);
            }
            meant.paths.insert(path.clone());
            meant.commits.insert(path.clone(), commit.clone());
        }
        match unknown.is_empty() {
            true => Ok(meant),
            false => Err(Error::Forgotten { objects: unknown }),
        }
    }
}
