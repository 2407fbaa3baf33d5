//! The functions of Terraform that need nothing but what they are given. One that is not here has no value, and that is told.
//!
//! Source: Terraform documentation, "Built-in functions".

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::resource::made_in;
use super::value::{distinct, number, numbered, set, sorted, text_of, truth};

/// Parts of a text that `range` and `format` may ask for.
const ITEMS_MAX: f64 = 10_000.0;

/// The functions that hand on what they are given, whatever it is.
const CARRYING: [&str; 14] = [
    "compact",
    "concat",
    "flatten",
    "format",
    "join",
    "jsonencode",
    "lookup",
    "merge",
    "one",
    "tolist",
    "tomap",
    "toset",
    "tostring",
    "values",
];

/// What a function comes to.
///
/// # Errors
/// It is not among these, or it is given something else than it takes.
pub(super) fn call(name: &str, arguments: Vec<Value>) -> Result<Value, String> {
    if let Some(made) = arguments.iter().find_map(made_in).filter(|_| !CARRYING.contains(&name)) {
        return Err(format!("{name}(): it depends on the {made}, which only the engine knows"));
    }
    let known = of_text(name, &arguments)
        .or_else(|| of_lists(name, &arguments))
        .or_else(|| of_maps(name, &arguments))
        .or_else(|| of_types(name, &arguments));
    let known = known.unwrap_or_else(|| Err("it is not worked out here".to_owned()));
    known.map_err(|why| format!("{name}(): {why}"))
}

type Outcome = Option<Result<Value, String>>;

fn of_text(name: &str, arguments: &[Value]) -> Outcome {
    let text = |at: usize| arguments.get(at).map_or_else(|| Err("it is given too little".to_owned()), text_of);
    let one = |change: &dyn Fn(&str) -> String| text(0).map(|text| Value::from(change(&text)));
    let two = |change: &dyn Fn(&str, &str) -> Value| Ok(change(&text(0)?, &text(1)?));
    Some(match (name, arguments.len()) {
        ("lower", 1) => one(&str::to_lowercase),
        ("upper", 1) => one(&str::to_uppercase),
        ("trimspace", 1) => one(&|text| text.trim().to_owned()),
        ("chomp", 1) => one(&|text| text.trim_end_matches(['\n', '\r']).to_owned()),
        ("trim", 2) => two(&|text, set| Value::from(text.trim_matches(|c| set.contains(c)))),
        ("trimprefix", 2) => two(&|text, start| Value::from(text.strip_prefix(start).unwrap_or(text))),
        ("trimsuffix", 2) => two(&|text, end| Value::from(text.strip_suffix(end).unwrap_or(text))),
        ("startswith", 2) => two(&|text, start| Value::from(text.starts_with(start))),
        ("endswith", 2) => two(&|text, end| Value::from(text.ends_with(end))),
        ("strcontains", 2) => two(&|text, part| Value::from(text.contains(part))),
        ("split", 2) => two(&|by, text| text.split(by).collect()),
        ("replace", 3) => replaced(&text),
        ("indent", 2) => arguments.first().map_or_else(|| Err(String::new()), number).and_then(|blanks| {
            let blanks = " ".repeat(blanks.clamp(0.0, 100.0) as usize);
            Ok(Value::from(text(1)?.replace('\n', &format!("\n{blanks}"))))
        }),
        ("join", 2..) => joined(arguments),
        ("format", 1..) => text(0).and_then(|format| formatted(&format, &arguments[1..]).map(Value::from)),
        ("jsonencode", 1) => Ok(Value::from(sorted(&arguments[0]).to_string())),
        ("jsondecode", 1) => {
            text(0).and_then(|text| serde_json::from_str(&text).map_err(|_| "it is no JSON".to_owned()))
        }
        _ => return None,
    })
}

