//! Durations as parameters of the Vault API: a number of seconds, or text.

use serde_json::Value;

use crate::units::duration::{parse, whole};

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
