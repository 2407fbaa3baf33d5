//! Ways from some permissions to more of them, as data: `policies/escalation.yaml`.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::iam::compare::{Case, Proof, gain_within, reach, scope};
use crate::iam::pattern::{Part, Pattern, Syntax};
use crate::iam::policy::{Condition, Effect, Operator, PolicySet, Quantifier, Scope, Statement, Test};
use crate::iam::reading::{Reading, Truth};
use crate::iam::request::Request;

/// Hands a role to a service.
pub(super) const PASS_ROLE: &str = "iam:PassRole";

/// The service that a role is handed to. Source: IAM User Guide, "IAM and AWS STS condition context keys".
const PASSED_TO_SERVICE: &str = "iam:passedtoservice";

/// As text, a `*` for the partition would stand for what comes after it too. Source: botocore's `partitions.json`.
const PARTITIONS: &[&str] =
    &["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"];

/// What the role is to be used with there. Source: as above.
const ASSOCIATED_RESOURCE: &str = "iam:associatedresourcearn";

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
    /// The services that the role is handed to, as their principals begin: `ec2` is `ec2.amazonaws.com`.
    #[serde(default)]
    pub passed_to: Vec<String>,
    /// The services whose ARNs `iam:AssociatedResourceArn` may hold then.
    #[serde(default)]
    pub associated: Vec<String>,
    /// Where it is described.
    pub source: String,
}

/// One action of a way that is open.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// A request that goes it.
    pub(super) request: Request,
    /// Whether its resource is not confined.
    pub(super) wide: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    date: String,
    paths: Vec<Path>,
}

static TEXT: &str = include_str!("../../../../policies/escalation.yaml");

// As with the catalogue of actions: without its paths, the guardrail that is there by itself would forbid nothing.
static FILE: LazyLock<Result<File, Unreadable>> = LazyLock::new(|| read(TEXT));

/// Why the list is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It has no paths.
    #[error("there are no escalation paths in this program")]
    Empty,
    /// It is not in its form.
    #[error("the escalation paths in this program can't be read: {0}")]
    Malformed(#[from] serde_yaml::Error),
}

fn read(text: &str) -> Result<File, Unreadable> {
    match serde_yaml::from_str::<File>(text)? {
        file if file.paths.is_empty() => Err(Unreadable::Empty),
        file => Ok(file),
    }
}

fn file() -> &'static File {
    match &*FILE {
        Ok(file) => file,
        Err(why) => panic!("{why}"),
    }
}

/// Reads the list, unless that was done: a server that could not judge by it ends before it serves.
///
/// # Errors
/// What is wrong with it.
pub fn check_paths() -> Result<(), &'static Unreadable> {
    FILE.as_ref().map(drop)
}

/// Every way that is known, and the day of the list.
pub fn paths() -> (&'static str, &'static [Path]) {
    let file = file();
    (&file.date, &file.paths)
}

impl Path {
    /// What to do about it, where `access` goes it by these steps.
    pub(super) fn fix<S>(&self, access: &[PolicySet<S>], found: &[Step]) -> String {
        let passed = self.all_of.iter().zip(found).find(|(action, _)| *action == PASS_ROLE);
        let Some((_, passed)) = passed else {
            return match self.needs_target || self.wide_only {
                true => "name the resources".to_owned(),
                false => "take the action out, or except the role with a reason, an owner and an end".to_owned(),
            };
        };
        // What is there already is no advice.
        let service = access.iter().flat_map(PolicySet::allowing).any(|statement| {
            statement.matches(&passed.request, Reading::CROSSING) != Truth::No
                && statement.conditions.iter().any(|condition| condition.key == PASSED_TO_SERVICE)
        });
        match (passed.wide, service) {
            (true, false) => "name the roles that may be passed, and add a condition on iam:PassedToService",
            (true, true) => "name the roles that may be passed, or take this service out of iam:PassedToService",
            (false, false) => "add a condition on iam:PassedToService that leaves this service out",
            (false, true) => {
                "take this service out of iam:PassedToService, or except the role with a reason, an owner and an end"
            }
        }
        .to_owned()
    }

    /// The steps that a principal with all these sets would go it by; `None` if it can't.
    pub(super) fn found<S: Clone>(&self, access: &[PolicySet<S>]) -> Option<Vec<Step>> {
        let step = |action: &String| self.step(access, action);
        let mut found = Vec::new();
        for action in &self.all_of {
            found.push(step(action)?);
        }
        if !self.any_of.is_empty() {
            found.push(self.any_of.iter().find_map(step)?);
        }
        Some(found)
    }

    /// Whether the steps that were found are open for certain, however AWS's pages are read.
    pub(super) fn is_sure<S: Clone>(&self, access: &[PolicySet<S>], found: &[Step]) -> bool {
        let readings = Reading::all();
        let open = |set: &PolicySet<S>, action: &str| {
            self.regions(action, set).iter().any(|region| match reach(std::slice::from_ref(set), region, &[]) {
                Some(Proof::Witness(request)) => readings.iter().all(|reading| set.allows(&request, *reading)),
                _ => false,
            })
        };
        self.steps(found).all(|(action, step)| {
            access.iter().any(|set| match step.wide {
                true => {
                    let wide = set.allowing().filter(|statement| is_wide(&statement.resources));
                    wide.map(|statement| set.only(statement)).any(|alone| open(&alone, action))
                }
                false => open(set, action),
            })
        })
    }

