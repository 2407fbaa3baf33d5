//! A statement, ready to be a constraint and to judge requests.
//!
//! What no page of AWS defines in it (see [`value`]) becomes a condition on a made-up key: as long as nobody knows
//! what it does, it may hold or not, but it does the same on both sides.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::rc::Rc;

use super::atom::Atom;
use super::glob::{Colons, Glob, Variables};
use crate::iam::catalogue::Catalogue;
use crate::iam::operator::{Operator, Quantifier, Test};
use crate::iam::pattern::{Part, Pattern, Syntax};
use crate::iam::policy::{Condition, Effect, Statement};
use crate::iam::reading::{EmptyVariable, Reading, Truth, Unresolved};
use crate::iam::request::Request;
use crate::iam::scope::Scope;
use crate::iam::value;

/// What the keys of doubts begin with: no key of AWS does.
const DOUBT: char = '\u{1}';

/// From how many patterns on literal ones are looked up.
const INDEXED_FROM: usize = 12;

/// What all statements of one search share.
#[derive(Clone, Debug)]
pub(super) struct World {
    /// How what AWS leaves open is read.
    pub(super) reading: Reading,
    /// The policy variables of all statements.
    pub(super) variables: Variables,
    /// Keys that a set operator asks for somewhere.
    sets: Rc<HashSet<String>>,
    /// What is in doubt, by made-up key.
    doubts: BTreeMap<String, String>,
    /// Whether a doubt may decide what is asked.
    doubtful: bool,
}

impl World {
    /// A world for these statements.
    pub(super) fn new(reading: Reading, sets: &Rc<HashSet<String>>, doubtful: bool) -> Self {
        let sets = Rc::clone(sets);
        Self { reading, variables: Variables::default(), sets, doubts: BTreeMap::new(), doubtful }
    }

    /// Whether a key may have several values.
    pub(super) fn has_several(&self, key: &str) -> bool {
        self.sets.contains(key) || Catalogue::current().is_multivalued(key)
    }

    /// Whether a request holds something that is in doubt, and what; it is taken out.
    pub(super) fn take_doubts(&self, request: &mut Request) -> Option<String> {
        let held: Vec<String> = request.context.keys().filter(|key| key.starts_with(DOUBT)).cloned().collect();
        held.iter().for_each(|key| drop(request.context.remove(key)));
        let named = held.iter().find_map(|key| self.doubts.get(key)).or_else(|| self.doubts.values().next());
        named.filter(|_| self.doubtful).map(|what| format!("AWS does not say what {what} means"))
    }

    fn doubt(&mut self, key: &str, what: String) -> Condition {
        let key = format!("{DOUBT}{}", key.escape_default());
        self.doubts.insert(key.clone(), what);
        made(Test::Bool, key, "true")
    }
}

/// What becomes of a statement in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubts {
    /// It may match or not.
    Open,
    /// It is taken to match.
    Match,
    /// It is taken not to match: there is no term.
    Miss,
}

/// Patterns, of which any may match, or none shall.
#[derive(Clone, Debug)]
pub(super) struct Area {
    /// Whether it is everything but these.
    pub(super) negated: bool,
    /// The patterns as automata.
    pub(super) globs: Vec<Glob>,
    patterns: Vec<Rc<Pattern>>,
    /// Of many patterns, where the literal ones stand, and which are not literal.
    index: Option<Rc<Index>>,
}

/// Where the literal patterns of an area stand, by their texts, and which are not literal.
type Index = (HashMap<String, usize>, Vec<usize>);

impl Area {
    fn new(scope: &Scope, colons: Colons, variables: &mut Variables) -> Self {
        let globs = scope.patterns.iter().map(|one| Glob::new(one, colons, None, variables)).collect();
        let index = (scope.patterns.len() >= INDEXED_FROM).then(|| {
            let (mut literal, mut others) = (HashMap::new(), Vec::new());
            for (at, pattern) in scope.patterns.iter().enumerate() {
                match pattern.literal() {
                    Some(text) => drop(literal.insert(text.to_owned(), at)),
                    None => others.push(at),
                }
            }
            Rc::new((literal, others))
        });
        let patterns = scope.patterns.iter().cloned().map(Rc::new).collect();
        Self { negated: scope.negated, globs, patterns, index }
    }

