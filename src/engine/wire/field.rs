//! Parameters as the Vault framework reads them: weakly typed, with its coercions and its error texts.
//!
//! Every accessor answers `Ok(None)` when the parameter was not supplied, so that a merging write can
//! tell "not given" from "given empty".

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::duration;
use super::error::Error;

/// The supplied parameters of one request.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// Whether the parameter was supplied at all (also as null).
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn invalid(name: &str, detail: impl std::fmt::Display) -> Error {
        Error::Invalid(format!("Field validation failed: error converting input for field {name:?}: {detail}"))
    }

    /// A string; numbers and booleans become text, null is the empty string.
    pub(crate) fn string(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(match self.0.get(name) {
            None => None,
            Some(Value::Null) => Some(String::new()),
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(Value::Bool(flag)) => Some(if *flag { "1" } else { "0" }.to_owned()),
            Some(other) => return Err(Self::invalid(name, format!("expected type 'string', got {}", kind(other)))),
        })
    }

    /// A whole number; numeric strings count, null is 0.
    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>, Error> {
        Ok(match self.0.get(name) {
            None => None,
            Some(Value::Null) => Some(0),
            Some(Value::Bool(flag)) => Some(i64::from(*flag)),
            Some(Value::Number(number)) => match number.as_i64() {
                Some(int) => Some(int),
                None => return Err(Self::invalid(name, "cannot parse as int")),
            },
            Some(Value::String(text)) if text.is_empty() => Some(0),
            Some(Value::String(text)) => match text.trim().parse() {
                Ok(int) => Some(int),
                Err(_) => return Err(Self::invalid(name, "cannot parse as int")),
            },
            Some(other) => return Err(Self::invalid(name, format!("expected type 'int', got {}", kind(other)))),
        })
    }

    /// A boolean; `"true"`, `"false"`, `"1"`, `"0"` and numbers count, null is false.
    pub(crate) fn bool(&self, name: &str) -> Result<Option<bool>, Error> {
        Ok(match self.0.get(name) {
            None => None,
            Some(Value::Null) => Some(false),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::Number(number)) => Some(number.as_f64() != Some(0.0)),
            Some(Value::String(text)) => match text.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
                "0" | "f" | "F" | "false" | "FALSE" | "False" | "" => Some(false),
                _ => return Err(Self::invalid(name, "cannot parse as bool")),
            },
            Some(other) => return Err(Self::invalid(name, format!("expected type 'bool', got {}", kind(other)))),
        })
    }

    /// A duration in whole seconds; null counts as not supplied, a negative one is refused.
    pub(crate) fn seconds(&self, name: &str) -> Result<Option<i64>, Error> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => duration::parse_value(value).map_err(|detail| Self::invalid(name, detail)),
        }
    }

    /// A list of strings: an array, or one string split at commas; items trimmed, order kept.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<String>>, Error> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        Ok(Some(match value {
            Value::Null => vec![],
            Value::String(text) if text.is_empty() => vec![],
            Value::String(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
            Value::Array(items) => items
                .iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text.trim().to_owned()),
                    Value::Number(number) => Ok(number.to_string()),
                    Value::Bool(flag) => Ok(if *flag { "1" } else { "0" }.to_owned()),
                    other => Err(Self::invalid(name, format!("expected type 'string', got {}", kind(other)))),
                })
                .collect::<Result<_, _>>()?,
            Value::Number(number) => vec![number.to_string()],
            other => return Err(Self::invalid(name, format!("expected a list, got {}", kind(other)))),
        }))
    }

    /// Key-value pairs: an object, an array of `k=v`, or one `k=v` string.
    pub(crate) fn pairs(&self, name: &str) -> Result<Option<IndexMap<String, String>>, Error> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let pair = |text: &str| {
            text.split_once('=')
                .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
                .ok_or_else(|| Self::invalid(name, format!("invalid key pair {text:?}")))
        };
        Ok(Some(match value {
            Value::Null => IndexMap::new(),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| match value {
                    Value::String(text) => Ok((key.clone(), text.clone())),
                    Value::Number(number) => Ok((key.clone(), number.to_string())),
                    Value::Bool(flag) => Ok((key.clone(), if *flag { "1" } else { "0" }.to_owned())),
                    other => Err(Self::invalid(name, format!("expected type 'string', got {}", kind(other)))),
                })
                .collect::<Result<_, _>>()?,
            Value::Array(items) => items
                .iter()
                .map(|item| {
                    item.as_str().ok_or_else(|| Self::invalid(name, "expected key=value strings")).and_then(pair)
                })
                .collect::<Result<_, _>>()?,
            Value::String(text) if text.is_empty() => IndexMap::new(),
            Value::String(text) => std::iter::once(pair(text)?).collect(),
            other => return Err(Self::invalid(name, format!("expected a map, got {}", kind(other)))),
        }))
    }

    /// The warning Vault adds when parameters were supplied that the path does not know, if any were.
    pub(crate) fn unknown(&self, is_known: impl Fn(&str) -> bool) -> Option<String> {
        let mut names: Vec<&str> = self.0.keys().map(String::as_str).filter(|name| !is_known(name)).collect();
        names.sort_unstable();
        (!names.is_empty()).then(|| format!("Endpoint ignored these unrecognized parameters: [{}]", names.join(" ")))
    }

    /// A parameter that is not understood must not look as if it were.
    ///
    /// # Errors
    /// Which one.
    pub(crate) fn refuse_unknown(&self, is_known: impl Fn(&str) -> bool, place: &str) -> Result<(), Error> {
        match self.0.keys().find(|key| !is_known(key)) {
            None => Ok(()),
            Some(key) => {
                Err(Error::Invalid(format!("the parameter {key:?} of {place} is not supported by this server")))
            }
        }
    }

    /// Refuses parameters of these names where they say something: none of what they would mean is taken for granted.
    ///
    /// # Errors
    /// Which one.
    pub(crate) fn refuse_said(&self, names: &[&str], place: &str) -> Result<(), Error> {
        self.refuse_unknown(|name| !names.contains(&name) || self.0.get(name).is_none_or(says_nothing), place)
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
