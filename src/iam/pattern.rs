//! Patterns of the policy language: text with `*`, `?` and policy variables, and what they match.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Resource" and "Policy elements: Variables and tags".

use std::borrow::Cow;

use super::reading::{Colons, EmptyVariable, Reading};
use super::request::Request;

/// A pattern, as a sequence of parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The text as its author wrote it.
    pub text: String,
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// Whether something in it that looks like a policy variable is none that AWS's pages define.
    odd: bool,
    /// Whether a variable stands in it before the fifth colon: where an ARN does not name its resource.
    early: bool,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// These characters, literally.
    Literal(String),
    /// `*`: any characters, also none.
    Any,
    /// `?`: one character.
    One,
    /// `${key}` or `${key, 'default'}`: the value of a context key, literally.
    Variable {
        /// The key, in lower case.
        key: String,
        /// What stands for it when the request does not have it.
        default: Option<String>,
    },
}

/// What a pattern's special characters mean where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syntax {
    /// Whether `*` and `?` are wildcards.
    pub wildcards: bool,
    /// Whether `${...}` is a policy variable: not in the language of 2008, and not everywhere.
    pub variables: bool,
}

impl Pattern {
    /// Reads a text as a pattern. `${*}`, `${?}` and `${$}` are the characters themselves; a `${` without its
    /// `}` is literal.
    pub fn new(text: &str, syntax: Syntax) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        let odd = syntax.variables && variables(text, syntax.wildcards).any(|(_, odd)| odd.is_some());
        let early =
            syntax.variables && text.find("${").is_some_and(|at| text[..at].matches(':').count() < SEGMENTS - 1);
        while let Some(c) = rest.chars().next() {
            let special = match c {
                '*' if syntax.wildcards => Some((Part::Any, 1)),
                '?' if syntax.wildcards => Some((Part::One, 1)),
                '$' if syntax.variables => variable(rest),
                _ => None,
            };
            let length = match special {
                Some((Part::Literal(escaped), length)) => {
                    literal.push_str(&escaped);
                    length
                }
                // Two `*` in a row say what one says.
                Some((Part::Any, length)) if literal.is_empty() && parts.last() == Some(&Part::Any) => length,
                Some((part, length)) => {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(part);
                    length
                }
                None => {
                    literal.push(c);
                    c.len_utf8()
                }
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Self { text: text.to_owned(), parts, odd, early }
    }

    /// The same pattern with another text to show: as its author spelt it, where matching ignores case.
    pub fn shown_as(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    /// Whether it matches a text, with the policy variables of a request put in. A variable that the request
    /// does not have, and that has no default, matches nothing.
    pub fn matches(&self, text: &str, request: &Request) -> bool {
        self.matches_as(text, request, Reading::default())
    }

    /// As [`Pattern::matches`] under a reading.
    pub fn matches_as(&self, text: &str, request: &Request, reading: Reading) -> bool {
        // Most patterns of most policies begin with what settles it.
        if let Some(Part::Literal(start)) = self.parts.first()
            && !text.starts_with(start.as_str())
        {
            return false;
        }
        run(&self.parts, text, request, reading)
    }

    /// Whether it matches the resource of a request.
    pub fn matches_resource(&self, request: &Request, reading: Reading) -> bool {
        match reading.colons {
            Colons::Crossing => self.matches_as(&request.resource, request, reading),
            Colons::Segmented | Colons::SegmentedFive => run_segmented(&self.parts, request, reading),
        }
    }

    /// Whether no page says what it matches.
    pub fn is_odd(&self) -> bool {
        self.odd
    }

    /// As [`Pattern::is_odd`] for a resource, where a variable has no place before the fifth colon. Source: IAM User
    /// Guide, "IAM policy elements: Variables and tags". One of AWS's own managed policies has one there.
    pub fn is_odd_resource(&self) -> bool {
        self.odd || self.early
    }

    /// Whether one of its variables has no value in a request. What is odd has no variables that anybody knows.
    pub fn is_unresolved(&self, request: &Request, reading: Reading) -> bool {
        !self.odd
            && self.parts.iter().any(|part| match part {
                Part::Variable { key, default } => value_of(request, key, default.as_deref(), reading).is_none(),
                _ => false,
            })
    }

    /// Whether one of its variables has several values in a request, so that no page says what it stands for. Source:
    /// IAM User Guide, "Single-valued vs. multivalued context keys": such a key can't be used as a variable.
    pub fn is_manifold(&self, request: &Request) -> bool {
        self.keys().any(|key| request.context.get(key).is_some_and(|values| values.len() > 1))
    }

    /// The keys of its variables.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable { key, .. } => Some(key.as_str()),
            _ => None,
        })
    }

    /// The keys of its variables that have no default, none of what is odd.
    pub fn needed_keys(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter(|_| !self.odd).filter_map(|part| match part {
            Part::Variable { key, default: None } => Some(key.as_str()),
            _ => None,
        })
    }

    /// Whether it matches an ARN segment by segment: wildcards of the first five segments keep to their own, the
    /// sixth takes the rest. Source: IAM User Guide, "Amazon Resource Name (ARN) condition operators".
    pub fn matches_arn(&self, text: &str, request: &Request, reading: Reading) -> bool {
        let Some(parts) = self.resolved(request, reading) else { return false };
        let segments = segments(&parts);
        let values: Vec<&str> = text.splitn(SEGMENTS, ':').collect();
        segments.len() == SEGMENTS
            && values.len() == SEGMENTS
            && segments.iter().zip(values).all(|(parts, value)| run(parts, value, request, reading))
    }

    /// Whether it has the segments of an ARN, its variables aside.
    pub fn is_arn(&self) -> bool {
        segments(&self.parts).len() == SEGMENTS
    }

    /// Whether its variables give it other segments than it has as an ARN, in a request that has them all: no page says
    /// what a value with colons does to it.
    pub fn is_shifted(&self, request: &Request, reading: Reading) -> bool {
        let Some(resolved) = self.resolved(request, reading) else { return false };
        let (own, resolved) = (segments(&self.parts), segments(&resolved));
        if own.len() < SEGMENTS {
            return resolved.len() < SEGMENTS;
        }
        let early = own.iter().take(SEGMENTS - 1).flatten();
        let mut keys = early.filter_map(|part| match part {
            Part::Variable { key, default } => value_of(request, key, default.as_deref(), reading),
            _ => None,
        });
        keys.any(|value| value.contains(':'))
    }

    /// The text it stands for, for operators without wildcards.
    pub fn value(&self, request: &Request, reading: Reading) -> Option<String> {
        let parts = self.resolved(request, reading)?;
        Some(parts.iter().map(|part| if let Part::Literal(text) = part { text.as_str() } else { "" }).collect())
    }

    /// Its parts with the variables replaced by what they stand for.
    fn resolved(&self, request: &Request, reading: Reading) -> Option<Cow<'_, [Part]>> {
        if !self.has_variable() {
            return Some(Cow::Borrowed(&self.parts));
        }
        let parts = self.parts.iter().map(|part| match part {
            Part::Variable { key, default } => {
                value_of(request, key, default.as_deref(), reading).map(|value| Part::Literal(value.to_owned()))
            }
            other => Some(other.clone()),
        });
        parts.collect::<Option<Vec<Part>>>().map(Cow::Owned)
    }

    /// Whether it holds a policy variable.
    pub fn has_variable(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Variable { .. }))
    }

    /// The only text that it matches, if it has neither wildcards nor variables.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

