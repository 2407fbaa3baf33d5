//! What a role demands of a token's claims, and what it takes over from them.
//!
//! Source: Vault API, "JWT/OIDC auth method: create role", and OpenBao, `builtin/credential/jwt/claims.go`.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::text::is_like;

type Claims = Map<String, Value>;

/// How the values that a role demands are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Matching {
    /// As they are written.
    String,
    /// `*` is any text, also none.
    Glob,
}

/// A claim by its name, or, where that begins with a slash, by a JSON pointer.
pub(super) fn found<'c>(claims: &'c Claims, name: &str) -> Option<&'c Value> {
    let value = match name.strip_prefix('/') {
        None => claims.get(name),
        Some(rest) => {
            let mut parts = rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
            let first = claims.get(&parts.next().unwrap_or_default());
            parts.try_fold(first?, |value, part| match value {
                Value::Object(map) => map.get(&part),
                Value::Array(items) => items.get(part.parse::<usize>().ok()?),
                _ => None,
            })
        }
    };
    value.filter(|value| !value.is_null())
}

/// One value or several as several; nothing for what has no values to compare.
pub(super) fn several(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(items) => Some(items.iter().collect()),
        Value::String(_) | Value::Bool(_) | Value::Number(_) => Some(vec![value]),
        Value::Null | Value::Object(_) => None,
    }
}

/// Checks the claims that a role is bound to.
///
/// # Errors
/// Which one is not met, without its value.
pub(super) fn check_bound(bound: &Claims, matching: Matching, claims: &Claims) -> Result<(), String> {
    for (name, expected) in bound {
        let actual = found(claims, name).ok_or_else(|| format!("claim {name:?} is missing"))?;
        let actual = several(actual).ok_or_else(|| format!("claim {name:?} is not a string, bool, int or list"))?;
        let expected =
            several(expected).ok_or_else(|| format!("bound claim {name:?} is not a string, bool, int or list"))?;
        if !expected.iter().any(|expected| actual.iter().any(|actual| meets(expected, actual, matching))) {
            return Err(format!("claim {name:?} does not match any associated bound claim values"));
        }
    }
    Ok(())
}

fn meets(expected: &Value, actual: &Value, matching: Matching) -> bool {
    match (matching, expected, actual) {
        (Matching::Glob, Value::String(pattern), Value::String(text)) => is_like(pattern, text),
        (Matching::Glob, ..) => false,
        (Matching::String, Value::Number(expected), Value::Number(actual)) => {
            expected == actual || expected.as_f64().is_some_and(|number| Some(number) == actual.as_f64())
        }
        (Matching::String, ..) => expected == actual,
    }
}

/// Checks whom a token is for: a role that names nobody takes only tokens that name nobody.
///
/// # Errors
/// As Vault tells it.
pub(super) fn check_audience(bound: &[String], claims: &Claims) -> Result<(), &'static str> {
    let named: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    match (bound, named.as_slice()) {
        ([], []) => Ok(()),
        ([], _) => Err("audience claim found in JWT but no audiences bound to the role"),
        (bound, named) if named.iter().any(|name| bound.iter().any(|bound| bound == name)) => Ok(()),
        _ => Err(
            "error validating token: invalid audience (aud) claim: audience claim does not match any expected audience",
        ),
    }
}

/// Who a token is for a role: the text of its `user_claim`.
///
/// # Errors
/// If the token has none.
pub(super) fn user(claims: &Claims, name: &str, is_pointer: bool) -> Result<String, String> {
    let claim = if is_pointer { found(claims, name) } else { claims.get(name).filter(|value| !value.is_null()) };
    let claim = claim.ok_or_else(|| format!("claim {name:?} not found in token"))?;
    match claim.as_str() {
        // All whom it leaves nameless would be one.
        Some("") => Err(format!("claim {name:?} is empty: missing name in alias")),
        Some(name) => Ok(name.to_owned()),
        None => Err(format!("claim {name:?} could not be converted to string")),
    }
}

