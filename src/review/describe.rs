//! Access to AWS in words: patterns stay patterns, counts instead of expansions, and only what deserves a
//! look by name.

use std::collections::HashSet;
use std::sync::Arc;

use crate::iam::catalogue::{AccessLevel, Action, Catalogue};
use crate::iam::pattern::Pattern;
use crate::iam::policy::{Effect, Policy, PolicySet, Scope, Statement};
use crate::iam::request::Request;
use crate::review::finding::Access;
use crate::review::words;

/// So many names are told, and of more how many there are.
const NAMED_MAX: usize = 3;

/// Levels from the weightiest.
const LEVELS: [AccessLevel; 5] = [
    AccessLevel::PermissionsManagement,
    AccessLevel::Write,
    AccessLevel::Tagging,
    AccessLevel::Read,
    AccessLevel::List,
];

impl Access {
    /// Whether it manages permissions, or answers with secrets or credentials.
    pub fn is_risky(&self) -> bool {
        let [weightiest, ..] = LEVELS;
        self.levels.first().is_some_and(|(level, _)| *level == weightiest.words()) || !self.credentials.is_empty()
    }
}

/// The part `actions` on `resources` of a statement.
pub(super) fn access<S>(statement: &Statement<S>, actions: &Scope, resources: &Scope) -> Access {
    let covered = Catalogue::current().covered(actions);
    of_actions(statement, actions, resources, &covered)
}

/// As [`access`], and counted are only the actions that the boundary and the session policies of the statement's set
/// let through and that nothing there denies whatever the request is.
pub(super) fn access_within<S>(
    set: &PolicySet<S>,
    statement: &Statement<S>,
    actions: &Scope,
    resources: &Scope,
) -> Access {
    of_actions(statement, actions, resources, &passing(set, actions))
}

/// The actions that the boundary and the session policies of a set let through and that nothing there denies whatever the
/// request is.
fn passing<'c, S>(set: &PolicySet<S>, actions: &'c Scope) -> Vec<Action<'c>> {
    let mut covered = Catalogue::current().covered(actions);
    for policies in [&set.boundary, &set.session].into_iter().flatten() {
        let allowed = covering(policies, |one| one.effect == Effect::Allow);
        covered.retain(|action| allowed.contains(&name(action)));
    }
    let all = [Some(&set.identity), set.boundary.as_ref(), set.session.as_ref()];
    for policies in all.into_iter().flatten() {
        let denied = covering(policies, denies_always);
        covered.retain(|action| !denied.contains(&name(action)));
    }
    covered
}

/// How much of some actions [`access_within`] counts, in words: their names where they are few, with what the session policies
/// let them be done on, else how many.
pub(super) fn counted_within<S>(set: &PolicySet<S>, actions: &Scope) -> String {
    let names: Vec<String> = passing(set, actions).iter().map(name).collect();
    if names.is_empty() || names.len() > NAMED_MAX {
        return words::thousands(names.len());
    }
    let narrows = |one: &&Statement<S>| {
        one.effect == Effect::Allow && !one.resources.negated && {
            let allowed: HashSet<String> = Catalogue::current().matching(&one.actions).map(|one| name(&one)).collect();
            names.iter().any(|name| allowed.contains(name))
        }
    };
    let session = set.session.iter().flatten().flat_map(|policy| &policy.statements);
    let mut on: Vec<String> = session.filter(narrows).flat_map(|one| patterns(&one.resources)).collect();
    on.sort_unstable();
    on.dedup();
    let names = words::listed(&names);
    match on.is_empty() || on.len() > NAMED_MAX || on.iter().any(|pattern| pattern == "*") {
        true => names,
        false => format!("{names} (on {})", words::listed(&on)),
    }
}

/// The actions of the statements that are wanted, by their names.
fn covering<S>(policies: &[Arc<Policy<S>>], wanted: impl Fn(&Statement<S>) -> bool) -> HashSet<String> {
    let statements = policies.iter().flat_map(|policy| &policy.statements).filter(|one| wanted(one));
    statements.flat_map(|one| Catalogue::current().matching(&one.actions).map(|action| name(&action))).collect()
}

/// Whether a statement denies its actions on everything and under no condition.
fn denies_always<S>(statement: &Statement<S>) -> bool {
    let resources = &statement.resources;
    statement.effect == Effect::Deny
        && statement.conditions.is_empty()
        && !resources.negated
        && resources.patterns.iter().any(|pattern| pattern.text == "*")
}

