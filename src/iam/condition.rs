//! Condition operators: whether a statement's conditions hold for a request.
//!
//! A key that is absent and one that was sent without any value are the same to all operators but those with a
//! set prefix, to which the empty set is a set. Source: IAM User Guide, "IAM JSON policy elements: Condition
//! operators" and "Multivalued context keys". What the pages leave open is a matter of the [`Reading`], and a value
//! that they do not define makes it unknown whether the condition holds.

use core::net::IpAddr;
use std::cmp::Ordering;

use super::operator::{Quantifier, Test};
use super::pattern::{Pattern, is_cased};
use super::policy::Condition;
use super::reading::{Empty, Mistyped, Reading, Several, SeveralNegated, Truth, Unresolved};
use super::request::Request;
use super::value::{self, Type, boolean, bytes, instant, is_never_empty, is_of_type, number};
use crate::units::network;

impl Condition {
    /// Whether it holds for a request: quantifier, `IfExists`, absent keys and policy variables included.
    pub fn holds(&self, request: &Request, reading: Reading) -> Truth {
        let sent = request.context.get(&self.key).map_or(&[][..], Vec::as_slice);
        let (test, negated) = (self.operator.test, self.operator.test.is_negated());
        if self.is_doubtful() || self.values.iter().any(|value| value.is_manifold(request)) {
            return Truth::Unknown;
        }
        if self.is_spoilt(request, reading) {
            return Truth::No;
        }
        let sent = self.counted(sent, reading);
        if test == Test::Null {
            let absent = |value: &Pattern| boolean(&value.text) == Some(sent.is_empty());
            return self.values.iter().any(absent).into();
        }
        if sent.is_empty() {
            let holds = self.operator.if_exists
                || match self.operator.quantifier {
                    Some(Quantifier::ForAllValues) => true,
                    Some(Quantifier::ForAnyValue) => false,
                    None => negated,
                };
            return holds.into();
        }
        let is_arn = test.value_type() == Type::Arn;
        if is_arn && self.values.iter().any(|value| value.is_shifted(request, reading)) {
            return Truth::Unknown;
        }
        let test = test.positive();
        let fits = |value: &String| {
            if negated && reading.mistyped == Mistyped::Fails && !is_of_type(test, value) {
                return false;
            }
            self.values.iter().any(|pattern| compares(test, pattern, value, request, reading)) != negated
        };
        let holds = if self.wants_all(reading) { sent.iter().all(fits) } else { sent.iter().any(fits) };
        holds.into()
    }

    /// The values that count: to set operators and `Null`, a key that has but empty texts may have none.
    fn counted<'r>(&self, sent: &'r [String], reading: Reading) -> &'r [String] {
        let may_be = reading.empty == Empty::NoValue && self.counts_values() && !is_never_empty(&self.key);
        if may_be && sent.iter().all(String::is_empty) { &[] } else { sent }
    }

    /// Whether it asks how many values there are: a set operator, or `Null`.
    pub(crate) fn counts_values(&self) -> bool {
        self.operator.quantifier.is_some() || self.operator.test == Test::Null
    }

    /// Whether a variable without a value in it makes its statement match nothing.
    fn is_spoilt(&self, request: &Request, reading: Reading) -> bool {
        self.may_be_spoilt(reading) && self.values.iter().any(|value| value.is_unresolved(request, reading))
    }

    /// Whether a variable without a value in it would make its statement match nothing.
    pub(crate) fn may_be_spoilt(&self, reading: Reading) -> bool {
        match reading.unresolved {
            Unresolved::MatchesNothing => false,
            Unresolved::Spoils => true,
            Unresolved::SpoilsUnlessIfExists => !self.operator.if_exists,
        }
    }

    /// Whether no page says whether it holds for some request, whatever its variables stand for.
    pub fn is_doubtful(&self) -> bool {
        self.values.is_empty()
            || (self.operator.test == Test::Null && self.operator.quantifier.is_some())
            || is_cased(&self.key)
            || self.values.iter().any(|value| !value::is_read(self.operator.test, value))
    }

    /// Whether each value of a key that is there has to fit, or one of them.
    pub(crate) fn wants_all(&self, reading: Reading) -> bool {
        match (self.operator.quantifier, self.operator.test.is_negated()) {
            (Some(Quantifier::ForAllValues), _) => true,
            (Some(Quantifier::ForAnyValue), _) => false,
            (None, false) => reading.several == Several::All,
            (None, true) => reading.several_negated == SeveralNegated::None,
        }
    }
}

/// Whether one value of a request matches one value of a policy by the positive form of an operator
/// (`StringNotLike` is asked as `StringLike`). `pattern` has no variables left.
pub fn value_matches(test: Test, pattern: &Pattern, value: &str, reading: Reading) -> bool {
    compares(test.positive(), pattern, value, &Request::default(), reading)
}

fn compares(test: Test, pattern: &Pattern, value: &str, request: &Request, reading: Reading) -> bool {
    let numbers = || Some(number(value)?.cmp(&number(&pattern.text)?));
    let dates = || Some(instant(value)?.cmp(&instant(&pattern.text)?));
    match test {
        Test::StringEquals | Test::StringLike => pattern.matches_as(value, request, reading),
        Test::StringEqualsIgnoreCase => pattern.value(request, reading).is_some_and(|text| {
            let mut pairs = text.chars().zip(value.chars());
            text.chars().count() == value.chars().count() && pairs.all(|(a, b)| reading.case.folds(a, b))
        }),
        Test::ArnEquals | Test::ArnLike => pattern.matches_arn(value, request, reading),
        Test::Bool => boolean(value).is_some_and(|sent| boolean(&pattern.text) == Some(sent)),
        Test::BinaryEquals => bytes(value).is_some_and(|sent| bytes(&pattern.text) == Some(sent)),
        Test::IpAddress => {
            let address = value.parse::<IpAddr>();
            address.is_ok_and(|address| network::parse(&pattern.text).is_some_and(|network| network.contains(&address)))
        }
        Test::NumericEquals => numbers().is_some_and(Ordering::is_eq),
        Test::NumericLessThan => numbers().is_some_and(Ordering::is_lt),
        Test::NumericLessThanEquals => numbers().is_some_and(Ordering::is_le),
        Test::NumericGreaterThan => numbers().is_some_and(Ordering::is_gt),
        Test::NumericGreaterThanEquals => numbers().is_some_and(Ordering::is_ge),
        Test::DateEquals => dates().is_some_and(Ordering::is_eq),
        Test::DateLessThan => dates().is_some_and(Ordering::is_lt),
        Test::DateLessThanEquals => dates().is_some_and(Ordering::is_le),
        Test::DateGreaterThan => dates().is_some_and(Ordering::is_gt),
        Test::DateGreaterThanEquals => dates().is_some_and(Ordering::is_ge),
        // The caller asks of existence before, and takes the "not" off.
        Test::Null
        | Test::StringNotEquals
        | Test::StringNotEqualsIgnoreCase
        | Test::StringNotLike
        | Test::NumericNotEquals
        | Test::DateNotEquals
        | Test::NotIpAddress
        | Test::ArnNotEquals
        | Test::ArnNotLike => false,
    }
}

#[cfg(test)]
mod tests;
