//! Condition blocks: operators, their set operators and suffixes, and how the answers for single values combine.
//!
//! # Source
//! IAM User Guide: "Condition operators", "Conditions with multiple context keys or values", "Single-valued vs.
//! multivalued context keys".

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::decimal::Decimal;
use super::judge::Judge;
use super::template::{Filled, Piece, Wildcards, fill, fits, has_foreign_capital};
use super::truth::Truth;
use super::value::{binary, boolean, moment};
use super::{Blank, Foreign, Letters, Sent, Several, SeveralNegated, Unresolved};
use crate::units::network;

/// Whether a condition block holds: all operators, and all keys of each.
pub(super) fn holds(judge: &Judge<'_>, block: &Value) -> Truth {
    let Some(operators) = block.as_object() else { return Truth::Unknown };
    Truth::all(operators.iter().map(|(name, keys)| {
        let (Some(operator), Some(keys)) = (Operator::read(name), keys.as_object()) else { return Truth::Unknown };
        Truth::all(keys.iter().map(|(key, values)| {
            let values = values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice);
            operator.holds(judge, key, values)
        }))
    }))
}

/// What an operator compares, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Text,
    TextIgnoringCase,
    TextLike,
    Number(Relation),
    Date(Relation),
    Boolean,
    Binary,
    Address,
    Arn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equals => ordering.is_eq(),
            Self::LessThan => ordering.is_lt(),
            Self::LessThanEquals => ordering.is_le(),
            Self::GreaterThan => ordering.is_gt(),
            Self::GreaterThanEquals => ordering.is_ge(),
        }
    }
}

/// The word before an operator that says how the values of the request are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    None,
    ForAllValues,
    ForAnyValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Null,
    Compare { set: Set, test: Test, negated: bool, if_exists: bool },
}

impl Operator {
    fn read(name: &str) -> Option<Self> {
        if name == "Null" {
            return Some(Self::Null);
        }
        let (set, rest) = if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Set::ForAllValues, rest)
        } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Set::ForAnyValue, rest)
        } else {
            (Set::None, name)
        };
        let (base, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |base| (base, true));
        let (test, negated) = match base {
            "StringEquals" => (Test::Text, false),
            "StringNotEquals" => (Test::Text, true),
            "StringEqualsIgnoreCase" => (Test::TextIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => (Test::TextIgnoringCase, true),
            "StringLike" => (Test::TextLike, false),
            "StringNotLike" => (Test::TextLike, true),
            "Bool" => (Test::Boolean, false),
            "BinaryEquals" => (Test::Binary, false),
            "IpAddress" => (Test::Address, false),
            "NotIpAddress" => (Test::Address, true),
            "ArnEquals" | "ArnLike" => (Test::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
            _ => {
                let (test, relation): (fn(Relation) -> Test, _) = match base.strip_prefix("Numeric") {
                    Some(relation) => (Test::Number, relation),
                    None => (Test::Date, base.strip_prefix("Date")?),
                };
                match relation {
                    "Equals" => (test(Relation::Equals), false),
                    "NotEquals" => (test(Relation::Equals), true),
                    "LessThan" => (test(Relation::LessThan), false),
                    "LessThanEquals" => (test(Relation::LessThanEquals), false),
                    "GreaterThan" => (test(Relation::GreaterThan), false),
                    "GreaterThanEquals" => (test(Relation::GreaterThanEquals), false),
                    _ => return None,
                }
            }
        };
        Some(Self::Compare { set, test, negated, if_exists })
    }

    fn holds(self, judge: &Judge<'_>, key: &str, values: &[Value]) -> Truth {
        // What a list of nothing asks for is not said.
        if values.is_empty() || has_foreign_capital(key) {
            return Truth::Unknown;
        }
        let sent = match judge.request.sent(key) {
            Sent::Values(values) => values,
            Sent::Nothing => &[],
            Sent::Unknown => return Truth::Unknown,
        };
        let null = judge.forks.blank == Blank::IsNull && sent.iter().all(String::is_empty);
        let Self::Compare { set, test, negated, if_exists } = self else {
            let asked: Option<Vec<bool>> =
                values.iter().map(|value| text(value).as_deref().and_then(boolean)).collect();
            let absent = null || sent.is_empty();
            return asked.map_or(Truth::Unknown, |asked| asked.contains(&absent).into());
        };
        let wanted: Vec<Wanted> = values.iter().map(|value| Wanted::read(judge, test, value)).collect();
        // What AWS makes of the values beside one that can't be read is not said.
        if wanted.contains(&Wanted::Unreadable) {
            return Truth::Unknown;
        }
        let spoils = match judge.forks.unresolved {
            Unresolved::MatchesNothing => false,
            Unresolved::SpoilsStatement => true,
            Unresolved::SpoilsUnlessIfExists => !if_exists,
        };
        if spoils && wanted.contains(&Wanted::Nothing) {
            return Truth::No;
        }
        let nothing = sent.is_empty() || (null && set != Set::None);
        if nothing {
            return match set {
                Set::ForAnyValue if !if_exists => Truth::No,
                Set::None if !negated && !if_exists => Truth::No,
                _ => Truth::Yes,
            };
        }
        if wanted.contains(&Wanted::Misplaced) {
            return Truth::Unknown;
        }
        let mut each = sent.iter().map(|value| match test.takes(value) {
            true => wanted.iter().any(|wanted| wanted.matches(value, judge.forks.letters)) != negated,
            false => negated && judge.forks.foreign == Foreign::Differs,
        });
        let all = match (set, negated) {
            (Set::ForAllValues, _) => true,
            (Set::ForAnyValue, _) => false,
            (Set::None, false) => judge.forks.several == Several::AllMatch,
            (Set::None, true) => judge.forks.several_negated == SeveralNegated::NoneMatches,
        };
        Truth::from(if all { each.all(|one| one) } else { each.any(|one| one) })
    }
}

