//! Condition operators: whether a statement's conditions hold for a request.
//!
//! A key that is absent and one that was sent without any value are the same to all operators but those with a
//! set prefix, to which the empty set is a set. Source: IAM User Guide, "IAM JSON policy elements: Condition
//! operators" and "Multivalued context keys". What the pages leave open is a matter of the [`Reading`], and a value
//! that they do not define makes it unknown whether the condition holds.

use core::net::IpAddr;
use std::cmp::Ordering;

use super::pattern::Pattern;
use super::policy::{Condition, Quantifier, Test};
use super::reading::{Reading, Several, SeveralNegated, Truth, Unresolved};
use super::request::Request;
use super::value::{self, boolean, bytes, instant, network, number};

impl Condition {
    /// Whether it holds for a request: quantifier, `IfExists`, absent keys and policy variables included.
    pub fn holds(&self, request: &Request, reading: Reading) -> Truth {
        let sent = request.context.get(&self.key).map_or(&[][..], Vec::as_slice);
        let (test, negated) = (self.operator.test, self.operator.test.is_negated());
        if self.is_undefined() {
            return Truth::Unknown;
        }
        if test == Test::Null {
            let absent = self.values.iter().map(|value| match boolean(&value.text) {
                Some(absent) => (absent == sent.is_empty()).into(),
                None => Truth::Unknown,
            });
            return Truth::any(absent);
        }
        let unresolved = || self.values.iter().any(|value| value.is_unresolved(request));
        if negated && reading.unresolved == Unresolved::Spoils && unresolved() {
            return Truth::No;
        }
        if sent.is_empty() {
            let holds = self.operator.if_exists
                || match self.operator.quantifier {
                    Some(Quantifier::ForAllValues) => true,
                    Some(Quantifier::ForAnyValue) => false,
                    None => negated,
                };
            // What no page defines may make the statement match nothing.
            let odd = holds && self.values.iter().any(|value| !value::is_read(test, value));
            return if odd { Truth::Unknown } else { holds.into() };
        }
        let test = test.positive();
        let fits = |value: &String| {
            let matches = self.values.iter().map(|pattern| compares(test, pattern, value, request));
            Truth::any(matches).flipped(negated)
        };
        if self.wants_all(reading) { Truth::all(sent.iter().map(fits)) } else { Truth::any(sent.iter().map(fits)) }
    }

    /// Whether no page says what it means, whatever its values are.
    pub fn is_undefined(&self) -> bool {
        self.values.is_empty() || (self.operator.test == Test::Null && self.operator.quantifier.is_some())
    }

    /// Whether no page says whether it holds for some request.
    pub fn is_doubtful(&self) -> bool {
        self.is_undefined() || self.values.iter().any(|value| !value::is_read(self.operator.test, value))
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
pub fn value_matches(test: Test, pattern: &Pattern, value: &str) -> bool {
    compares(test.positive(), pattern, value, &Request::default()) == Truth::Yes
}

fn compares(test: Test, pattern: &Pattern, value: &str, request: &Request) -> Truth {
    if !value::is_read(test, pattern) {
        return Truth::Unknown;
    }
    let numbers = || Some(number(value)?.cmp(&number(&pattern.text)?));
    let dates = || Some(instant(value)?.cmp(&instant(&pattern.text)?));
    let holds = match test {
        Test::StringEquals | Test::StringLike => pattern.matches(value, request),
        Test::StringEqualsIgnoreCase => {
            let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
            pattern.value(request).is_some_and(|text| lower(&text) == lower(value))
        }
        Test::ArnEquals | Test::ArnLike => pattern.matches_arn(value, request),
        Test::Bool => boolean(value).is_some_and(|sent| boolean(&pattern.text) == Some(sent)),
        Test::BinaryEquals => bytes(value).is_some_and(|sent| bytes(&pattern.text) == Some(sent)),
        Test::IpAddress => {
            let address = value.parse::<IpAddr>();
            address.is_ok_and(|address| network(&pattern.text).is_some_and(|network| network.holds(address)))
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
    };
    holds.into()
}

#[cfg(test)]
mod tests;
