//! Patterns as steps, and what can be said of two of them without a search.
//!
//! A policy variable is a step of its own: a text may hold it, and stands for any value of it. Read so, a pattern that
//! must not match is taken to match less than it may (`?` does not match a variable), and one that must match more, so
//! that no text is missed.

use std::sync::Arc;

use crate::iam::pattern::{Part, Pattern};
use crate::iam::reading::{self, Case};

/// One step of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Token {
    /// This character.
    Char(char),
    /// This character in upper or lower case; given in lower case.
    Fold(char),
    /// The same in all alphabets.
    FoldAny(char),
    /// One character; a colon only if the flag is set.
    One(bool),
    /// Any characters; colons only if the flag is set.
    Any(bool),
    /// The value of a variable.
    Variable(u32),
    /// The value of a variable in upper or lower case.
    FoldVariable(u32),
}

/// Whether variables stand for any text, or for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// For any.
    Yes,
    /// For none.
    No,
}

impl Token {
    fn is_variable(self) -> bool {
        matches!(self, Self::Variable(_) | Self::FoldVariable(_))
    }

    fn is_free(self, variables: Opened) -> bool {
        self == Self::Any(true) || (variables == Opened::Yes && self.is_variable())
    }
}

/// A pattern as steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Glob(pub(super) Arc<[Token]>);

/// A piece of a text that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Symbol {
    /// A character.
    Char(char),
    /// The value of a variable.
    Variable(u32),
}

/// The policy variables of both sides, each with its default, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(pub(super) Vec<(String, Option<String>)>);

impl Variables {
    /// The number of a variable. The same key with another default is another variable.
    fn number(&mut self, key: &str, default: Option<&str>) -> u32 {
        let known = self.0.iter().position(|(k, d)| k == key && d.as_deref() == default);
        let index = known.unwrap_or_else(|| {
            self.0.push((key.to_owned(), default.map(str::to_owned)));
            self.0.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }
}

/// What may stand where a colon may not be crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colons {
    /// Wildcards match colons.
    Crossed,
    /// Resource patterns under [`reading::Colons::Segmented`].
    Kept,
    /// The same under [`reading::Colons::SegmentedFive`].
    KeptFive,
    /// The ARN operators: the first five segments keep to themselves, the sixth takes the rest.
    Arn,
}

impl From<reading::Colons> for Colons {
    fn from(reading: reading::Colons) -> Self {
        match reading {
            reading::Colons::Crossing => Self::Crossed,
            reading::Colons::Segmented => Self::Kept,
            reading::Colons::SegmentedFive => Self::KeptFive,
        }
    }
}

impl Glob {
    /// The steps of a pattern.
    pub(super) fn new(pattern: &Pattern, colons: Colons, fold: Option<Case>, variables: &mut Variables) -> Self {
        let mut tokens = Vec::with_capacity(pattern.text.len());
        let mut segments = 0;
        for (index, part) in pattern.parts.iter().enumerate() {
            let ends_segment = match pattern.parts.get(index + 1) {
                None => true,
                Some(Part::Literal(text)) => text.starts_with(':'),
                Some(_) => false,
            };
            let free = matches!(colons, Colons::Arn | Colons::KeptFive) && segments >= 5;
            match part {
                Part::Literal(text) => {
                    segments += text.matches(':').count();
                    tokens.extend(text.chars().map(|c| match fold {
                        Some(Case::Ascii) if c.is_ascii_alphabetic() => Token::Fold(c.to_ascii_lowercase()),
                        Some(Case::Unicode) if c.is_alphabetic() => {
                            Token::FoldAny(c.to_lowercase().next().unwrap_or(c))
                        }
                        _ => Token::Char(c),
                    }));
                }
                Part::One => tokens.push(Token::One(colons == Colons::Crossed || free)),
                Part::Any => {
                    let keeps = matches!(colons, Colons::Kept | Colons::KeptFive);
                    let crosses = colons == Colons::Crossed || free || (keeps && ends_segment);
                    tokens.push(Token::Any(crosses));
                }
                Part::Variable { key, default } => {
                    let number = variables.number(key, default.as_deref());
                    tokens.push(if fold.is_some() { Token::FoldVariable(number) } else { Token::Variable(number) });
                }
            }
        }
        Self(tokens.into())
    }

    /// Everything that has too few colons to be an ARN.
    pub(super) fn no_arn() -> impl Iterator<Item = Self> {
        let segment = [Token::Char(':'), Token::Any(false)];
        (0..5).map(move |colons| Self([&[Token::Any(false)][..], &segment.repeat(colons)].concat().into()))
    }

    /// A text, literally.
    pub(super) fn literal(text: &str) -> Self {
        Self(text.chars().map(Token::Char).collect())
    }

    /// Whether it depends on the value of a variable.
    pub(super) fn has_variable(&self) -> bool {
        self.0.iter().any(|token| token.is_variable())
    }

    /// Whether it is one text, spelt out.
    pub(super) fn is_literal(&self) -> bool {
        self.0.iter().all(|token| matches!(token, Token::Char(_)))
    }

    /// Whether it is a `*` that nothing stops.
    pub(super) fn is_anything(&self) -> bool {
        *self.0 == [Token::Any(true)]
    }

    /// Whether every text of `other`, whatever its variables stand for, is surely one of this too.
    pub(super) fn contains(&self, other: &Self) -> bool {
        self == other
            || self.absorbs(other)
            || (other.is_literal() && !self.has_variable() && self.takes(other, Opened::No))
    }