    /// The actions of a statement.
    pub(super) fn of_actions<S>(statement: &Statement<S>) -> Self {
        Self::new(&statement.actions, Colons::Crossed, &mut Variables::default())
    }

    /// Whether something may be of both.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        self.within(other).is_some()
    }

    /// Everything.
    pub(super) fn everything() -> Self {
        Self { negated: true, globs: Vec::new(), patterns: Vec::new(), index: None }
    }

    /// Some of its patterns.
    pub(super) fn part(&self, which: impl IntoIterator<Item = usize>) -> Self {
        let mut part = Self { negated: self.negated, globs: Vec::new(), patterns: Vec::new(), index: None };
        for at in which {
            part.globs.push(self.globs[at].clone());
            part.patterns.push(Rc::clone(&self.patterns[at]));
        }
        part
    }

    /// Its patterns that may match something of `other`; `None` if it matches nothing of it.
    fn within(&self, other: &Self) -> Option<Self> {
        if other.negated {
            return Some(self.clone());
        }
        let mut kept: Vec<usize> = match (&self.index, other.patterns.as_slice()) {
            (Some(index), [one]) if one.literal().is_some() => {
                let text = one.literal().unwrap_or_default();
                index.0.get(text).into_iter().chain(&index.1).copied().collect()
            }
            _ => (0..self.globs.len()).collect(),
        };
        kept.retain(|at| other.globs.iter().any(|glob| self.globs[*at].may_meet(glob)));
        (self.negated || !kept.is_empty()).then(|| self.part(kept))
    }

    /// Whether it surely matches all of `other`, as far as the patterns show.
    fn covers(&self, other: &Self) -> bool {
        match (self.negated, other.negated) {
            (true, _) if self.globs.is_empty() => true,
            (true, true) => self.globs.iter().all(|glob| other.globs.contains(glob)),
            (false, false) => other.globs.iter().all(|one| self.globs.iter().any(|glob| glob.contains(one))),
            (true, false) => !other.globs.iter().any(|one| self.globs.iter().any(|glob| glob.may_meet(one))),
            (false, true) => self.globs.iter().any(Glob::is_anything),
        }
    }

    /// Its patterns as they were written.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter().map(Rc::as_ref)
    }

    /// As a scope.
    pub(super) fn scope(&self) -> Scope {
        Scope { negated: self.negated, patterns: self.patterns.iter().map(|one| Pattern::clone(one)).collect() }
    }

    fn matches(&self, matches: impl Fn(&Pattern) -> bool) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern)) != self.negated
    }

    fn is_manifold(&self, request: &Request) -> bool {
        self.patterns.iter().any(|pattern| pattern.is_manifold(request))
    }
}

/// A statement, ready to be a constraint.
#[derive(Clone, Debug)]
pub(super) struct Term {
    /// Its actions.
    pub(super) actions: Area,
    /// Its resources.
    pub(super) resources: Area,
    /// Its conditions.
    pub(super) atoms: Rc<[Atom]>,
    /// Its conditions as texts, each the same for two that say the same.
    keys: Rc<[String]>,
    /// The whole statement as a text.
    id: Rc<str>,
}

