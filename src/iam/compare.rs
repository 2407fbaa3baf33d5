//! Two policies compared for every request at once: what the new one allows that the old one does not, and
//! the other way round.
//!
//! Each side is a list of [`PolicySet`]s: what one principal may do (an app with two roles has two sets), a
//! request being allowed if any of them allows it.
//!
//! A difference is looked for statement by statement, as a request that the statement matches, that nothing on
//! its side denies, and that no set of the other side allows (`solve`). Wildcards stay as they are: actions and
//! resources are searched as patterns (`glob`, `product`), conditions key by key (`context`). Where AWS's documents leave
//! open how far a `*` reaches, both readings are searched. No gain is missed: what comes out is a request that
//! the evaluator judges differently on the two sides, the proof that there is none, or "can't tell".

mod atom;
mod budget;
mod context;
mod finder;
mod glob;
mod product;
mod solve;
mod term;
mod witness;

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use self::budget::Budget;
use self::finder::{Finder, Sides};
use self::solve::{Bounds, Goal, Outcome, Sure, solve};
use self::term::{Area, Doubts, Term, World, is_mixed, statement_key, tells_spoilt};
use self::witness::presentable;
use super::catalogue::Catalogue;
use super::operator::Test;
use super::pattern::{Part, Pattern, Syntax, free_from};
use super::policy::{Effect, Policy, PolicySet, Statement};
use super::reading::{Colons, Forks, Reading};
use super::request::Request;
use super::scope::Scope;
use super::value::Type;

/// What a new policy is to an old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// They allow the same requests.
    Equal,
    /// The new one allows less.
    Narrower,
    /// The new one allows more.
    Wider,
    /// Each allows requests that the other does not.
    Both,
    /// It could not be decided; counts as a gain.
    CannotTell,
}

/// How sure a difference or a reach is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A request that the evaluator allows on the one side and not on the other.
    Witness(Request),
    /// It may be so; why it can't be told.
    CannotTell(String),
}

/// Something that one side allows and the other does not.
#[derive(Clone, Debug)]
pub struct Difference<'a, S> {
    /// Which set of its side allows it.
    pub set: usize,
    /// The identity statement that allows it.
    pub statement: &'a Statement<S>,
    /// The part of the statement's actions, as in its `Action` or `NotAction`.
    pub actions: Scope,
    /// The part of the statement's resources, as in its `Resource` or `NotResource`.
    pub resources: Scope,
    /// What about it differs.
    pub extent: Extent,
    /// The request that shows it.
    pub proof: Proof,
}

/// What about an access differs between the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// The other side allows none of these actions, on any resource.
    Whole,
    /// The other side allows some of these actions on some resources, fewer than this one.
    Part,
    /// The other side allows these actions on these resources, under other conditions.
    Conditions,
}

/// Everything that differs.
#[derive(Clone, Debug)]
pub struct Comparison<'a, S> {
    /// What the new side allows and the old one does not, in the order of the new side's statements.
    pub gains: Vec<Difference<'a, S>>,
    /// What the old side allows and the new one does not, in the order of the old side's statements.
    pub losses: Vec<Difference<'a, S>>,
}

impl<S> Comparison<'_, S> {
    /// The verdict in one word. A gain that can't be told is no [`Relation::Narrower`].
    pub fn relation(&self) -> Relation {
        let shown = |list: &[Difference<'_, S>]| list.iter().any(|one| matches!(one.proof, Proof::Witness(_)));
        match (self.gains.is_empty(), self.losses.is_empty()) {
            (true, true) => Relation::Equal,
            (true, false) if shown(&self.losses) => Relation::Narrower,
            (false, true) if shown(&self.gains) => Relation::Wider,
            (false, false) if shown(&self.gains) && shown(&self.losses) => Relation::Both,
            _ => Relation::CannotTell,
        }
    }
}

/// Steps of one search: some milliseconds.
const STEPS_OF_A_SEARCH: usize = 200_000;

/// Steps of one direction of a comparison in all. Past it, what is left is "can't tell".
const STEPS_OF_A_COMPARISON: usize = 8_000_000;

/// Compares what two principals may do.
pub fn compare<'a, S>(old: &'a [PolicySet<S>], new: &'a [PolicySet<S>]) -> Comparison<'a, S> {
    let mut left = STEPS_OF_A_COMPARISON;
    let gains = differences(new, old, &mut left);
    // Each direction has its own bound: that nothing is gained must not depend on how much is lost.
    let mut left = STEPS_OF_A_COMPARISON;
    let losses = differences(old, new, &mut left);
    Comparison { gains, losses }
}

