//! Durations as policy documents, the Vault API and estates write them: seconds, digits, Go's syntax, days. The one
//! reader of them all.

const NANOS: i128 = 1_000_000_000;

/// Parses seconds, a string of digits, or Go's syntax with days as well (`90s`, `1h30m`, `1.5h`, `7d`), and answers
/// whole seconds. What is left of a second counts as one, away from zero: 0 means "not set" as a rule, and
/// `900ms` sets something.
///
/// # Errors
/// A text in the form of Go's own, such as `time: invalid duration "abc"`.
pub fn parse(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(0);
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds);
    }
    let nanos = go_nanos(text).ok_or_else(|| format!("time: invalid duration {text:?}"))?;
    let away = if nanos < 0 { 1 - NANOS } else { NANOS - 1 };
    Ok(i64::try_from((nanos + away) / NANOS).unwrap_or(i64::MAX))
}

/// Whether what [`parse`] takes is as many seconds as it says, with nothing that was rounded.
pub fn is_whole(text: &str) -> bool {
    go_nanos(text.trim()).is_none_or(|nanos| nanos % NANOS == 0)
}

/// Whole seconds of a number of them, rounded as [`parse`] does.
pub fn whole(seconds: f64) -> i64 {
    // Out of range it is the nearest there is, and not a number is none.
    (if seconds < 0.0 { seconds.floor() } else { seconds.ceil() }) as i64
}

/// Go's `Duration.String()` of whole seconds: `30m0s`, `24h0m0s`, `0s`.
pub fn go_string(seconds: i64) -> String {
    let (sign, [h, m, s]) = parts(seconds);
    if h > 0 {
        format!("{sign}{h}h{m}m{s}s")
    } else if m > 0 {
        format!("{sign}{m}m{s}s")
    } else {
        format!("{sign}{s}s")
    }
}

/// The short form of Vault's warnings: `768h`, `1h30m`, `1h0m5s`.
pub fn short_go_string(seconds: i64) -> String {
    let full = go_string(seconds);
    let full = full.strip_suffix("m0s").map_or_else(|| full.clone(), |head| format!("{head}m"));
    full.strip_suffix("h0m").map_or_else(|| full.clone(), |head| format!("{head}h"))
}

/// The form for people: `768h`, `1h30m`, `1h5s`, `0s`.
pub fn shown(seconds: i64) -> String {
    if seconds == i64::MAX {
        return "for ever".to_owned();
    }
    let (sign, parts) = parts(seconds);
    let named = parts.iter().zip(['h', 'm', 's']).filter(|(amount, _)| **amount > 0);
    let shown: String = named.map(|(amount, unit)| format!("{amount}{unit}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { format!("{sign}{shown}") }
}

/// The sign, hours, minutes and seconds.
fn parts(seconds: i64) -> (&'static str, [u64; 3]) {
    let total = seconds.unsigned_abs();
    (if seconds < 0 { "-" } else { "" }, [total / 3600, total / 60 % 60, total % 60])
}

/// Go's duration grammar, and `d`: an optional sign, then decimal numbers each with a unit.
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
            "s" => NANOS,
            "m" => 60 * NANOS,
            "h" => 3_600 * NANOS,
            "d" => 86_400 * NANOS,
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
    if number.len() > 40 || whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let mut nanos = if whole.is_empty() { 0 } else { whole.parse::<i128>().ok()?.checked_mul(scale)? };
    let (mut place, mut rest) = (scale, false);
    for digit in fraction.bytes() {
        // Less than a nanosecond is one: nothing that is written is nothing.
        rest |= digit != b'0' && (place == 0 || place % 10 != 0);
        nanos = nanos.checked_add(i128::from(digit - b'0') * place / 10)?;
        place /= 10;
    }
    nanos.checked_add(i128::from(rest))
}

#[cfg(test)]
mod tests {
    use super::{go_string, parse, short_go_string, shown};

    #[test]
    fn durations_print_for_programs_and_people() {
        for (seconds, go, short, people) in [
            (1800, "30m0s", "30m", "30m"),
            (43_200, "12h0m0s", "12h", "12h"),
            (5400, "1h30m0s", "1h30m", "1h30m"),
            (45, "45s", "45s", "45s"),
            (0, "0s", "0s", "0s"),
            (2_764_800, "768h0m0s", "768h", "768h"),
            (3605, "1h0m5s", "1h0m5s", "1h5s"),
            (-90, "-1m30s", "-1m30s", "-1m30s"),
        ] {
            let printed = [go_string(seconds), short_go_string(seconds), shown(seconds)];
            assert_eq!(printed, [go, short, people]);
        }
    }

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
            ("100ms", 1),
            ("1ns", 1),
            ("0.1ns", 1),
            ("0.000000000000001s", 1),
            ("1001ms", 2),
            ("1.000000001s", 2),
            ("-900ms", -1),
            ("0ms", 0),
            ("1.5d", 129_600),
            ("1d12h", 129_600),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
        for text in ["abc", "1x", "h", "1h2", "99999999999999999999h", "1.2.3s", "d", "-"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
