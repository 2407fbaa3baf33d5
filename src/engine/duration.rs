//! Durations as the Vault API writes them: in (seconds, digits, Go's syntax, whole days) and out (Go's
//! `String`, and the short human form that warnings use).

use serde_json::Value;

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

/// Parses a JSON value given for a duration parameter; `Ok(None)` for null, which counts as not given.
///
/// # Errors
/// The detail of the field's validation error.
pub(crate) fn parse_value(value: &Value) -> Result<Option<i64>, String> {
    let seconds = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|f| f as i64))
            .ok_or_else(|| "the number does not fit".to_owned())?,
        Value::String(text) => parse(text)?,
        _ => return Err("could not parse duration from input".to_owned()),
    };
    if seconds < 0 {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return Err(format!("cannot provide negative value '{shown}'"));
    }
    Ok(Some(seconds))
}

/// Go's `Duration.String()` of whole seconds: `30m0s`, `24h0m0s`, `0s`.
pub(crate) fn go_string(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let total = seconds.unsigned_abs();
    let (h, m, s) = (total / 3600, total / 60 % 60, total % 60);
    if h > 0 {
        format!("{sign}{h}h{m}m{s}s")
    } else if m > 0 {
        format!("{sign}{m}m{s}s")
    } else {
        format!("{sign}{s}s")
    }
}

/// The short form of warnings: `768h`, `1h30m`, `45s`.
pub(crate) fn human(seconds: i64) -> String {
    let full = go_string(seconds);
    let full = full.strip_suffix("m0s").map_or_else(|| full.clone(), |head| format!("{head}m"));
    full.strip_suffix("h0m").map_or_else(|| full.clone(), |head| format!("{head}h"))
}

#[cfg(test)]
mod tests {
    use super::{go_string, human, parse};

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

    #[test]
    fn durations_print_as_go_does() {
        for (seconds, go, short) in [
            (1800, "30m0s", "30m"),
            (43_200, "12h0m0s", "12h"),
            (5400, "1h30m0s", "1h30m"),
            (45, "45s", "45s"),
            (0, "0s", "0s"),
            (2_764_800, "768h0m0s", "768h"),
            (3605, "1h0m5s", "1h0m5s"),
        ] {
            assert_eq!((go_string(seconds).as_str(), human(seconds).as_str()), (go, short));
        }
    }
}
