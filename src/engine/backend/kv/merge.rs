//! JSON merge patches (RFC 7396): null removes, objects merge, everything else replaces.

use serde_json::{Map, Value};

/// Applies a patch. Bodies are at most 64 levels deep, and so is this.
pub(super) fn apply(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        match (value, target.get_mut(key)) {
            (Value::Null, _) => drop(target.shift_remove(key)),
            (Value::Object(patch), Some(Value::Object(inner))) => apply(inner, patch),
            (Value::Object(patch), _) => {
                let mut inner = Map::new();
                apply(&mut inner, patch);
                target.insert(key.clone(), inner.into());
            }
            (value, _) => drop(target.insert(key.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::apply;

    /// The examples of RFC 7396, appendix A, whose documents are objects.
    #[test]
    fn the_examples_of_the_standard_come_out_as_it_says() {
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let (Value::Object(mut target), Value::Object(patch)) = (target, patch) else { panic!("objects") };
            apply(&mut target, &patch);
            assert_eq!(Value::Object(target), result);
        }
    }
}