/// Finds a request inside `within` (its effect does not matter) and outside all of `outside` that `access`
/// allows: whether a principal can do any of these things. `None` is a proof that there is no such request.
pub fn reach<S>(access: &[PolicySet<S>], within: &Statement<()>, outside: &[Statement<()>]) -> Option<Proof> {
    search::<S>(&[], access, within, outside)
}

/// Finds a request inside `within` that `new` allows and `old` does not. `None` is a proof that there is none.
pub fn gain_within<S>(old: &[PolicySet<S>], new: &[PolicySet<S>], within: &Statement<()>) -> Option<Proof> {
    search(old, new, within, &[])
}

fn search<S>(
    beyond: &[PolicySet<S>],
    access: &[PolicySet<S>],
    within: &Statement<()>,
    outside: &[Statement<()>],
) -> Option<Proof> {
    let mut left = STEPS_OF_A_COMPARISON;
    let all: Vec<&Statement<S>> = access.iter().chain(beyond).flat_map(statements).collect();
    let mut sets = HashSet::new();
    all.iter().for_each(|statement| note_sets(statement, &mut sets));
    std::iter::once(within).chain(outside).for_each(|statement| note_sets(statement, &mut sets));
    let mut facts = Facts::new(Rc::new(sets));
    let near = Area::of_actions(within);
    all.iter().filter(|one| Area::of_actions(one).may_meet(&near)).for_each(|statement| facts.note(statement));
    std::iter::once(within).chain(outside).for_each(|statement| facts.note(statement));
    let mut unsure = None;
    for (reading, open) in facts.worlds() {
        let mut world = World::new(reading, &facts.sets, facts.doubtful);
        let (here, there, given) = sides(open);
        let Some(within) = Term::new(within, given, &mut world) else { continue };
        let excluded = if open { Doubts::Open } else { Doubts::Match };
        let outside: Vec<Term> = outside.iter().filter_map(|one| Term::new(one, excluded, &mut world)).collect();
        let near = |set: &PolicySet<S>, sure: Sure, world: &mut World| {
            Bounds::new(set, sure, world).within(&within.actions, &within.resources)
        };
        let mine: Vec<Bounds> = access.iter().map(|set| near(set, here, &mut world)).collect();
        let others: Vec<Bounds> = beyond.iter().map(|set| near(set, there, &mut world)).collect();
        for bounds in mine.iter().filter(|bounds| !bounds.allows.iter().any(Vec::is_empty)) {
            let allowed = bounds.allows.iter().map(|set| Goal::InsideAny(set));
            let kept = bounds.denies.iter().chain(&outside).map(Goal::Outside);
            let kept = kept.chain(others.iter().map(Goal::NotAllowed));
            let goals: Vec<Goal<'_>> = [Goal::Inside(&within)].into_iter().chain(allowed).chain(kept).collect();
            match proof(&goals, &world, &mut left) {
                Some(Proof::Witness(request)) => {
                    let request = presentable(request, &within.actions.scope(), &goals, world.reading);
                    return Some(Proof::Witness(request));
                }
                proof => unsure = proof.or(unsure),
            }
        }
    }
    unsure
}

/// How doubts are settled on the side that is asked about, on the other, and in what it is asked for.
fn sides(open: bool) -> (Sure, Sure, Doubts) {
    if open { (Sure::Open, Sure::Open, Doubts::Open) } else { (Sure::Least, Sure::Most, Doubts::Miss) }
}

