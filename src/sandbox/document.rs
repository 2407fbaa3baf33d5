//! IAM policy documents: what IAM refuses to store.

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::error::Refusal;

/// Checks a document as PutUserPolicy and its siblings do.
pub(super) fn check(document: &str) -> Result<(), Refusal> {
    let statements = statements(document)?;
    statements.iter().try_for_each(|statement| {
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err(Refusal::malformed("Policy document should not specify a principal."));
        }
        check_actions(statement)?;
        check_resources(statement)
    })
}

/// The statements of a document, with what is the same in every kind of policy checked: what they say of principals,
/// actions and resources is not.
pub(super) fn statements(document: &str) -> Result<Vec<Map<String, Value>>, Refusal> {
    if document.chars().count() > 131_072 {
        let constraint = "Member must have length less than or equal to 131072";
        return Err(Refusal::constraint("policyDocument", "...", constraint));
    }
    // The parameter's pattern: [\u0009\u000A\u000D\u0020-\u00FF]+
    if !document.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')) {
        return Err(Refusal::validation("The specified value for policyDocument is invalid."));
    }
    let syntax = || Refusal::malformed("Syntax errors in policy.");
    let Ok(NoneTwice(Value::Object(policy))) = serde_json::from_str(document) else { return Err(syntax()) };
    if policy.keys().any(|key| !["Version", "Id", "Statement"].contains(&key.as_str())) {
        return Err(syntax());
    }
    if policy.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
        return Err(Refusal::malformed("Policy document must be version 2012-10-17 or greater."));
    }
    if policy.contains_key("Id") {
        return Err(Refusal::malformed("Policy document should not specify an ID."));
    }
    let statements: Vec<Map<String, Value>> = match policy.get("Statement") {
        Some(Value::Object(one)) => vec![one.clone()],
        Some(Value::Array(many)) if !many.is_empty() => {
            many.iter().map(|one| one.as_object().cloned()).collect::<Option<_>>().ok_or_else(syntax)?
        }
        _ => return Err(syntax()),
    };
    let mut sids: Vec<&str> = Vec::new();
    for statement in &statements {
        check_elements(statement)?;
        let Some(sid) = statement.get("Sid") else { continue };
        let sid = sid.as_str().ok_or_else(syntax)?;
        if !sid.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(Refusal::malformed(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
                 [0-9A-Za-z]*",
            ));
        }
        if !sid.is_empty() && sids.contains(&sid) {
            return Err(Refusal::malformed("Statement IDs (SID) in a single policy must be unique."));
        }
        sids.push(sid);
    }
    Ok(statements)
}

/// JSON of which no object has a key twice: "Individual elements must not contain multiple instances of the same
/// key" (IAM User Guide, "Grammar of the IAM JSON policy language"). Otherwise the last would silently count.
struct NoneTwice(Value);

impl<'de> Deserialize<'de> for NoneTwice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NoneTwiceVisitor).map(Self)
    }
}

struct NoneTwiceVisitor;

impl<'de> Visitor<'de> for NoneTwiceVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(NoneTwice(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if members.contains_key(&key) {
                return Err(serde::de::Error::custom("a key is there twice"));
            }
            let NoneTwice(value) = map.next_value()?;
            members.insert(key, value);
        }
        Ok(members.into())
    }
}

fn check_elements(statement: &Map<String, Value>) -> Result<(), Refusal> {
    const KNOWN: [&str; 9] =
        ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal"];
    let syntax = || Refusal::malformed("Syntax errors in policy.");
    if statement.keys().any(|key| !KNOWN.contains(&key.as_str())) {
        return Err(syntax());
    }
    if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err(syntax());
    }
    if statement.get("Condition").is_some_and(|condition| !condition.is_object()) {
        return Err(syntax());
    }
    Ok(())
}

