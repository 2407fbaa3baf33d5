//! Where AWS's pages are silent or disagree: each fork, its two readings, and the source of each.
//!
//! What is proved is proved under every reading of every fork that the policies at hand can tell apart. A value that
//! no page defines is no fork but a doubt: nobody knows what it does, so that it counts against whoever profits.
//!
//! Doubts, so treated wherever they stand (see [`super::value`]): a value that is not of its operator's type; a policy
//! variable with `Bool`, which one page allows and another does not, or with numbers, dates, bytes and addresses; an
//! ARN operator's value that has not six segments; a date of four digits; a variable that is not closed, has no name,
//! a space in it or a default without quotes; a variable in the partition or the service of an ARN in `Resource`; a list
//! without values; `Null` with a set operator.
//!
//! Taken as it is: a key that the catalogue does not know to have several values has one, unless a set operator asks
//! for it somewhere in the policies at hand; what a request sends is of its key's type.

/// One way to read everything that AWS leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reading {
    /// How far a wildcard in a resource reaches.
    pub colons: Colons,
    /// What a policy variable without a value does under a negation.
    pub unresolved: Unresolved,
    /// When a positive operator without a set prefix holds for a key with several values.
    pub several: Several,
    /// When a negated operator without a set prefix does.
    pub several_negated: SeveralNegated,
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
}

/// What a policy variable without a value does to a negated operator, and to `NotResource`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unresolved {
    /// It matches nothing, so that the negation holds. Source: IAM User Guide, "IAM policy elements: Variables and
    /// tags", "Policy variables with no value", since 2023.
    #[default]
    MatchesNothing,
    /// The statement does not match. Source: the same page before, "the entire statement might be invalid".
    Spoils,
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
        Forks { colons: true, unresolved: true, several: true, several_negated: true }.readings()
    }
}

/// Which forks some policies can tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forks {
    /// [`Colons`].
    pub colons: bool,
    /// [`Unresolved`].
    pub unresolved: bool,
    /// [`Several`].
    pub several: bool,
    /// [`SeveralNegated`].
    pub several_negated: bool,
}

impl Forks {
    /// Every combination of their readings, the usual one first.
    pub fn readings(self) -> Vec<Reading> {
        let mut all = vec![Reading::default()];
        let mut fork = |open: bool, other: fn(Reading) -> Reading| {
            if open {
                all.extend(all.clone().into_iter().map(other));
            }
        };
        fork(self.colons, |reading| Reading { colons: Colons::Segmented, ..reading });
        fork(self.unresolved, |reading| Reading { unresolved: Unresolved::Spoils, ..reading });
        fork(self.several, |reading| Reading { several: Several::All, ..reading });
        fork(self.several_negated, |reading| Reading { several_negated: SeveralNegated::Some, ..reading });
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