fn replaced(text: &dyn Fn(usize) -> Result<String, String>) -> Result<Value, String> {
    let (whole, part, by) = (text(0)?, text(1)?, text(2)?);
    if part.len() > 1 && part.starts_with('/') && part.ends_with('/') {
        return Err("a pattern is not looked for here".to_owned());
    }
    Ok(Value::from(whole.replace(&part, &by)))
}

fn joined(arguments: &[Value]) -> Result<Value, String> {
    let by = text_of(&arguments[0])?;
    let items = arguments[1..].iter().map(list).collect::<Result<Vec<_>, _>>()?;
    let items = items.concat().iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::from(items.join(&by)))
}

/// A text with its verbs filled in, of which only the plain ones are known.
fn formatted(format: &str, values: &[Value]) -> Result<String, String> {
    let (mut out, mut values, mut chars) = (String::new(), values.iter(), format.chars());
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let verb = chars.next();
        if verb == Some('%') {
            out.push('%');
            continue;
        }
        let value = values.next().ok_or("it is given too little")?;
        match verb {
            Some('s' | 'v') => out.push_str(&text_of(value)?),
            Some('d') => out.push_str(&text_of(&numbered(number(value)?.trunc()))?),
            Some('q') => out.push_str(&Value::from(text_of(value)?).to_string()),
            Some('t') => out.push_str(&truth(value)?.to_string()),
            _ => return Err("of its verbs %s, %d, %q, %t and %v are known here".to_owned()),
        }
    }
    if values.next().is_some() { Err("it is given too much".to_owned()) } else { Ok(out) }
}

/// The items of a list.
fn list(value: &Value) -> Result<Vec<Value>, String> {
    value.as_array().cloned().ok_or_else(|| "it is given no list".to_owned())
}

fn map(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| "it is given no map".to_owned())
}

fn of_lists(name: &str, arguments: &[Value]) -> Outcome {
    let lists = || arguments.iter().map(list).collect::<Result<Vec<_>, String>>();
    let first = || arguments.first().map_or_else(|| Err("it is given nothing".to_owned()), list);
    let index = |length: usize| {
        let index = number(&arguments[1])?;
        if length == 0 || index < 0.0 {
            return Err("there are not so many in it".to_owned());
        }
        Ok(index as usize % length)
    };
    Some(match (name, arguments.len()) {
        ("concat", 1..) => lists().map(|lists| lists.concat().into()),
        ("flatten", 1) => first().map(|items| flat(items).into()),
        ("compact", 1) => {
            first().map(|items| items.into_iter().filter(|item| !item.is_null() && *item != "").collect())
        }
        ("distinct", 1) => first().map(|items| distinct(items).into()),
        ("reverse", 1) => first().map(|items| items.into_iter().rev().collect()),
        ("sort", 1) => first().and_then(|items| {
            let mut texts = items.iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
            texts.sort_unstable();
            Ok(texts.into())
        }),
        ("element", 2) => first().and_then(|items| Ok(items[index(items.len())?].clone())),
        ("contains", 2) => first().map(|items| Value::from(items.contains(&arguments[1]))),
        ("slice", 3) => first().and_then(|items| {
            let (from, to) = (number(&arguments[1])? as usize, number(&arguments[2])? as usize);
            items.get(from..to).map(|part| part.to_vec().into()).ok_or_else(|| "there are not so many in it".to_owned())
        }),
        ("range", 1..=3) => range(arguments),
        ("setproduct", 1..) => lists().and_then(product),
        ("setunion", 1..) => lists().map(|lists| set(lists.concat())),
        ("setintersection", 1..) => lists().map(|lists| {
            let (first, rest) = (lists[0].clone(), &lists[1..]);
            set(first.into_iter().filter(|item| rest.iter().all(|other| other.contains(item))).collect())
        }),
        ("setsubtract", 2) => {
            lists().map(|lists| set(lists[0].iter().filter(|item| !lists[1].contains(item)).cloned().collect()))
        }
        ("alltrue", 1) => first().map(|items| Value::from(items.iter().all(|item| *item == true))),
        ("anytrue", 1) => first().map(|items| Value::from(items.iter().any(|item| *item == true))),
        ("one", 1) => first().and_then(|items| match items.as_slice() {
            [] => Ok(Value::Null),
            [only] => Ok(only.clone()),
            _ => Err("there is more than one".to_owned()),
        }),
        _ => return None,
    })
}

