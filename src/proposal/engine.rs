//! Files and engine to a reviewed plan: the only thing that an apply takes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::demand::{self, Shown};
use super::error::Error;
use super::prepare::{Prepared, Reading, Wish, prepare_from};
use super::reviewed::reviewed;
use super::secrets::{self, Missing};
use crate::api::Client;
use crate::estate::{Environment, Estate};
use crate::git::{self, Lineage};
use crate::guardrail;
use crate::ledger::Ledger;
use crate::object::{Live, Object, RolePath, Told};
use crate::plan::{Adopt, Asked, Change, ChangeAction, Grants, MAX_DELETES_DEFAULT, Plan, Reviewed, Selection};
use crate::review;
use crate::review::judgement::Scope;
use crate::review::state::{self, Side};

/// Where a proposal is made.
#[derive(Clone, Copy, Debug)]
pub struct Basis<'a> {
    /// The estate's directory.
    pub dir: &'a Path,
    /// Whether other estates may use the engine too.
    pub shared: bool,
    /// The day, as `2026-11-25`.
    pub today: &'a str,
    /// What it is made for.
    pub purpose: Purpose,
}

/// What a proposal is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be shown: what the environment demands of an apply is told.
    Show,
    /// To be applied: what is not as it demands refuses the plan.
    Apply,
}

/// What somebody said that the plan may do.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// About objects that are nobody's.
    pub adopt: Adopt<'a>,
    /// The owners whose objects are taken over.
    pub adopt_from: &'a [String],
    /// Whether a mount may leave the AWS account in which it has leases.
    pub account_change: bool,
    /// Whether the files may have come before those of an earlier apply.
    pub older: bool,
    /// How many objects may be deleted.
    pub max_deletes: Option<u32>,
    /// Which of the changes shall be made.
    pub asked: &'a Asked,
}

impl<'a> Word<'a> {
    /// Nothing was said: nothing is taken over, no limit is another, and the changes are these.
    pub fn cautious(asked: &'a Asked) -> Self {
        Self { adopt: Adopt::Refuse, adopt_from: &[], account_change: false, older: false, max_deletes: None, asked }
    }
}

/// A plan, and what it takes to carry it out.
#[derive(Debug)]
pub struct Proposal {
    /// The plan.
    pub plan: Reviewed,
    /// The estate, its secrets resolved as far as they are there.
    pub estate: Estate,
    /// The secrets that are not.
    pub missing: Vec<Missing>,
    /// The ledger that the plan was computed from.
    pub ledger: Ledger,
    /// The engine's objects that it was computed from, by path.
    pub live: HashMap<String, Live>,
    /// The objects that it is about, where these are not all of the estate's.
    pub(super) part: Option<Vec<Object>>,
}

impl Proposal {
    /// What it takes to carry it out: the plan, the objects that it was computed from, and the ledger.
    pub fn parts(&mut self) -> (&Reviewed, &[Object], &mut Ledger) {
        (&self.plan, self.part.as_deref().unwrap_or(&self.estate.objects), &mut self.ledger)
    }

    /// The secrets that an apply of it would write and that are not there.
    pub fn missing_to_write(&self) -> impl Iterator<Item = &Missing> {
        let written: HashSet<&str> =
            self.plan.changes.iter().filter(|change| !change.takes_away()).map(|change| change.path.as_str()).collect();
        self.missing.iter().filter(move |missing| written.contains(missing.path.as_str()))
    }
}

/// Reads an estate's engine, computes the plan, and reviews it. Writes nothing.
///
/// # Errors
/// [`Error::Git`], [`Error::Engine`], [`Error::NoOwner`], [`Error::LimitRaised`], [`Error::Unselectable`].
pub async fn propose(estate: Estate, client: &Client, basis: Basis<'_>, word: Word<'_>) -> Result<Proposal, Error> {
    Box::pin(propose_part(estate, client, basis, word, None)).await?.look(basis)
}

/// Tells what is not as the environment demands. Where nothing is to be done that is nobody's concern.
pub(super) fn hold_against(plan: &mut Plan, unmet: Vec<String>, purpose: Purpose) {
    match purpose {
        _ if unmet.is_empty() || plan.is_empty() => {}
        Purpose::Show => plan.note_demanded(&unmet),
        Purpose::Apply => plan.refuse_demanded(unmet),
    }
}

/// A proposal before it was looked at what it means.
pub(super) struct Unreviewed {
    pub(super) plan: Plan,
    pub(super) estate: Estate,
    pub(super) part: Option<Vec<Object>>,
    pub(super) missing: Vec<Missing>,
    pub(super) ledger: Ledger,
    pub(super) live: HashMap<String, Live>,
}

