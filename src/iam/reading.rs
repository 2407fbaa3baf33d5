//! Where AWS's pages are silent or disagree: each fork, its readings, and the source of each.
//!
//! What is proved is proved under every reading of every fork that the policies at hand can tell apart. A value that
//! no page defines is no fork but a doubt: nobody knows what it does, so that it counts against whoever profits.
//!
//! # Doubts
//! They stand in a policy, and make all of their condition, or all of `Resource`, unknown, what stands beside them in a
//! list included: whether AWS passes over them is not told either. No page says what these mean:
//!
//! - a value that is not of its operator's type: `1e3`, `+1`, `.5`, `5.`, `TRUE`, a date without its zone or of four
//!   digits, a range of 33 bits (see [`super::value`]);
//! - a policy variable with `Bool`, which one page allows and another does not, or with numbers, dates, bytes and
//!   addresses;
//! - an ARN operator's value that has not six segments, a variable for all of it aside;
//! - a variable in another form than `${key}` and `${key, 'default'}` (see `Odd` in [`super::pattern`]): not closed,
//!   without a name, with blanks, with a quote or a brace in its default, without the comma and the space before that; a
//!   wildcard in the default of a pattern;
//! - a variable, also an escape, before the fifth colon of an ARN in `Resource`, or for all of it;
//! - a variable whose key has several values ("Single-valued vs. multivalued context keys": it can't be one);
//! - a variable that gives an ARN operator's value other segments than it is written with;
//! - a key with an upper-case letter beyond ASCII;
//! - a list without values; `Null` with a set operator.
//!
//! # Definite, because a page says so
//! - A variable without a value is equal to nothing and like nothing: "Policy variables with no value", under
//!   [`Unresolved::MatchesNothing`].
//! - A positive operator does not match a value that is not of its type: what is no number is not less than one
//!   ("Numeric condition operators", "comparing a key to an integer or decimal value"; the same of the other types).
//! - Actions ignore case ("IAM JSON policy elements: Action"), and are ASCII: others are refused.
//!
//! # Taken as it is
//! A key that the catalogue does not know to have several values has one, unless a set operator asks for it somewhere in
//! the policies at hand. What a variable stands for is literal text, so that a `*` in it is a star. Variables of an ARN
//! operator's value are filled in before it is cut into segments.

/// One way to read everything that AWS leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reading {
    /// How far a wildcard in a resource reaches.
    pub colons: Colons,
    /// What a policy variable without a value does.
    pub unresolved: Unresolved,
    /// When a positive operator without a set prefix holds for a key with several values.
    pub several: Several,
    /// When a negated operator without a set prefix does.
    pub several_negated: SeveralNegated,
    /// What set operators and `Null` make of an empty text.
    pub empty: Empty,
    /// What a policy variable makes of one.
    pub empty_variable: EmptyVariable,
    /// What a negated operator makes of a value that is not of its type.
    pub mistyped: Mistyped,
    /// Which letters are the same where case is ignored.
    pub case: Case,
    /// What a doubt does.
    pub doubt: Doubt,
}

/// How a `*` in a resource is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Colons {
    /// It matches any characters, colons too: how AWS answers in practice, and short ARNs need it.
    #[default]
    Crossing,
    /// It stays within its segment of the ARN, unless it is the last character of the segment. Source: IAM User
    /// Guide, "IAM JSON policy elements: Resource".
    Segmented,
    /// The same, and what follows the fifth colon is one segment. Source: the same page with "IAM ARNs", whose
    /// resource part has colons of its own.
    SegmentedFive,
}

/// What a policy variable without a value does. Source: IAM User Guide, "IAM policy elements: Variables and tags".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unresolved {
    /// It matches nothing, so that what stands beside it in a list may match, and a negation holds: "Policy variables
    /// with no value", since 2023.
    #[default]
    MatchesNothing,
    /// The statement does not match: the note of the same page, "this might cause the entire statement to be invalid".
    Spoils,
    /// The same, but for conditions with `IfExists`: that note goes on, "to prevent variables from causing invalid
    /// statements, use the ...IfExists condition operator".
    SpoilsUnlessIfExists,
}

/// A positive operator without a set prefix on several values. Source of the fork: "Single-valued vs. multivalued
/// context keys" demands a set prefix, and does not say what happens without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Several {
    /// One value that matches is enough.
    #[default]
    Any,
    /// All have to match.
    All,
}

/// A negated operator without a set prefix on several values; the same page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SeveralNegated {
    /// None may match.
    #[default]
    None,
    /// One that does not match is enough.
    Some,
}

