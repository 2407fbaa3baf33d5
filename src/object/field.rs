//! The fields of a kind: what they are, canonical values, and their comparison.
//!
//! An engine accepts many spellings of one value and answers in another: `1h` comes back as 3600 or as
//! `1h0m0s`, a list that was never set as null, `10.0.0.1/32` without its prefix. Both sides are brought to
//! one canonical form before they are compared, so a plan never shows a spelling. What a file may say is
//! stricter, and checked where files are read.

use serde_json::{Number, Value};

use super::ids::Ids;
use crate::iam::document;
use crate::units::{duration, network};

/// A field of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name, both in the estate and in the plan.
    pub name: &'static str,
    /// Its type, which decides parsing, normalisation and comparison.
    pub shape: Shape,
    /// What it is when not declared, in canonical JSON text (`""`, `[]`, `0`, `null`).
    pub default: &'static str,
    /// Whether an engine tells it.
    pub told: Told,
    /// Whether changing it needs a new object.
    pub immutable: bool,
    /// One line for documentation.
    pub doc: &'static str,
}

/// A table of `BOTH` rows: its own, then as many of those that others have too.
pub(super) const fn table<T: Copy, const OWN: usize, const BOTH: usize>(own: [T; OWN], shared: &[T]) -> [T; BOTH] {
    let mut both = [shared[0]; BOTH];
    let mut at = 0;
    while at < BOTH {
        both[at] = if at < OWN { own[at] } else { shared[at - OWN] };
        at += 1;
    }
    both
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// Text; engines make it the object's own name where there is none, and so that is empty in canonical form, which
    /// `Kind::canonical` knows.
    OwnName,
    /// Text, one of these.
    OneOf(&'static [&'static str]),
    /// A whole number.
    Int,
    /// A boolean.
    Bool,
    /// A duration; canonical form is whole seconds.
    Seconds,
    /// A list of texts compared as a set; canonical form is sorted without duplicates.
    Set,
    /// A set of texts of several lines, such as keys in PEM; blanks and line ends around each don't count.
    Texts,
    /// A list of texts compared in order.
    List,
    /// A set of networks; canonical form drops `/32` and `/128`.
    Cidrs,
    /// Text to text.
    Map,
    /// Names of claims to one value or several; canonical form has a sorted list for each. Values are texts, numbers and
    /// truths, and none of them is another.
    Claims,
    /// The ARN of a managed policy.
    PolicyArn,
    /// A set of ARNs of managed policies.
    PolicyArns,
    /// A set of ARNs of roles of AWS accounts.
    RoleArns,
    /// The path of IAM users; that of the root, `/`, is empty in canonical form.
    UserPath,
    /// An IAM policy document; canonical form is compact JSON text, compared as IAM reads it.
    PolicyDocument,
    /// Rules in a language of the engine, which is told; text, compared without surrounding white space.
    Rules(&'static str),
    /// A secret, given by reference.
    Secret,
    /// Anything; canonical form is one for all that engines print of a value, see [`any`].
    Any,
    /// Names of fields to anything.
    Fields,
    /// A set of names of objects that the engine tells and takes by their ids.
    Names(&'static Ids),
    /// Auth methods, by their paths, to text: what each calls somebody.
    ByMethod,
}

/// Whether an engine tells a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Read back, so drift is seen.
    Readable,
    /// Never read back; a change is seen by its keyed fingerprint in the ledger.
    WriteOnly,
    /// Read at a path of its own, which is this below the object's, and only where it is declared: else the engine has
    /// one of its own, which is nobody's business.
    Apart(&'static str),
}

impl Field {
    /// The default as a value. The tables are checked by a test to hold JSON.
    pub fn default_value(&self) -> Value {
        serde_json::from_str(self.default).unwrap_or(Value::Null)
    }
}

/// Why a value is not of its shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It is of another type.
    #[error("expected {expected}, found {found}")]
    Type {
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A number that is not whole.
    #[error("{0} is not a whole number")]
    Fraction(Number),
    /// A text that is no whole number.
    #[error("`{0}` is not a whole number")]
    NoNumber(String),
    /// A text that is no truth.
    #[error("`{0}` is neither true nor false")]
    NoTruth(String),
    /// A number of seconds that is not whole.
    #[error("{0} is not whole seconds")]
    PartOfSecond(Number),
    /// A text that is no duration.
    #[error("`{0}` is not a duration")]
    NoDuration(String),
    /// A text that is no pair.
    #[error("`{0}` is not key=value")]
    NoPair(String),
    /// A policy document without a canonical form, and why.
    #[error("{0}")]
    Document(String),
}

impl Misfit {
    fn of_type(expected: &'static str, value: &Value) -> Self {
        Self::Type { expected, found: type_name(value) }
    }
}

/// The canonical form of a value of this shape. Null is the empty value of every shape.
///
/// # Errors
/// Why the value is not of this shape.
pub fn normalise(shape: Shape, value: &Value) -> Result<Value, Misfit> {
    Ok(match shape {
        Shape::Text | Shape::OwnName | Shape::OneOf(_) | Shape::PolicyArn | Shape::Secret => {
            Value::String(text(value)?)
        }
        Shape::UserPath => Value::from(Some(text(value)?).filter(|path| path != "/").unwrap_or_default()),
        Shape::Rules(_) => Value::from(text(value)?.trim()),
        Shape::Int => Value::from(int(value)?),
        Shape::Bool => Value::from(boolean(value)?),
        Shape::Seconds => Value::from(seconds(value)?),
        Shape::Set | Shape::Texts | Shape::PolicyArns | Shape::RoleArns | Shape::Names(_) => sorted(list(value)?),
        Shape::List => list(value)?.into(),
        Shape::Cidrs => sorted(list(value)?.iter().map(|cidr| canonical_cidr(cidr)).collect()),
        Shape::Map | Shape::ByMethod => map(value)?,
        Shape::Claims => claims(value)?,
        Shape::Any => any(value),
        Shape::Fields => match value {
            Value::Null => Value::Object(serde_json::Map::new()),
            Value::Object(_) => value.clone(),
            other => return Err(Misfit::of_type("a map", other)),
        },
        Shape::PolicyDocument => {
            let text = text(value)?;
            if text.trim().is_empty() {
                Value::from("")
            } else {
                Value::from(document::canonical(&text).map_err(Misfit::Document)?)
            }
        }
    })
}

/// One form for all that engines print of a value that they were given: durations are whole seconds, numbers and truths in
/// text are numbers and truths, and what is empty, zero or false is null, which is what an engine that leaves it out
/// says. Lists keep their order; a map is compared whole.
pub fn any(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(false) => Value::Null,
        Value::Bool(true) => Value::Bool(true),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Value::Null,
            _ => number.as_i64().map_or_else(|| value.clone(), Value::from),
        },
        Value::String(text) => any_text(text),
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Array(items) => items.iter().map(any).collect(),
        Value::Object(map) => {
            let map: serde_json::Map<String, Value> = map
                .iter()
                .map(|(key, value)| (key.clone(), any(value)))
                .filter(|(_, value)| !value.is_null())
                .collect();
            if map.is_empty() { Value::Null } else { Value::Object(map) }
        }
    }
}

