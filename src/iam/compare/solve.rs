//! The search for one request that meets a list of goals.
//!
//! A model, one concrete request, is kept for the constraints so far. As long as some goal is not met by it,
//! the ways to meet that goal are tried one after the other, each as a further constraint. Constraints are kept
//! for action, resource and each context key apart, where they are read so that nothing is missed; goals are
//! judged by the point evaluator. So a request that comes out is a witness, and "there is none" is a proof.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use super::atom::Atom;
use super::budget::Budget;
use super::context::{Setting, Settled, settle, telling};
use super::glob::{Glob, Symbol, Token};
use super::product::{Found, Wanted};
use super::term::{Area, Doubts, Term, World};
use crate::iam::policy::{Effect, Policy, PolicySet};
use crate::iam::reading::{Reading, Truth};
use crate::iam::request::Request;

/// What must be true of the request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal<'t> {
    /// The statement matches it.
    Inside(&'t Term),
    /// The statement does not match it.
    Outside(&'t Term),
    /// One of the statements matches it.
    InsideAny(&'t [Term]),
    /// None of the statements matches it.
    OutsideAll(&'t [Term]),
    /// The sets of policies do not allow it together.
    NotAllowed(&'t Bounds),
}

/// The sets of one principal: what each allows, and what any denies.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds {
    /// Identity policies, and boundary and session policies where there are such. All must allow.
    pub(super) allows: Vec<Vec<Term>>,
    /// What denies, in any of them.
    pub(super) denies: Vec<Term>,
}

/// Which side of a change a principal is on: what is in doubt counts against the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    /// Nothing is settled: a doubt may go either way.
    Open,
    /// What it surely allows: where there is a doubt, it does not allow, and denies.
    Least,
    /// What it may allow: where there is a doubt, it allows, and does not deny.
    Most,
}

impl Bounds {
    /// The sets of one principal.
    pub(super) fn new<S>(set: &PolicySet<S>, sure: Sure, world: &mut World) -> Self {
        let mut terms = |policies: &[std::sync::Arc<Policy<S>>], effect: Effect| -> Vec<Term> {
            let doubts = match (sure, effect) {
                (Sure::Open, _) => Doubts::Open,
                (Sure::Least, Effect::Allow) | (Sure::Most, Effect::Deny) => Doubts::Miss,
                (Sure::Least, Effect::Deny) | (Sure::Most, Effect::Allow) => Doubts::Match,
            };
            let all = policies.iter().flat_map(|policy| &policy.statements);
            all.filter(|one| one.effect == effect).filter_map(|one| Term::new(one, doubts, world)).collect()
        };
        let mut bounds = Self::default();
        for policies in [Some(&set.identity), set.boundary.as_ref(), set.session.as_ref()].into_iter().flatten() {
            bounds.allows.push(terms(policies, Effect::Allow));
            bounds.denies.append(&mut terms(policies, Effect::Deny));
        }
        bounds
    }

    /// What of it may be about requests of these actions and resources.
    pub(super) fn within(&self, actions: &Area, resources: &Area) -> Self {
        let near = |terms: &Vec<Term>| terms.iter().filter_map(|term| term.within(actions, resources)).collect();
        Self { allows: self.allows.iter().map(near).collect(), denies: near(&self.denies) }
    }

    /// What it would allow if no condition were set: conditional denials fall away with them.
    pub(super) fn unconditional(&self) -> Self {
        Self {
            allows: self.allows.iter().map(|set| set.iter().map(Term::unconditional).collect()).collect(),
            denies: self.denies.iter().filter(|deny| !deny.is_conditional()).cloned().collect(),
        }
    }

    /// Whether it surely allows all that `term` matches and `other`, which has the term, allows: a statement that
    /// covers it stands in each set, and nothing denies that does not deny there.
    pub(super) fn surely_allows(&self, term: &Term, other: &Self) -> bool {
        let covered = |set: &Vec<Term>| set.iter().any(|one| one.covers(term));
        let same = |(mine, theirs): (&Vec<Term>, &Vec<Term>)| {
            let ids = |set: &[Term]| set.iter().map(|one| one.id().to_owned()).collect::<HashSet<_>>();
            ids(theirs).is_subset(&ids(mine))
        };
        let limits = self.allows.iter().zip(&other.allows).skip(1);
        self.allows.first().is_some_and(covered)
            && (self.allows.len() == other.allows.len() && limits.map(|pair| (pair.0, pair.1)).all(same)
                || self.allows.iter().skip(1).all(covered))
            && self.denies.iter().all(|deny| other.denies.iter().any(|one| one.id() == deny.id() || one.covers(deny)))
    }
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With a request that meets all goals.
    Witness(Request),
    /// With the proof that there is none.
    Nothing,
    /// Without either, and why.
    Unsure(&'static str),
}

/// How many constraints are put upon each other: each takes some of the stack.
const DEPTH_MAX: usize = 400;

const BUDGET_SPENT: &str = "the policies are too intricate to be compared within bounds";
const NOT_CONFIRMED: &str = "it depends on the value of a policy variable";
const MIXED_KEY: &str = "conditions of different types on one key can't be decided together";

impl Goal<'_> {
    /// Whether a request surely meets it: what can't be told of it meets nothing.
    pub(super) fn is_met(self, request: &Request, reading: Reading) -> bool {
        let matches = |term: &Term| term.matches(request, reading);
        match self {
            Goal::Inside(term) => matches(term) == Truth::Yes,
            Goal::Outside(term) => matches(term) == Truth::No,
            Goal::InsideAny(terms) => terms.iter().any(|term| matches(term) == Truth::Yes),
            Goal::OutsideAll(terms) => terms.iter().all(|term| matches(term) == Truth::No),
            Goal::NotAllowed(bounds) => bounds.allow(request, reading) == Truth::No,
        }
    }
}

impl Bounds {
    /// Whether the sets allow a request.
    fn allow(&self, request: &Request, reading: Reading) -> Truth {
        let any = |terms: &[Term]| Truth::any(terms.iter().map(|term| term.matches(request, reading)));
        match any(&self.denies).not() {
            Truth::No => Truth::No,
            undenied => undenied.and(Truth::all(self.allows.iter().map(|set| any(set)))),
        }
    }
}

/// What actions look like: `service:name`.
static ACTION_FRAME: LazyLock<Vec<Glob>> = LazyLock::new(|| {
    let word = [Token::One(false), Token::Any(false)];
    vec![Glob([&word[..], &[Token::Char(':')], &word[..]].concat().into())]
});

/// What the resource of a request looks like: an ARN, or `*` where an action has none.
static RESOURCE_FRAME: LazyLock<Vec<Glob>> = LazyLock::new(|| {
    let segment = [Token::Any(false), Token::Char(':')];
    let arn = [&Glob::literal("arn:").0[..], &segment.repeat(4), &[Token::One(true), Token::Any(true)]].concat();
    vec![Glob::literal("*"), Glob(arn.into())]
});

/// Nothing can deny it, so that nobody gains or loses it. Source: STS API reference, GetCallerIdentity.
static ALWAYS_ALLOWED: LazyLock<Glob> = LazyLock::new(|| Glob::literal("sts:getcalleridentity"));

/// A text that an action may be where nothing is asked of it, and one that a resource may be, and what it takes to find
/// them: every search begins with them.
static ANY: LazyLock<(Vec<Symbol>, Vec<Symbol>, usize)> = LazyLock::new(|| {
    let mut budget = Budget::new(usize::MAX);
    let mut text = |wanted: Wanted<'_>, frame: &[Glob]| match wanted.find(frame, &mut budget) {
        Found::Text(text) => text,
        Found::Nothing | Found::OutOfBudget => Vec::new(),
    };
    let action = text(Wanted { must: Vec::new(), must_not: vec![&ALWAYS_ALLOWED] }, &ACTION_FRAME);
    let resource = text(Wanted::default(), &RESOURCE_FRAME);
    (action, resource, budget.spent())
});

/// Finds a request that meets all goals, whose terms are of this world.
pub(super) fn solve(goals: &[Goal<'_>], world: &World, budget: &mut Budget) -> Outcome {
    let mut constraints = Constraints::default();
    constraints.action.must_not.push(&ALWAYS_ALLOWED);
    let (action, resource, steps) = &*ANY;
    if !budget.spend(*steps) {
        return Outcome::Unsure(BUDGET_SPENT);
    }
    let (keys, naming) = Default::default();
    let model = Model { action: action.clone(), resource: resource.clone(), keys, naming };
    Search { world, budget, depth: 0 }.meet(goals.to_vec(), &constraints, &model)
}

/// What the request is constrained to, dimension by dimension.
#[derive(Clone, Default)]
struct Constraints<'t> {
    action: Wanted<'t>,
    resource: Wanted<'t>,
    keys: BTreeMap<&'t str, Vec<(&'t Atom, bool)>>,
}