/// The names of the groups that a token's claim says; none where no claim is meant.
///
/// # Errors
/// If the token has no such claim, or it is no text and no list of texts.
pub(super) fn groups(claims: &Claims, name: &str) -> Result<Vec<String>, String> {
    if name.is_empty() {
        return Ok(vec![]);
    }
    let claim = found(claims, name).ok_or_else(|| format!("{name:?} claim not found in token"))?;
    let all = several(claim).ok_or_else(|| format!("{name:?} claim could not be converted to string list"))?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let wrong = |value: &Value| format!("value {value} in groups claim could not be parsed as string");
    all.iter().map(|value| text(value).ok_or_else(|| wrong(value))).collect()
}

/// What the trail and policies get to know of a token.
///
/// # Errors
/// Which claim is no text.
pub(super) fn metadata(
    claims: &Claims,
    mappings: &IndexMap<String, String>,
) -> Result<IndexMap<String, String>, String> {
    let mut told = IndexMap::new();
    for (claim, key) in mappings {
        if let Some(value) = found(claims, claim) {
            let text = value.as_str().ok_or_else(|| format!("error converting claim '{claim}' to string"))?;
            told.insert(key.clone(), text.to_owned());
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Matching, check_audience, check_bound, found};

    #[test]
    fn claims_are_found_by_name_and_by_pointer() {
        let claims = json!({"a": {"b/c": ["x", {"d": 1}]}, "/": "odd", "n": null});
        let claims = claims.as_object().unwrap();
        for (name, expected) in [
            ("a", Some(claims["a"].clone())),
            ("/a/b~1c/0", Some(json!("x"))),
            ("/a/b~1c/1/d", Some(json!(1))),
            ("/a/b~1c/2", None),
            ("/a/x/y", None),
            ("n", None),
            ("", None),
        ] {
            assert_eq!(found(claims, name), expected.as_ref(), "{name}");
        }
    }

    #[test]
    fn bound_claims_are_met_by_type_and_value() {
        let claims =
            json!({"text": "1", "number": 1, "flag": true, "list": ["a", "b"], "map": {}, "big": 12345678901_i64});
        let claims = claims.as_object().unwrap();
        for (bound, matching, met) in [
            (json!({"text": "1"}), Matching::String, true),
            (json!({"text": 1}), Matching::String, false),
            (json!({"number": 1}), Matching::String, true),
            (json!({"number": 1.0}), Matching::String, true),
            (json!({"number": "1"}), Matching::String, false),
            (json!({"big": 12345678902_i64}), Matching::String, false),
            (json!({"flag": true}), Matching::String, true),
            (json!({"flag": "true"}), Matching::String, false),
            (json!({"list": "b"}), Matching::String, true),
            (json!({"list": ["c", "a"]}), Matching::String, true),
            (json!({"list": ["c"]}), Matching::String, false),
            (json!({"list": "*"}), Matching::String, false),
            (json!({"list": "*"}), Matching::Glob, true),
            (json!({"number": "*"}), Matching::Glob, false),
            (json!({"text": "1", "absent": "*"}), Matching::Glob, false),
            (json!({"map": "*"}), Matching::Glob, false),
            (json!({"text": []}), Matching::String, false),
            (json!({}), Matching::String, true),
        ] {
            assert_eq!(check_bound(bound.as_object().unwrap(), matching, claims).is_ok(), met, "{bound} {matching:?}");
        }
    }

    #[test]
    fn a_token_for_somebody_needs_a_role_for_that() {
        for (bound, claims, good) in [
            (&[][..], json!({}), true),
            (&[][..], json!({"aud": []}), true),
            (&[][..], json!({"aud": "a"}), false),
            (&["a"][..], json!({"aud": "a"}), true),
            (&["a", "b"][..], json!({"aud": ["c", "b"]}), true),
            (&["a"][..], json!({"aud": "ab"}), false),
            (&["a"][..], json!({}), false),
            (&["1"][..], json!({"aud": 1}), false),
        ] {
            let bound: Vec<String> = bound.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(check_audience(&bound, claims.as_object().unwrap()).is_ok(), good, "{bound:?} {claims}");
        }
    }
}