fn check_actions(statement: &Map<String, Value>) -> Result<(), Refusal> {
    let actions = either(statement, "Action", "NotAction")?
        .ok_or_else(|| Refusal::malformed("Policy statement must contain actions."))?;
    for action in actions {
        let vendor = action.split_once(':').map(|(vendor, name)| !vendor.is_empty() && !name.is_empty());
        if action != "*" && vendor != Some(true) {
            return Err(Refusal::malformed(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ));
        }
        // In the words in which those quote it who met it with `*:Create*` in CreatePolicy.
        if action.split_once(':').is_some_and(|(vendor, _)| vendor.contains(['*', '?'])) {
            return Err(Refusal::malformed("Action vendors (e.g., aws, ec2, etc.) must not contain wildcards."));
        }
    }
    Ok(())
}

fn check_resources(statement: &Map<String, Value>) -> Result<(), Refusal> {
    let resources = either(statement, "Resource", "NotResource")?
        .ok_or_else(|| Refusal::malformed("Policy statement must contain resources."))?;
    for resource in resources {
        if resource != "*" && !resource.starts_with("arn:") {
            return Err(Refusal::malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
        }
    }
    Ok(())
}

/// The texts of exactly one of two keys; `None` when both are absent or empty.
fn either<'a>(statement: &'a Map<String, Value>, key: &str, not_key: &str) -> Result<Option<Vec<&'a str>>, Refusal> {
    let syntax = || Refusal::malformed("Syntax errors in policy.");
    match (statement.get(key), statement.get(not_key)) {
        (Some(_), Some(_)) => Err(syntax()),
        (None, None) => Ok(None),
        (Some(value), None) | (None, Some(value)) => {
            let texts = texts(value).ok_or_else(syntax)?;
            Ok((!texts.is_empty()).then_some(texts))
        }
    }
}

/// A text, or a list of texts.
pub(super) fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// The size that quotas are about: characters, white space outside of strings not counted.
pub(super) fn size(document: &str) -> usize {
    let (mut count, mut quoted, mut escaped) = (0, false, false);
    for c in document.chars() {
        if quoted || !c.is_whitespace() {
            count += 1;
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
    }
    count
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{check, size};

    #[test]
    fn malformed_documents_are_refused_with_iams_words() {
        let policy = |statement: serde_json::Value| {
            let document = json!({"Version": "2012-10-17", "Statement": statement});
            check(&document.to_string()).map_err(|refusal| refusal.message)
        };
        assert_eq!(policy(json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})), Ok(()));
        for (statement, part) in [
            (json!([]), "Syntax"),
            (json!({"Effect": "allow", "Action": "s3:*", "Resource": "*"}), "Syntax"),
            (json!({"Effect": "Allow", "Resource": "*"}), "contain actions"),
            (json!({"Effect": "Allow", "Action": [], "Resource": "*"}), "contain actions"),
            (json!({"Effect": "Allow", "Action": "s3:*"}), "contain resources"),
            (json!({"Effect": "Allow", "Action": "s3", "Resource": "*"}), "prefaced by a vendor"),
            (json!({"Effect": "Allow", "Action": "*:*", "Resource": "*"}), "must not contain wildcards"),
            (json!({"Effect": "Allow", "Action": "s3:*", "Resource": "bucket"}), "ARN format"),
            (json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*"}), "principal"),
            (json!({"Effect": "Allow", "Action": "s3:*", "NotAction": "s3:*", "Resource": "*"}), "Syntax"),
            (json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Colour": 1}), "Syntax"),
            (json!({"Sid": "a b", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}), "alpha-numeric"),
        ] {
            let message = policy(statement.clone()).unwrap_err();
            assert!(message.contains(part), "{statement}: {message}");
        }
        let statement = json!({"Sid": "a", "Effect": "Allow", "Action": "s3:*", "Resource": "*"});
        assert!(policy(json!([statement, statement])).unwrap_err().contains("unique"));
        let twice =
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}}"#;
        assert!(check(twice).unwrap_err().message.contains("Syntax"));
        for document in ["", "{", "[]", "{}", r#"{"Version":"2008-10-17","Statement":[]}"#, "{\"x\":\"\u{100}\"}"] {
            assert!(check(document).is_err(), "{document}");
        }
    }

    #[test]
    fn white_space_between_tokens_is_free() {
        for (document, expected) in [("{ \"a b\" : 1 }", 9), (r#"{"a":"\" x"}"#, 12), ("\n\t {}", 2)] {
            assert_eq!(size(document), expected, "{document}");
        }
    }
}
