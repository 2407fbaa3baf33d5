//! Durations as the Vault API writes them: in (seconds, digits, Go's syntax, whole days) and out (Go's
//! `String`, and the short human form that warnings use).

use serde_json::Value;

use crate::acl::duration::{parse, whole};

/// Parses a JSON value given for a duration parameter; `Ok(None)` for null, which counts as not given.
///
/// # Errors
/// The detail of the field's validation error.
pub(crate) fn parse_value(value: &Value) -> Result<Option<i64>, String> {
    let seconds = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(whole))
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
    use super::{go_string, human};

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