impl Term {
    /// A statement under the reading of a world; `None` if its doubts make it match nothing.
    pub(super) fn new<S>(statement: &Statement<S>, doubts: Doubts, world: &mut World) -> Option<Self> {
        let several = |pattern: &Pattern| pattern.keys().any(|key| world.has_several(key));
        let odd = statement.resources.patterns.iter().find(|one| one.is_odd_resource() || several(one)).cloned();
        let mut texts: Vec<String> = statement.conditions.iter().map(condition_key).collect();
        let (mut conditions, mut keys, mut doubtful) = (Vec::new(), Vec::new(), Vec::new());
        for (condition, text) in statement.conditions.iter().zip(&texts) {
            match condition.is_doubtful() || condition.values.iter().any(several) {
                true => doubtful.push((condition, text)),
                false => {
                    conditions.push(condition.clone());
                    keys.push(text.clone());
                }
            }
        }
        if doubts == Doubts::Miss && (odd.is_some() || !doubtful.is_empty()) {
            return None;
        }
        let scope = Some(&statement.resources).filter(|_| odd.is_none());
        let (spoiling, mut resources) = (spoilers(&conditions, scope, world.reading), None);
        if doubts == Doubts::Open {
            conditions.extend(doubtful.iter().map(|(one, text)| world.doubt(text, told(one))));
            if let Some(pattern) = &odd {
                let key = scope_key(&statement.resources);
                conditions.push(world.doubt(&key, format!("`{}`", pattern.text)));
            }
        }
        if odd.is_some() {
            resources = Some(Area::everything());
        }
        conditions.extend(spoiling.into_iter().map(|key| resolving(key, world.reading)));
        let (variables, reading) = (&mut world.variables, world.reading);
        let colons = reading.colons.into();
        let made = conditions.iter().skip(keys.len()).map(condition_key).collect::<Vec<_>>();
        keys.extend(made);
        keys.sort_unstable();
        texts.sort_unstable();
        Some(Self {
            actions: Area::new(&statement.actions, Colons::Crossed, variables),
            resources: resources.unwrap_or_else(|| Area::new(&statement.resources, colons, variables)),
            atoms: conditions.iter().map(|condition| Atom::new(condition, reading, variables)).collect(),
            keys: keys.into(),
            id: whole_key(statement, &texts).into(),
        })
    }

    /// Whether it matches a request.
    pub(super) fn matches(&self, request: &Request, reading: Reading) -> Truth {
        let action = match request.action.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(request.action.to_ascii_lowercase()),
            false => Cow::Borrowed(request.action.as_str()),
        };
        if !self.actions.matches(|pattern| pattern.matches(&action, request)) {
            return Truth::No;
        }
        let resource = match self.resources.is_manifold(request) {
            true => Truth::Unknown,
            false => self.resources.matches(|pattern| pattern.matches_resource(request, reading)).into(),
        };
        // The conditions are the last to be asked.
        Truth::all(
            std::iter::once(resource).chain(self.atoms.iter().map(|atom| atom.condition.holds(request, reading))),
        )
    }

    /// The same statement without its conditions.
    pub(super) fn unconditional(&self) -> Self {
        Self { atoms: Rc::new([]), keys: Rc::new([]), ..self.clone() }
    }

    /// Whether it has conditions.
    pub(super) fn is_conditional(&self) -> bool {
        !self.atoms.is_empty()
    }

    /// The same conditions on a part of its actions and resources.
    pub(super) fn on(&self, actions: Area, resources: Area) -> Self {
        let (atoms, keys, id) = (Rc::clone(&self.atoms), Rc::clone(&self.keys), Rc::clone(&self.id));
        Self { actions, resources, atoms, keys, id }
    }

    /// What of it may be about requests of these actions and resources; `None` if nothing is.
    pub(super) fn within(&self, actions: &Area, resources: &Area) -> Option<Self> {
        Some(self.on(self.actions.within(actions)?, self.resources.within(resources)?))
    }

    /// Whether it surely matches all that `other` matches, as far as patterns and texts of conditions show.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.keys.iter().all(|key| other.keys.binary_search(key).is_ok())
            && self.actions.covers(&other.actions)
            && self.resources.covers(&other.resources)
    }

    /// The statement it is of, as a text.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

