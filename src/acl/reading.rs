//! How a backend reads a parameter, as far as a denial has to know: whatever it would take for a denied value is
//! denied, in which name, type or spelling it comes.
//!
//! A policy knows neither the mount behind a path nor a parameter's type, so this errs towards refusing: a value
//! counts as denied if any backend may read it so. Sources: Vault, "Policies" (parameter constraints), its API pages
//! for the names, and the framework's conversions (`engine/wire/field.rs`).

use serde_json::Value;

use super::document::Allowed;
use super::glob::glob;
use crate::units::duration;

/// Names that a backend reads for one thing, the older ones among them.
const SAME: [&[&str]; 8] = [
    &["policies", "token_policies"],
    &["ttl", "token_ttl", "lease"],
    &["max_ttl", "token_max_ttl"],
    &["period", "token_period"],
    &["num_uses", "token_num_uses"],
    &["bound_cidr_list", "secret_id_bound_cidrs"],
    &["policy", "rules", "policy_document"],
    &["arn", "policy_arns", "role_arns"],
];

/// Parameters that are lists, so that a text is read as one, at its commas.
const LISTS: [&str; 12] = [
    "bound_cidr_list",
    "cidr_list",
    "iam_groups",
    "path",
    "paths",
    "policies",
    "policy_arns",
    "role_arns",
    "secret_id_bound_cidrs",
    "token_bound_cidrs",
    "token_policies",
    "versions",
];

/// The names, in lower case, under which a backend may read the parameter `name`, itself first.
pub(super) fn names(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    let others = SAME.iter().filter(|names| names.contains(&name.as_str())).flat_map(|names| names.iter());
    let others: Vec<String> = others.filter(|other| **other != name).map(|other| (*other).to_owned()).collect();
    std::iter::once(name).chain(others).collect()
}

/// The items that a text stands for, if the parameter is a list.
pub(super) fn items<'t>(name: &str, text: &'t str) -> Option<impl Iterator<Item = &'t str>> {
    LISTS.contains(&name).then(|| text.split(',').map(str::trim))
}

/// Whether a backend may read `given` as `denied`, or as a list or map that holds it.
pub(super) fn may_be(denied: &Allowed, given: &Value) -> bool {
    match given {
        Value::Array(items) => items.iter().any(|item| may_be(denied, item)),
        Value::Object(map) => map.iter().any(|(key, value)| {
            may_be(denied, value) || text(value).is_some_and(|text| is_read_as(denied, &format!("{key}={text}")))
        }),
        _ => text(given).is_some_and(|text| is_read_as(denied, &text)),
    }
}

fn text(given: &Value) -> Option<String> {
    Some(match given {
        Value::Null => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

/// Whole, or as one item between commas.
fn is_read_as(denied: &Allowed, given: &str) -> bool {
    is_one(denied, given.trim()) || given.contains(',') && given.split(',').any(|item| is_one(denied, item.trim()))
}

fn is_one(denied: &Allowed, given: &str) -> bool {
    let number = |text: &str| number(text).is_some_and(|given| number_of(denied) == Some(given));
    match denied {
        Allowed::Text(pattern) => glob(&pattern.to_lowercase(), &given.to_lowercase()) || number(given),
        Allowed::Number(_) => number(given),
        // A number is true unless it is 0.
        Allowed::Bool(flag) => self::number(given).is_some_and(|given| (given != 0.0) == *flag),
    }
}

fn number_of(denied: &Allowed) -> Option<f64> {
    match denied {
        Allowed::Text(text) => number(text.trim()),
        Allowed::Number(number) => number.as_f64(),
        Allowed::Bool(flag) => Some(f64::from(u8::from(*flag))),
    }
}

/// What a text is as a number: a number, a truth value, a duration in seconds; nothing at all is 0.
fn number(text: &str) -> Option<f64> {
    match text {
        "t" | "T" | "true" | "TRUE" | "True" => Some(1.0),
        "" | "f" | "F" | "false" | "FALSE" | "False" => Some(0.0),
        _ => text.parse().ok().or_else(|| duration::parse(text).ok().map(|seconds| seconds as f64)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Number, json};

    use super::{Allowed, may_be, names};

    #[test]
    fn what_a_backend_may_take_for_a_denied_value_is_it() {
        let text = |text: &str| Allowed::Text(text.to_owned());
        for (denied, given, is) in [
            (text("root"), json!(" Root\t"), true),
            (text("root"), json!(["dev", "ROOT"]), true),
            (text("root"), json!("dev, root"), true),
            (text("root"), json!("rooted"), false),
            (text("Prod-*"), json!("a,prod-x"), true),
            (text("768h"), json!(2_764_800), true),
            (text("768h"), json!("32d"), true),
            (text("768h"), json!("768h1s"), false),
            (text("0"), json!("0s"), true),
            (text("0"), json!(null), true),
            (text("true"), json!(true), true),
            (text("true"), json!("t"), true),
            (text("admin=*"), json!({ "admin": "yes" }), true),
            (text("admin=*"), json!(["x=y", "admin=yes"]), true),
            (Allowed::Number(Number::from(5)), json!("5"), true),
            (Allowed::Number(Number::from(1)), json!(true), true),
            (Allowed::Bool(true), json!("1"), true),
            (Allowed::Bool(true), json!(7), true),
            (Allowed::Bool(false), json!(""), true),
            (Allowed::Bool(false), json!("no"), false),
        ] {
            assert_eq!(may_be(&denied, &given), is, "{denied:?} {given}");
        }
    }

    #[test]
    fn names_that_mean_one_thing_are_one() {
        assert_eq!(names("Policies"), ["policies", "token_policies"]);
        assert_eq!(names("description"), ["description"]);
    }
}