/// What a search comes to; `None` is the proof that there is no such request. What holds only as far as a doubt does
/// is no witness.
fn proof(goals: &[Goal<'_>], world: &World, left: &mut usize) -> Option<Proof> {
    match attempt(goals, world, left) {
        Outcome::Witness(mut request) => Some(match world.take_doubts(&mut request) {
            Some(why) => Proof::CannotTell(why),
            None => Proof::Witness(request),
        }),
        Outcome::Nothing => None,
        Outcome::Unsure(why) => Some(Proof::CannotTell(why.to_owned())),
    }
}

/// One search within what is left of a comparison's steps.
fn attempt(goals: &[Goal<'_>], world: &World, left: &mut usize) -> Outcome {
    let share = STEPS_OF_A_SEARCH.min(*left);
    let mut budget = Budget::new(share);
    let outcome = solve(goals, world, &mut budget);
    *left = left.saturating_sub(budget.spent()).max(1);
    outcome
}

fn statements<S>(set: &PolicySet<S>) -> impl Iterator<Item = &Statement<S>> {
    let others = [&set.boundary, &set.session].into_iter().flatten().flatten();
    set.identity.iter().chain(others).flat_map(|policy| &policy.statements)
}

/// The keys that a set operator of a statement asks for.
fn note_sets<S>(statement: &Statement<S>, sets: &mut HashSet<String>) {
    let asking = statement.conditions.iter().filter(|condition| condition.operator.quantifier.is_some());
    sets.extend(asking.map(|condition| condition.key.clone()));
}

/// What about the statements that may be about one thing decides how they have to be read.
struct Facts {
    forks: Forks,
    doubtful: bool,
    /// Keys that a set operator asks for, in any statement of the comparison.
    sets: Rc<HashSet<String>>,
    /// Operators without a set prefix, by key: whether positive and negated ones are there.
    plain: Vec<(String, bool)>,
    /// Keys whose values are counted: by a set operator or `Null`.
    counted: HashSet<String>,
    /// Keys that are the names of variables.
    variables: HashSet<String>,
}

impl Facts {
    fn new(sets: Rc<HashSet<String>>) -> Self {
        let (counted, variables) = (HashSet::new(), HashSet::new());
        Self { forks: Forks::default(), doubtful: false, sets, plain: Vec::new(), counted, variables }
    }

    fn note<S>(&mut self, statement: &Statement<S>) {
        let resources = &statement.resources;
        for pattern in &resources.patterns {
            let (early, late) = open_wildcards(pattern);
            self.forks.colons |= early;
            self.forks.late_colons |= late;
        }
        let needs = |pattern: &Pattern| pattern.needed_keys().next().is_some();
        let told = |patterns: &[Pattern], negated: bool| negated && patterns.iter().any(needs) || is_mixed(patterns);
        self.forks.unresolved |= told(&resources.patterns, resources.negated);
        self.doubtful |= resources.patterns.iter().any(Pattern::is_odd_resource);
        for condition in &statement.conditions {
            let test = condition.operator.test;
            let negated = test.is_negated();
            match condition.operator.if_exists {
                true => self.forks.unresolved_if_exists |= tells_spoilt(condition),
                false => self.forks.unresolved |= tells_spoilt(condition),
            }
            self.forks.mistyped |= negated && test.value_type() != Type::Text;
            self.forks.case |= matches!(test, Test::StringEqualsIgnoreCase | Test::StringNotEqualsIgnoreCase);
            self.doubtful |= condition.is_doubtful();
            match condition.counts_values() {
                true => drop(self.counted.insert(condition.key.clone())),
                false => self.plain.push((condition.key.clone(), negated)),
            }
        }
        let variables = statement.conditions.iter().flat_map(|condition| &condition.values).chain(&resources.patterns);
        self.variables.extend(variables.flat_map(Pattern::keys).map(str::to_owned));
    }

    /// Every reading, first as far as what is found is certain, and then as far as a doubt goes.
    fn worlds(&mut self) -> Vec<(Reading, bool)> {
        for (key, negated) in &self.plain {
            if self.sets.contains(key) || multivalued(key) {
                let fork = if *negated { &mut self.forks.several_negated } else { &mut self.forks.several };
                *fork = true;
            }
            // Where a key is asked in one way only, an empty text that is no value is as good as none.
            self.forks.empty |= self.counted.contains(key);
            self.forks.empty_variable |= self.variables.contains(key);
        }
        let counted = self.variables.iter().any(|key| self.counted.contains(key));
        self.forks.empty |= counted;
        self.forks.empty_variable |= counted;
        // A variable whose key has several values is in doubt.
        self.doubtful |= self.variables.iter().any(|key| self.sets.contains(key) || multivalued(key));
        let readings = self.forks.readings();
        let sure = readings.iter().filter(|_| self.doubtful).map(|reading| (*reading, false));
        sure.chain(readings.iter().map(|reading| (*reading, true))).collect()
    }
}

fn multivalued(key: &str) -> bool {
    Catalogue::current().is_multivalued(key)
}

/// Whether a pattern has wildcards that may or may not cross colons, up to the fifth of them and behind it.
fn open_wildcards(pattern: &Pattern) -> (bool, bool) {
    let last = pattern.parts.len().saturating_sub(1);
    let free = free_from(&pattern.parts, Colons::SegmentedFive);
    let is_open = |index: usize, part: &Part| match part {
        Part::One => true,
        Part::Any if index == last => false,
        Part::Any => !matches!(&pattern.parts[index + 1], Part::Literal(text) if text.starts_with(':')),
        _ => false,
    };
    let mut found = (false, false);
    for (index, _) in pattern.parts.iter().enumerate().filter(|(index, part)| is_open(*index, part)) {
        if index < free { found.0 = true } else { found.1 = true }
    }
    found
}

/// What `here` allows and `there` does not.
fn differences<'a, S>(here: &'a [PolicySet<S>], there: &[PolicySet<S>], left: &mut usize) -> Vec<Difference<'a, S>> {
    let known: Vec<Known> = there.iter().map(Known::new).collect();
    let all: Vec<(&Statement<S>, Area)> =
        here.iter().chain(there).flat_map(statements).map(|one| (one, Area::of_actions(one))).collect();
    let mut sets = HashSet::new();
    all.iter().for_each(|(statement, _)| note_sets(statement, &mut sets));
    let sets = Rc::new(sets);
    let mut found = Vec::new();
    for (index, set) in here.iter().enumerate() {
        let mine = Known::new(set);
        let allows = set.identity.iter().flat_map(|policy| &policy.statements);
        let open: Vec<&Statement<S>> = allows
            .filter(|one| one.effect == Effect::Allow)
            .filter(|one| !known.iter().any(|known| known.surely_allows(one, &mine)))
            .collect();
        if open.is_empty() {
            continue;
        }
        let mut built: BTreeMap<(Reading, bool, bool), Sides> = BTreeMap::new();
        for statement in open {
            let actions = Area::of_actions(statement);
            let mut facts = Facts::new(Rc::clone(&sets));
            all.iter().filter(|(_, one)| one.may_meet(&actions)).for_each(|(one, _)| facts.note(one));
            let worlds = facts.worlds();
            for (reading, open) in &worlds {
                let new = || Sides::new(set, there, *open, World::new(*reading, &sets, facts.doubtful));
                built.entry((*reading, *open, facts.doubtful)).or_insert_with(new);
            }
            let sides = worlds.iter().filter_map(|(reading, open)| built.get(&(*reading, *open, facts.doubtful)));
            let sides: Vec<&Sides> = sides.collect();
            Finder::new(&sides, index, statement, &mut *left).find(&mut found);
        }
    }
    found
}

