//! The types of values that conditions compare, each with its one reader.
//!
//! # Source
//! IAM User Guide, "Condition operators" and "Supported data types".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::decimal::Decimal;

/// "Boolean condition operators": `true` or `false`.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// "Binary condition operators": base64.
pub(super) fn binary(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A moment, as seconds since 1970: one of W3C's forms of ISO 8601, or whole seconds of epoch time within the years
/// that W3C's forms can write.
///
/// A day or a month is its first moment in UTC. A text of four digits is a year to W3C and a second of 1970 as epoch
/// time, and a time of day without a zone is none of W3C's forms: neither is a moment that can be told.
///
/// # Source
/// "Date condition operators"; W3C, "Date and Time Formats" (NOTE-datetime).
pub(super) fn moment(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds: i64 = text.parse().ok()?;
        let (first, end) = (days_since_1970(0, 1, 1)? * DAY, (days_since_1970(9999, 12, 31)? + 1) * DAY);
        return (text.len() != 4 && (first..end).contains(&seconds)).then(|| Decimal::of_seconds(seconds, "0"));
    }
    match text.split_once('T') {
        Some((date, time)) => {
            let (seconds, fraction) = time_of_day(time)?;
            (date.len() == 10).then_some(())?;
            Some(Decimal::of_seconds(day(date)? * DAY + seconds, fraction))
        }
        None => Some(Decimal::of_seconds(day(text)? * DAY, "0")),
    }
}

const DAY: i64 = 24 * 60 * 60;

/// The first day of `YYYY-MM` or `YYYY-MM-DD`.
fn day(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-');
    let (year, month) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?);
    days_since_1970(year, month, parts.next().map_or(Some(1), |day| digits(day, 2))?)
}

/// Seconds in UTC and the digits of a fraction, of `hh:mm[:ss[.s]]TZD`, where TZD is `Z`, `+hh:mm` or `-hh:mm`.
fn time_of_day(text: &str) -> Option<(i64, &str)> {
    let (time, offset) = match text.strip_suffix('Z') {
        Some(time) => (time, 0),
        None => {
            let (time, zone) = text.split_at_checked(text.rfind(['+', '-'])?)?;
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = within(digits(hours, 2)?, 23)? * 60 + within(digits(minutes, 2)?, 59)?;
            (time, if zone.starts_with('-') { -minutes } else { minutes })
        }
    };
    let mut parts = time.splitn(3, ':');
    let (hour, minute) = (within(digits(parts.next()?, 2)?, 23)?, within(digits(parts.next()?, 2)?, 59)?);
    let seconds = parts.next().unwrap_or("00");
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let second = within(digits(second, 2)?, 59)?;
    let readable = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    readable.then_some(((hour * 60 + minute - offset) * 60 + second, fraction))
}

fn digits(text: &str, length: usize) -> Option<i64> {
    let all = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

fn within(number: i64, max: i64) -> Option<i64> {
    (number <= max).then_some(number)
}

/// Counts the days of whole years and months, in the calendar that ISO 8601 uses for all years.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    if !(1..=*lengths.get(month)?).contains(&day) {
        return None;
    }
    // Leap days before a year, counted from year 0, which is one itself.
    let leap_days = |year: i64| {
        let last = year - 1;
        if year == 0 { 0 } else { last / 4 - last / 100 + last / 400 + 1 }
    };
    let years = (year - 1970) * 365 + leap_days(year) - leap_days(1970);
    Some(years + lengths[..month].iter().sum::<i64>() + day - 1)
}
