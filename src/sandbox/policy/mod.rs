//! The IAM policy language, read a second time: what policies say about one request.
//!
//! It was written from AWS's pages alone and shares nothing with the room that Leasehold judges policies with, so
//! that either finds the other's mistakes. It answers in three values, because a value that can't be read as
//! what its operator compares may mean anything to AWS. Where AWS's pages disagree, the caller chooses.
//!
//! # Source
//! IAM User Guide: "Policy evaluation logic", and the "IAM JSON policy elements reference", whose pages are
//! named where they are used.

mod condition;
mod decimal;
mod judge;
mod statement;
mod template;
#[cfg(test)]
mod tests;
mod truth;
mod value;

use std::collections::BTreeMap;

use serde_json::Value;

use self::statement::{Effects, effects};
use self::truth::Truth;

/// One request of a principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `service:Name`.
    pub action: String,
    /// The ARN; `*` for an action that is about no resource.
    pub resource: String,
    context: BTreeMap<String, Vec<String>>,
    /// Beginnings of the names of keys that are known to be absent unless set; `None`: all keys.
    absent: Option<&'static [&'static str]>,
}

impl Request {
    /// A request with an empty context.
    pub fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), ..Self::default() }
    }

    /// A request of which more may be sent than is set: the keys that are known to be absent begin with `absent`,
    /// in lower case, and what depends on others can't be told.
    pub fn partly_known(action: &str, resource: &str, absent: &'static [&'static str]) -> Self {
        Self { absent: Some(absent), ..Self::new(action, resource) }
    }

    /// Sets a context key to its values. Names of keys do not depend on case.
    pub fn set<T: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = T>) {
        self.context.insert(key.to_lowercase(), values.into_iter().map(Into::into).collect());
    }

    fn sent(&self, key: &str) -> Sent<'_> {
        let key = key.to_lowercase();
        match (self.context.get(&key), self.absent) {
            (Some(values), _) if !values.is_empty() => Sent::Values(values),
            (None, Some(absent)) if !absent.iter().any(|beginning| key.starts_with(beginning)) => Sent::Unknown,
            // "Null" in "Condition operators": a key exists if its value is not null.
            _ => Sent::Nothing,
        }
    }
}

/// What a request holds for a key.
enum Sent<'a> {
    /// One value or more.
    Values(&'a [String]),
    Nothing,
    Unknown,
}

/// The policies that a request is judged by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policies<'a> {
    /// Identity-based policies: inline, attached, and those of groups.
    pub identity: &'a [Value],
    /// The permissions boundary, if there is one.
    pub boundary: Option<&'a [Value]>,
    /// The session policies, if any were passed.
    pub session: Option<&'a [Value]>,
}

/// How far a `*` in a Resource reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Star {
    /// Over colons.
    Anywhere,
    /// To the end of its segment; over colons only as the last character of a segment.
    InSegment,
    /// The same before the fifth colon; behind it, over colons.
    InFirstFive,
}

/// What a variable without a value does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// Nothing is equal to it or like it, so that a negation holds.
    MatchesNothing,
    /// The statement does not take effect.
    SpoilsStatement,
    /// The statement does not take effect, unless the operator has the suffix IfExists.
    SpoilsUnlessIfExists,
}

/// When an operator that is not negated, and has no set operator before it, holds for a key with several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Several {
    /// When any value matches.
    AnyMatches,
    /// When all values match.
    AllMatch,
}

/// When a negated operator that has no set operator before it holds for a key with several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeveralNegated {
    /// When no value matches.
    NoneMatches,
    /// When some value does not match.
    SomeDoesNot,
}

/// Whether a key that was sent with nothing but empty texts has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blank {
    /// It has.
    IsValue,
    /// It has none.
    IsNull,
}

/// When a negated operator holds for a value that can't be read as its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Always: it is not equal.
    Differs,
    /// Never: it can't be compared.
    Fails,
}

/// Which letters are the same to operators that ignore case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// Those of ASCII.
    Ascii,
    /// All that any alphabet pairs.
    All,
}

