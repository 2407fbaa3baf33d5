//! Condition operators: whether a statement's conditions hold for a request.
//!
//! A key that is absent and one that was sent without any value are the same to all operators but those with a
//! set prefix, to which the empty set is a set. Of a key with several values, a positive operator without a set
//! prefix wants one that matches, a negated one wants that none does. Source: IAM User Guide, "IAM JSON policy
//! elements: Condition operators" and "Multivalued context keys".

use core::net::IpAddr;
use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::pattern::Pattern;
use super::policy::{Condition, Quantifier, Test};
use super::request::Request;

impl Condition {
    /// Whether it holds for a request: quantifier, `IfExists`, absent keys and policy variables included.
    pub fn holds(&self, request: &Request) -> bool {
        let sent = request.context.get(&self.key).map_or(&[][..], Vec::as_slice);
        let (test, negated) = (self.operator.test, self.operator.test.is_negated());
        if test == Test::Null {
            let absent = if sent.is_empty() { "true" } else { "false" };
            return self.values.iter().any(|value| value.text.eq_ignore_ascii_case(absent));
        }
        if sent.is_empty() {
            return self.operator.if_exists
                || match self.operator.quantifier {
                    Some(Quantifier::ForAllValues) => true,
                    Some(Quantifier::ForAnyValue) => false,
                    None => negated,
                };
        }
        let test = test.positive();
        let matches = |value: &String| self.values.iter().any(|pattern| compares(test, pattern, value, request));
        match self.operator.quantifier {
            Some(Quantifier::ForAllValues) => sent.iter().all(|value| matches(value) != negated),
            Some(Quantifier::ForAnyValue) => sent.iter().any(|value| matches(value) != negated),
            None => sent.iter().any(matches) != negated,
        }
    }
}

/// Whether one value of a request matches one value of a policy by the positive form of an operator
/// (`StringNotLike` is asked as `StringLike`). `pattern` has no variables left.
pub fn value_matches(test: Test, pattern: &Pattern, value: &str) -> bool {
    compares(test.positive(), pattern, value, &Request::default())
}

