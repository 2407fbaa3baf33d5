//! IAM policy documents: the grammar, its problems with their places, and the canonical form.
//!
//! Two documents that IAM reads alike have one canonical form: one-element lists are scalars, lists that are
//! sets are sorted, keys stand in the order people write them. Source: IAM User Guide, "Grammar of the IAM
//! JSON policy language" and "IAM and STS quotas".

use std::ops::Range;

use serde_json::Value;

use super::json::{self, Content, Json, Member};

mod check;

pub use check::{check, check_action, check_as, check_key, check_resource, check_resource_pattern};

/// Characters, without white space between the elements, that all inline policies of one user may have
/// together. Source: IAM quotas.
pub const USER_INLINE_SIZE_MAX: usize = 2048;

/// What a document is to be: it decides how large it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyType {
    /// An inline policy of a user.
    UserInline,
    /// An inline policy of a group.
    GroupInline,
    /// An inline policy of a role.
    RoleInline,
    /// A managed policy, also one that is a permissions boundary.
    Managed,
    /// A session policy, for `AssumeRole` or `GetFederationToken`.
    Session,
}

impl PolicyType {
    /// Characters that IAM allows; of inline policies, for all of one principal together. White space between the
    /// elements is free, except in a session policy. Source: IAM User Guide, "IAM and STS quotas"; STS API
    /// reference, `GetFederationToken`.
    pub fn size_max(self) -> usize {
        match self {
            Self::UserInline | Self::Session => USER_INLINE_SIZE_MAX,
            Self::GroupInline => 5120,
            Self::RoleInline => 10_240,
            Self::Managed => 6144,
        }
    }

    /// Whether white space between the elements counts.
    pub fn counts_white_space(self) -> bool {
        self == Self::Session
    }

    fn place(self) -> &'static str {
        match self {
            Self::UserInline => "all inline policies of one user",
            Self::GroupInline => "all inline policies of one group",
            Self::RoleInline => "all inline policies of one role",
            Self::Managed => "a managed policy",
            Self::Session => "a session policy, with its white space",
        }
    }
}

/// The code of what is too large, or nearly so.
pub const SIZE_CODE: &str = "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA";

/// Something about a document that its author should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<S> {
    /// A name that stays: the issue code of IAM Access Analyzer where it has such a check ("Access Analyzer policy
    /// check reference"), one of our own in the same style where not.
    pub code: &'static str,
    /// Where.
    pub span: S,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Another place that belongs to it, and what it is.
    pub also: Option<(S, String)>,
    /// Whether IAM would refuse the document; otherwise it is worth a warning.
    pub fatal: bool,
}

/// Parses a text and checks it as a policy of a user.
///
/// # Errors
/// Everything that is wrong, in the order of the text.
pub fn parse(text: &str) -> Result<Json<Range<usize>>, Vec<Finding<Range<usize>>>> {
    parse_as(text, PolicyType::UserInline)
}

/// Parses a text and checks it as what it is to be. A session policy is taken to be sent as it stands.
///
/// # Errors
/// Everything that is wrong, in the order of the text.
pub fn parse_as(text: &str, policy_type: PolicyType) -> Result<Json<Range<usize>>, Vec<Finding<Range<usize>>>> {
    let json = json::parse(text).map_err(|malformed| {
        vec![Finding {
            code: "JSON_SYNTAX_ERROR",
            span: malformed.span,
            what: format!("this is not JSON: {}", malformed.what),
            hint: None,
            also: None,
            fatal: true,
        }]
    })?;
    let findings = check::check_text(&json, text, policy_type);
    if findings.iter().any(|finding| finding.fatal) { Err(findings) } else { Ok(json) }
}

/// The canonical compact text of a document. Also of one that IAM would refuse, as long as it is JSON
/// without repeated keys: what an engine holds has to be compared whatever it is.
///
/// # Errors
/// Why the text has no canonical form.
pub fn canonical(text: &str) -> Result<String, String> {
    let json = json::parse(text).map_err(|malformed| format!("not JSON: {}", malformed.what))?;
    Ok(canonical_value(&json)?.to_string())
}

/// The canonical form with line breaks and two spaces a level, for line diffs. A text without canonical form
/// stays as it is.
pub fn pretty(text: &str) -> String {
    let value = json::parse(text).ok().and_then(|json| canonical_value(&json).ok());
    value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| text.to_owned())
}

/// The canonical form of a parsed document.
///
/// # Errors
/// A key that stands twice.
pub fn canonical_value<S>(json: &Json<S>) -> Result<Value, String> {
    let Content::Map(members) = &json.content else { return plain(json) };
    ordered(members, &["Version", "Id", "Statement"], |key, value| match key {
        "Statement" => match &value.content {
            Content::List(items) => items.iter().map(statement).collect::<Result<Vec<_>, _>>().map(Value::Array),
            _ => Ok(Value::Array(vec![statement(value)?])),
        },
        _ => plain(value),
    })
}

/// How much of a quota ([`PolicyType::size_max`]) a compact text takes.
pub fn size(compact: &str) -> usize {
    compact.chars().count()
}

const STATEMENT_ORDER: &[&str] =
    &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

