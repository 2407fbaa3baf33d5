//! Values of conditions by type: the one reader of each, for the check, the evaluator and the comparer.
//!
//! A reader takes only what AWS's pages define. What IAM stores beyond that (`2030-1-1`, a time without its zone,
//! `1e3`, a range of 33 bits) may mean anything, so that whoever asks has to treat it as unknown.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators"; W3C NOTE-datetime.

use core::cmp::Ordering;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;

use super::operator::Test;
use super::pattern::Pattern;
use crate::units::network;

/// What an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// Texts, with wildcards or without.
    Text,
    /// ARNs, segment by segment.
    Arn,
    /// Integers and decimals.
    Number,
    /// Points in time.
    Date,
    /// `true` and `false`.
    Bool,
    /// Bytes, in base64.
    Binary,
    /// Addresses within networks.
    Network,
    /// Whether a key is there.
    Existence,
}

impl Test {
    /// What it compares.
    pub fn value_type(self) -> Type {
        match self {
            Self::Null => Type::Existence,
            Self::Bool => Type::Bool,
            Self::BinaryEquals => Type::Binary,
            Self::IpAddress | Self::NotIpAddress => Type::Network,
            Self::ArnEquals | Self::ArnLike | Self::ArnNotEquals | Self::ArnNotLike => Type::Arn,
            _ if self.name().starts_with("Numeric") => Type::Number,
            _ if self.name().starts_with("Date") => Type::Date,
            _ => Type::Text,
        }
    }
}

/// Keys whose values are truths, numbers, points in time or addresses in any request, in lower case. Source: IAM User
/// Guide, "AWS global condition context keys", value types.
const NEVER_EMPTY: [&str; 10] = [
    "aws:currenttime",
    "aws:epochtime",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalisawsservice",
    "aws:securetransport",
    "aws:sourceip",
    "aws:tokenissuetime",
    "aws:viaawsservice",
    "aws:vpcsourceip",
];

/// Whether no request has an empty text for a key.
pub(crate) fn is_never_empty(key: &str) -> bool {
    NEVER_EMPTY.iter().any(|known| key.eq_ignore_ascii_case(known))
}

/// Whether a value of a policy says, for this operator, what AWS's pages define.
pub fn is_read(test: Test, value: &Pattern) -> bool {
    match test.value_type() {
        Type::Text => !value.is_odd(),
        Type::Arn => !value.is_odd() && (value.is_arn() || value.has_variable()),
        Type::Number => number(&value.text).is_some(),
        Type::Date => instant(&value.text).is_some(),
        Type::Bool | Type::Existence => boolean(&value.text).is_some(),
        Type::Binary => bytes(&value.text).is_some(),
        Type::Network => network::parse(&value.text).is_some(),
    }
}

/// Whether a value of a request is of an operator's type.
pub fn is_of_type(test: Test, value: &str) -> bool {
    match test.value_type() {
        Type::Text | Type::Existence => true,
        Type::Arn => value.matches(':').count() >= 5,
        Type::Number => number(value).is_some(),
        Type::Date => instant(value).is_some(),
        Type::Bool => boolean(value).is_some(),
        Type::Binary => bytes(value).is_some(),
        Type::Network => value.parse::<IpAddr>().is_ok(),
    }
}

/// Reads `true` or `false`; no page says what another case does.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Reads base64 with its padding.
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Writes bytes as [`bytes()`] reads them.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A decimal number of any length, digit by digit: no rounding makes two of them equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
}

/// Reads an integer or a decimal. An exponent or a `+` is no part of either, and a point has digits on both sides.
pub fn number(text: &str) -> Option<Number<'_>> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if whole.is_empty() || fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    Some(Number { negative: negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction })
}

