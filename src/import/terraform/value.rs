//! Values as Terraform turns them into each other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Number, Value};

/// A value as text.
///
/// # Errors
/// It is none.
pub(super) fn text_of(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(match number.as_f64() {
            Some(float) if number.as_i64().is_none() && float.fract() == 0.0 => format!("{float:.0}"),
            _ => number.to_string(),
        }),
        Value::Null => Err("null is no text".to_owned()),
        Value::Array(_) => Err("a list is no text".to_owned()),
        Value::Object(_) => Err("a map is no text".to_owned()),
    }
}

/// A value as a truth.
///
/// # Errors
/// It is none.
pub(super) fn truth(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        _ => Err("it is neither true nor false".to_owned()),
    }
}

/// A value as a number.
///
/// # Errors
/// It is none.
pub(super) fn number(value: &Value) -> Result<f64, String> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    };
    number.ok_or_else(|| "it is no number".to_owned())
}

/// A number as a value: whole, where it is.
pub(super) fn numbered(number: f64) -> Value {
    // Beyond this a float does not tell whole numbers apart.
    if number.fract() == 0.0 && number.abs() < 9e15 {
        Value::from(number as i64)
    } else {
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }
}

/// Each of them once.
pub(super) fn distinct(items: Vec<Value>) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    items.into_iter().filter(|item| seen.insert(sorted(item).to_string())).collect()
}

/// A set: each once, in Terraform's order of texts.
pub(super) fn set(items: Vec<Value>) -> Value {
    let mut items = distinct(items);
    items.sort_by_cached_key(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
    items.into()
}

/// A value whose maps are in Terraform's order.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<&String, Value> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(map.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
