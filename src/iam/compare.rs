//! Two policies compared for every request at once: what the new one allows that the old one does not, and
//! the other way round.
//!
//! Each side is a list of [`PolicySet`]s: what one principal may do (an app with two roles has two sets), a
//! request being allowed if any of them allows it.
//!
//! A difference is looked for statement by statement, as a request that the statement matches, that nothing on
//! its side denies, and that no set of the other side allows (`solve`). Wildcards stay as they are: actions and
//! resources are searched as patterns (`glob`), conditions key by key (`context`). Where AWS's documents leave
//! open how far a `*` reaches, both readings are searched. No gain is missed: what comes out is a request that
//! the evaluator judges differently on the two sides, the proof that there is none, or "can't tell".

mod budget;
mod context;
mod glob;
mod solve;
mod witness;

use std::cell::OnceCell;
use std::collections::HashSet;

use self::budget::Budget;
use self::glob::Variables;
use self::solve::{Bounds, Goal, Outcome, Term, solve};
use self::witness::{presentable, says_more};
use super::pattern::{Part, Pattern, Syntax};
use super::policy::{Effect, Policy, PolicySet, Scope, Statement};
use super::request::{Reading, Request};

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

/// Steps of one comparison in all. Past it, what is left is "can't tell".
const STEPS_OF_A_COMPARISON: usize = 2_000_000;

/// How many pieces, actions times resources, a difference is taken apart into.
const PIECES_MAX: usize = 1_000;

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
    let readings = readings(
        access
            .iter()
            .chain(beyond)
            .flat_map(statements)
            .map(|statement| &statement.resources)
            .chain(std::iter::once(within).chain(outside).map(|statement| &statement.resources)),
    );
    let mut unsure = None;
    for reading in readings {
        let mut variables = Variables::default();
        let sides: Vec<Bounds> = access.iter().map(|set| Bounds::new(set, reading, &mut variables)).collect();
        let others: Vec<Bounds> = beyond.iter().map(|set| Bounds::new(set, reading, &mut variables)).collect();
        let within = Term::new(within, reading, &mut variables);
        let outside: Vec<Term> = outside.iter().map(|term| Term::new(term, reading, &mut variables)).collect();
        for bounds in &sides {
            let allowed = bounds.allows.iter().map(|set| Goal::InsideAny(set));
            let kept = bounds.denies.iter().chain(&outside).map(Goal::Outside);
            let kept = kept.chain(others.iter().map(Goal::NotAllowed));
            let goals: Vec<Goal<'_>> = [Goal::Inside(&within)].into_iter().chain(allowed).chain(kept).collect();
            match attempt(&goals, reading, &variables, &mut left) {
                Outcome::Witness(request) => {
                    let scope = &within.statement.actions;
                    return Some(Proof::Witness(presentable(request, scope, &goals, reading)));
                }
                Outcome::Nothing => {}
                Outcome::Unsure(why) => unsure = Some(Proof::CannotTell(why.to_owned())),
            }
        }
    }
    unsure
}

/// One search within what is left of a comparison's steps.
fn attempt(goals: &[Goal<'_>], reading: Reading, variables: &Variables, left: &mut usize) -> Outcome {
    let share = STEPS_OF_A_SEARCH.min(*left);
    let mut budget = Budget::new(share);
    let outcome = solve(goals, reading, variables, &mut budget);
    *left = left.saturating_sub(budget.spent()).max(1);
    outcome
}

fn statements<S>(set: &PolicySet<S>) -> impl Iterator<Item = &Statement<S>> {
    let others = [&set.boundary, &set.session].into_iter().flatten().flatten();
    set.identity.iter().chain(others).flat_map(|policy| &policy.statements)
}

/// The readings of resources that can differ on these.
fn readings<'s>(mut scopes: impl Iterator<Item = &'s Scope>) -> Vec<Reading> {
    let differs = |pattern: &Pattern| {
        let last = pattern.parts.len().saturating_sub(1);
        pattern.parts.iter().enumerate().any(|(index, part)| match part {
            Part::One => true,
            Part::Any if index == last => false,
            Part::Any => !matches!(&pattern.parts[index + 1], Part::Literal(text) if text.starts_with(':')),
            _ => false,
        })
    };
    match scopes.any(|scope| scope.patterns.iter().any(differs)) {
        true => vec![Reading::Crossing, Reading::Segmented],
        false => vec![Reading::Crossing],
    }
}

