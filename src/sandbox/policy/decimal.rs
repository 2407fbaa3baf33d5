//! Decimals of any length, kept as their digits, so that none is rounded.

use std::cmp::Ordering;

/// A decimal number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// Digits before the point, without leading zeros.
    whole: String,
    /// Digits after the point, without trailing zeros.
    fraction: String,
}

impl Decimal {
    /// Reads `-12.50`: digits, and digits on both sides of a point if there is one. No exponent, no `+`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (all_digits(whole) && all_digits(fraction)).then(|| Self::of(negative, whole, fraction))
    }

    /// `seconds` and a fraction of a second after them, given by its digits.
    pub(super) fn of_seconds(seconds: i64, fraction: &str) -> Self {
        let after = Self::of(false, "0", fraction);
        if seconds >= 0 || after.fraction.is_empty() {
            return Self::of(seconds < 0, &seconds.unsigned_abs().to_string(), fraction);
        }
        // -5 and 0.25 is -4.75: the fraction's complement to ten, digit by digit.
        let mut complement: Vec<u8> = after.fraction.bytes().map(|digit| b'9' - (digit - b'0')).collect();
        if let Some(last) = complement.last_mut() {
            // The last digit is not 0, so that its complement to nine can take one more.
            *last += 1;
        }
        let complement: String = complement.into_iter().map(char::from).collect();
        Self::of(true, &(seconds.unsigned_abs() - 1).to_string(), &complement)
    }

    fn of(negative: bool, whole: &str, fraction: &str) -> Self {
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let zero = whole.is_empty() && fraction.is_empty();
        Self { negative: negative && !zero, whole: whole.to_owned(), fraction: fraction.to_owned() }
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        let by_length = self.whole.len().cmp(&other.whole.len());
        by_length.then_with(|| self.whole.cmp(&other.whole)).then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