/// How many segments an ARN has: `arn:partition:service:region:account:resource`.
const SEGMENTS: usize = 6;

/// What a variable stands for: literally, so that a `*` in a value is a star. A key with several values stands
/// for nothing.
fn value_of<'v>(request: &'v Request, key: &str, default: Option<&'v str>, reading: Reading) -> Option<&'v str> {
    match request.context.get(key).map(Vec::as_slice) {
        Some([value]) if value.is_empty() && reading.empty_variable == EmptyVariable::NoValue => default,
        Some([value]) => Some(value),
        Some([_, _, ..]) => None,
        _ => default,
    }
}

/// Whether parts match a text. Only the last `*` is ever taken back, so the work is bounded by the product of the
/// two lengths.
fn run(parts: &[Part], text: &str, request: &Request, reading: Reading) -> bool {
    let (mut part, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let step = match parts.get(part) {
            Some(Part::Any) if part + 1 == parts.len() => return true,
            Some(Part::Any) => {
                star = Some((part + 1, at));
                Some(0)
            }
            Some(Part::One) => rest.chars().next().map(char::len_utf8),
            Some(Part::Literal(literal)) => rest.starts_with(literal.as_str()).then_some(literal.len()),
            Some(Part::Variable { key, default }) => match value_of(request, key, default.as_deref(), reading) {
                Some(value) => rest.starts_with(value).then_some(value.len()),
                None => return false,
            },
            None if rest.is_empty() => return true,
            None => None,
        };
        match (step, star) {
            (Some(length), _) => (part, at) = (part + 1, at + length),
            (None, None) => return false,
            (None, Some((next, from))) => {
                let Some(skipped) = text.get(from..).and_then(|rest| rest.chars().next()) else { return false };
                (part, at) = (next, from + skipped.len_utf8());
                star = Some((next, at));
            }
        }
    }
}

