//! Durations as policy documents and the Vault API write them: seconds, digits, Go's syntax, whole days.

/// Parses seconds, a string of digits, Go's syntax (`90s`, `1h30m`, `1.5h`) or whole days (`7d`), and
/// answers whole seconds, rounded toward zero.
///
/// # Errors
/// A text in the form of Go's own, such as `time: invalid duration "abc"`.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(0);
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds);
    }
    let invalid = || format!("time: invalid duration {text:?}");
    if let Some(days) = text.strip_suffix('d') {
        return days.parse::<i64>().ok().and_then(|days| days.checked_mul(86_400)).ok_or_else(invalid);
    }
    go_nanos(text).map(|nanos| i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX)).ok_or_else(invalid)
}

/// Go's duration grammar: an optional sign, then decimal numbers each with a unit.
fn go_nanos(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_len);
        let unit_len = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_len);
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        total = total.checked_add(scaled(number, scale)?)?;
        rest = next;
    }
    // Go's durations are 64-bit nanoseconds; what does not fit is invalid there too.
    (total <= i128::from(i64::MAX)).then_some(sign * total)
}

fn scaled(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let mut nanos = if whole.is_empty() { 0 } else { whole.parse::<i128>().ok()?.checked_mul(scale)? };
    let mut place = scale;
    for digit in fraction.bytes() {
        place /= 10;
        nanos += i128::from(digit - b'0') * place;
    }
    Some(nanos)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn durations_parse_as_the_api_does() {
        for (text, seconds) in [
            ("3600", 3600),
            ("90s", 90),
            ("1h30m", 5400),
            ("1.5h", 5400),
            ("1d", 86_400),
            ("", 0),
            ("-5", -5),
            ("100ms", 0),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
        for text in ["abc", "1x", "h", "1h2", "99999999999999999999h", "1.2.3s", "d", "-"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