/// The keys without which a statement is spoilt: those of its variables, where no doubt is in the way.
fn spoilers(conditions: &[Condition], resources: Option<&Scope>, reading: Reading) -> Vec<String> {
    if reading.unresolved == Unresolved::MatchesNothing {
        return Vec::new();
    }
    let conditions = conditions.iter().filter(|one| one.may_be_spoilt(reading)).flat_map(|one| &one.values);
    let patterns = conditions.chain(resources.into_iter().flat_map(|scope| &scope.patterns));
    let mut keys: Vec<String> = patterns.flat_map(Pattern::needed_keys).map(str::to_owned).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Whether it matters to a condition that a variable in it has no value, but for that variable's own value.
pub(super) fn tells_spoilt(condition: &Condition) -> bool {
    let operator = condition.operator;
    let needs = condition.values.iter().any(|value| value.needed_keys().next().is_some());
    let holds =
        operator.test.is_negated() || operator.if_exists || operator.quantifier == Some(Quantifier::ForAllValues);
    needs && (holds || is_mixed(&condition.values))
}

/// Whether some of these patterns need variables that others don't.
pub(super) fn is_mixed(patterns: &[Pattern]) -> bool {
    let needed = |pattern: &Pattern| {
        let mut keys: Vec<String> = pattern.needed_keys().map(str::to_owned).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    };
    let Some((first, rest)) = patterns.split_first() else { return false };
    let first = needed(first);
    rest.iter().any(|pattern| needed(pattern) != first)
}

/// That a variable has a value.
fn resolving(key: String, reading: Reading) -> Condition {
    let value = if reading.empty_variable == EmptyVariable::Text { "*" } else { "?*" };
    made(Test::StringLike, key, value)
}

fn made(test: Test, key: String, value: &str) -> Condition {
    let values = vec![Pattern::new(value, Syntax { wildcards: true, variables: false })];
    Condition { operator: Operator { test, if_exists: false, quantifier: None }, key, values }
}

fn told(condition: &Condition) -> String {
    let (operator, key) = (condition.operator, &condition.key);
    let odd = condition.values.iter().find(|one| !value::is_read(condition.operator.test, one));
    match odd.or(condition.values.first()) {
        Some(value) => format!("`{operator}` with `{}` on {key}", value.text),
        None => format!("`{operator}` without a value on {key}"),
    }
}

/// A statement as one text, the same for two that say the same in another order.
pub(super) fn statement_key<S>(statement: &Statement<S>) -> String {
    let mut conditions: Vec<String> = statement.conditions.iter().map(condition_key).collect();
    conditions.sort_unstable();
    whole_key(statement, &conditions)
}

/// [`statement_key`] of conditions that are texts already, in order.
fn whole_key<S>(statement: &Statement<S>, conditions: &[String]) -> String {
    let mut key = String::with_capacity(256);
    key.push(if statement.effect == Effect::Allow { '+' } else { '-' });
    push_scope(&mut key, &statement.actions);
    push_scope(&mut key, &statement.resources);
    conditions.iter().for_each(|condition| push_text(&mut key, '&', condition));
    key
}

fn scope_key(scope: &Scope) -> String {
    let mut key = String::new();
    push_scope(&mut key, scope);
    key
}

fn push_scope(key: &mut String, scope: &Scope) {
    key.push(if scope.negated { '!' } else { '=' });
    push_sorted(key, &scope.patterns, Pattern::is_odd_resource);
}

fn condition_key(condition: &Condition) -> String {
    let mut key = condition.operator.to_string();
    push_text(&mut key, ' ', &condition.key);
    push_sorted(&mut key, &condition.values, Pattern::is_odd);
    key
}

fn push_sorted(key: &mut String, patterns: &[Pattern], odd: fn(&Pattern) -> bool) {
    let mut texts: Vec<String> = patterns.iter().map(|one| pattern_key(one, odd(one))).collect();
    texts.sort_unstable();
    texts.dedup();
    key.push('[');
    texts.iter().for_each(|text| key.push_str(text));
    key.push(']');
}

/// What a pattern means, not how it is written; as it is written where nobody knows what it means. Each text says its
/// length, so that no two patterns read alike.
fn pattern_key(pattern: &Pattern, odd: bool) -> String {
    let mut key = String::with_capacity(pattern.text.len() + 8);
    if odd {
        push_text(&mut key, '~', &pattern.text);
        return key;
    }
    for part in &pattern.parts {
        match part {
            Part::Literal(text) => push_text(&mut key, '"', text),
            Part::One => key.push('?'),
            Part::Any => key.push('*'),
            Part::Variable { key: name, default } => {
                push_text(&mut key, '$', name);
                default.iter().for_each(|default| push_text(&mut key, ',', default));
            }
        }
    }
    key.push(';');
    key
}

fn push_text(key: &mut String, sign: char, text: &str) {
    let _ = write!(key, "{sign}{}:", text.len());
    key.push_str(text);
}
