//! Condition blocks: operators, their set operators and suffixes, and how the answers for single values combine.
//!
//! # Source
//! IAM User Guide: "Condition operators", "Conditions with multiple context keys or values", "Single-valued vs.
//! multivalued context keys".

use std::cmp::Ordering;
use std::net::IpAddr;

use serde_json::Value;

use super::decimal::Decimal;
use super::statement::Judge;
use super::template::{Filled, Piece, Wildcards, fill, fits};
use super::truth::Truth;
use super::value::{Network, binary, boolean, moment};
use super::{Sent, Several, SeveralNegated, Unresolved};

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
        if values.is_empty() {
            return Truth::Unknown;
        }
        let sent = match judge.request.sent(key) {
            Sent::Values(values) => values,
            Sent::Nothing => &[],
            Sent::Unknown => return Truth::Unknown,
        };
        let Self::Compare { set, test, negated, if_exists } = self else {
            return Truth::any(values.iter().map(|value| match text(value).as_deref().and_then(boolean) {
                Some(absent) => Truth::from(absent == sent.is_empty()),
                None => Truth::Unknown,
            }));
        };
        let wanted: Vec<Wanted> = values.iter().map(|value| Wanted::read(judge, test, value)).collect();
        let spoils = judge.forks.unresolved == Unresolved::SpoilsStatement;
        if negated && spoils && wanted.contains(&Wanted::Nothing) {
            return Truth::No;
        }
        if sent.is_empty() {
            return match set {
                Set::ForAnyValue if !if_exists => Truth::No,
                Set::None if !negated && !if_exists => Truth::No,
                // What holds without a value may still not hold with a list that can't be read.
                _ if wanted.contains(&Wanted::Unreadable) => Truth::Unknown,
                _ => Truth::Yes,
            };
        }
        let each = sent.iter().map(|value| {
            let matches = Truth::any(wanted.iter().map(|wanted| wanted.matches(value)));
            if negated { !matches } else { matches }
        });
        let all = match (set, negated) {
            (Set::ForAllValues, _) => true,
            (Set::ForAnyValue, _) => false,
            (Set::None, false) => judge.forks.several == Several::AllMatch,
            (Set::None, true) => judge.forks.several_negated == SeveralNegated::NoneMatches,
        };
        if all { Truth::all(each) } else { Truth::any(each) }
    }
}

/// A value of the policy, ready to be compared with values of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// It can't be read as what the operator compares.
    Unreadable,
    /// It has a variable without a value: nothing is equal to it or like it.
    Nothing,
    Text(Vec<Piece>),
    TextIgnoringCase(Vec<Piece>),
    Number(Relation, Decimal),
    Date(Relation, Decimal),
    Boolean(bool),
    Binary(Vec<u8>),
    Address(Network),
    /// A pattern for each of the six parts.
    Arn(Vec<Vec<Piece>>),
}

impl Wanted {
    fn read(judge: &Judge<'_>, test: Test, value: &Value) -> Self {
        let Some(text) = text(value) else { return Self::Unreadable };
        let filled =
            |wildcards, then: fn(Vec<Piece>) -> Self| match fill(&text, judge.language, wildcards, judge.request) {
                Filled::Pattern(pieces) => then(pieces),
                Filled::Unresolved => Self::Nothing,
                Filled::Unreadable => Self::Unreadable,
            };
        let read = match test {
            Test::Text => Some(filled(Wildcards::Off, Self::Text)),
            Test::TextIgnoringCase => Some(filled(Wildcards::Off, Self::TextIgnoringCase)),
            Test::TextLike => Some(filled(Wildcards::On, Self::Text)),
            Test::Arn => Some(filled(Wildcards::On, |pieces| arn_parts(&pieces).map_or(Self::Unreadable, Self::Arn))),
            // "You can't use a policy variable with other operators": there it is a value of the wrong type.
            Test::Number(relation) => Decimal::read(&text).map(|number| Self::Number(relation, number)),
            Test::Date(relation) => moment(&text).map(|moment| Self::Date(relation, moment)),
            Test::Boolean => boolean(&text).map(Self::Boolean),
            Test::Binary => binary(&text).map(Self::Binary),
            Test::Address => Network::read(&text).map(Self::Address),
        };
        read.unwrap_or(Self::Unreadable)
    }

    fn matches(&self, sent: &str) -> Truth {
        let met = match self {
            Self::Unreadable => None,
            Self::Nothing => Some(false),
            Self::Text(pattern) => Some(fits(pattern, sent, |_, _| true)),
            Self::TextIgnoringCase(pattern) => Some(equal_ignoring_case(pattern, sent)),
            Self::Number(relation, wanted) => Decimal::read(sent).map(|sent| relation.holds(sent.cmp(wanted))),
            Self::Date(relation, wanted) => moment(sent).map(|sent| relation.holds(sent.cmp(wanted))),
            Self::Boolean(wanted) => boolean(sent).map(|sent| sent == *wanted),
            Self::Binary(wanted) => binary(sent).map(|sent| sent == *wanted),
            Self::Address(network) => sent.parse::<IpAddr>().ok().map(|address| network.holds(address)),
            Self::Arn(parts) => {
                let sent: Vec<&str> = sent.splitn(6, ':').collect();
                let fit = || parts.iter().zip(&sent).all(|(pattern, part)| fits(pattern, part, |_, _| true));
                (sent.len() == 6).then(fit)
            }
        };
        met.map_or(Truth::Unknown, Truth::from)
    }
}

fn equal_ignoring_case(pattern: &[Piece], sent: &str) -> bool {
    let wanted = pattern.iter().filter_map(|piece| if let Piece::Just(c) = piece { Some(*c) } else { None });
    wanted.flat_map(char::to_lowercase).eq(sent.chars().flat_map(char::to_lowercase))
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
