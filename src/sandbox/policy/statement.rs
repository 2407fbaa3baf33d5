//! Documents and statements: what they are about.
//!
//! # Source
//! IAM User Guide: "Grammar of the IAM JSON policy language", "Version", "Action", "NotAction", "Resource",
//! "NotResource".

use serde_json::{Map, Value};

use super::condition;
use super::judge::Judge;
use super::template::{Filled, Language, Piece, Wildcards, fill, fits};
use super::truth::Truth;
use super::{Forks, Request, Star, Unresolved};

/// Whether something allows a request and whether something denies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effects {
    pub(super) allowed: Truth,
    pub(super) denied: Truth,
}

impl Effects {
    pub(super) const NONE: Self = Self { allowed: Truth::No, denied: Truth::No };

    pub(super) fn and(self, other: Self) -> Self {
        Self { allowed: self.allowed.or(other.allowed), denied: self.denied.or(other.denied) }
    }
}

/// What one document says.
pub(super) fn effects(document: &Value, request: &Request, forks: Forks) -> Effects {
    const UNKNOWN: Effects = Effects { allowed: Truth::Unknown, denied: Truth::Unknown };
    let Some(policy) = document.as_object() else { return UNKNOWN };
    let language = match policy.get("Version").map(Value::as_str) {
        Some(Some("2012-10-17")) => Language::Of2012,
        None | Some(Some("2008-10-17")) => Language::Of2008,
        Some(_) => return UNKNOWN,
    };
    let statements = match policy.get("Statement") {
        None => &[],
        Some(Value::Array(many)) => many.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let judge = Judge { request, forks, language };
    let each = statements.iter().map(|statement| statement.as_object().map_or(UNKNOWN, |one| judge.statement(one)));
    each.fold(Effects::NONE, Effects::and)
}

impl Judge<'_> {
    fn statement(&self, statement: &Map<String, Value>) -> Effects {
        const KNOWN: [&str; 7] = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
        // An element of another name is none that an identity-based policy may have, so nothing says what it does.
        let readable = statement.keys().all(|key| KNOWN.contains(&key.as_str()));
        let about = Truth::all([
            self.actions(statement),
            self.resources(statement),
            statement.get("Condition").map_or(Truth::Yes, |block| condition::holds(self, block)),
            if readable { Truth::Yes } else { Truth::Unknown },
        ]);
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Effects { allowed: about, denied: Truth::No },
            Some("Deny") => Effects { allowed: Truth::No, denied: about },
            _ => Effects { allowed: about.and(Truth::Unknown), denied: about.and(Truth::Unknown) },
        }
    }

    fn actions(&self, statement: &Map<String, Value>) -> Truth {
        let matches = |pattern: &str| Truth::from(action_fits(pattern, &self.request.action));
        match one_of(statement, "Action", "NotAction") {
            Some((false, value)) => Truth::any(members(value, matches)),
            Some((true, value)) => !Truth::any(members(value, matches)),
            None => Truth::Unknown,
        }
    }

    fn resources(&self, statement: &Map<String, Value>) -> Truth {
        let Some((negated, value)) = one_of(statement, "Resource", "NotResource") else { return Truth::Unknown };
        let mut spoilt = false;
        let mut unreadable = false;
        let matches = |pattern: &str| {
            let filled = fill(pattern, self.language, Wildcards::On, self.forks.blank_variable, self.request);
            match filled {
                _ if self.variable_too_early(pattern) => {
                    unreadable = true;
                    Truth::Unknown
                }
                Filled::Pattern { pieces, .. } => self.resource_fits(&pieces).into(),
                Filled::Unresolved => {
                    spoilt = true;
                    Truth::No
                }
                Filled::Unreadable => {
                    unreadable = true;
                    Truth::Unknown
                }
            }
        };
        let any = Truth::any(members(value, matches).collect::<Vec<_>>());
        match self.forks.unresolved {
            // What stands beside what can't be read may count or not.
            _ if unreadable => Truth::Unknown,
            Unresolved::SpoilsStatement | Unresolved::SpoilsUnlessIfExists if spoilt => Truth::No,
            _ if negated => !any,
            _ => any,
        }
    }

    /// "You can't use a variable to replace parts of the ARN before the fifth colon."
    fn variable_too_early(&self, pattern: &str) -> bool {
        let before = pattern.find("${").map(|at| &pattern[..at]);
        self.language == Language::Of2012 && before.is_some_and(|before| before.matches(':').count() < 5)
    }

    /// Whether a text has a variable that stands for the value of a key.
    pub(super) fn has_variable(&self, text: &str) -> bool {
        let escape = |piece: &str| ["*}", "?}", "$}"].iter().any(|escape| piece.starts_with(escape));
        self.language == Language::Of2012 && text.split("${").skip(1).any(|piece| !escape(piece))
    }

    /// The colons of a text that stand in no variable.
    pub(super) fn colons_spelt(&self, text: &str) -> usize {
        let inside = |piece: &str| piece.split_once('}').map_or(0, |(variable, _)| variable.matches(':').count());
        let all = text.matches(':').count();
        if self.has_variable(text) { all - text.split("${").skip(1).map(inside).sum::<usize>() } else { all }
    }

    fn resource_fits(&self, pattern: &[Piece]) -> bool {
        let behind_fifth = |at: usize| pattern[..at].iter().filter(|piece| **piece == Piece::Just(':')).count() >= 5;
        let in_segment = |at: usize, c: char| match pattern[at] {
            Piece::Many => c != ':' || matches!(pattern.get(at + 1), None | Some(Piece::Just(':'))),
            _ => c != ':',
        };
        fits(pattern, &self.request.resource, |at, c| match self.forks.star {
            Star::Anywhere => true,
            Star::InSegment => in_segment(at, c),
            Star::InFirstFive => behind_fifth(at) || in_segment(at, c),
        })
    }
}

/// "The prefix and the action name are case insensitive."
fn action_fits(pattern: &str, action: &str) -> bool {
    let pieces: Vec<Piece> = pattern
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            '*' => Piece::Many,
            '?' => Piece::One,
            c => Piece::Just(c),
        })
        .collect();
    fits(&pieces, &action.to_ascii_lowercase(), |_, _| true)
}

/// The value of whichever of two elements is there, and whether it is the second; none unless just one is.
fn one_of<'a>(statement: &'a Map<String, Value>, plain: &str, negated: &str) -> Option<(bool, &'a Value)> {
    match (statement.get(plain), statement.get(negated)) {
        (Some(value), None) => Some((false, value)),
        (None, Some(value)) => Some((true, value)),
        _ => None,
    }
}

/// Asks for each text of a value that is a text or a list of texts.
fn members<'a>(value: &'a Value, mut ask: impl FnMut(&'a str) -> Truth) -> impl Iterator<Item = Truth> {
    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    values.iter().map(move |value| value.as_str().map_or(Truth::Unknown, &mut ask))
}