fn flat(items: Vec<Value>) -> Vec<Value> {
    items
        .into_iter()
        .flat_map(|item| match item {
            Value::Array(inner) => flat(inner),
            other => vec![other],
        })
        .collect()
}

fn range(arguments: &[Value]) -> Result<Value, String> {
    let numbers = arguments.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    let (start, end, step) = match numbers.as_slice() {
        [end] => (0.0, *end, if *end < 0.0 { -1.0 } else { 1.0 }),
        [start, end] => (*start, *end, if end < start { -1.0 } else { 1.0 }),
        [start, end, step] => (*start, *end, *step),
        _ => return Err("it is given too much".to_owned()),
    };
    let many = ((end - start) / step).ceil().max(0.0);
    if step == 0.0 || many > ITEMS_MAX {
        return Err("there are too many in it".to_owned());
    }
    Ok((0..many as usize).map(|at| numbered(start + step * at as f64)).collect())
}

fn product(lists: Vec<Vec<Value>>) -> Result<Value, String> {
    if lists.iter().map(|list| list.len() as f64).product::<f64>() > ITEMS_MAX {
        return Err("there are too many in it".to_owned());
    }
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for list in lists {
        let with = |row: &Vec<Value>| -> Vec<Vec<Value>> {
            list.iter().map(|item| row.iter().cloned().chain([item.clone()]).collect()).collect()
        };
        rows = rows.iter().flat_map(with).collect();
    }
    Ok(rows.into_iter().map(Value::Array).collect())
}