/// Whether parts match a text where wildcards keep to their segments: which prefixes of the text each part can end at.
fn run_segmented(parts: &[Part], request: &Request, reading: Reading) -> bool {
    let text = request.resource.as_str();
    let free = free_from(parts, reading.colons);
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for (index, part) in parts.iter().enumerate() {
        let mut next = vec![false; text.len() + 1];
        match part {
            Part::Literal(literal) => follow(text, literal, &ends, &mut next),
            Part::Variable { key, default } => match value_of(request, key, default.as_deref(), reading) {
                Some(value) => follow(text, value, &ends, &mut next),
                None => return false,
            },
            Part::One => {
                for at in (0..ends.len()).filter(|at| ends[*at]) {
                    if let Some(c) = text[at..].chars().next().filter(|c| *c != ':' || index >= free) {
                        next[at + c.len_utf8()] = true;
                    }
                }
            }
            Part::Any => {
                let crosses = index >= free || ends_segment(parts, index);
                let mut open = false;
                for (at, c) in text.char_indices().map(|(at, c)| (at, Some(c))).chain([(text.len(), None)]) {
                    open = open || ends[at];
                    next[at] = open;
                    open = open && (crosses || c != Some(':'));
                }
            }
        }
        ends = next;
    }
    ends[text.len()]
}

/// The first part behind the fifth colon that a pattern spells out, where wildcards are free there.
pub(crate) fn free_from(parts: &[Part], colons: Colons) -> usize {
    let mut spelt = 0;
    let fifth = parts.iter().position(|part| {
        spelt += if let Part::Literal(text) = part { text.matches(':').count() } else { 0 };
        spelt >= SEGMENTS - 1
    });
    fifth.filter(|_| colons == Colons::SegmentedFive).unwrap_or(parts.len())
}

/// Where a literal ends that begins where the part before it ended.
fn follow(text: &str, literal: &str, ends: &[bool], next: &mut [bool]) {
    for at in (0..ends.len()).filter(|at| ends[*at]) {
        if text[at..].starts_with(literal) {
            next[at + literal.len()] = true;
        }
    }
}

/// Whether a part is the last of its segment.
fn ends_segment(parts: &[Part], index: usize) -> bool {
    match parts.get(index + 1) {
        None => true,
        Some(Part::Literal(text)) => text.starts_with(':'),
        Some(_) => false,
    }
}

/// Parts cut at the first colons into at most [`SEGMENTS`] segments.
fn segments(parts: &[Part]) -> Vec<Vec<Part>> {
    let mut segments = vec![Vec::new()];
    for part in parts {
        let Part::Literal(text) = part else {
            if let Some(last) = segments.last_mut() {
                last.push(part.clone());
            }
            continue;
        };
        let left = SEGMENTS + 1 - segments.len();
        for (index, piece) in text.splitn(left, ':').enumerate() {
            if index > 0 {
                segments.push(Vec::new());
            }
            if let Some(last) = segments.last_mut().filter(|_| !piece.is_empty()) {
                last.push(Part::Literal(piece.to_owned()));
            }
        }
    }
    segments
}

/// Why a `${` begins no variable as AWS's pages define them. Source: IAM User Guide, "IAM policy elements: Variables
/// and tags": `${key}`, or `${key, 'default'}` with a comma and a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Odd {
    /// It has no `}`.
    Unclosed,
    /// It has no name.
    Unnamed,
    /// Its name has a space.
    Spaced,
    /// Its default is not in single quotes.
    Unquoted,
    /// There is a blank around its name.
    Padded,
    /// Its name has characters that the name of no key has.
    Misnamed,
    /// Not just a comma and a space stand before its default, or something behind it.
    Unseparated,
    /// There is a quote in its default.
    Requoted,
    /// There is a wildcard in its default: whether it is one is not told.
    Wild,
    /// There is an upper-case letter beyond ASCII in its name: whether case matters there is not told.
    Cased,
}

/// A `${` of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'t> {
    /// Where it stands.
    pub(crate) at: usize,
    /// What stands up to its `}`, if it has one.
    pub(crate) inside: Option<&'t str>,
}

