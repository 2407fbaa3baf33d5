//! The types of variables: a value is turned into what its variable declares, as Terraform does before anybody sees it.
//!
//! Source: Terraform documentation, "Type constraints".

use std::collections::BTreeMap;

use hcl_edit::expr::{Expression, FuncCall, Object, ObjectKey};
use serde_json::Value;

use super::value::{number, numbered, set, text_of, truth};

/// A value as one of a type. Where a type has defaults of its own, `constant` says what they are.
///
/// # Errors
/// It is none.
pub(super) fn typed(
    of: &Expression,
    value: Value,
    constant: &mut dyn FnMut(&Expression) -> Result<Value, String>,
) -> Result<Value, String> {
    if value.is_null() {
        return Ok(value);
    }
    match of {
        Expression::Variable(name) => match name.as_str() {
            "string" => text_of(&value).map(Value::from),
            "number" => number(&value).map(numbered),
            "bool" => truth(&value).map(Value::from),
            _ => Ok(value),
        },
        // In JSON, and as it was written of old.
        Expression::String(text) => match text.as_str().parse() {
            Ok(of @ (Expression::Variable(_) | Expression::FuncCall(_))) => typed(&of, value, constant),
            _ => Err("its type is not understood here".to_owned()),
        },
        Expression::FuncCall(call) => complex(call, value, constant),
        _ => Err("its type is not understood here".to_owned()),
    }
}

fn complex(
    call: &FuncCall,
    value: Value,
    constant: &mut dyn FnMut(&Expression) -> Result<Value, String>,
) -> Result<Value, String> {
    let Some(inner) = call.args.iter().next() else { return Err("its type is not understood here".to_owned()) };
    match (call.name.name.as_str(), value, inner) {
        ("list", Value::Array(items), of) => items.into_iter().map(|item| typed(of, item, constant)).collect(),
        ("set", Value::Array(items), of) => {
            let items = items.into_iter().map(|item| typed(of, item, constant)).collect::<Result<Vec<_>, _>>()?;
            Ok(set(items))
        }
        ("map", Value::Object(map), of) => {
            let pairs = map.into_iter().map(|(key, value)| Ok((key, typed(of, value, constant)?)));
            Ok(Value::Object(pairs.collect::<Result<_, String>>()?))
        }
        ("object", Value::Object(map), Expression::Object(of)) => {
            object(of, map.into_iter().collect(), constant).map(|map| Value::Object(map.into_iter().collect()))
        }
        ("tuple", Value::Array(items), Expression::Array(of)) if items.len() == of.len() => {
            of.iter().zip(items).map(|(of, item)| typed(of, item, constant)).collect()
        }
        (name, ..) => Err(format!("it is no {name} as its variable declares one")),
    }
}

fn object(
    of: &Object,
    mut map: BTreeMap<String, Value>,
    constant: &mut dyn FnMut(&Expression) -> Result<Value, String>,
) -> Result<BTreeMap<String, Value>, String> {
    let mut made = BTreeMap::new();
    for (key, of) in of {
        let name = match key {
            ObjectKey::Ident(name) => name.as_str().to_owned(),
            ObjectKey::Expression(Expression::Variable(name)) => name.as_str().to_owned(),
            ObjectKey::Expression(Expression::String(name)) => name.as_str().to_owned(),
            ObjectKey::Expression(_) => return Err("its type is not understood here".to_owned()),
        };
        let (of, default) = match of.expr() {
            Expression::FuncCall(call) if call.name.name.as_str() == "optional" => {
                let mut parts = call.args.iter();
                let inner = parts.next().ok_or("its type is not understood here")?;
                (inner, Some(parts.next().map_or(Ok(Value::Null), &mut *constant)?))
            }
            of => (of, None),
        };
        let value = map.remove(&name).filter(|value| !value.is_null() || default.is_none()).or(default);
        let value = value.ok_or_else(|| format!("there is no {name:?} in it"))?;
        made.insert(name, typed(of, value, constant)?);
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::typed;

    #[test]
    fn values_become_what_their_variables_declare() {
        for (of, value, expected) in [
            ("string", json!(5), Some(json!("5"))),
            ("number", json!("5"), Some(json!(5))),
            ("bool", json!("true"), Some(json!(true))),
            ("any", json!([1]), Some(json!([1]))),
            ("list(string)", json!([1, "a"]), Some(json!(["1", "a"]))),
            ("set(string)", json!(["b", "a", "b"]), Some(json!(["a", "b"]))),
            ("map(number)", json!({ "a": "1" }), Some(json!({ "a": 1 }))),
            (
                "object({ a = string, b = optional(number, 3), c = optional(bool) })",
                json!({ "a": 1, "more": 2 }),
                Some(json!({ "a": "1", "b": 3, "c": null })),
            ),
            ("object({ a = string })", json!({}), None),
            ("number", json!("x"), None),
            ("list(string)", json!("x"), None),
            ("tuple([string, number])", json!([1, "2"]), Some(json!(["1", 2]))),
        ] {
            let of = of.parse().expect(of);
            let outcome = typed(&of, value, &mut |constant| match constant.to_string().trim() {
                "3" => Ok(json!(3)),
                _ => Ok(Value::Null),
            });
            assert_eq!(outcome.ok(), expected, "{of}");
        }
    }
}
