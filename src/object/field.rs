//! The words of a field table: canonical values and their comparison.
//!
//! An engine accepts many spellings of one value and answers in another: `1h` comes back as 3600 or as
//! `1h0m0s`, a list that was never set as null, `10.0.0.1/32` without its prefix. Both sides are brought to
//! one canonical form before they are compared, so a plan never shows a spelling. What a file may say is
//! stricter, and checked where files are read.

use serde_json::{Map, Value};

use super::{Call, Live, Shape, Verb};
use crate::iam::document;
use crate::units::{duration, network};

/// The canonical form of a value of this shape. Null is the empty value of every shape.
///
/// # Errors
/// Why the value is not of this shape: `expected a duration, found ...`.
pub fn normalise(shape: Shape, value: &Value) -> Result<Value, String> {
    Ok(match shape {
        Shape::Text | Shape::OneOf(_) | Shape::PolicyArn | Shape::Secret => Value::String(text(value)?),
        Shape::UserPath => Value::from(Some(text(value)?).filter(|path| path != "/").unwrap_or_default()),
        Shape::AclRules => Value::from(text(value)?.trim()),
        Shape::Int => Value::from(int(value)?),
        Shape::Bool => Value::from(boolean(value)?),
        Shape::Seconds => Value::from(seconds(value)?),
        Shape::Set | Shape::PolicyArns => sorted(list(value)?),
        Shape::List => list(value)?.into(),
        Shape::Cidrs => sorted(list(value)?.iter().map(|cidr| canonical_cidr(cidr)).collect()),
        Shape::Map => map(value)?,
        Shape::PolicyDocument => {
            let text = text(value)?;
            if text.trim().is_empty() { Value::from("") } else { Value::from(document::canonical(&text)?) }
        }
    })
}

/// Whether two values of this shape mean the same.
pub fn equal(shape: Shape, left: &Value, right: &Value) -> bool {
    match (normalise(shape, left), normalise(shape, right)) {
        (Ok(left), Ok(right)) => left == right,
        _ => left == right,
    }
}

/// Whole seconds of a duration: digits, Go's syntax (`90s`, `1h30m`, `1.5h`), or whole days (`7d`).
///
/// # Errors
/// A text that says what is wrong.
pub fn parse_seconds(text: &str) -> Result<i64, String> {
    duration::parse(text).map_err(|_| format!("`{}` is not a duration", text.trim()))
}

fn text(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        other => return Err(format!("expected text, found {}", sort(other))),
    })
}

fn int(value: &Value) -> Result<i64, String> {
    match value {
        Value::Null => Ok(0),
        Value::Number(number) => number.as_i64().ok_or_else(|| format!("{number} is not a whole number")),
        Value::String(text) => text.trim().parse().map_err(|_| format!("`{text}` is not a whole number")),
        other => Err(format!("expected a whole number, found {}", sort(other))),
    }
}

fn boolean(value: &Value) -> Result<bool, String> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        Value::Number(number) => Ok(number.as_f64() != Some(0.0)),
        Value::String(text) => match text.as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" | "" => Ok(false),
            _ => Err(format!("`{text}` is neither true nor false")),
        },
        other => Err(format!("expected true or false, found {}", sort(other))),
    }
}

fn seconds(value: &Value) -> Result<i64, String> {
    match value {
        Value::Null => Ok(0),
        Value::Number(number) => number.as_i64().ok_or_else(|| format!("{number} is not whole seconds")),
        // A mount's TTL of "system" means that none is set.
        Value::String(text) if text == "system" => Ok(0),
        Value::String(text) => parse_seconds(text),
        other => Err(format!("expected a duration, found {}", sort(other))),
    }
}

fn list(value: &Value) -> Result<Vec<String>, String> {
    Ok(match value {
        Value::Null => Vec::new(),
        Value::String(csv) if csv.trim().is_empty() => Vec::new(),
        Value::String(csv) => csv.split(',').map(|item| item.trim().to_owned()).collect(),
        Value::Array(items) => {
            items.iter().map(|item| text(item).map(|item| item.trim().to_owned())).collect::<Result<_, _>>()?
        }
        other => return Err(format!("expected a list, found {}", sort(other))),
    })
}

fn sorted(mut items: Vec<String>) -> Value {
    items.sort_unstable();
    items.dedup();
    items.into()
}

fn map(value: &Value) -> Result<Value, String> {
    let mut pairs: Vec<(String, String)> = match value {
        Value::Null => Vec::new(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| Ok((key.clone(), text(value)?))).collect::<Result<_, String>>()?
        }
        Value::Array(items) => items
            .iter()
            .map(|item| {
                let item = text(item)?;
                let (key, value) = item.split_once('=').ok_or_else(|| format!("`{item}` is not key=value"))?;
                Ok((key.trim().to_owned(), value.trim().to_owned()))
            })
            .collect::<Result<_, String>>()?,
        other => return Err(format!("expected a map, found {}", sort(other))),
    };
    pairs.sort_unstable();
    Ok(Value::Object(pairs.into_iter().map(|(key, value)| (key, Value::from(value))).collect()))
}