fn of_actions<S>(statement: &Statement<S>, actions: &Scope, resources: &Scope, covered: &[Action<'_>]) -> Access {
    let catalogue = Catalogue::current();
    let levels = LEVELS.iter().filter_map(|level| {
        let count = covered.iter().filter(|action| action.level == *level).count();
        (count > 0).then_some((level.words(), count))
    });
    let risky = covered.iter().filter(|action| action.level == AccessLevel::PermissionsManagement);
    let mut spelled: Vec<String> = actions.patterns.iter().map(|pattern| spelled(catalogue, pattern)).collect();
    spelled.sort_unstable();
    let mut texts = patterns(resources);
    texts.sort_unstable();
    Access {
        actions_negated: actions.negated,
        actions: spelled,
        count: covered.len(),
        levels: levels.collect(),
        possible: catalogue.any_fits(actions, resources),
        resources_negated: resources.negated,
        resources: texts,
        conditions: conditions(statement),
        statement: statement.sid.clone(),
        // One action by its name needs no list.
        risky: if covered.len() > 1 { risky.map(name).collect() } else { Vec::new() },
        credentials: covered.iter().filter(|action| action.returns_credentials()).map(name).collect(),
    }
}

/// The conditions of a statement, in words.
pub(super) fn conditions<S>(statement: &Statement<S>) -> Vec<String> {
    let mut conditions: Vec<String> = statement.conditions.iter().map(words::condition).collect();
    conditions.sort_unstable();
    conditions
}

/// The patterns of a scope, as they are written.
pub(super) fn patterns(scope: &Scope) -> Vec<String> {
    scope.patterns.iter().map(|pattern| pattern.text.clone()).collect()
}

/// A scope in words: `a and b`, `everything but a`.
pub(super) fn scope(negated: bool, patterns: &[String]) -> String {
    match (negated, patterns) {
        (true, []) => "everything".to_owned(),
        (true, patterns) => format!("everything but {}", words::listed_at_length(patterns)),
        (false, patterns) => words::listed_at_length(patterns),
    }
}

/// Conditions in words: `only if a, and b`.
pub(super) fn only_if(conditions: &[String]) -> String {
    match conditions {
        [] => "unconditional".to_owned(),
        conditions => format!("only if {}", conditions.join(", and ")),
    }
}

impl Access {
    /// `s3:Delete* on arn:aws:s3:::a/*`.
    pub fn sentence(&self) -> String {
        format!("{} on {}", scope(self.actions_negated, &self.actions), scope(self.resources_negated, &self.resources))
    }

    /// `74: 41 write, 22 read`; the level alone for one action; empty for what the catalogue does not know.
    pub(crate) fn level_words(&self) -> String {
        match (self.count, self.levels.as_slice()) {
            (0, _) => "no action known to the catalogue".to_owned(),
            (1, [(level, _)]) => (*level).to_owned(),
            (count, [(level, _)]) => format!("{} actions, {level}", words::thousands(count)),
            (count, levels) => {
                let levels: Vec<String> =
                    levels.iter().map(|(level, count)| format!("{} {level}", words::thousands(*count))).collect();
                format!("{} actions: {}", words::thousands(count), levels.join(", "))
            }
        }
    }
}

/// A request with its action as AWS spells it.
pub(super) fn spelled_request(request: &Request) -> Request {
    let action =
        Catalogue::current().find(&request.action).map_or_else(|| request.action.clone(), |action| name(&action));
    Request { action, ..request.clone() }
}

fn name(action: &Action<'_>) -> String {
    format!("{}:{}", action.service, action.name)
}

/// A pattern of actions in the case in which AWS spells what it covers, as far as that is one spelling.
fn spelled(catalogue: &Catalogue, pattern: &Pattern) -> String {
    if pattern.literal().is_some() {
        return catalogue.find(&pattern.text).map_or_else(|| pattern.text.clone(), |action| name(&action));
    }
    let scope = Scope { negated: false, patterns: vec![pattern.clone()] };
    let fixed = pattern.text.find(['*', '?']).unwrap_or(pattern.text.len());
    let Some(first) = catalogue.covered(&scope).first().map(name) else { return pattern.text.clone() };
    match (first.get(..fixed), pattern.text.get(fixed..)) {
        (Some(start), Some(rest)) if start.eq_ignore_ascii_case(&pattern.text[..fixed]) => format!("{start}{rest}"),
        _ => pattern.text.clone(),
    }
}