fn any_text(text: &str) -> Value {
    match text {
        "" | "false" => return Value::Null,
        "true" => return Value::Bool(true),
        _ => {}
    }
    let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    let seconds = || parse_seconds(text).ok().filter(|_| text.ends_with(|last: char| last.is_ascii_alphabetic()));
    match number.or_else(seconds) {
        Some(0) => Value::Null,
        Some(number) => Value::from(number),
        None => Value::from(text),
    }
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
/// [`Misfit::NoDuration`].
pub fn parse_seconds(text: &str) -> Result<i64, Misfit> {
    duration::parse(text).map_err(|_| Misfit::NoDuration(text.trim().to_owned()))
}

fn text(value: &Value) -> Result<String, Misfit> {
    Ok(match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        other => return Err(Misfit::of_type("text", other)),
    })
}

fn int(value: &Value) -> Result<i64, Misfit> {
    match value {
        Value::Null => Ok(0),
        Value::Number(number) => number.as_i64().ok_or_else(|| Misfit::Fraction(number.clone())),
        Value::String(text) => text.trim().parse().map_err(|_| Misfit::NoNumber(text.clone())),
        other => Err(Misfit::of_type("a whole number", other)),
    }
}

fn boolean(value: &Value) -> Result<bool, Misfit> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        Value::Number(number) => Ok(number.as_f64() != Some(0.0)),
        Value::String(text) => match text.as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" | "" => Ok(false),
            _ => Err(Misfit::NoTruth(text.clone())),
        },
        other => Err(Misfit::of_type("true or false", other)),
    }
}

fn seconds(value: &Value) -> Result<i64, Misfit> {
    match value {
        Value::Null => Ok(0),
        Value::Number(number) => number.as_i64().ok_or_else(|| Misfit::PartOfSecond(number.clone())),
        // A mount's TTL of "system" means that none is set.
        Value::String(text) if text == "system" => Ok(0),
        Value::String(text) => parse_seconds(text),
        other => Err(Misfit::of_type("a duration", other)),
    }
}

fn list(value: &Value) -> Result<Vec<String>, Misfit> {
    Ok(match value {
        Value::Null => Vec::new(),
        Value::String(csv) if csv.trim().is_empty() => Vec::new(),
        Value::String(csv) => csv.split(',').map(|item| item.trim().to_owned()).collect(),
        Value::Array(items) => {
            items.iter().map(|item| text(item).map(|item| item.trim().to_owned())).collect::<Result<_, _>>()?
        }
        other => return Err(Misfit::of_type("a list", other)),
    })
}

fn sorted(mut items: Vec<String>) -> Value {
    items.sort_unstable();
    items.dedup();
    items.into()
}