impl Number<'_> {
    fn size(&self, other: &Self) -> Ordering {
        (self.whole.len(), self.whole, self.fraction).cmp(&(other.whole.len(), other.whole, other.fraction))
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn write(negative: bool, whole: &str, fraction: &str) -> String {
        let sign = if negative { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { whole };
        match fraction {
            "" => format!("{sign}{whole}"),
            fraction => format!("{sign}{whole}.{fraction}"),
        }
    }

    /// A number strictly between this one and a greater one.
    pub fn between(&self, greater: &Self) -> String {
        match (self.negative, greater.negative) {
            (true, false) if !greater.is_zero() => "0".to_owned(),
            (false, _) => Self::write(false, self.whole, &just_above(self.fraction, greater.fraction)),
            (true, _) => Self::write(true, greater.whole, &just_above(greater.fraction, self.fraction)),
        }
    }

    /// A number below this one.
    pub fn below(&self) -> String {
        if self.negative { Self::write(true, &format!("1{}", self.whole), "") } else { "-1".to_owned() }
    }

    /// A number above this one.
    pub fn above(&self) -> String {
        if self.negative { "1".to_owned() } else { Self::write(false, &format!("1{}", self.whole), "") }
    }
}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.size(other),
            (true, true) => other.size(self),
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

/// Digits behind the point that are more than `low`, and by less than one in the last place of either text.
fn just_above(low: &str, other: &str) -> String {
    let places = low.len().max(other.len());
    format!("{low:0<places$}5")
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A point in time: seconds since 1970, and the digits of the fraction behind them without zeros at the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    seconds: i64,
    fraction: String,
}

/// Reads a point in time: seconds since 1970, or the W3C profile of ISO 8601 with four digits of the year, and a
/// zone where it has a time. A number of four digits may be a year or seconds, and is neither.
pub fn instant(text: &str) -> Option<Instant> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && all_digits(digits) {
        let seconds = Some(text).filter(|_| digits.len() != 4)?.parse::<i64>().ok()?;
        time::OffsetDateTime::from_unix_timestamp(seconds).ok().filter(|time| (0..=9999).contains(&time.year()))?;
        return Some(Instant { seconds, fraction: String::new() });
    }
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut parts = date.split('-');
    let mut part = |digits: usize| match parts.next() {
        Some(part) if part.len() == digits && all_digits(part) => Some(part.parse::<u16>().ok()?),
        _ => None,
    };
    let (year, month) = (i32::from(part(4)?), u8::try_from(part(2)?).ok()?);
    let day = if date.len() == 7 && time.is_none() { 1 } else { u8::try_from(part(2)?).ok()? };
    if parts.next().is_some() {
        return None;
    }
    let month = time::Month::try_from(month).ok()?;
    let midnight = time::Date::from_calendar_date(year, month, day).ok()?.midnight().assume_utc().unix_timestamp();
    let (seconds, fraction) = time.map_or(Some((0, "")), time_of_day)?;
    Some(Instant { seconds: midnight + seconds, fraction: fraction.to_owned() })
}

/// `hh:mm[:ss[.s]]` with `Z` or `+hh:mm`, as seconds and digits behind them.
fn time_of_day(text: &str) -> Option<(i64, &str)> {
    let at = text.find(['Z', '+', '-'])?;
    let (clock, zone) = text.split_at(at);
    let two = |text: &str, below: i64| {
        let number = Some(text).filter(|text| text.len() == 2 && all_digits(text))?.parse().ok()?;
        (0..below).contains(&number).then_some(number)
    };
    let minutes = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        Some(two(hours, 24)? * 60 + two(minutes, 60)?)
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
    let (whole, fraction) = match seconds.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && all_digits(fraction) => (whole, fraction),
        Some(_) => return None,
        None => (seconds, ""),
    };
    Some(((minutes(hours_minutes)? - offset) * 60 + two(whole, 60)?, fraction.trim_end_matches('0')))
}

impl Instant {
    /// The earliest one that can be written as a date.
    const SECONDS_MIN: i64 = -62_167_219_200;
    /// The last second that can be written as a date.
    const SECONDS_MAX: i64 = 253_402_300_799;

    /// A point strictly between this one and a later one.
    pub fn between(&self, later: &Self) -> Self {
        let other = if self.seconds == later.seconds { later.fraction.as_str() } else { "" };
        Self { seconds: self.seconds, fraction: just_above(&self.fraction, other) }
    }