    /// Whether any of the steps that were found is gained by a change.
    pub(super) fn gains<S: Clone>(&self, before: &[PolicySet<S>], after: &[PolicySet<S>], found: &[Step]) -> bool {
        self.steps(found).any(|(action, _)| {
            after
                .iter()
                .flat_map(|set| self.regions(action, set))
                .any(|region| gain_within(before, after, &region).is_some())
        })
    }

    /// The steps that were found, with the names of their actions.
    fn steps<'s>(&'s self, found: &'s [Step]) -> impl Iterator<Item = (&'s str, &'s Step)> {
        let all = || self.all_of.iter().chain(&self.any_of);
        found.iter().filter_map(move |step| {
            Some((all().find(|action| action.eq_ignore_ascii_case(&step.request.action))?.as_str(), step))
        })
    }

    /// Whether an action is allowed, and by which request.
    fn step<S: Clone>(&self, access: &[PolicySet<S>], action: &str) -> Option<Step> {
        let lower = action.to_ascii_lowercase();
        let nothing = Request::default();
        // Most roles have nothing to do with it: no search is needed to see that.
        let covers = |actions: &Scope| {
            actions.patterns.iter().any(|pattern| pattern.matches(&lower, &nothing)) != actions.negated
        };
        let near = access.iter().filter(|set| set.allowing().any(|statement| covers(&statement.actions)));
        let mut narrow = None;
        for set in near {
            let regions = self.regions(action, set);
            let open =
                |set: &PolicySet<S>| regions.iter().find_map(|region| reach(std::slice::from_ref(set), region, &[]));
            let Some(proof) = open(set) else { continue };
            // A statement for another service may name every role.
            let leads =
                |statement: &Statement<S>| regions[0].conditions.is_empty() || open(&set.only(statement)).is_some();
            let wide = set
                .allowing()
                .any(|statement| covers(&statement.actions) && is_wide(&statement.resources) && leads(statement));
            let request = match proof {
                Proof::Witness(request) => request,
                Proof::CannotTell(_) => {
                    Request { action: action.to_owned(), resource: "*".to_owned(), ..Request::default() }
                }
            };
            if wide {
                return Some(Step { request, wide });
            }
            narrow.get_or_insert(Step { request, wide });
        }
        narrow.filter(|_| !(self.needs_target || self.wide_only))
    }

    /// The requests by which a step may be gone: as the service's principal is mostly spelt, then as it may be.
    fn regions<S>(&self, action: &str, set: &PolicySet<S>) -> Vec<Statement<()>> {
        let region = |conditions: Vec<Condition>| Statement {
            sid: None,
            effect: Effect::Allow,
            actions: scope(&[action], Case::Lowered),
            resources: Scope { negated: true, patterns: Vec::new() },
            conditions,
            span: (),
        };
        let (mut to_service, to_resource) = (tests(set, PASSED_TO_SERVICE), tests(set, ASSOCIATED_RESOURCE));
        // A principal is no ARN, so an operator of ARNs matches none.
        to_service.retain(|test| !matches!(test.positive(), Test::ArnLike | Test::ArnEquals));
        if action != PASS_ROLE || to_service.is_empty() && to_resource.is_empty() {
            return vec![region(Vec::new())];
        }
        let asked = |ends: &[&str]| {
            let names = self.passed_to.iter().flat_map(|name| ends.iter().map(move |end| format!("{name}{end}")));
            let arns = self
                .associated
                .iter()
                .flat_map(|name| PARTITIONS.iter().map(move |partition| format!("arn:{partition}:{name}:*:*:*")));
            let service = condition(PASSED_TO_SERVICE, &to_service, names.collect());
            region(
                [service, condition(ASSOCIATED_RESOURCE, &to_resource, arns.collect())].into_iter().flatten().collect(),
            )
        };
        vec![asked(&[".amazonaws.com", ".amazonaws.com.cn"]), asked(&[".*"])]
    }
}

/// The operators by which a set asks for a key.
fn tests<S>(set: &PolicySet<S>, key: &str) -> Vec<Test> {
    let others = [&set.boundary, &set.session].into_iter().flatten().flatten();
    let statements = set.identity.iter().chain(others).flat_map(|policy| &policy.statements);
    let conditions = statements.flat_map(|statement| &statement.conditions);
    conditions.filter(|condition| condition.key == key).map(|condition| condition.operator.test).collect()
}

/// That a key has no value but what one of these patterns matches, in the operators that a set with these `tests` is compared
/// by; `None` if it never asks for the key.
fn condition(key: &str, tests: &[Test], patterns: Vec<String>) -> Option<Condition> {
    let arns = tests.iter().any(|test| matches!(test.positive(), Test::ArnLike | Test::ArnEquals));
    // Of both sorts on one key the comparer can't tell, and what it can't tell is a violation.
    let test = if arns { Test::ArnLike } else { Test::StringLike };
    let syntax = Syntax { wildcards: true, variables: false };
    (!tests.is_empty()).then(|| Condition {
        // It also holds without the key: AWS does not say that every service sends it.
        operator: Operator { test, if_exists: false, quantifier: Some(Quantifier::ForAllValues) },
        key: key.to_owned(),
        values: patterns.into_iter().map(|text| Pattern::new(&text, syntax)).collect(),
    })
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

#[cfg(test)]
mod tests {
    #[test]
    fn a_list_of_paths_that_can_not_be_read_is_no_empty_one() {
        for text in ["", "paths", "date: x\npaths: []", "date: x\npaths: [{id: a}]"] {
            assert!(super::read(text).is_err(), "{text}");
        }
    }
}