/// A network as engines answer it: canonical address, host bits kept, no `/32` or `/128`. A text that is no
/// network stays as it is.
fn canonical_cidr(text: &str) -> String {
    network::parse(text).map_or_else(|| text.to_owned(), |network| network::shown(&network))
}

/// Networks as every engine takes them: a host gets its `/32` or `/128`, since some refuse it without.
pub(crate) fn with_prefixes(networks: &Value) -> Value {
    let full = |text: &str| network::parse(text).map_or_else(|| text.to_owned(), |network| network.to_string());
    networks.as_array().into_iter().flatten().filter_map(Value::as_str).map(full).collect()
}

/// The word for a JSON value's type in a message.
pub(crate) fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// A POST of these fields.
pub(crate) fn post(path: String, body: impl IntoIterator<Item = (&'static str, Value)>) -> Call {
    Call { verb: Verb::Write, path, body: body.into_iter().map(|(key, value)| (key.to_owned(), value)).collect() }
}

/// A write with what the engine has beside it, so that it stays. What the write says itself goes before.
pub(crate) fn with_others(mut call: Call, live: Option<&Live>) -> Call {
    for (name, value) in live.into_iter().flat_map(|live| &live.others) {
        call.body.entry(name.clone()).or_insert_with(|| value.clone());
    }
    call
}

/// Whole seconds as the text an engine takes: `3600s`.
pub(crate) fn seconds_text(value: &Value) -> Value {
    Value::from(format!("{}s", value.as_i64().unwrap_or(0)))
}

/// The entries of `data` that are named, as they are.
pub(crate) fn pick(data: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| data.get(*name).map(|value| ((*name).to_owned(), value.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{equal, normalise, with_prefixes};
    use crate::object::Shape;

    #[test]
    fn what_engines_answer_equals_what_files_say() {
        for (shape, written, answered) in [
            (Shape::Seconds, json!("1h"), json!(3600)),
            (Shape::Seconds, json!("30m"), json!("30m0s")),
            (Shape::Seconds, json!("1d"), json!("24h0m0s")),
            (Shape::Seconds, json!("3600"), json!("1h0m0s")),
            (Shape::Seconds, json!(0), json!("system")),
            (Shape::Seconds, json!(0), Value::Null),
            (Shape::Set, json!(["b", "a", "a"]), json!(["a", "b"])),
            (Shape::Set, json!("b, a"), json!(["a", "b"])),
            (Shape::PolicyArns, json!([]), Value::Null),
            (Shape::Cidrs, json!(["10.0.0.1/32", "10.1.0.0/16"]), json!(["10.1.0.0/16", "10.0.0.1"])),
            (Shape::Cidrs, json!(["2001:db8:0::1/128"]), json!(["2001:db8::1"])),
            (Shape::Cidrs, json!([]), Value::Null),
            (Shape::Map, json!({"a": "1", "b": "2"}), json!(["b=2", "a=1"])),
            (Shape::Map, json!({}), Value::Null),
            (Shape::Bool, json!(true), json!("true")),
            (Shape::Int, json!(-1), json!("-1")),
            (Shape::Text, json!(""), Value::Null),
            (Shape::UserPath, json!(""), json!("/")),
            (Shape::AclRules, json!("path \"a\" {}\n"), json!("path \"a\" {}")),
            (
                Shape::PolicyDocument,
                json!(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:a"],"Resource":"*"}]}"#),
                json!(
                    "{\"Statement\": {\"Action\":\"s3:a\", \"Resource\":[\"*\"], \"Effect\":\"Allow\"},\n \
                     \"Version\":\"2012-10-17\"}\n"
                ),
            ),
        ] {
            assert!(equal(shape, &written, &answered), "{shape:?}: {written} and {answered}");
        }
    }

    #[test]
    fn what_differs_is_not_equal() {
        for (shape, left, right) in [
            (Shape::List, json!(["a", "b"]), json!(["b", "a"])),
            (Shape::Seconds, json!("1h"), json!(3601)),
            (Shape::Cidrs, json!(["10.0.0.0/16"]), json!(["10.0.0.0/17"])),
            (Shape::Map, json!({"a": "1"}), json!({"a": "2"})),
            (Shape::Text, json!("a"), json!("A")),
        ] {
            assert!(!equal(shape, &left, &right), "{shape:?}: {left} and {right}");
        }
    }

    #[test]
    fn hosts_are_sent_with_their_prefix() {
        let networks = json!(["10.0.0.1", "10.0.0.0/8", "::1"]);
        assert_eq!(with_prefixes(&networks), json!(["10.0.0.1/32", "10.0.0.0/8", "::1/128"]));
        assert!(equal(Shape::Cidrs, &with_prefixes(&networks), &networks));
    }

    #[test]
    fn wrong_types_are_refused() {
        for (shape, value) in [
            (Shape::Seconds, json!("soon")),
            (Shape::Seconds, json!("1h2")),
            (Shape::Seconds, json!("99999999999h")),
            (Shape::Int, json!(1.5)),
            (Shape::Bool, json!("maybe")),
            (Shape::Set, json!({"a": 1})),
            (Shape::Map, json!(["a"])),
            (Shape::Text, json!(["a"])),
            (Shape::PolicyDocument, json!("{")),
        ] {
            assert!(normalise(shape, &value).is_err(), "{shape:?}: {value}");
        }
    }
}