/// A key whose only value is the empty text, to set operators and `Null`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Empty {
    /// It has a value. Source: "Condition operators", whose example of `StringLike` compares with `""`.
    #[default]
    Text,
    /// It has none. Source: "Single-valued vs. multivalued context keys", "a null data set, such as an empty string".
    NoValue,
}

/// A variable whose key has the empty text. Source of the fork: "Policy variables with no value" is about a key that
/// "has no value or is not present", and does not say whether an empty text is a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EmptyVariable {
    /// It stands for the empty text.
    #[default]
    Text,
    /// It has no value.
    NoValue,
}

/// A value of a request that is not of a negated operator's type. Source of the fork: no page says what is sent so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mistyped {
    /// It is equal to nothing, so that the negation holds.
    #[default]
    Differs,
    /// It can't be compared: no operator holds for it.
    Fails,
}

/// Letters that operators which ignore case take for the same. Source of the fork: "String condition operators" says
/// "ignoring case", and nothing of other alphabets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Case {
    /// A to Z and a to z.
    #[default]
    Ascii,
    /// All that have the same upper or the same lower case, character by character.
    Unicode,
}

impl Case {
    /// Whether two characters are the same.
    pub fn folds(self, a: char, b: char) -> bool {
        let same = || a.to_lowercase().eq(b.to_lowercase()) || a.to_uppercase().eq(b.to_uppercase());
        // The dotted and the dotless i meet in upper case, or in lower case of another length.
        let dotted = |c: char| matches!(c, 'i' | 'I' | '\u{130}' | '\u{131}');
        a.eq_ignore_ascii_case(&b) || (self == Self::Unicode && (same() || (dotted(a) && dotted(b))))
    }

    /// All characters that are the same as one that a policy can have, which is of Latin-1.
    pub fn class(self, c: char) -> impl Iterator<Item = char> {
        const ALIKE: &[char] =
            &['\u{130}', '\u{131}', '\u{17f}', '\u{178}', '\u{39c}', '\u{3bc}', '\u{1e9e}', '\u{212a}', '\u{212b}'];
        let latin = (self == Self::Unicode).then_some('\u{c0}'..='\u{ff}').into_iter().flatten();
        let own = [c, c.to_ascii_lowercase(), c.to_ascii_uppercase()];
        let mut all: Vec<char> = own.into_iter().chain(latin).chain(ALIKE.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().filter(move |other| self.folds(c, *other))
    }
}

/// What a statement does of which it can't be told whether it matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// What is least allowed: an `Allow` does not match, a `Deny` does.
    #[default]
    Withholds,
    /// What is most allowed: an `Allow` matches, a `Deny` does not.
    Grants,
}

impl Reading {
    /// The readings that people meet, with wildcards that cross colons.
    pub const CROSSING: Self = Self {
        colons: Colons::Crossing,
        unresolved: Unresolved::MatchesNothing,
        several: Several::Any,
        several_negated: SeveralNegated::None,
        empty: Empty::Text,
        empty_variable: EmptyVariable::Text,
        mistyped: Mistyped::Differs,
        case: Case::Ascii,
        doubt: Doubt::Withholds,
    };

    /// The same with wildcards that keep to their segment.
    pub const SEGMENTED: Self = Self { colons: Colons::Segmented, ..Self::CROSSING };

    /// The same with doubts that grant, or withhold.
    pub fn doubting(self, doubt: Doubt) -> Self {
        Self { doubt, ..self }
    }

    /// Every reading of every fork; doubts withhold.
    pub fn all() -> Vec<Self> {
        Forks::ALL.readings()
    }
}

/// Which forks some policies can tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forks {
    /// [`Colons`], in the first five segments.
    pub colons: bool,
    /// [`Colons`], behind them.
    pub late_colons: bool,
    /// [`Unresolved`].
    pub unresolved: bool,
    /// [`Unresolved`], with `IfExists`.
    pub unresolved_if_exists: bool,
    /// [`Several`].
    pub several: bool,
    /// [`SeveralNegated`].
    pub several_negated: bool,
    /// [`Empty`].
    pub empty: bool,
    /// [`EmptyVariable`].
    pub empty_variable: bool,
    /// [`Mistyped`].
    pub mistyped: bool,
    /// [`Case`].
    pub case: bool,
}

impl Forks {
    /// All of them.
    pub const ALL: Self = Self {
        colons: true,
        late_colons: true,
        unresolved: true,
        unresolved_if_exists: true,
        several: true,
        several_negated: true,
        empty: true,
        empty_variable: true,
        mistyped: true,
        case: true,
    };