    /// An earlier point, if one can be written.
    pub fn before(&self) -> Option<Self> {
        let seconds = self.seconds - 1;
        (seconds >= Self::SECONDS_MIN).then_some(Self { seconds, fraction: String::new() })
    }

    /// A later point, if one can be written.
    pub fn after(&self) -> Self {
        match self.seconds + 1 {
            seconds if seconds <= Self::SECONDS_MAX => Self { seconds, fraction: String::new() },
            _ => Self { seconds: self.seconds, fraction: just_above(&self.fraction, "") },
        }
    }
}

impl core::fmt::Display for Instant {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let time = time::OffsetDateTime::from_unix_timestamp(self.seconds).map_err(|_| core::fmt::Error)?;
        let (date, (hour, minute, second)) = (time.date(), time.to_hms());
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if !self.fraction.is_empty() {
            write!(f, ".{}", self.fraction)?;
        }
        f.write_str("Z")
    }
}

/// A network's first address, and the one behind its last.
pub fn edges(network: IpNet) -> impl Iterator<Item = IpAddr> {
    let behind = match network.broadcast() {
        IpAddr::V4(last) => last.to_bits().checked_add(1).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        IpAddr::V6(last) => last.to_bits().checked_add(1).map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
    };
    [Some(network.network()), behind].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{instant, network, number};

    #[test]
    fn only_what_is_defined_is_read() {
        for text in ["1", "-1.50", "-0", "00012", "0.12345678901234567890123"] {
            assert!(number(text).is_some(), "{text}");
        }
        for text in ["", ".", "-", "1e3", "0x1", "1.2.3", " 1", "١"] {
            assert!(number(text).is_none(), "{text}");
        }
        for text in [
            "2026-02",
            "2026-02-28",
            "2026-02-28T10:00Z",
            "2026-02-28T10:00:00.5-08:00",
            "2026-02-28T10:00:00.1234567890123Z",
            "1767225600",
            "0",
            "-5",
        ] {
            assert!(instant(text).is_some(), "{text}");
        }
        for text in [
            "",
            "2026",
            "2026-2",
            "2026-02-30",
            "2026-02-28T25:00Z",
            "2026-02-28T10:00",
            "yesterday",
            "2030-01-01T00:00:00",
            "2030-1-1",
            "2030-01-01t00:00:00z",
            "2030-01-01T",
            "2030-01T00:00Z",
            "99999-01-01T00:00:00Z",
            "2030-01-01T00:00:60Z",
            "2030-01-01T00:00:00.Z",
            "9223372036854775807",
            "+2030-01-01",
        ] {
            assert!(instant(text).is_none(), "{text}");
        }
        for text in ["203.0.113.0/33", "203.0.113.0/+8", "203.0.113.0/", "203.0.113", "::/129", "*"] {
            assert!(network::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn between_two_numbers_there_is_one(a in "-?[0-9]{1,3}(\\.[0-9]{1,20})?", b in "-?[0-9]{1,3}(\\.[0-9]{1,20})?") {
            let (a, b) = (number(&a).expect("a number"), number(&b).expect("a number"));
            let (below, above) = (a.below(), a.above());
            prop_assert!(number(&below).expect("a number") < a && a < number(&above).expect("a number"));
            if a < b {
                let middle = a.between(&b);
                let middle = number(&middle).expect("a number");
                prop_assert!(a < middle && middle < b, "{a:?} {middle:?} {b:?}");
            }
        }

        #[test]
        fn between_two_instants_there_is_one(a in "2030-01-01T00:00:0[0-2]\\.[0-9]{1,9}Z", b in "2030-01-01T00:00:0[0-2]\\.[0-9]{1,9}Z") {
            let (a, b) = (instant(&a).expect("a date"), instant(&b).expect("a date"));
            let read = |instant: &super::Instant| super::instant(&instant.to_string());
            prop_assert_eq!(read(&a), Some(a.clone()));
            prop_assert!(a.before().is_some_and(|before| before < a) && a < a.after());
            if a < b {
                let middle = a.between(&b);
                prop_assert!(a < middle && middle < b && read(&middle) == Some(middle.clone()));
            }
        }
    }
}
