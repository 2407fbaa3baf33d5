//! `deny { ... }`: access that nobody may have.
//!
//! Denied access is searched for, so that what passes is proved.

use serde::{Deserialize, Serialize};

use super::hearing::Hearing;
use super::word::{Block, Holds, Judge, Scope as Judges, Shape, Without, Word, word};
use crate::guardrail::violation::Judged;
use crate::iam::catalogue::{AccessLevel, Catalogue};
use crate::iam::compare::{Case, Proof, gain_within, reach, scope};
use crate::iam::pattern::{Part, Pattern, Syntax};
use crate::iam::policy::{Condition, Effect, Operator, Scope, Statement, Test};
use crate::iam::request::Request;

/// How many actions of a level are asked about in one search.
const ACTIONS_AT_ONCE: usize = 40;

/// Access that nobody may have: a request that meets all of it and is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deny {
    /// Actions, with wildcards; empty is all.
    pub actions: Vec<String>,
    /// Access levels; empty is all.
    pub levels: Vec<AccessLevel>,
    /// Resources, with wildcards; empty is all.
    pub resources: Vec<String>,
    /// Only by statements that are written this widely, in all of these ways.
    pub wildcards: Vec<Wildcard>,
    /// Unless the statement wants one of these condition keys to be there.
    pub unless: Vec<String>,
}

/// A way in which a statement can be written too widely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wildcard {
    /// An action is `*` or `service:*`.
    Action,
    /// A resource is `*`.
    Resource,
    /// It has `NotAction`.
    NotAction,
    /// It has `NotResource`.
    NotResource,
}

impl Judge for Deny {
    const BLOCK: Block = Block {
        name: "deny",
        doc: "What no role may be allowed.",
        holds: Holds::One,
        without: Some(Without {
            keys: &["actions", "levels", "resources", "wildcards"],
            what: "would deny everything",
            hint: Some("add actions, levels, resources or wildcards"),
        }),
    };
    const WORDS: &'static [Word] = &[
        word("actions", Shape::Actions, "Patterns of actions, any of which a request is of.").always(),
        word(
            "levels",
            Shape::Choices(&["list", "read", "write", "tagging", "permissions-management"]),
            "The access levels, any of which its action is of.",
        )
        .or_empty()
        .always(),
        word("resources", Shape::Resources, "Patterns of resources, any of which it is about.").always(),
        word(
            "wildcards",
            Shape::Choices(&["action", "resource", "not_action", "not_resource"]),
            "Where a policy has to have a wildcard for that.",
        )
        .or_empty()
        .always(),
        word("unless", Shape::ConditionKeys, "Condition keys: a statement that asks one of them is let be.").always(),
    ];
    const SCOPE: Judges = Judges::Roles;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        for set in hearing.after.access {
            for statement in set.allowing().filter(|statement| is_written(statement, &self.wildcards)) {
                let alone = [set.only(statement)];
                let found = regions(self, statement)
                    .into_iter()
                    .find_map(|region| Some((reach(&alone, &region, &[])?, region)));
                let Some((proof, region)) = found else { continue };
                let old = hearing.before.map_or(&[][..], |before| before.access);
                let introduced = hearing.before.is_none() || gain_within(old, &alone, &region).is_some();
                let mut violation =
                    hearing.violation(&format!("deny {}", words(self)), format!("{} is allowed", words(self)));
                violation.fix = Some(fix(self));
                violation.place = (hearing.place)(&statement.span).or(violation.place);
                violation.witness = witness(&proof);
                // One rule, one line: the statement that brings it in, if one does.
                match judged.iter_mut().find(|known| known.violation.key == violation.key) {
                    Some(known) if introduced && !known.introduced => *known = Judged { violation, introduced },
                    Some(_) => {}
                    None => judged.push(Judged { violation, introduced }),
                }
            }
        }
    }
}

fn witness(proof: &Proof) -> Option<Request> {
    match proof {
        Proof::Witness(request) => Some(request.clone()),
        Proof::CannotTell(_) => None,
    }
}