    /// Every combination of their readings, the usual one first. Of those about values that hardly anybody sends (empty
    /// texts, what is not of its type, letters of other alphabets) one kind is read otherwise at a time.
    pub fn readings(self) -> Vec<Reading> {
        let mut all = vec![Reading::default()];
        let mut fork = |open: bool, others: &[fn(Reading) -> Reading]| {
            let before = all.clone();
            for other in others.iter().filter(|_| open) {
                all.extend(before.iter().map(|reading| other(*reading)));
            }
        };
        let segmented: fn(Reading) -> Reading = |reading| Reading { colons: Colons::Segmented, ..reading };
        let five: fn(Reading) -> Reading = |reading| Reading { colons: Colons::SegmentedFive, ..reading };
        // Only where wildcards stand in both parts are there three.
        fork(self.colons || self.late_colons, &[segmented]);
        let spoils: fn(Reading) -> Reading = |reading| Reading { unresolved: Unresolved::Spoils, ..reading };
        let unless: fn(Reading) -> Reading =
            |reading| Reading { unresolved: Unresolved::SpoilsUnlessIfExists, ..reading };
        match (self.unresolved, self.unresolved_if_exists) {
            (true, true) => fork(true, &[spoils, unless]),
            (one, other) => fork(one || other, &[spoils]),
        }
        fork(self.several, &[|reading| Reading { several: Several::All, ..reading }]);
        fork(self.several_negated, &[|reading| Reading { several_negated: SeveralNegated::Some, ..reading }]);
        let empty: fn(Reading) -> Reading = |reading| Reading { empty: Empty::NoValue, ..reading };
        let variable: fn(Reading) -> Reading = |reading| Reading { empty_variable: EmptyVariable::NoValue, ..reading };
        let both: fn(Reading) -> Reading =
            |reading| Reading { empty: Empty::NoValue, empty_variable: EmptyVariable::NoValue, ..reading };
        let fails: fn(Reading) -> Reading = |reading| Reading { mistyped: Mistyped::Fails, ..reading };
        let unicode: fn(Reading) -> Reading = |reading| Reading { case: Case::Unicode, ..reading };
        let values = [
            (self.empty, empty),
            (self.empty_variable, variable),
            (self.empty && self.empty_variable, both),
            (self.mistyped, fails),
            (self.case, unicode),
        ];
        let open: Vec<fn(Reading) -> Reading> =
            values.into_iter().filter(|(open, _)| *open).map(|(_, other)| other).collect();
        // They go with each way to read a variable without a value; the rest is read as usual then.
        let usual = |reading: &Reading| Reading { unresolved: reading.unresolved, ..Reading::default() } == *reading;
        let before: Vec<Reading> = all.iter().copied().filter(usual).collect();
        for other in open {
            all.extend(before.iter().map(|reading| other(*reading)));
        }
        if self.colons && self.late_colons {
            let more: Vec<Reading> =
                all.iter().filter(|one| one.colons == Colons::Segmented).map(|one| five(*one)).collect();
            all.extend(more);
        }
        all
    }
}

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// No page says.
    Unknown,
}

impl Truth {
    /// Both hold.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    /// One of both holds.
    pub fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    /// It does not hold.
    #[allow(clippy::should_implement_trait, reason = "a truth of three values is no bit")]
    pub fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }

    /// The opposite if `flip` is set.
    pub fn flipped(self, flip: bool) -> Self {
        if flip { self.not() } else { self }
    }

    /// All of these hold.
    pub fn all(truths: impl Iterator<Item = Self>) -> Self {
        let mut all = Self::Yes;
        for truth in truths {
            all = all.and(truth);
            if all == Self::No {
                break;
            }
        }
        all
    }

    /// One of these holds.
    pub fn any(truths: impl Iterator<Item = Self>) -> Self {
        Self::all(truths.map(Self::not)).not()
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

#[cfg(test)]
mod tests {
    use super::{Case, Reading};

    #[test]
    fn every_reading_is_there_once() {
        let all = Reading::all();
        assert_eq!(all.len(), 3 * 3 * 2 * 2 + 3 * 5);
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn a_class_has_all_that_are_the_same() {
        for case in [Case::Ascii, Case::Unicode] {
            for c in ('\0'..='\u{ff}').filter(|c| c.is_alphabetic()) {
                let all: Vec<char> = ('\0'..='\u{2fff}').filter(|other| case.folds(c, *other)).collect();
                assert_eq!(case.class(c).collect::<Vec<char>>(), all, "{case:?} {c}");
            }
        }
    }
}