fn compares(test: Test, pattern: &Pattern, value: &str, request: &Request) -> bool {
    let ordered = |ordering: Option<Ordering>, fits: fn(Ordering) -> bool| ordering.is_some_and(fits);
    let numbers = || Some(number(value)?.cmp(&number(&pattern.text)?));
    let dates = || Some(instant(value)?.cmp(&instant(&pattern.text)?));
    match test {
        Test::StringEquals | Test::StringLike => pattern.matches(value, request),
        Test::StringEqualsIgnoreCase => {
            pattern.value(request).is_some_and(|text| text.to_lowercase() == value.to_lowercase())
        }
        Test::ArnEquals | Test::ArnLike => pattern.matches_arn(value, request),
        Test::Bool => {
            pattern.text.eq_ignore_ascii_case(value)
                && ["true", "false"].iter().any(|word| word.eq_ignore_ascii_case(value))
        }
        Test::BinaryEquals => {
            let bytes = |text: &str| STANDARD.decode(text).ok();
            bytes(value).is_some_and(|sent| bytes(&pattern.text) == Some(sent))
        }
        Test::IpAddress => {
            let address = value.parse::<IpAddr>();
            address.is_ok_and(|address| network(&pattern.text).is_some_and(|network| network.holds(address)))
        }
        Test::NumericEquals => ordered(numbers(), Ordering::is_eq),
        Test::NumericLessThan => ordered(numbers(), Ordering::is_lt),
        Test::NumericLessThanEquals => ordered(numbers(), Ordering::is_le),
        Test::NumericGreaterThan => ordered(numbers(), Ordering::is_gt),
        Test::NumericGreaterThanEquals => ordered(numbers(), Ordering::is_ge),
        Test::DateEquals => ordered(dates(), Ordering::is_eq),
        Test::DateLessThan => ordered(dates(), Ordering::is_lt),
        Test::DateLessThanEquals => ordered(dates(), Ordering::is_le),
        Test::DateGreaterThan => ordered(dates(), Ordering::is_gt),
        Test::DateGreaterThanEquals => ordered(dates(), Ordering::is_ge),
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

/// A decimal number, compared digit by digit: no rounding makes two account ids equal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Number<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
}

/// Reads an integer or a decimal.
pub(crate) fn number(text: &str) -> Option<Number<'_>> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits_only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits_only(whole) || !digits_only(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    Some(Number { negative: negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction })
}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |a: &Self, b: &Self| (a.whole.len(), a.whole, a.fraction).cmp(&(b.whole.len(), b.whole, b.fraction));
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Reads a point in time as nanoseconds since 1970: seconds since then, or the W3C profile of ISO 8601 from the
/// year alone to fractions of a second. Source: W3C NOTE-datetime.
pub(crate) fn instant(text: &str) -> Option<i128> {
    const SECOND: i128 = 1_000_000_000;
    let year_only = text.len() == 4;
    if !year_only && let Ok(seconds) = text.parse::<i64>() {
        return Some(i128::from(seconds) * SECOND);
    }
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut parts = date.split('-');
    let year: i32 = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let mut two = |missing: u8| match parts.next() {
        Some(part) if part.len() == 2 => part.parse::<u8>().ok(),
        Some(_) => None,
        None => Some(missing),
    };
    let (month, day) = (two(1)?, two(1)?);
    if parts.next().is_some() {
        return None;
    }
    let month = time::Month::try_from(month).ok()?;
    let midnight = time::Date::from_calendar_date(year, month, day).ok()?.midnight().assume_utc();
    let nanoseconds = time.map_or(Some(0), nanoseconds_of_day)?;
    Some(midnight.unix_timestamp_nanos() + nanoseconds)
}

/// `hh:mm[:ss[.s]]` with `Z` or `+hh:mm`.
fn nanoseconds_of_day(text: &str) -> Option<i128> {
    let at = text.find(['Z', '+', '-'])?;
    let (clock, zone) = text.split_at(at);
    let minutes = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        let valid = hours.len() == 2 && minutes.len() == 2;
        let (hours, minutes): (i128, i128) = (hours.parse().ok()?, minutes.parse().ok()?);
        (valid && (0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
    };
    let offset = match zone.split_at(1) {
        ("Z", "") => 0,
        ("+", rest) => minutes(rest)?,
        ("-", rest) => -minutes(rest)?,
        _ => return None,
    };
    let (hours_minutes, seconds) = match clock.match_indices(':').nth(1) {
        Some((at, _)) => (clock.get(..at)?, clock.get(at + 1..)?),
        None => (clock, "00"),
    };
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let whole: i128 = Some(whole).filter(|whole| whole.len() == 2)?.parse().ok().filter(|s| (0..=60).contains(s))?;
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: i128 = format!("{fraction:0<9}").parse().ok()?;
    Some(((minutes(hours_minutes)? - offset) * 60 + whole) * 1_000_000_000 + fraction)
}

/// A network of either protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    length: u32,
}

/// Reads `address/length`; an address alone is a network of one.
pub(crate) fn network(text: &str) -> Option<Network> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address.parse::<IpAddr>().ok()?, Some(length.parse::<u32>().ok()?)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let width = if address.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(width);
    (length <= width).then_some(Network { address, length })
}

impl Network {
    /// Whether an address is in it. Those of the other protocol never are.
    pub(crate) fn holds(self, address: IpAddr) -> bool {
        let (mine, other, width) = match (self.address, address) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => (u128::from(mine.to_bits()), u128::from(other.to_bits()), 32),
            (IpAddr::V6(mine), IpAddr::V6(other)) => (mine.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        self.length == 0 || (mine ^ other) >> (width - self.length) == 0
    }
}

#[cfg(test)]
mod tests;