impl Bounds {
    fn new<S>(set: &PolicySet<S>, reading: Reading, variables: &mut Variables) -> Self {
        let mut terms = |policies: &[std::sync::Arc<Policy<S>>], effect: Effect| -> Vec<Term> {
            let all = policies.iter().flat_map(|policy| &policy.statements);
            all.filter(|one| one.effect == effect).map(|one| Term::new(one, reading, variables)).collect()
        };
        let mut bounds = Self::default();
        for policies in [Some(&set.identity), set.boundary.as_ref(), set.session.as_ref()].into_iter().flatten() {
            bounds.allows.push(terms(policies, Effect::Allow));
            bounds.denies.append(&mut terms(policies, Effect::Deny));
        }
        bounds
    }

    /// What it would allow if no condition were set: conditional denials fall away with them.
    fn unconditional(&self) -> Self {
        Self {
            allows: self.allows.iter().map(|set| set.iter().map(Term::unconditional).collect()).collect(),
            denies: self.denies.iter().filter(|deny| deny.statement.conditions.is_empty()).cloned().collect(),
        }
    }
}

/// What `here` allows and `there` does not.
fn differences<'a, S>(here: &'a [PolicySet<S>], there: &[PolicySet<S>], left: &mut usize) -> Vec<Difference<'a, S>> {
    let known: Vec<Known> = there.iter().map(Known::new).collect();
    let all = here.iter().chain(there).flat_map(statements).map(|statement| &statement.resources);
    let readings = readings(all);
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
        let sides: Vec<Sides> = readings.iter().map(|reading| Sides::new(set, there, *reading)).collect();
        for statement in open {
            Finder { sides: &sides, set: index, statement, left: &mut *left }.find(&mut found);
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
            all.filter(move |one| one.effect == effect).map(key).collect::<Vec<String>>()
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
            && self.allows.contains(&key(statement))
    }
}

/// A statement as one text, the same for two that say the same in another order.
fn key<S>(statement: &Statement<S>) -> String {
    let scope = |scope: &Scope| {
        let mut parts: Vec<String> = scope.patterns.iter().map(|pattern| format!("{:?}", pattern.parts)).collect();
        parts.sort_unstable();
        parts.dedup();
        format!("{}{parts:?}", scope.negated)
    };
    let mut conditions: Vec<String> = statement
        .conditions
        .iter()
        .map(|condition| {
            let mut values: Vec<String> = condition.values.iter().map(|value| format!("{:?}", value.parts)).collect();
            values.sort_unstable();
            values.dedup();
            format!("{} {:?} {values:?}", condition.operator, condition.key)
        })
        .collect();
    conditions.sort_unstable();
    format!("{:?} {} {} {conditions:?}", statement.effect, scope(&statement.actions), scope(&statement.resources))
}

/// One set of the one side, and all of the other, under one reading.
struct Sides {
    reading: Reading,
    variables: Variables,
    mine: Bounds,
    theirs: Vec<Bounds>,
    /// The other side as if no condition were set; made when a difference is found.
    unconditional: OnceCell<Vec<Bounds>>,
}

impl Sides {
    fn new<S>(mine: &PolicySet<S>, theirs: &[PolicySet<S>], reading: Reading) -> Self {
        let mut variables = Variables::default();
        let mine = Bounds::new(mine, reading, &mut variables);
        let theirs: Vec<Bounds> = theirs.iter().map(|set| Bounds::new(set, reading, &mut variables)).collect();
        Self { reading, variables, mine, theirs, unconditional: OnceCell::new() }
    }
}

impl Sides {
    fn unconditional(&self) -> &[Bounds] {
        self.unconditional.get_or_init(|| self.theirs.iter().map(Bounds::unconditional).collect())
    }
}

/// Looks for what one statement allows here and nothing allows there.
struct Finder<'f, 'a, S> {
    sides: &'f [Sides],
    set: usize,
    statement: &'a Statement<S>,
    left: &'f mut usize,
}

