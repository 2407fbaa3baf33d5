//! Request bodies: one JSON object within limits, so that a small body cannot cost much memory or
//! hashing, and no key twice, so that no two readers take different values from it.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

const DEPTH_MAX: usize = 64;
const NODES_MAX: usize = 20_000;

/// Parses a body; empty and `null` count as an empty object.
///
/// # Errors
/// What is wrong, without quoting the body.
pub(super) fn parse(body: &[u8]) -> Result<Map<String, Value>, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let nodes = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Limited { depth: 0, nodes: &nodes }.deserialize(&mut deserializer).map_err(|e| describe(&e))?;
    deserializer.end().map_err(|e| describe(&e))?;
    match value {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        _ => Err("error parsing JSON: the body must be an object".to_owned()),
    }
}

fn describe(error: &serde_json::Error) -> String {
    format!("error parsing JSON: {error}")
}

struct Limited<'n> {
    depth: usize,
    nodes: &'n Cell<usize>,
}

impl Limited<'_> {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format!("more than {DEPTH_MAX} levels deep")));
        }
        Ok(Self { depth: self.depth + 1, nodes: self.nodes })
    }
}

impl<'de> DeserializeSeed<'de> for Limited<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > NODES_MAX {
            return Err(D::Error::custom(format!("more than {NODES_MAX} values")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Limited<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("a number that JSON does not have"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self.deeper()?)?;
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("a key occurs twice in one object"));
            }
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn bodies_within_the_limits_are_taken_as_they_are() {
        for body in ["{}", "", " \n", "null", r#"{"a":[1,-2,2.5,true,null,{"b":"é"}],"n":18446744073709551615}"#] {
            let map = parse(body.as_bytes()).unwrap();
            if body.starts_with("{\"") {
                assert_eq!(serde_json::to_string(&map).unwrap(), body);
            }
        }
        assert!(parse(format!("{{\"a\":{}1{}}}", "[".repeat(62), "]".repeat(62)).as_bytes()).is_ok());
    }

    #[test]
    fn other_bodies_are_refused_without_being_quoted() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(64), "]".repeat(64));
        let wide = format!("{{\"a\":[{}1]}}", "1,".repeat(20_000));
        for body in
            ["{", "[]", "\"s3cret\"", "{} {}", r#"{"s3cret":1,"s3cret":2}"#, "{\"s3cret\"}", "\u{0}", &deep, &wide]
        {
            let error = parse(body.as_bytes()).unwrap_err();
            assert!(error.starts_with("error parsing JSON: ") && !error.contains("s3cret"), "{error}");
        }
        assert!(parse(b"{\"a\":\"\xff\"}").is_err());
    }
}