fn of_maps(name: &str, arguments: &[Value]) -> Outcome {
    let first = || arguments.first().map_or_else(|| Err("it is given nothing".to_owned()), map);
    let in_order = |map: &Map<String, Value>| -> BTreeMap<String, Value> {
        map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    Some(match (name, arguments.len()) {
        ("keys", 1) => first().map(|map| in_order(map).into_keys().collect::<Vec<_>>().into()),
        ("values", 1) => first().map(|map| in_order(map).into_values().collect()),
        ("merge", 1..) => {
            let mut all = BTreeMap::new();
            for argument in arguments.iter().filter(|argument| !argument.is_null()) {
                match map(argument) {
                    Ok(map) => all.extend(in_order(map)),
                    Err(why) => return Some(Err(why)),
                }
            }
            Ok(Value::Object(all.into_iter().collect()))
        }
        ("lookup", 2..=3) => first().and_then(|map| {
            let found = map.get(&text_of(&arguments[1])?).or(arguments.get(2));
            found.cloned().ok_or_else(|| "there is no such key in it".to_owned())
        }),
        ("zipmap", 2) => list(&arguments[0]).and_then(|keys| {
            let values = list(&arguments[1])?;
            if keys.len() != values.len() {
                return Err("it is not given as many values as keys".to_owned());
            }
            let keys = keys.iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
            let pairs: BTreeMap<String, Value> = keys.into_iter().zip(values).collect();
            Ok(Value::Object(pairs.into_iter().collect()))
        }),
        _ => return None,
    })
}

fn of_types(name: &str, arguments: &[Value]) -> Outcome {
    let numbers = || arguments.iter().map(number).collect::<Result<Vec<f64>, String>>();
    let one = |change: fn(f64) -> f64| numbers().map(|numbers| numbered(change(numbers[0])));
    Some(match (name, arguments) {
        ("tostring", [Value::Null]) => Ok(Value::Null),
        ("tostring", [value]) => text_of(value).map(Value::from),
        ("tonumber", [Value::Null]) => Ok(Value::Null),
        ("tonumber", [value]) => number(value).map(numbered),
        ("tobool", [value]) => truth(value).map(Value::from),
        ("toset", [value]) => list(value).map(set),
        ("tolist", [value]) => list(value).map(Value::Array),
        ("tomap", [value]) => map(value).map(|map| Value::Object(map.clone())),
        // Of other alphabets it counts what people see as one letter.
        ("length", [Value::String(text)]) if text.is_ascii() => Ok(Value::from(text.len())),
        ("length", [Value::Array(items)]) => Ok(Value::from(items.len())),
        ("length", [Value::Object(map)]) => Ok(Value::from(map.len())),
        ("coalesce", [_, ..]) => {
            let found = arguments.iter().find(|value| !value.is_null() && **value != "");
            found.cloned().ok_or_else(|| "all that it is given is empty".to_owned())
        }
        ("max", [_, ..]) => numbers().map(|numbers| numbered(numbers.into_iter().fold(f64::MIN, f64::max))),
        ("min", [_, ..]) => numbers().map(|numbers| numbered(numbers.into_iter().fold(f64::MAX, f64::min))),
        ("abs", [_]) => one(f64::abs),
        ("ceil", [_]) => one(f64::ceil),
        ("floor", [_]) => one(f64::floor),
        ("sensitive", [_]) => Err("what is sensitive is written to no file".to_owned()),
        ("nonsensitive", [value]) => Ok(value.clone()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::call;

    #[test]
    fn functions_come_to_what_terraform_says() {
        let check = |name: &str, arguments: Value, expected: Value| {
            let arguments = arguments.as_array().expect("a list").clone();
            assert_eq!(call(name, arguments.clone()), Ok(expected), "{name}({arguments:?})");
        };
        check("join", json!(["-", ["a", 1, true]]), json!("a-1-true"));
        check("split", json!([",", "a,b"]), json!(["a", "b"]));
        check("split", json!([",", ""]), json!([""]));
        check("format", json!(["%s-%d%%", "a", 3]), json!("a-3%"));
        check("replace", json!(["a.b.c", ".", "-"]), json!("a-b-c"));
        check("jsonencode", json!([{ "b": 1, "a": [null] }]), json!("{\"a\":[null],\"b\":1}"));
        check("toset", json!([["b", "a", "b"]]), json!(["a", "b"]));
        check("flatten", json!([[["a"], [["b"]], "c"]]), json!(["a", "b", "c"]));
        check("merge", json!([{ "a": 1 }, { "a": 2, "b": 3 }]), json!({ "a": 2, "b": 3 }));
        check("lookup", json!([{ "a": 1 }, "b", "none"]), json!("none"));
        check("element", json!([["a", "b"], 3]), json!("b"));
        check("setproduct", json!([["a", "b"], [1]]), json!([["a", 1], ["b", 1]]));
        check("range", json!([1, 4]), json!([1, 2, 3]));
        check("coalesce", json!([null, "", "x"]), json!("x"));
        check("trimsuffix", json!(["aws/", "/"]), json!("aws"));
        check("length", json!([["a"]]), json!(1));
        check("zipmap", json!([["b", "a"], [1, 2]]), json!({ "a": 2, "b": 1 }));
    }

    #[test]
    fn what_is_not_known_has_no_value() {
        for (name, arguments) in [
            ("timestamp", json!([])),
            ("uuid", json!([])),
            ("replace", json!(["a", "/a+/", "b"])),
            ("format", json!(["%5.2f", 1])),
            ("format", json!(["%s"])),
            ("range", json!([0, 1_000_000_000])),
            ("sensitive", json!(["x"])),
            ("element", json!([[], 0])),
        ] {
            let arguments = arguments.as_array().expect("a list").clone();
            assert!(call(name, arguments).is_err_and(|why| why.starts_with(name)), "{name}");
        }
    }
}