impl<'a, S> Finder<'_, 'a, S> {
    fn find(&mut self, found: &mut Vec<Difference<'a, S>>) {
        let (actions, resources) = (&self.statement.actions, &self.statement.resources);
        let Some(whole) = self.gained(actions, resources) else { return };
        let before = found.len();
        let (by_action, by_resource) = (pieces(actions), pieces(resources));
        let apart = by_action.len() * by_resource.len() <= PIECES_MAX;
        for action in by_action.iter().take(PIECES_MAX) {
            let all = match by_action.len() {
                1 => Some(whole.clone()),
                _ => self.gained(action, resources),
            };
            let Some(all) = all else { continue };
            let mut parts: Vec<(Scope, Proof)> = Vec::new();
            match apart && by_resource.len() > 1 {
                false => parts.push((resources.clone(), all)),
                true => {
                    for resource in &by_resource {
                        parts.extend(self.gained(action, resource).map(|proof| (resource.clone(), proof)));
                    }
                }
            }
            self.group(action, parts, found);
        }
        // The parts are all there is, so where each is proved to be no gain, the whole is none either, though it
        // was too much to be decided at once.
        let proved = found.len() == before && matches!(whole, Proof::CannotTell(_));
        if found.len() == before && !proved || by_action.len() > PIECES_MAX {
            // Not told of any part, or not of every one.
            let (actions, resources) = (actions.clone(), resources.clone());
            self.add(actions, resources, Extent::Part, whole, found);
        }
    }

    /// Puts the resources of one action together that differ in the same way.
    fn group(&mut self, action: &Scope, parts: Vec<(Scope, Proof)>, found: &mut Vec<Difference<'a, S>>) {
        if parts.is_empty() {
            return;
        }
        let mut groups: Vec<(Extent, Scope, Proof)> = Vec::new();
        let whole = self.is_whole(action);
        for (resource, proof) in parts {
            let extent = match whole {
                true => Extent::Whole,
                false if self.is_conditional(action, &resource) => Extent::Conditions,
                false => Extent::Part,
            };
            match groups.iter_mut().find(|(known, ..)| *known == extent) {
                Some((_, scope, known)) => {
                    scope.patterns.extend(resource.patterns);
                    if says_more(&proof, known) {
                        *known = proof;
                    }
                }
                None => groups.push((extent, resource, proof)),
            }
        }
        for (extent, resources, proof) in groups {
            self.add(action.clone(), resources, extent, proof, found);
        }
    }

    fn add(&self, actions: Scope, resources: Scope, extent: Extent, proof: Proof, found: &mut Vec<Difference<'a, S>>) {
        found.push(Difference { set: self.set, statement: self.statement, actions, resources, extent, proof });
    }

    /// A request of these actions and resources that the statement allows here and nothing there.
    fn gained(&mut self, actions: &Scope, resources: &Scope) -> Option<Proof> {
        let mut unsure = None;
        for sides in self.sides {
            let mut variables = sides.variables.clone();
            let term = self.term(actions, resources, sides.reading, &mut variables);
            let limits = sides.mine.allows.iter().skip(1).map(|set| Goal::InsideAny(set));
            let denies = sides.mine.denies.iter().map(Goal::Outside);
            let others = sides.theirs.iter().map(Goal::NotAllowed);
            let goals: Vec<Goal<'_>> =
                [Goal::Inside(&term)].into_iter().chain(limits).chain(denies).chain(others).collect();
            match attempt(&goals, sides.reading, &variables, self.left) {
                Outcome::Witness(request) => {
                    return Some(Proof::Witness(presentable(request, actions, &goals, sides.reading)));
                }
                Outcome::Nothing => {}
                Outcome::Unsure(why) => unsure = Some(Proof::CannotTell(why.to_owned())),
            }
        }
        unsure
    }

    /// Whether the other side allows none of these actions, whatever the resource and the conditions.
    fn is_whole(&mut self, actions: &Scope) -> bool {
        let sides = &self.sides[0];
        let mut variables = sides.variables.clone();
        let anything = Scope { negated: true, patterns: Vec::new() };
        let term = self.term(actions, &anything, sides.reading, &mut variables).unconditional();
        sides.theirs.iter().all(|bounds| {
            let allowed = bounds.allows.iter().map(|set| Goal::InsideAny(set));
            let denies = bounds.denies.iter().map(Goal::Outside);
            let goals: Vec<Goal<'_>> = [Goal::Inside(&term)].into_iter().chain(allowed).chain(denies).collect();
            attempt(&goals, sides.reading, &variables, self.left) == Outcome::Nothing
        })
    }

    /// Whether the other side would allow all of it if it had no conditions.
    fn is_conditional(&mut self, actions: &Scope, resources: &Scope) -> bool {
        self.sides.iter().all(|sides| {
            let mut variables = sides.variables.clone();
            let term = self.term(actions, resources, sides.reading, &mut variables).unconditional();
            let others = sides.unconditional().iter().map(Goal::NotAllowed);
            let goals: Vec<Goal<'_>> = [Goal::Inside(&term)].into_iter().chain(others).collect();
            attempt(&goals, sides.reading, &variables, self.left) == Outcome::Nothing
        })
    }

    fn term(&self, actions: &Scope, resources: &Scope, reading: Reading, variables: &mut Variables) -> Term {
        let part = Statement {
            sid: None,
            effect: Effect::Allow,
            actions: actions.clone(),
            resources: resources.clone(),
            conditions: self.statement.conditions.clone(),
            span: (),
        };
        Term::new(&part, reading, variables)
    }
}

/// A scope, pattern by pattern; one of exclusions stays whole.
fn pieces(scope: &Scope) -> Vec<Scope> {
    match scope.negated {
        true => vec![scope.clone()],
        false => scope.patterns.iter().map(|one| Scope { negated: false, patterns: vec![one.clone()] }).collect(),
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