impl Unreviewed {
    /// Looks at what it means, with everything of the engine that a plan is about read.
    pub(super) fn look(self, basis: Basis<'_>) -> Result<Proposal, Error> {
        let Self { mut plan, estate, part, missing, ledger, live } = self;
        // What is demanded is demanded of the files that are there, whatever is written.
        let commit = git::commit(basis.dir)?;
        let shown = Shown { dir: basis.dir, commit: commit.as_deref(), saved: None };
        let unmet = demand::unmet(&estate.environment.demands, shown)?;
        hold_against(&mut plan, unmet, basis.purpose);
        let plan = plan.reviewed(|plan| {
            let before: Vec<&Live> = live.values().collect();
            look(&estate, plan, &ledger, &before, basis.today)
        });
        Ok(Proposal { plan, estate, part, missing, ledger, live })
    }
}

/// What a proposal is restricted to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Only<'a> {
    /// The paths of what is read; `None` if everything is.
    pub(super) read: Option<&'a BTreeSet<String>>,
    /// The paths of what is changed, among them.
    pub(super) changed: &'a BTreeSet<String>,
}

/// Reads what there is to read of an engine for a plan, or no more than `only` says, and computes it.
pub(super) async fn propose_part(
    mut estate: Estate,
    client: &Client,
    basis: Basis<'_>,
    word: Word<'_>,
    only: Option<Only<'_>>,
) -> Result<Unreviewed, Error> {
    let commit = git::commit(basis.dir)?;
    let (environment, guardrails) = (estate.environment.clone(), estate.guardrails.clone());
    let referred = estate.shared.clone();
    let (grants, absent) = (grants(&estate), estate.absent.clone());
    let wish = Wish {
        environment: &environment.name,
        estate: environment.estate.as_deref(),
        shared: basis.shared,
        absent: &absent,
        today: basis.today,
        referred: &referred,
        commit: commit.as_deref(),
        max_deletes: max_deletes(&environment, word.max_deletes)?,
        limits: &environment.limits,
        adopt: word.adopt,
        adopt_from: word.adopt_from,
        guardrails: &guardrails,
        selection: match only {
            Some(only) => Selection::Just(only.changed),
            None if word.asked.is_all() => Selection::All,
            None => Selection::Asked { asked: word.asked, grants: &grants },
        },
    };
    let of = |paths: &BTreeSet<String>| -> Vec<Object> {
        estate.objects.iter().filter(|object| paths.contains(&object.path)).cloned().collect()
    };
    let read = only.and_then(|only| only.read);
    let mut part = read.map(of);
    let objects = part.as_mut().unwrap_or(&mut estate.objects);
    let allowed = secrets::Allowed::of(&environment);
    // Secrets of an engine are read while the rest is.
    let (reading, secrets) =
        tokio::join!(Reading::of(client, &wish, objects), secrets::look_up_all(objects, basis.dir, &allowed, client));
    let reading = reading?;
    let mut missing = secrets::resolve(objects, &secrets);
    let Prepared { mut plan, ledger, live } = prepare_from(reading, client, &wish, objects, read).await?;
    for object in objects {
        if let Some(kept) = plan.with_kept(object) {
            // Of a key that stays nothing is written.
            missing.retain(|one| one.path != object.path || !object.kind.is_of_key(one.field));
            *object = kept;
        }
    }
    if let Some(part) = &part {
        estate.settle(part);
    }
    let part = chosen(&plan, wish.selection, part, &estate);
    if word.account_change {
        plan.allow_account_change();
    }
    if !word.older {
        refuse_older(basis.dir, &mut plan, &ledger)?;
    }
    Ok(Unreviewed { plan, estate, part, missing, ledger, live })
}

/// How many objects may be deleted. What the environment says of it is a rule, which nobody who applies sets aside.
fn max_deletes(environment: &Environment, said: Option<u32>) -> Result<u32, Error> {
    match (environment.max_deletes, said) {
        (Some(allowed), Some(said)) if said > allowed => {
            Err(Error::LimitRaised { environment: environment.name.clone(), allowed, said })
        }
        (allowed, said) => Ok(said.or(allowed).unwrap_or(MAX_DELETES_DEFAULT)),
    }
}

/// The roles that are granted to apps, by the apps' names.
fn grants(estate: &Estate) -> Grants {
    estate.apps.iter().map(|app| (app.name.clone(), app.grants.iter().map(RolePath::path).collect())).collect()
}

/// The objects that are carried out: of what is not selected neither engine nor ledger are told anything. `None` if that
/// is all of the estate's.
fn chosen(plan: &Plan, selection: Selection<'_>, part: Option<Vec<Object>>, estate: &Estate) -> Option<Vec<Object>> {
    let Some(selected) = &plan.selected else { return part };
    let along: HashSet<&str> = selected.along.iter().map(|along| along.path.as_str()).collect();
    let is_meant = selection.chooser();
    let of = |object: &&Object| is_meant(&object.path, object.app.as_deref()) || along.contains(object.path.as_str());
    let all = part.as_deref().unwrap_or(&estate.objects);
    Some(all.iter().filter(of).cloned().collect())
}