    /// Whether some text may be one of both: a variable may stand for anything.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        let fixed = |token: &&Token| matches!(token, Token::Char(_));
        // Most patterns of most policies begin with what settles it.
        let differ = |(a, b): (&Token, &Token)| a != b;
        if self.0.iter().take_while(fixed).zip(other.0.iter().take_while(fixed)).any(differ)
            || self.0.iter().rev().take_while(fixed).zip(other.0.iter().rev().take_while(fixed)).any(differ)
        {
            return false;
        }
        match (self.is_literal(), other.is_literal()) {
            (_, true) => self.takes(other, Opened::Yes),
            (true, false) => other.takes(self, Opened::Yes),
            (false, false) => true,
        }
    }

    /// Whether it matches a text that is spelt out.
    pub(super) fn takes(&self, text: &Self, variables: Opened) -> bool {
        if self.0.iter().any(|token| matches!(token, Token::Any(false))) {
            return self.takes_by_states(text, variables);
        }
        // Where every `*` is free, only the last one is ever taken back.
        let (mut at, mut read) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            let next = match (self.0.get(at), text.0.get(read)) {
                (None, None) => return true,
                (Some(token), _) if token.is_free(variables) => {
                    star = Some((at + 1, read));
                    Some((at + 1, read))
                }
                (Some(token), Some(Token::Char(c))) => match takes(*token, Symbol::Char(*c), false) {
                    Takes::Moves => Some((at + 1, read + 1)),
                    Takes::Stays | Takes::No => None,
                },
                _ => None,
            };
            (at, read) = match (next, star) {
                (Some(next), _) => next,
                (None, Some((behind, from))) if from < text.0.len() => {
                    star = Some((behind, from + 1));
                    (behind, from + 1)
                }
                (None, _) => return false,
            };
        }
    }

    fn takes_by_states(&self, text: &Self, variables: Opened) -> bool {
        let put = |states: &mut Vec<bool>, mut at: usize| {
            states[at] = true;
            while self.0.get(at).is_some_and(|token| matches!(token, Token::Any(_)) || token.is_free(variables)) {
                at += 1;
                states[at] = true;
            }
        };
        let mut states = vec![false; self.0.len() + 1];
        put(&mut states, 0);
        for token in text.0.iter() {
            let Token::Char(c) = token else { return false };
            let mut next = vec![false; self.0.len() + 1];
            for at in (0..self.0.len()).filter(|at| states[*at]) {
                match takes(self.0[at], Symbol::Char(*c), false) {
                    Takes::Stays => put(&mut next, at),
                    Takes::No if self.0[at].is_free(variables) => put(&mut next, at),
                    Takes::No => {}
                    Takes::Moves => put(&mut next, at + 1),
                }
            }
            states = next;
        }
        states[self.0.len()]
    }

    /// The literal characters at the start, and whether nothing but one free `*` follows.
    fn prefix(&self) -> (&[Token], bool) {
        let length = self.0.iter().take_while(|token| matches!(token, Token::Char(_))).count();
        (&self.0[..length], self.0[length..] == [Token::Any(true)])
    }

    /// Whether every text of `other` that holds its variables as symbols is matched: `other` begins with what
    /// this one spells out, and this one takes any end.
    pub(super) fn absorbs(&self, other: &Self) -> bool {
        let ((mine, open), (theirs, _)) = (self.prefix(), other.prefix());
        open && theirs.starts_with(mine)
    }

    /// The same with any text for its variables.
    pub(super) fn opened(&self) -> Self {
        let token = |token: &Token| if token.is_variable() { Token::Any(true) } else { *token };
        Self(self.0.iter().map(token).collect())
    }
}

/// What a step does with a symbol.
pub(super) enum Takes {
    /// It does not take it.
    No,
    /// It takes it, and the next step follows.
    Moves,
    /// It takes it, and may take more.
    Stays,
}

/// What a step does with a symbol. `must`: whether the pattern must match, and so is read generously.
pub(super) fn takes(token: Token, symbol: Symbol, must: bool) -> Takes {
    let when = |yes: bool, then: Takes| if yes { then } else { Takes::No };
    match (token, symbol) {
        (Token::Char(a), Symbol::Char(b)) => when(a == b, Takes::Moves),
        (Token::Fold(a), Symbol::Char(b)) => when(a.eq_ignore_ascii_case(&b), Takes::Moves),
        (Token::FoldAny(a), Symbol::Char(b)) => when(Case::Unicode.folds(a, b), Takes::Moves),
        (Token::One(colon), Symbol::Char(c)) => when(colon || c != ':', Takes::Moves),
        (Token::Any(colon), Symbol::Char(c)) => when(colon || c != ':', Takes::Stays),
        (Token::Variable(a) | Token::FoldVariable(a), Symbol::Variable(b)) => when(a == b, Takes::Moves),
        (Token::One(_), Symbol::Variable(_)) => when(must, Takes::Moves),
        (Token::Any(colon), Symbol::Variable(_)) => when(must || colon, Takes::Stays),
        (Token::Variable(_) | Token::FoldVariable(_), Symbol::Char(_))
        | (Token::Char(_) | Token::Fold(_) | Token::FoldAny(_), Symbol::Variable(_)) => Takes::No,
    }
}
