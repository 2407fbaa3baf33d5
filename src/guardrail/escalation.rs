//! Ways from some permissions to more of them, as data: `policies/escalation.yaml`.

use std::sync::LazyLock;

use serde::Deserialize;

use super::Escalation;
use crate::iam::compare::{Case, Proof, reach, scope};
use crate::iam::pattern::{Part, Pattern, Syntax};
use crate::iam::policy::{Effect, PolicySet, Scope, Statement};
use crate::iam::request::Request;

/// One way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// Its name: `lambda-create-invoke`.
    pub id: String,
    /// What it comes to, in a line.
    pub title: String,
    /// The actions that it takes, all of them.
    #[serde(default)]
    pub all_of: Vec<String>,
    /// Of these, one more.
    #[serde(default)]
    pub any_of: Vec<String>,
    /// Whether it leads only through something that somebody else has set up. Such a path counts only where
    /// the resource is not confined, and weighs little.
    #[serde(default)]
    pub needs_target: bool,
    /// Whether it counts only where the resource is not confined.
    #[serde(default)]
    pub wide_only: bool,
    /// Where it is described.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    date: String,
    paths: Vec<Path>,
}

static TEXT: &str = include_str!("../../policies/escalation.yaml");

static FILE: LazyLock<File> = LazyLock::new(|| {
    // Part of the program, and read by a test.
    serde_yaml::from_str(TEXT).unwrap_or_else(|_| File { date: String::new(), paths: Vec::new() })
});

/// Every way that is known, and the day of the list.
pub fn paths() -> (&'static str, &'static [Path]) {
    (&FILE.date, &FILE.paths)
}

/// The ways that a rule is about.
pub(super) fn chosen(rule: &Escalation) -> impl Iterator<Item = &'static Path> {
    FILE.paths.iter().filter(|path| {
        (rule.paths.is_empty() || rule.paths.contains(&path.id)) && !rule.except_paths.contains(&path.id)
    })
}

impl Path {
    /// Whether it hands a role to a service.
    pub(super) fn passes_role(&self) -> bool {
        self.all_of.iter().any(|action| action == "iam:PassRole")
    }

    /// What to do about it.
    pub(super) fn fix(&self) -> String {
        match self.passes_role() {
            true => "name the roles that may be passed, and add a condition on iam:PassedToService".to_owned(),
            false if self.needs_target || self.wide_only => "name the resources".to_owned(),
            false => "take the action out, or except the role with a reason, an owner and an end".to_owned(),
        }
    }

    /// The requests that a principal with all these sets would go it by, each with whether its resource is not
    /// confined; `None` if it can't.
    pub(super) fn found<S>(&self, access: &[PolicySet<S>]) -> Option<Vec<(Request, bool)>> {
        let wide_only = self.needs_target || self.wide_only;
        let step = |action: &String| step(access, action, wide_only);
        let mut found = Vec::new();
        for action in &self.all_of {
            found.push(step(action)?);
        }
        if !self.any_of.is_empty() {
            found.push(self.any_of.iter().find_map(step)?);
        }
        Some(found)
    }
}

/// Whether an action is allowed, and by which request.
fn step<S>(access: &[PolicySet<S>], action: &str, wide_only: bool) -> Option<(Request, bool)> {
    let lower = action.to_ascii_lowercase();
    let nothing = Request::default();
    // Most roles have nothing to do with it: no search is needed to see that.
    let covers =
        |actions: &Scope| actions.patterns.iter().any(|pattern| pattern.matches(&lower, &nothing)) != actions.negated;
    let near = access.iter().filter(|set| set.allowing().any(|statement| covers(&statement.actions)));
    let mut narrow = None;
    for set in near {
        let region = region(action);
        let Some(proof) = reach(std::slice::from_ref(set), &region, &[]) else { continue };
        let wide = set.allowing().any(|statement| covers(&statement.actions) && is_wide(&statement.resources));
        let request = match proof {
            Proof::Witness(request) => request,
            Proof::CannotTell(_) => {
                Request { action: action.to_owned(), resource: "*".to_owned(), ..Request::default() }
            }
        };
        if wide {
            return Some((request, true));
        }
        narrow.get_or_insert((request, false));
    }
    narrow.filter(|_| !wide_only)
}

fn region(action: &str) -> Statement<()> {
    Statement {
        sid: None,
        effect: Effect::Allow,
        actions: scope(&[action], Case::Lowered),
        resources: Scope { negated: true, patterns: Vec::new() },
        conditions: Vec::new(),
        span: (),
    }
}

/// Whether resources are not confined to named ones: `*`, everything but some, or every one of a type.
fn is_wide(resources: &Scope) -> bool {
    resources.negated || resources.patterns.iter().any(reaches_any_name)
}

/// Whether a pattern matches a resource by a name that nobody gave: however it is spelt, it confines nothing then.
fn reaches_any_name(pattern: &Pattern) -> bool {
    // With fewer colons, a `*` stands for what an ARN has in those that are missing.
    let Some(resource) = pattern.text.splitn(6, ':').nth(5) else {
        return matches!(pattern.parts.last(), Some(Part::Any | Part::One));
    };
    let literal = resource.split(['*', '?', '$']).next().unwrap_or_default();
    let kind = literal.find(['/', ':']).map_or_else(|| format!("{literal}/"), |at| literal[..=at].to_owned());
    let syntax = Syntax { wildcards: true, variables: true };
    Pattern::new(resource, syntax).matches(&format!("{kind}zz-made-up"), &Request::default())
}