fn map(value: &Value) -> Result<Value, Misfit> {
    let mut pairs: Vec<(String, String)> = match value {
        Value::Null => Vec::new(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| Ok((key.clone(), text(value)?))).collect::<Result<_, Misfit>>()?
        }
        Value::Array(items) => items
            .iter()
            .map(|item| {
                let item = text(item)?;
                let (key, value) = item.split_once('=').ok_or_else(|| Misfit::NoPair(item.clone()))?;
                Ok((key.trim().to_owned(), value.trim().to_owned()))
            })
            .collect::<Result<_, Misfit>>()?,
        other => return Err(Misfit::of_type("a map", other)),
    };
    pairs.sort_unstable();
    Ok(Value::Object(pairs.into_iter().map(|(key, value)| (key, Value::from(value))).collect()))
}

fn claims(value: &Value) -> Result<Value, Misfit> {
    let map = match value {
        Value::Null => return Ok(Value::Object(serde_json::Map::new())),
        Value::Object(map) => map,
        other => return Err(Misfit::of_type("a map", other)),
    };
    let mut claims: Vec<(&String, Vec<Value>)> = Vec::new();
    for (name, value) in map {
        let mut values = match value {
            Value::Array(items) => items.clone(),
            one => vec![one.clone()],
        };
        if let Some(odd) = values.iter().find(|value| value.is_array() || value.is_object() || value.is_null()) {
            return Err(Misfit::of_type("text, a number or a truth", odd));
        }
        values.sort_by_cached_key(ToString::to_string);
        values.dedup();
        claims.push((name, values));
    }
    claims.sort_unstable_by_key(|(name, _)| *name);
    Ok(Value::Object(claims.into_iter().map(|(name, values)| (name.clone(), Value::Array(values))).collect()))
}

/// Whether an id is as engines make them, so that nobody wrote it. Source: RFC 9562, 4.
pub fn is_engines_own(id: &Value) -> bool {
    let is_uuid = |text: &str| {
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        lengths == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
    };
    id.as_str().is_some_and(is_uuid)
}

/// A network as engines answer it: canonical address, the IPv4 one where it is mapped into IPv6, host bits kept, no `/32`
/// or `/128`. A text that is no network stays as it is.
fn canonical_cidr(text: &str) -> String {
    network::on_the_wire(text).map_or_else(|| text.to_owned(), |network| network::shown(&network))
}

/// The word for a JSON value's type in a message.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Shape, equal, normalise};
    use crate::object::wire::with_prefixes;

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
            (Shape::Cidrs, json!(["::ffff:10.0.0.1", "::ffff:10.1.0.0/112"]), json!(["10.0.0.1", "10.1.0.0/16"])),
            (Shape::Map, json!({"a": "1", "b": "2"}), json!(["b=2", "a=1"])),
            (Shape::Map, json!({}), Value::Null),
            (Shape::Claims, json!({"b": "1", "a": [2, "x"]}), json!({"a": ["x", 2], "b": ["1"]})),
            (Shape::Claims, json!({}), Value::Null),
            (Shape::Bool, json!(true), json!("true")),
            (Shape::Int, json!(-1), json!("-1")),
            (Shape::Text, json!(""), Value::Null),
            (Shape::Any, json!("1h30m"), json!(5400)),
            (Shape::Any, json!("90m"), json!("1h30m0s")),
            (Shape::Any, json!("0s"), json!(0)),
            (Shape::Any, json!(false), Value::Null),
            (Shape::Any, json!(""), json!([])),
            (Shape::Any, json!("8"), json!(8)),
            (Shape::Any, json!(8.5), json!(8.5)),
            (Shape::Any, json!("true"), json!(true)),
            (Shape::Any, json!({"a": {"ttl": "5m"}, "b": ""}), json!({"a": {"ttl": 300}})),
            (Shape::Any, json!(["1m", "x"]), json!([60, "x"])),
            (Shape::UserPath, json!(""), json!("/")),
            (Shape::Rules("rules"), json!("path \"a\" {}\n"), json!("path \"a\" {}")),
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
            (Shape::Claims, json!({"a": "1"}), json!({"a": 1})),
            (Shape::Claims, json!({"a": "true"}), json!({"a": true})),
            (Shape::Text, json!("a"), json!("A")),
            (Shape::Any, json!(["a", "b"]), json!(["b", "a"])),
            (Shape::Any, json!("007"), json!(7)),
            (Shape::Any, json!(true), json!(1)),
            (Shape::Any, json!("a,b"), json!(["a", "b"])),
            (Shape::Any, json!(8.5), json!(8)),
        ] {
            assert!(!equal(shape, &left, &right), "{shape:?}: {left} and {right}");
        }
    }

    #[test]
    fn hosts_are_sent_with_their_prefix() {
        let networks = json!(["10.0.0.1", "10.0.0.0/8", "::1", "::ffff:10.0.0.2"]);
        assert_eq!(with_prefixes(&networks), json!(["10.0.0.1/32", "10.0.0.0/8", "::1/128", "10.0.0.2/32"]));
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
            (Shape::Claims, json!({"a": {"b": "c"}})),
            (Shape::Claims, json!(["a"])),
            (Shape::Text, json!(["a"])),
            (Shape::PolicyDocument, json!("{")),
        ] {
            assert!(normalise(shape, &value).is_err(), "{shape:?}: {value}");
        }
    }
}