impl Test {
    /// Whether a value that was sent is one of its type.
    fn takes(self, sent: &str) -> bool {
        match self {
            Self::Text | Self::TextIgnoringCase | Self::TextLike => true,
            Self::Number(_) => Decimal::read(sent).is_some(),
            Self::Date(_) => moment(sent).is_some(),
            Self::Boolean => boolean(sent).is_some(),
            Self::Binary => binary(sent).is_some(),
            Self::Address => sent.parse::<IpAddr>().is_ok(),
            Self::Arn => sent.splitn(6, ':').count() == 6,
        }
    }
}

/// A value of the policy, ready to be compared with values of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// It can't be read as what the operator compares.
    Unreadable,
    /// Its variables make it no ARN, or another than it is written as.
    Misplaced,
    /// It has a variable without a value: nothing is equal to it or like it.
    Nothing,
    Text(Vec<Piece>),
    TextIgnoringCase(Vec<Piece>),
    Number(Relation, Decimal),
    Date(Relation, Decimal),
    Boolean(bool),
    Binary(Vec<u8>),
    Address(IpNet),
    /// A pattern for each of the six parts.
    Arn(Vec<Vec<Piece>>),
    /// The same, with a variable that has brought colons before the sixth part.
    Moved(Vec<Vec<Piece>>),
}

impl Wanted {
    fn read(judge: &Judge<'_>, test: Test, value: &Value) -> Self {
        let Some(text) = text(value) else { return Self::Unreadable };
        let filled = |wildcards, then: fn(Vec<Piece>, bool) -> Self| match fill(
            &text,
            judge.language,
            wildcards,
            judge.forks.blank_variable,
            judge.request,
        ) {
            Filled::Pattern { pieces, moved } => then(pieces, moved),
            Filled::Unresolved => Self::Nothing,
            Filled::Unreadable => Self::Unreadable,
        };
        let read = match test {
            Test::Text => Some(filled(Wildcards::Off, |pieces, _| Self::Text(pieces))),
            Test::TextIgnoringCase => Some(filled(Wildcards::Off, |pieces, _| Self::TextIgnoringCase(pieces))),
            Test::TextLike => Some(filled(Wildcards::On, |pieces, _| Self::Text(pieces))),
            Test::Arn => {
                let whole = judge.colons_spelt(&text) >= 5;
                match filled(Wildcards::On, |pieces, moved| Self::arn(&pieces, moved)) {
                    // Without a variable it is no ARN whatever is asked.
                    Self::Misplaced if !whole && !judge.has_variable(&text) => None,
                    Self::Moved(parts) if !whole => Some(Self::Arn(parts)),
                    Self::Moved(_) => Some(Self::Misplaced),
                    read => Some(read),
                }
            }
            // "You can't use a policy variable with other operators": there it is a value of the wrong type.
            Test::Number(relation) => Decimal::read(&text).map(|number| Self::Number(relation, number)),
            Test::Date(relation) => moment(&text).map(|moment| Self::Date(relation, moment)),
            Test::Boolean => boolean(&text).map(Self::Boolean),
            Test::Binary => binary(&text).map(Self::Binary),
            Test::Address => network::parse(&text).map(Self::Address),
        };
        read.unwrap_or(Self::Unreadable)
    }