/// Each `${` of a text.
pub(crate) fn places(text: &str) -> impl Iterator<Item = Place<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + text.get(from..)?.find("${")?;
        let inner = &text[at + 2..];
        let inside = inner.find('}').map(|end| &inner[..end]);
        from = inside.map_or(text.len(), |inside| at + 2 + inside.len() + 1);
        Some(Place { at, inside })
    })
}

/// Each `${` of a text: where it stands, and what is odd about it; `wildcards`: whether the text has such.
pub(crate) fn variables(text: &str, wildcards: bool) -> impl Iterator<Item = (usize, Option<Odd>)> {
    places(text).map(move |place| (place.at, place.inside.map_or(Some(Odd::Unclosed), |inside| odd(inside, wildcards))))
}

fn odd(inside: &str, wildcards: bool) -> Option<Odd> {
    if matches!(inside, "*" | "?" | "$") {
        return None;
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => (key, Some(default)),
        None => (inside, None),
    };
    let name = key.trim();
    let named = |c: char| c.is_alphanumeric() || "_.:/=+-@".contains(c);
    let quoted = default.map(|text| (text, text.trim()));
    let inner = |text: &'_ str| text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).map(str::to_owned);
    match quoted {
        _ if name.is_empty() => Some(Odd::Unnamed),
        _ if name.contains(char::is_whitespace) => Some(Odd::Spaced),
        Some((_, text)) if inner(text).is_none() => Some(Odd::Unquoted),
        _ if name != key => Some(Odd::Padded),
        _ if !name.chars().all(named) => Some(Odd::Misnamed),
        _ if is_cased(name) => Some(Odd::Cased),
        Some((text, trimmed)) if text.strip_prefix(' ') != Some(trimmed) => Some(Odd::Unseparated),
        Some((_, text)) if inner(text).is_some_and(|text| text.contains(['\'', '{'])) => Some(Odd::Requoted),
        Some((_, text)) if wildcards && text.contains(['*', '?']) => Some(Odd::Wild),
        _ => None,
    }
}

/// Whether a name of a key has an upper-case letter beyond ASCII. Source: IAM User Guide, "IAM JSON policy elements:
/// Condition": "key names are not case-sensitive", which says nothing of other alphabets.
pub(crate) fn is_cased(key: &str) -> bool {
    key.chars().any(|c| !c.is_ascii() && !c.to_lowercase().eq([c]))
}

/// The variable or escape at the start of a text, and its length in bytes.
fn variable(text: &str) -> Option<(Part, usize)> {
    let inner = text.strip_prefix("${")?;
    let end = inner.find('}')?;
    let (inside, length) = (&inner[..end], end + 3);
    if matches!(inside, "*" | "?" | "$") {
        return Some((Part::Literal(inside.to_owned()), length));
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => (key, Some(default.trim().trim_matches('\'').to_owned())),
        None => (inside, None),
    };
    Some((Part::Variable { key: key.trim().to_ascii_lowercase(), default }, length))
}

#[cfg(test)]
mod tests {
    use super::{Part, Pattern, Syntax};

    const ALL: Syntax = Syntax { wildcards: true, variables: true };

    #[test]
    fn texts_become_parts() {
        let literal = |text: &str| Part::Literal(text.to_owned());
        let variable = |key: &str, default: Option<&str>| Part::Variable {
            key: key.to_owned(),
            default: default.map(str::to_owned),
        };
        for (text, parts) in [
            ("", vec![]),
            ("a*b?", vec![literal("a"), Part::Any, literal("b"), Part::One]),
            ("**", vec![Part::Any]),
            ("a${*}b", vec![literal("a*b")]),
            ("${$}{x}", vec![literal("${x}")]),
            ("h/${aws:UserName}/*", vec![literal("h/"), variable("aws:username", None), literal("/"), Part::Any]),
            ("${aws:x, 'none'}", vec![variable("aws:x", Some("none"))]),
            ("${open", vec![literal("${open")]),
            ("*${*}*", vec![Part::Any, literal("*"), Part::Any]),
        ] {
            assert_eq!(Pattern::new(text, ALL).parts, parts, "{text}");
        }
    }

    #[test]
    fn where_nothing_is_special_everything_is_literal() {
        let none = Syntax { wildcards: false, variables: false };
        assert_eq!(Pattern::new("a*${b}?", none).literal(), Some("a*${b}?"));
    }
}