/// Refuses a plan from a checkout that came before what was applied: it would take back what others have reviewed.
fn refuse_older(dir: &Path, plan: &mut Plan, ledger: &Ledger) -> Result<(), Error> {
    if plan.is_empty() {
        return Ok(());
    }
    let written = ledger.owned().iter();
    // An apply that only took objects away is known by the ledger alone.
    let gone = ledger.commits().map(|commit| (commit, "something that is gone now"));
    let kept = written.filter_map(|(path, owned)| Some((owned.commit.as_deref()?, path.as_str())));
    let written: BTreeMap<&str, &str> = gone.chain(kept).collect();
    let found = git::lineage(dir, written.keys().copied())?;
    let first = |wanted: Lineage| {
        let commit = found.iter().find(|(_, lineage)| *lineage == wanted).map(|(commit, _)| *commit)?;
        Some((commit, written.get(commit).copied().unwrap_or_default()))
    };
    if let Some((newer, example)) = first(Lineage::Older) {
        plan.refuse_older(newer, example);
    } else if let Some((applied, example)) = first(Lineage::Shallow) {
        plan.refuse_shallow(applied, example);
    }
    let apart: HashSet<&str> =
        found.iter().filter(|(_, lineage)| *lineage == Lineage::Apart).map(|(commit, _)| *commit).collect();
    let taken_back = plan.changes.iter().filter_map(|change| {
        let commit = ledger.owned().get(&change.path)?.commit.as_deref()?;
        apart.contains(commit).then_some((change.path.as_str(), commit))
    });
    if let Some((path, commit)) = taken_back.min().map(|(path, commit)| (path.to_owned(), commit.to_owned())) {
        plan.note_apart(&path, &commit);
    }
    Ok(())
}

/// The fields of a change that no engine tells, so that only the ledger knows that they become others.
fn hidden(change: &Change) -> BTreeSet<&'static str> {
    let names = change.fields.iter().map(|field| field.name);
    names.filter(|name| change.kind.field(name).is_some_and(|field| field.told != Told::Readable)).collect()
}

/// The two states that a plan leads from and to: what the engine's objects let apps do now, and what the files would let
/// them do.
pub(super) fn with_sides<T>(
    estate: &Estate,
    plan: &Plan,
    ledger: &Ledger,
    live: &[&Live],
    look: impl FnOnce(&Side<'_>, &Side<'_>) -> T,
) -> T {
    let rewritten: state::Rewritten = plan.changes.iter().map(|change| (change.path.clone(), hidden(change))).collect();
    let known = state::Context { rewritten: Some(&rewritten), ..estate.into() };
    // What is forgotten and stays is no part of either side.
    let forgets = |change: &&Change| change.action == ChangeAction::Forget;
    let stays: HashSet<&str> = plan.changes.iter().filter(forgets).map(|change| change.path.as_str()).collect();
    let rest = live.iter().copied().filter(|live| !stays.contains(live.path.as_str()));
    // Under the names that they get: what has another one is no other.
    let renames = plan.renames();
    let rest: Vec<Cow<'_, Live>> =
        rest.map(|live| renames.live(live).map_or(Cow::Borrowed(live), Cow::Owned)).collect();
    let before = Side::of_live(rest.iter().map(Cow::as_ref), &estate.objects, ledger.owned(), known);
    let by_path: HashMap<&str, &Live> = live.iter().map(|live| (live.path.as_str(), *live)).collect();
    // What is not selected stays as it is, or away.
    let left = plan.left_out().iter().map(|left| (left.path.as_str(), by_path.get(left.path.as_str()).copied()));
    let after = Side::of_estate_but(estate, left.collect(), ledger.owned());
    look(&before, &after)
}

/// Who gains and loses what by a plan. With it, what is denied and was there before: the plan may be applied, and
/// Leasehold's engine issues nothing from such a role.
pub(super) fn look(
    estate: &Estate,
    plan: &Plan,
    ledger: &Ledger,
    live: &[&Live],
    today: &str,
) -> (review::Environment, Vec<String>) {
    let name = &estate.environment.name;
    let mut reviewed = with_sides(estate, plan, ledger, live, |before, after| {
        reviewed(name, Some(before), Some((after, estate)), &[], Scope::All, today)
    });
    let written: HashSet<guardrail::Violator> = plan
        .changes
        .iter()
        .filter_map(|change| RolePath::of(change.kind, &change.path))
        .map(|role| guardrail::Violator::Role(role.label()))
        .collect();
    let denied = |judged: &&guardrail::Judged| {
        !judged.introduced
            && judged.violation.severity == guardrail::Severity::Deny
            && written.contains(&judged.violation.subject)
    };
    let old = reviewed.violations.iter().filter(denied).map(|judged| {
        let guardrail::Violation { guardrail, subject, what, .. } = &judged.violation;
        format!(
            "the guardrail {guardrail} denies what was there before: {subject}: {what}. Leasehold's own engine issues no \
             credential of it until that is changed or excepted"
        )
    });
    let old = old.collect();
    reviewed.violations.retain(|judged| judged.introduced);
    (reviewed, old)
}
