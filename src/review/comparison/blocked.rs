//! What keeps a request from being allowed though a statement allows it.

use std::sync::Arc;

use super::held::Held;
use crate::iam::evaluate::Decision;
use crate::iam::pattern::Pattern;
use crate::iam::policy::{Policy, PolicySet, Scope, Statement};
use crate::iam::reading::Reading;
use crate::iam::request::Request;
use crate::object::Place;
use crate::review::describe;

/// What keeps a request out.
pub(in crate::review) enum Blocked<'h> {
    /// These statements deny it.
    Denied(Vec<&'h Statement<Place>>),
    /// The boundary does not allow it.
    Bounded,
    /// The session policies do not allow it.
    Narrowed,
}

/// What keeps a request out of one of these roles, the one of the same name first.
pub(in crate::review) fn blocked<'h>(roles: &'h [Held<'_>], role: &Held<'_>, request: &Request) -> Option<Blocked<'h>> {
    let same_role = roles.iter().filter(|held| held.label == role.label);
    let others = roles.iter().filter(|held| held.label != role.label && held.mount == role.mount);
    for held in same_role.chain(others) {
        let verdict = held.set.evaluate(request, Reading::default());
        if verdict.decision == Decision::ExplicitlyDenied {
            return Some(Blocked::Denied(verdict.by));
        }
        let alone = PolicySet::identity(held.set.identity.clone());
        if (held.set.boundary.is_some() || held.set.session.is_some()) && alone.allows(request, Reading::default()) {
            let bounded = PolicySet { session: None, ..held.set.clone() };
            let narrowed = bounded.allows(request, Reading::default());
            return Some(if narrowed { Blocked::Narrowed } else { Blocked::Bounded });
        }
    }
    None
}

/// The same policies without the statement of this place.
pub(in crate::review) fn without(set: &PolicySet<Place>, place: &Place) -> PolicySet<Place> {
    let identity = set.identity.iter().map(|policy| {
        let statements = policy.statements.iter().filter(|statement| statement.span != *place).cloned().collect();
        Arc::new(Policy { statements, span: policy.span.clone() })
    });
    PolicySet { identity: identity.collect(), ..set.clone() }
}

/// What two scopes have in common, as far as one pattern of a pair covers the other; else the first.
pub(in crate::review) fn overlap(one: &Scope, other: &Scope) -> Scope {
    if one.negated || other.negated {
        return one.clone();
    }
    let mut patterns: Vec<Pattern> = Vec::new();
    for first in &one.patterns {
        for second in &other.patterns {
            let narrower = if covers(&first.text, &second.text) {
                second
            } else if covers(&second.text, &first.text) {
                first
            } else {
                continue;
            };
            if !patterns.contains(narrower) {
                patterns.push(narrower.clone());
            }
        }
    }
    if patterns.is_empty() { one.clone() } else { Scope { negated: false, patterns } }
}

/// Whether a pattern matches everything that another one does, as far as that is seen by its characters.
fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow): (Vec<char>, Vec<char>) = (wide.chars().collect(), narrow.chars().collect());
    let (mut at, mut from, mut star) = (0, 0, None);
    while from < narrow.len() {
        match wide.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some('?') if narrow[from] != '*' => (at, from) = (at + 1, from + 1),
            Some(c) if *c == narrow[from] => (at, from) = (at + 1, from + 1),
            _ => match star {
                Some((back, taken)) => {
                    star = Some((back, taken + 1));
                    (at, from) = (back + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    wide[at..].iter().all(|c| *c == '*')
}

/// `the statement "Exports"`.
pub(in crate::review) fn named(statement: &Statement<Place>) -> String {
    match &statement.sid {
        Some(sid) => format!("the statement \"{sid}\""),
        None => "a statement".to_owned(),
    }
}

/// What a statement is about: `s3:Delete* on *, only if ...`.
pub(in crate::review) fn statement_words(statement: &Statement<Place>) -> String {
    let access = describe::access(statement, &statement.actions, &statement.resources);
    match access.conditions.as_slice() {
        [] => access.sentence(),
        conditions => format!("{}, {}", access.sentence(), describe::only_if(conditions)),
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_pattern_covers_what_it_matches_as_text() {
        for (wide, narrow, expected) in [
            ("s3:*", "s3:delete*", true),
            ("s3:delete*", "s3:*", false),
            ("*", "*", true),
            ("a?c", "abc", true),
            ("a?c", "a*c", false),
            ("a*b*c", "axbyc", true),
            ("a*b*c", "axbyd", false),
            ("", "", true),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        }
    }
}