/// Whether a statement is written as widely as all of these say.
fn is_written<S>(statement: &Statement<S>, wildcards: &[Wildcard]) -> bool {
    let wild =
        |parts: &[Part]| parts.contains(&Part::Any) && parts.iter().all(|part| matches!(part, Part::Any | Part::One));
    // `*`, and an ARN that leaves off before it names a resource.
    let bare = |pattern: &Pattern| match pattern.parts.as_slice() {
        [Part::Literal(text), rest @ ..] => text.starts_with("arn:") && text.matches(':').count() < 5 && wild(rest),
        parts => wild(parts),
    };
    // `s3:*`, and what IAM refuses and is as wide or wider where it stands all the same: `*:*`, `s*:*`.
    let service = |pattern: &Pattern| {
        let name = pattern.text.split_once(':').map_or("", |(_, name)| name);
        name.contains('*') && name.chars().all(|c| matches!(c, '*' | '?'))
    };
    wildcards.iter().all(|wildcard| match wildcard {
        Wildcard::Action => {
            !statement.actions.negated && statement.actions.patterns.iter().any(|one| bare(one) || service(one))
        }
        Wildcard::Resource => !statement.resources.negated && statement.resources.patterns.iter().any(bare),
        Wildcard::NotAction => statement.actions.negated,
        Wildcard::NotResource => statement.resources.negated,
    })
}

/// The requests that a rule is about, as far as a statement may allow them.
fn regions<S>(deny: &Deny, statement: &Statement<S>) -> Vec<Statement<()>> {
    let everything = || Scope { negated: true, patterns: Vec::new() };
    let texts = |list: &[String], case| match list {
        [] => everything(),
        list => scope(&list.iter().map(String::as_str).collect::<Vec<_>>(), case),
    };
    let absent = |key: &String| Condition {
        operator: Operator { test: Test::Null, if_exists: false, quantifier: None },
        key: key.to_ascii_lowercase(),
        values: vec![Pattern::new("true", Syntax { wildcards: false, variables: false })],
    };
    let region = |actions: Scope| Statement {
        sid: None,
        effect: Effect::Allow,
        actions,
        resources: texts(&deny.resources, Case::Kept),
        conditions: deny.unless.iter().map(absent).collect(),
        span: (),
    };
    let actions = texts(&deny.actions, Case::Lowered);
    if deny.levels.is_empty() {
        return vec![region(actions)];
    }
    let covers = |action: &str| {
        let nothing = Request::default();
        actions.patterns.iter().any(|pattern| pattern.matches(action, &nothing)) != actions.negated
    };
    let of_level: Vec<String> = Catalogue::current()
        .matching(&statement.actions)
        .filter(|action| deny.levels.contains(&action.level))
        .map(|action| action.to_string())
        .filter(|action| covers(&action.to_ascii_lowercase()))
        .collect();
    of_level.chunks(ACTIONS_AT_ONCE).map(|chunk| region(texts(chunk, Case::Lowered))).collect()
}

fn words(deny: &Deny) -> String {
    let mut text = match deny.actions.as_slice() {
        [] => "any action".to_owned(),
        list => list.join(", "),
    };
    if !deny.levels.is_empty() {
        let levels: Vec<&str> = deny.levels.iter().map(|level| level.words()).collect();
        text = format!("{text} of level {}", levels.join(" or "));
    }
    if !deny.resources.is_empty() {
        text = format!("{text} on {}", deny.resources.join(", "));
    }
    for wildcard in &deny.wildcards {
        text.push_str(match wildcard {
            Wildcard::Action => " by a wildcard for all actions",
            Wildcard::Resource => " on the resource `*`",
            Wildcard::NotAction => " by NotAction",
            Wildcard::NotResource => " by NotResource",
        });
    }
    match deny.unless.as_slice() {
        [] => text,
        keys => format!("{text} without {}", keys.join(" or ")),
    }
}

fn fix(deny: &Deny) -> String {
    let advice = match deny.wildcards.first() {
        Some(Wildcard::Action) => "name the actions",
        Some(Wildcard::Resource) => "name the resources",
        Some(Wildcard::NotAction) => "list what is meant in Action",
        Some(Wildcard::NotResource) => "list what is meant in Resource",
        None if !deny.unless.is_empty() => "add a condition on the key",
        None => "take it out, or deny it",
    };
    advice.to_owned()
}