/// A request that meets the constraints.
#[derive(Clone)]
struct Model<'t> {
    action: Vec<Symbol>,
    resource: Vec<Symbol>,
    keys: BTreeMap<&'t str, Setting>,
    naming: Naming,
}

/// What stands for a variable that no condition settles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Naming {
    /// Words that tell what it is.
    #[default]
    Telling,
    /// A character that hardly any pattern spells out.
    Plain,
    /// Words with a colon between them.
    Colon,
    /// Nothing.
    Empty,
}

impl Naming {
    const ALL: [Self; 4] = [Self::Telling, Self::Plain, Self::Colon, Self::Empty];

    fn value(self, key: &str) -> String {
        let name = key.rsplit([':', '/']).next().unwrap_or("value");
        match self {
            Self::Telling => telling(key),
            Self::Plain => "\u{f8}".to_owned(),
            Self::Colon => format!("some:{name}"),
            Self::Empty => String::new(),
        }
    }
}

/// Which dimensions a new constraint concerns.
#[derive(Clone, Default)]
struct Touched<'t> {
    action: bool,
    resource: bool,
    keys: Vec<&'t str>,
}

struct Search<'s> {
    world: &'s World,
    budget: &'s mut Budget,
    depth: usize,
}

/// One way to meet a goal.
enum Way<'t> {
    /// By these further goals.
    Goals(Vec<Goal<'t>>),
    /// The action is one, or none, of the term's.
    Action(&'t Term, bool),
    /// The resource is one, or none, of the term's.
    Resource(&'t Term, bool),
    /// The condition holds, or does not.
    Key(&'t Atom, bool),
    /// All of the term holds.
    All(&'t Term),
}

impl Search<'_> {
    /// Meets the goals under the constraints, which `model` meets.
    fn meet<'t>(&mut self, goals: Vec<Goal<'t>>, constraints: &Constraints<'t>, model: &Model<'t>) -> Outcome {
        if !self.budget.spend(8) || self.depth > DEPTH_MAX {
            return Outcome::Unsure(BUDGET_SPENT);
        }
        let request = self.request(model, model.naming);
        let open = goals.iter().position(|goal| !self.is_met(*goal, &request));
        let Some(open) = open else { return Outcome::Witness(request) };
        let mut unsure = None;
        for way in self.ways(goals[open], &request) {
            match self.go(way, &goals, open, constraints, model) {
                Outcome::Witness(request) => return Outcome::Witness(request),
                Outcome::Unsure(why) => unsure = Some(why),
                Outcome::Nothing => {}
            }
        }
        unsure.map_or(Outcome::Nothing, Outcome::Unsure)
    }

    fn go<'t>(
        &mut self,
        way: Way<'t>,
        goals: &[Goal<'t>],
        open: usize,
        constraints: &Constraints<'t>,
        model: &Model<'t>,
    ) -> Outcome {
        let mut goals = goals.to_vec();
        let mut constraints = constraints.clone();
        let mut touched = Touched::default();
        let mut achieved = goals[open];
        match way {
            Way::Goals(more) => {
                goals.splice(open..=open, more);
                self.depth += 1;
                let outcome = self.meet(goals, &constraints, model);
                self.depth -= 1;
                return outcome;
            }
            Way::Action(term, inside) => constraints.action(term, inside, &mut touched),
            Way::Resource(term, inside) => constraints.resource(term, inside, &mut touched),
            Way::Key(atom, holds) => constraints.key(atom, holds, &mut touched),
            Way::All(term) => {
                constraints.action(term, true, &mut touched);
                constraints.resource(term, true, &mut touched);
                term.atoms.iter().for_each(|atom| constraints.key(atom, true, &mut touched));
                achieved = Goal::Inside(term);
            }
        }
        let mut next = match self.model(&constraints, model, touched) {
            Ok(next) => next,
            Err(outcome) => return outcome,
        };
        let named = Naming::ALL.into_iter().find(|naming| self.is_met(achieved, &self.request(&next, *naming)));
        match named {
            Some(naming) => {
                next.naming = naming;
                self.depth += 1;
                let outcome = self.meet(goals, &constraints, &next);
                self.depth -= 1;
                outcome
            }
            // As patterns the constraint is met, as a request it is not: a variable happens to be in the way.
            None => Outcome::Unsure(NOT_CONFIRMED),
        }
    }

    fn is_met(&self, goal: Goal<'_>, request: &Request) -> bool {
        goal.is_met(request, self.world.reading)
    }

    /// The ways to meet a goal that the request does not meet. Every request that meets it goes one of them.
    fn ways<'t>(&self, goal: Goal<'t>, request: &Request) -> Vec<Way<'t>> {
        match goal {
            Goal::Inside(term) => vec![Way::All(term)],
            Goal::Outside(term) => {
                let keys = term.atoms.iter().map(|atom| Way::Key(atom, false));
                [Way::Resource(term, false), Way::Action(term, false)].into_iter().chain(keys).collect()
            }
            Goal::InsideAny(terms) => terms.iter().map(Way::All).collect(),
            Goal::OutsideAll(terms) => {
                let hit = terms.iter().filter(|term| term.matches(request, self.world.reading) != Truth::No);
                vec![Way::Goals(hit.map(Goal::Outside).chain([goal]).collect())]
            }
            Goal::NotAllowed(bounds) => {
                let outside = bounds.allows.iter().map(|set| Way::Goals(vec![Goal::OutsideAll(set)]));
                outside.chain(bounds.denies.iter().map(Way::All)).collect()
            }
        }
    }

    /// A request that meets the constraints; of `before` all is kept that the new constraints do not touch.
    fn model<'t>(
        &mut self,
        constraints: &Constraints<'t>,
        before: &Model<'t>,
        touched: Touched<'t>,
    ) -> Result<Model<'t>, Outcome> {
        let mut model = before.clone();
        if touched.action {
            model.action = self.text(&constraints.action, &ACTION_FRAME)?;
        }
        if touched.resource {
            model.resource = self.text(&constraints.resource, &RESOURCE_FRAME)?;
        }
        for key in touched.keys {
            let wants = constraints.keys.get(key).map_or(&[][..], Vec::as_slice);
            let named = self.world.variables.0.iter().any(|(name, _)| name == key);
            match settle(key, wants, named, self.world, self.budget) {
                Settled::As(setting) => model.keys.insert(key, setting),
                Settled::Never => return Err(Outcome::Nothing),
                Settled::Unsure => return Err(Outcome::Unsure(MIXED_KEY)),
            };
        }
        Ok(model)
    }

    fn text(&mut self, wanted: &Wanted<'_>, frame: &[Glob]) -> Result<Vec<Symbol>, Outcome> {
        match wanted.find(frame, self.budget) {
            Found::Text(text) => Ok(text),
            Found::Nothing => Err(Outcome::Nothing),
            Found::OutOfBudget => Err(Outcome::Unsure(BUDGET_SPENT)),
        }
    }

    /// The model as a request. A variable that no condition settles gets a value that no pattern spells out.
    fn request(&self, model: &Model<'_>, naming: Naming) -> Request {
        let mut request = Request::default();
        let mut values: BTreeMap<u32, String> = BTreeMap::new();
        let texts = model.keys.values().filter_map(|setting| match setting {
            Setting::Values(values) => Some(values),
            Setting::Absent => None,
        });
        for symbol in texts.flatten().chain([&model.resource]).flatten() {
            let Symbol::Variable(number) = symbol else { continue };
            let Some((key, default)) = self.world.variables.0.get(*number as usize) else { continue };
            let settled = match model.keys.get(key.as_str()) {
                Some(Setting::Values(values)) => values.first().map(|text| characters(text)),
                Some(Setting::Absent) => default.clone(),
                None => None,
            };
            let value = settled.unwrap_or_else(|| naming.value(key));
            if !matches!(model.keys.get(key.as_str()), Some(Setting::Absent)) {
                request.context.entry(key.clone()).or_insert_with(|| vec![value.clone()]);
            }
            values.insert(*number, value);
        }
        let write = |text: &[Symbol]| -> String {
            let pieces = text.iter().map(|symbol| match symbol {
                Symbol::Char(c) => c.to_string(),
                Symbol::Variable(number) => values.get(number).cloned().unwrap_or_default(),
            });
            pieces.collect()
        };
        for (key, setting) in &model.keys {
            if let Setting::Values(list) = setting {
                request.context.insert((*key).to_owned(), list.iter().map(|text| write(text)).collect());
            }
        }
        request.action = write(&model.action);
        request.resource = write(&model.resource);
        request
    }
}

fn characters(text: &[Symbol]) -> String {
    text.iter().filter_map(|symbol| if let Symbol::Char(c) = symbol { Some(*c) } else { None }).collect()
}

impl<'t> Constraints<'t> {
    fn action(&mut self, term: &'t Term, inside: bool, touched: &mut Touched<'t>) {
        touched.action = true;
        self.action.constrain(&term.actions.globs, inside != term.actions.negated);
    }

    fn resource(&mut self, term: &'t Term, inside: bool, touched: &mut Touched<'t>) {
        touched.resource = true;
        self.resource.constrain(&term.resources.globs, inside != term.resources.negated);
    }

    fn key(&mut self, atom: &'t Atom, holds: bool, touched: &mut Touched<'t>) {
        let key = atom.condition.key.as_str();
        if !touched.keys.contains(&key) {
            touched.keys.push(key);
        }
        self.keys.entry(key).or_default().push((atom, holds));
    }
}

impl<'t> Wanted<'t> {
    fn constrain(&mut self, globs: &'t [Glob], inside: bool) {
        match inside {
            true => self.must.push(globs),
            false => self.must_not.extend(globs),
        }
    }
}