/// One way to read AWS's pages where they disagree or leave a question open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forks {
    /// "Resource" says that wildcards are for use within segments, and that a `*` which ends one "can expand to
    /// match beyond colon boundaries"; in practice it matches anything wherever it stands.
    pub star: Star,
    /// "Variables and tags": negated operators "do match against a null value", and a variable that can't be
    /// resolved "might cause the entire statement to be invalid", which IfExists is to prevent.
    pub unresolved: Unresolved,
    /// "Single-valued vs. multivalued context keys" asks for a set operator and does not say what happens without.
    pub several: Several,
    /// As for [`Forks::several`].
    pub several_negated: SeveralNegated,
    /// "Single-valued vs. multivalued context keys" calls an empty string a null data set, where it speaks of set
    /// operators and of Null; "Condition operators" compares with one.
    pub blank: Blank,
    /// "Policy variables with no value" does not say whether an empty text is one.
    pub blank_variable: Blank,
    /// "Condition operators" says what each type looks like, and not what else does.
    pub foreign: Foreign,
    /// "String condition operators" says "ignoring case".
    pub letters: Letters,
}

impl Forks {
    /// Every way to read the pages; what is open of values that hardly anybody sends is read otherwise by itself.
    pub fn all() -> impl Iterator<Item = Self> {
        const PLAIN: Forks = Forks {
            star: Star::Anywhere,
            unresolved: Unresolved::MatchesNothing,
            several: Several::AnyMatches,
            several_negated: SeveralNegated::NoneMatches,
            blank: Blank::IsValue,
            blank_variable: Blank::IsValue,
            foreign: Foreign::Differs,
            letters: Letters::Ascii,
        };
        let stars = [Star::Anywhere, Star::InSegment, Star::InFirstFive];
        let unresolved = [Unresolved::MatchesNothing, Unresolved::SpoilsStatement, Unresolved::SpoilsUnlessIfExists];
        let several = [Several::AnyMatches, Several::AllMatch];
        let negated = [SeveralNegated::NoneMatches, SeveralNegated::SomeDoesNot];
        let (null, fails, letters) = (Blank::IsNull, Foreign::Fails, Letters::All);
        let policies = (0..36).map(move |n: usize| Self {
            star: stars[n / 12],
            unresolved: unresolved[n / 4 % 3],
            several: several[n & 1],
            several_negated: negated[n >> 1 & 1],
            ..PLAIN
        });
        let values = [
            Self { blank: null, ..PLAIN },
            Self { blank_variable: null, ..PLAIN },
            Self { blank: null, blank_variable: null, ..PLAIN },
            Self { foreign: fails, ..PLAIN },
            Self { letters, ..PLAIN },
        ];
        let values = unresolved.into_iter().flat_map(move |unresolved| values.map(|one| Self { unresolved, ..one }));
        policies.chain(values)
    }
}

/// What policies say about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed by each kind of policy that is there, and denied by none.
    Allowed,
    /// Denied by a statement.
    Denied,
    /// Not allowed by all kinds of policy that are there, whatever the statements mean that can't be read.
    Silent,
    /// It depends on a statement that can't be read.
    Unsure,
}

/// Judges a request: an explicit deny first, then every kind of policy that is there must allow it.
///
/// # Source
/// "Policy evaluation logic": "Evaluating identity-based policies with permissions boundaries", "Evaluating
/// session policies". API reference of AWS STS, GetCallerIdentity: an explicit deny does not keep it from anybody.
pub fn judge(policies: Policies<'_>, request: &Request, forks: Forks) -> Verdict {
    if request.action.eq_ignore_ascii_case(ALWAYS_ALLOWED) {
        return Verdict::Allowed;
    }
    let kinds = [Some(policies.identity), policies.boundary, policies.session];
    let said: Vec<Effects> = kinds
        .into_iter()
        .flatten()
        .map(|kind| kind.iter().map(|document| effects(document, request, forks)).fold(Effects::NONE, Effects::and))
        .collect();
    let denied = Truth::any(said.iter().map(|effects| effects.denied));
    let allowed = Truth::all(said.iter().map(|effects| effects.allowed));
    match (denied, allowed) {
        (Truth::Yes, _) => Verdict::Denied,
        (_, Truth::No) => Verdict::Silent,
        (Truth::No, Truth::Yes) => Verdict::Allowed,
        (Truth::No | Truth::Unknown, Truth::Yes | Truth::Unknown) => Verdict::Unsure,
    }
}

const ALWAYS_ALLOWED: &str = "sts:GetCallerIdentity";