fn statement<S>(json: &Json<S>) -> Result<Value, String> {
    let Content::Map(members) = &json.content else { return plain(json) };
    ordered(members, STATEMENT_ORDER, |key, value| match key {
        "Action" | "NotAction" | "Resource" | "NotResource" => set(value),
        "Condition" => match &value.content {
            Content::Map(operators) => ordered(operators, &[], |_, keys| match &keys.content {
                Content::Map(keys) => ordered(keys, &[], |_, values| set(values)),
                _ => plain(keys),
            }),
            _ => plain(value),
        },
        _ => plain(value),
    })
}

/// An object with the keys of `order` first and the others sorted after them.
fn ordered<S>(
    members: &[Member<S>],
    order: &[&str],
    mut convert: impl FnMut(&str, &Json<S>) -> Result<Value, String>,
) -> Result<Value, String> {
    let mut sorted: Vec<&Member<S>> = members.iter().collect();
    let rank = |key: &str| order.iter().position(|known| *known == key).unwrap_or(order.len());
    sorted.sort_by(|a, b| rank(&a.key).cmp(&rank(&b.key)).then_with(|| a.key.cmp(&b.key)));
    let mut map = serde_json::Map::with_capacity(sorted.len());
    for member in sorted {
        if map.insert(member.key.clone(), convert(&member.key, &member.value)?).is_some() {
            return Err(format!("the key `{}` stands twice", member.key));
        }
    }
    Ok(Value::Object(map))
}

/// A set of texts: sorted, a single one without its list. Numbers and booleans are texts to IAM.
fn set<S>(json: &Json<S>) -> Result<Value, String> {
    let scalar = |json: &Json<S>| match &json.content {
        Content::Text(text) => Some(text.clone()),
        Content::Number(number) => Some(number.clone()),
        Content::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    let items = match &json.content {
        Content::List(items) => items.iter().map(scalar).collect::<Option<Vec<_>>>(),
        _ => scalar(json).map(|one| vec![one]),
    };
    let Some(mut items) = items else { return plain(json) };
    items.sort_unstable();
    items.dedup();
    Ok(if items.len() == 1 { Value::from(items.remove(0)) } else { Value::from(items) })
}

fn plain<S>(json: &Json<S>) -> Result<Value, String> {
    Ok(match &json.content {
        Content::Null => Value::Null,
        Content::Bool(flag) => Value::Bool(*flag),
        Content::Number(text) => number(text).ok_or_else(|| format!("`{text}` is no number"))?,
        Content::Text(text) => Value::from(text.as_str()),
        Content::List(items) => Value::Array(items.iter().map(plain).collect::<Result<_, _>>()?),
        Content::Map(members) => ordered(members, &[], |_, value| plain(value))?,
    })
}

/// A number as `serde_json` has it, but rounded as IEEE says: its own reader may miss by the last digit, so that
/// what is printed would not read the same.
fn number(text: &str) -> Option<Value> {
    let parsed: serde_json::Number = serde_json::from_str(text).ok()?;
    if parsed.is_f64() {
        serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number)
    } else {
        Some(parsed.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{canonical, pretty};

    #[test]
    fn the_canonical_form_of_a_number_is_its_own() {
        for text in ["999999999999599E99", "1.0", "-0", "18446744073709551615", "1e-7"] {
            let once = canonical(text).expect("a number");
            assert_eq!(canonical(&once), Ok(once.clone()), "{text}");
        }
        assert!(canonical("1e999").is_err());
    }

    #[test]
    fn what_iam_reads_alike_is_one_text() {
        let forms = [
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["b","a"]}]}"#,
            r#"{ "Statement": {"Resource":["a","b","a"], "Action":"s3:GetObject","Effect":"Allow"}, "Version":"2012-10-17" }"#,
        ];
        assert_eq!(canonical(forms[0]), canonical(forms[1]));
        let conditions = [
            r#"{"Statement":{"Condition":{"Bool":{"aws:x":true}}}}"#,
            r#"{"Statement":[{"Condition":{"Bool":{"aws:x":["true"]}}}]}"#,
        ];
        assert_eq!(canonical(conditions[0]), canonical(conditions[1]));
    }

    #[test]
    fn what_iam_reads_differently_is_not() {
        let one = r#"{"Statement":[{"Effect":"Allow"},{"Effect":"Deny"}]}"#;
        for other in [
            r#"{"Statement":[{"Effect":"Allow"}]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow"},{"Effect":"Deny"}]}"#,
        ] {
            assert_ne!(canonical(one), canonical(other));
        }
    }

    #[test]
    fn canonical_is_a_fixed_point() {
        let text = r#"{"Statement":{"Action":["b","a"],"Condition":{"B":{"k":[1,"x"]},"A":{"z":"1"}},"Sid":"S","Effect":"Allow"}}"#;
        let once = canonical(text).expect("JSON");
        assert_eq!(
            once,
            r#"{"Statement":[{"Sid":"S","Effect":"Allow","Action":["a","b"],"Condition":{"A":{"z":"1"},"B":{"k":["1","x"]}}}]}"#
        );
        assert_eq!(canonical(&once), Ok(once.clone()));
        assert_eq!(canonical(&pretty(&once)), Ok(once));
    }

    #[test]
    fn a_repeated_key_has_no_canonical_form() {
        assert!(canonical(r#"{"Statement":[],"Statement":[]}"#).is_err());
        assert_eq!(pretty("not json"), "not json");
    }
}