    fn arn(pieces: &[Piece], moved: bool) -> Self {
        match (arn_parts(pieces), moved) {
            (None, _) => Self::Misplaced,
            (Some(parts), true) => Self::Moved(parts),
            (Some(parts), false) => Self::Arn(parts),
        }
    }

    fn matches(&self, sent: &str, letters: Letters) -> bool {
        match self {
            Self::Unreadable | Self::Misplaced | Self::Moved(_) | Self::Nothing => false,
            Self::Text(pattern) => fits(pattern, sent, |_, _| true),
            Self::TextIgnoringCase(pattern) => equal_ignoring_case(pattern, sent, letters),
            Self::Number(relation, wanted) => Decimal::read(sent).is_some_and(|sent| relation.holds(sent.cmp(wanted))),
            Self::Date(relation, wanted) => moment(sent).is_some_and(|sent| relation.holds(sent.cmp(wanted))),
            Self::Boolean(wanted) => boolean(sent) == Some(*wanted),
            Self::Binary(wanted) => binary(sent).as_ref() == Some(wanted),
            Self::Address(network) => sent.parse::<IpAddr>().is_ok_and(|address| network.contains(&address)),
            Self::Arn(parts) => {
                let sent: Vec<&str> = sent.splitn(6, ':').collect();
                parts.len() == sent.len()
                    && parts.iter().zip(&sent).all(|(pattern, part)| fits(pattern, part, |_, _| true))
            }
        }
    }
}

fn equal_ignoring_case(pattern: &[Piece], sent: &str, letters: Letters) -> bool {
    let wanted = pattern.iter().filter_map(|piece| if let Piece::Just(c) = piece { Some(*c) } else { None });
    let (wanted, sent): (Vec<char>, Vec<char>) = (wanted.collect(), sent.chars().collect());
    wanted.len() == sent.len() && wanted.iter().zip(&sent).all(|(a, b)| alike(*a, *b, letters))
}

/// Whether two characters are one letter.
fn alike(a: char, b: char, letters: Letters) -> bool {
    const TURKISH: [char; 4] = ['i', 'I', 'ı', 'İ'];
    match letters {
        Letters::Ascii => a.eq_ignore_ascii_case(&b),
        Letters::All => {
            let (lower, upper) = (|c: char| c.to_lowercase().to_string(), |c: char| c.to_uppercase().to_string());
            lower(a) == lower(b) || upper(a) == upper(b) || (TURKISH.contains(&a) && TURKISH.contains(&b))
        }
    }
}

/// "Each of the six colon-delimited components of the ARN is checked separately"; the last has all further colons.
fn arn_parts(pattern: &[Piece]) -> Option<Vec<Vec<Piece>>> {
    let parts: Vec<Vec<Piece>> = pattern.splitn(6, |piece| *piece == Piece::Just(':')).map(<[Piece]>::to_vec).collect();
    (parts.len() == 6).then_some(parts)
}

/// The text of a value: numbers and booleans need no quotation marks ("Supported data types").
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        // What is past a double's exact digits is lost before it comes here.
        Value::Number(number) => {
            let text = number.to_string();
            (text.bytes().filter(u8::is_ascii_digit).count() <= 15).then_some(text)
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