/// What is known of a set without any search: its statements, each as one text.
struct Known {
    allows: HashSet<String>,
    denies: HashSet<String>,
    bounds: Vec<Vec<String>>,
}

impl Known {
    fn new<S>(set: &PolicySet<S>) -> Self {
        let keys = |policies: &[std::sync::Arc<Policy<S>>], effect: Effect| {
            let all = policies.iter().flat_map(|policy| &policy.statements);
            all.filter(move |one| one.effect == effect).map(statement_key).collect::<Vec<String>>()
        };
        let bounds = [&set.boundary, &set.session].map(|policies| {
            let mut keys = policies.as_ref().map_or_else(|| vec!["none".to_owned()], |all| keys(all, Effect::Allow));
            keys.sort_unstable();
            keys.dedup();
            keys
        });
        let limits = [&set.boundary, &set.session].into_iter().flatten();
        let denies =
            keys(&set.identity, Effect::Deny).into_iter().chain(limits.flat_map(|all| keys(all, Effect::Deny)));
        Self {
            allows: keys(&set.identity, Effect::Allow).into_iter().collect(),
            denies: denies.collect(),
            bounds: bounds.to_vec(),
        }
    }

    /// Whether what a statement of `other` allows there is allowed here just because the same statement stands
    /// here, under the same bounds and under no denial that is not there too.
    fn surely_allows<S>(&self, statement: &Statement<S>, other: &Self) -> bool {
        self.bounds.iter().zip(&other.bounds).all(|(mine, theirs)| mine == theirs || mine.as_slice() == ["none"])
            && self.denies.is_subset(&other.denies)
            && self.allows.contains(&statement_key(statement))
    }
}

/// A scope of one pattern, for callers that build a region to ask [`reach`] about.
pub fn scope(patterns: &[&str], case: Case) -> Scope {
    let syntax = Syntax { wildcards: true, variables: false };
    let pattern = |text: &&str| match case {
        Case::Kept => Pattern::new(text, syntax),
        Case::Lowered => Pattern::new(&text.to_ascii_lowercase(), syntax).shown_as(text),
    };
    Scope { negated: false, patterns: patterns.iter().map(pattern).collect() }
}

/// Whether case matters in a [`scope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// As in resources.
    Kept,
    /// As in actions.
    Lowered,
}

#[cfg(test)]
mod tests;
