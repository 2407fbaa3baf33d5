//! Texts of a policy with their variables filled in, and the patterns that they are.
//!
//! # Source
//! IAM User Guide: "IAM policy elements: Variables and tags", "Resource" ("Using wildcards in resource ARNs").

use super::{Blank, Request, Sent};

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// This character.
    Just(char),
    /// `?`
    One,
    /// `*`
    Many,
}

/// A text of a policy for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// All variables have values. `moved`: one of them has a colon where the text has spelt fewer than five.
    Pattern { pieces: Vec<Piece>, moved: bool },
    /// A variable has no value.
    Unresolved,
    /// It has a `${` that begins no variable, or a variable whose value is not known.
    Unreadable,
}

/// The value of a variable is not known.
struct NotKnown;

/// Whether `*` and `?` are wildcards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wildcards {
    On,
    Off,
}

/// The language that a document is written in: only 2012-10-17 has variables ("Version").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Of2008,
    Of2012,
}

/// Fills in a text. What a variable stands for is taken literally, its wildcards too.
pub(super) fn fill(text: &str, language: Language, wildcards: Wildcards, blank: Blank, request: &Request) -> Filled {
    let mut pieces = Vec::new();
    let (mut resolved, mut moved, mut colons) = (true, false, 0);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if language == Language::Of2012
            && let Some(after) = rest.strip_prefix("${")
        {
            let Some((variable, after)) = Variable::read(after, wildcards) else { return Filled::Unreadable };
            match variable.value(request, blank) {
                Ok(Some(value)) => {
                    moved |= colons < 5 && value.contains(':');
                    pieces.extend(value.chars().map(Piece::Just));
                }
                Ok(None) => resolved = false,
                Err(NotKnown) => return Filled::Unreadable,
            }
            rest = after;
            continue;
        }
        colons += usize::from(c == ':');
        pieces.push(match (c, wildcards) {
            ('*', Wildcards::On) => Piece::Many,
            ('?', Wildcards::On) => Piece::One,
            _ => Piece::Just(c),
        });
        rest = &rest[c.len_utf8()..];
    }
    if resolved { Filled::Pattern { pieces, moved } } else { Filled::Unresolved }
}

/// What stands between `${` and `}`.
enum Variable<'a> {
    /// `*`, `?` or `$`.
    Character(&'a str),
    /// A context key and its default.
    Key(&'a str, Option<&'a str>),
}

impl<'a> Variable<'a> {
    /// Reads up to and over the `}`.
    fn read(text: &'a str, wildcards: Wildcards) -> Option<(Self, &'a str)> {
        let (first, after) = text.split_at_checked(1)?;
        if ["*", "?", "$"].contains(&first) {
            return Some((Self::Character(first), after.strip_prefix('}')?));
        }
        // Keys are of letters, digits and what tag keys may have besides, but for blanks: whether those may stand in a
        // variable is not said.
        let in_key = |c: char| c.is_alphanumeric() || "_.:/=+-@".contains(c);
        let key_end = text.find(|c| !in_key(c))?;
        let (key, after) = text.split_at(key_end);
        if key.is_empty() || has_foreign_capital(key) {
            return None;
        }
        if let Some(after) = after.strip_prefix('}') {
            return Some((Self::Key(key, None), after));
        }
        // "separate the variable text and the default value with a comma and space"; what a default with a brace is, is
        // not said.
        let after = after.strip_prefix(", '")?;
        let (default, after) = after.split_once('\'').filter(|(default, _)| !default.contains(['{', '}']))?;
        // Nor whether a wildcard in it is one.
        if wildcards == Wildcards::On && default.contains(['*', '?']) {
            return None;
        }
        Some((Self::Key(key, Some(default)), after.strip_prefix('}')?))
    }

    /// A key with several values can't be a variable; what it stands for is not said.
    fn value(&self, request: &'a Request, blank: Blank) -> Result<Option<&'a str>, NotKnown> {
        match self {
            Self::Character(character) => Ok(Some(character)),
            Self::Key(key, default) => match request.sent(key) {
                Sent::Values([value]) if value.is_empty() && blank == Blank::IsNull => Ok(*default),
                Sent::Values([value]) => Ok(Some(value)),
                Sent::Nothing => Ok(*default),
                Sent::Values(_) | Sent::Unknown => Err(NotKnown),
            },
        }
    }
}

/// "Key names are not case-sensitive": whether that goes for letters beyond ASCII is not said.
pub(super) fn has_foreign_capital(key: &str) -> bool {
    key.chars().any(|c| !c.is_ascii() && c.to_lowercase().to_string() != c.to_string())
}

/// Whether all of `text` fits; a wildcard takes a character where `takes` says so, given its place in the pattern.
pub(super) fn fits(pattern: &[Piece], text: &str, takes: impl Fn(usize, char) -> bool) -> bool {
    // The places in the pattern that can be reached, as if all of them were walked at once.
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    for c in text.chars() {
        pass_over_stars(pattern, &mut reached);
        let mut next = vec![false; pattern.len() + 1];
        for (at, piece) in pattern.iter().enumerate().filter(|(at, _)| reached[*at]) {
            match piece {
                Piece::Just(just) => next[at + 1] |= *just == c,
                Piece::One => next[at + 1] |= takes(at, c),
                Piece::Many => next[at] |= takes(at, c),
            }
        }
        reached = next;
    }
    pass_over_stars(pattern, &mut reached);
    reached[pattern.len()]
}

fn pass_over_stars(pattern: &[Piece], reached: &mut [bool]) {
    for (at, piece) in pattern.iter().enumerate() {
        reached[at + 1] |= reached[at] && *piece == Piece::Many;
    }
}
