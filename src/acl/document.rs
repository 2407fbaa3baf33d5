//! A policy document: text in, rules out, with Vault's error texts.
//!
//! An unknown key or capability is an error, never ignored: a misspelt restriction would be a grant.

use std::ops::Range;

use serde_json::Number;

use super::hcl::{self, Item, Value};
use super::{Capabilities, Capability};
use crate::units::duration;

/// One `path` stanza.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The pattern, without a leading `/`, with its `+` and `*`.
    pub path: String,
    /// What it allows; only `deny` if it denies.
    pub capabilities: Capabilities,
    /// Parameters that may be given, and the values they may have; empty allows all.
    pub allowed_parameters: Vec<(String, Vec<Allowed>)>,
    /// Parameters that may not be given, and the values that are refused; an empty list refuses all.
    pub denied_parameters: Vec<(String, Vec<Allowed>)>,
    /// Parameters that must be given.
    pub required_parameters: Vec<String>,
    /// Seconds; 0 is none.
    pub min_wrapping_ttl: i64,
    /// Seconds; 0 is none.
    pub max_wrapping_ttl: i64,
}

impl Rule {
    /// A rule without constraints.
    pub fn new(path: &str, capabilities: Capabilities) -> Self {
        Self {
            path: path.to_owned(),
            capabilities,
            allowed_parameters: vec![],
            denied_parameters: vec![],
            required_parameters: vec![],
            min_wrapping_ttl: 0,
            max_wrapping_ttl: 0,
        }
    }
}

/// A value in a parameter list.
#[derive(Clone, Debug, PartialEq)]
pub enum Allowed {
    /// Text, where `*` at either end stands for anything.
    Text(String),
    /// A number.
    Number(Number),
    /// A boolean.
    Bool(bool),
}

/// Why a document was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The text is neither HCL nor JSON.
    #[error("failed to parse policy: {0}")]
    Syntax(#[from] hcl::SyntaxError),
    /// Keys that the language does not have.
    #[error("failed to parse policy: {}{}", place.as_ref().map(|p| format!("path {p:?}: ")).unwrap_or_default(), multi(keys))]
    UnknownKeys {
        /// The stanza, or none at the top level.
        place: Option<String>,
        /// `invalid key "x" on line n`, each.
        keys: Vec<String>,
    },
    /// A stanza says something it cannot mean.
    #[error("failed to parse policy: path {path:?}: {what}")]
    Stanza {
        /// Its path.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// A `path` is not followed by one label and a block.
    #[error("failed to parse policy: line {0}: expected: path \"<path>\" {{ ... }}")]
    Shape(usize),
}

/// Several errors in the form that Vault gives them.
fn multi(errors: &[String]) -> String {
    let noun = if errors.len() == 1 { "error" } else { "errors" };
    let list: String = errors.iter().map(|error| format!("\n\t* {error}")).collect();
    format!("{} {noun} occurred:{list}\n\n", errors.len())
}

/// Parses a document. Stanzas whose path holds an identity template are checked and left out: this
/// engine knows no identities, so they can match nothing.
///
/// # Errors
/// What Vault refuses, in its words.
pub fn parse(text: &str) -> Result<Vec<Rule>, DocumentError> {
    let mut rules = parse_with_templates(text)?;
    rules.retain(|rule| !rule.path.contains("{{"));
    Ok(rules)
}

/// Parses a document and keeps the stanzas whose path holds an identity template, as they are written.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_templates(text: &str) -> Result<Vec<Rule>, DocumentError> {
    let items = hcl::parse(text)?;
    check_keys(None, &items, &["name", "path"])?;
    let mut rules = Vec::new();
    for item in items.iter().filter(|item| item.keys[0] == "path") {
        for (path, body) in stanzas(item)? {
            rules.push(stanza(path, body)?);
        }
    }
    Ok(rules)
}

/// What a document says that an engine without identities and response wrapping can't do, in words.
pub fn not_served(rules: &[Rule]) -> Option<DocumentError> {
    rules.iter().find_map(|rule| {
        let what = match rule {
            _ if rule.path.contains("{{") => {
                "identity templates are not served: tokens have no identity here, so the path can match nothing. Write \
                 the path out"
            }
            _ if rule.min_wrapping_ttl > 0 || rule.max_wrapping_ttl > 0 => {
                "response wrapping is not served, so a rule with min_wrapping_ttl or max_wrapping_ttl can allow \
                 nothing. Leave them out"
            }
            _ => return None,
        };
        Some(DocumentError::Stanza { path: rule.path.clone(), what: what.to_owned() })
    })
}

fn check_keys(place: Option<&str>, items: &[Item], known: &[&str]) -> Result<(), DocumentError> {
    let unknown = items.iter().filter(|item| !known.contains(&item.keys[0].as_str()));
    let say = |item: &Item| {
        let (key, line) = (&item.keys[0], item.line);
        match place.is_some() && KEYS_NOT_SERVED.contains(&key.as_str()) {
            true => format!("{key:?} on line {line} is not served"),
            false => format!("invalid key {key:?} on line {line}"),
        }
    };
    let keys: Vec<String> = unknown.map(say).collect();
    if keys.is_empty() {
        return Ok(());
    }
    Err(DocumentError::UnknownKeys { place: place.map(str::to_owned), keys })
}

/// The stanzas of one `path` item: `path "a" {}`, or in JSON `"path": {"a": {}}` and lists of these.
fn stanzas(item: &Item) -> Result<Vec<(&str, &[Item])>, DocumentError> {
    let shape = || DocumentError::Shape(item.line);
    match (&item.keys[1..], &item.value) {
        ([path], Value::Object(body)) => Ok(vec![(path, body)]),
        ([path], Value::List(bodies)) => bodies.iter().map(|body| Ok((path.as_str(), object(body, item)?))).collect(),
        ([], Value::List(values)) => {
            let mut found = Vec::new();
            for value in values {
                found.extend(inner(object(value, item)?)?);
            }
            Ok(found)
        }
        ([], Value::Object(items)) => inner(items),
        _ => Err(shape()),
    }
}

/// One `path` of a document whose syntax holds, and where it stands.
pub struct Stanza<'a> {
    /// The pattern as it is written.
    pub path: &'a str,
    /// The bytes of the pattern.
    pub span: Range<usize>,
    /// What is said of it.
    pub body: &'a [Item],
}

/// The `path` stanzas of a document, in its order. What does not have their shape is left out.
pub fn stanzas_of(items: &[Item]) -> Vec<Stanza<'_>> {
    fn add<'a>(item: &'a Item, at: usize, found: &mut Vec<Stanza<'a>>) {
        let bodies = match &item.value {
            Value::List(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for body in bodies {
            match (item.keys.get(at), body) {
                (Some(path), Value::Object(body)) if item.keys.len() == at + 1 => {
                    found.push(Stanza { path, span: item.key_spans[at].clone(), body });
                }
                (None, Value::Object(items)) => items.iter().for_each(|item| add(item, 0, found)),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    items.iter().filter(|item| item.keys[0] == "path").for_each(|item| add(item, 1, &mut found));
    found
}

/// Where in a document an error is, as far as it can be told.
pub fn place(items: &[Item], error: &DocumentError) -> Option<Range<usize>> {
    let key = |item: &Item| item.key_spans.first().cloned();
    let unknown = |items: &[Item], known: &[&str]| {
        items.iter().find(|item| !known.contains(&item.keys[0].as_str())).and_then(key)
    };
    match error {
        DocumentError::Syntax(error) => Some(error.offset..error.offset),
        DocumentError::UnknownKeys { place: None, .. } => unknown(items, &["name", "path"]),
        DocumentError::UnknownKeys { place: Some(path), .. } => stanzas_of(items)
            .into_iter()
            .filter(|stanza| stanza.path == path)
            .find_map(|stanza| unknown(stanza.body, &STANZA_KEYS)),
        DocumentError::Stanza { path, .. } => {
            let same = |stanza: &Stanza<'_>| stanza.path == path || stanza.path.strip_prefix('/') == Some(path);
            stanzas_of(items).into_iter().find(same).map(|stanza| stanza.span)
        }
        DocumentError::Shape(line) => items.iter().find(|item| item.line == *line).and_then(key),
    }
}

fn inner(items: &[Item]) -> Result<Vec<(&str, &[Item])>, DocumentError> {
    let mut found = Vec::new();
    for item in items {
        match (item.keys.as_slice(), &item.value) {
            ([path], Value::Object(body)) => found.push((path.as_str(), body.as_slice())),
            ([path], Value::List(bodies)) => {
                for body in bodies {
                    found.push((path.as_str(), object(body, item)?));
                }
            }
            _ => return Err(DocumentError::Shape(item.line)),
        }
    }
    Ok(found)
}

fn object<'a>(value: &'a Value, item: &Item) -> Result<&'a [Item], DocumentError> {
    match value {
        Value::Object(items) => Ok(items),
        _ => Err(DocumentError::Shape(item.line)),
    }
}

const STANZA_KEYS: [&str; 8] = [
    "comment",
    "policy",
    "capabilities",
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    "min_wrapping_ttl",
    "max_wrapping_ttl",
];

/// Keys that other engines have. Source: Vault, "Policies" (Enterprise), and OpenBao, "Policies".
const KEYS_NOT_SERVED: [&str; 8] = [
    "control_group",
    "expiration",
    "list_scan_response_keys_filter_path",
    "mfa_methods",
    "pagination_limit",
    "required_sentinel_policies",
    "response_keys_filter_path",
    "subscribe_event_types",
];

/// Capabilities that other engines have. Source: as for the keys.
const CAPABILITIES_NOT_SERVED: [&str; 3] = ["recover", "scan", "subscribe"];

fn stanza(path: &str, body: &[Item]) -> Result<Rule, DocumentError> {
    let fail = |what: String| DocumentError::Stanza { path: path.to_owned(), what };
    check_keys(Some(path), body, &STANZA_KEYS)?;
    if path.contains("+*") {
        return Err(fail("invalid use of wildcards ('+*' is forbidden)".to_owned()));
    }
    check_template(path).map_err(fail)?;
    let mut rule = Rule::new(path.strip_prefix('/').unwrap_or(path), Capabilities::default());
    for (index, item) in body.iter().enumerate() {
        // The second would replace the first, which may be the narrower one.
        if body[..index].iter().any(|earlier| earlier.keys[0] == item.keys[0]) {
            return Err(fail(format!("{:?} is set again on line {}", item.keys[0], item.line)));
        }
        field(&mut rule, item).map_err(fail)?;
    }
    if rule.capabilities.has(Capability::Deny) {
        rule.capabilities = Capabilities::of(&[Capability::Deny]);
    }
    if rule.max_wrapping_ttl > 0 && rule.max_wrapping_ttl < rule.min_wrapping_ttl {
        return Err(fail("max_wrapping_ttl cannot be less than min_wrapping_ttl".to_owned()));
    }
    Ok(rule)
}

fn field(rule: &mut Rule, item: &Item) -> Result<(), String> {
    let [key] = item.keys.as_slice() else {
        return Err(format!("{:?} on line {} takes no label", item.keys[0], item.line));
    };
    match key.as_str() {
        "policy" => rule.capabilities.add(&legacy(&text(key, &item.value)?)?),
        "capabilities" => {
            for name in texts(key, &item.value)? {
                let capability = Capability::from_name(&name).ok_or_else(|| {
                    match CAPABILITIES_NOT_SERVED.contains(&name.as_str()) {
                        true => format!("the capability {name:?} is not served"),
                        false => format!("invalid capability {name:?}"),
                    }
                })?;
                rule.capabilities.add(&[capability]);
            }
        }
        "allowed_parameters" => rule.allowed_parameters = parameters(key, &item.value)?,
        "denied_parameters" => rule.denied_parameters = parameters(key, &item.value)?,
        "required_parameters" => rule.required_parameters = texts(key, &item.value)?,
        "min_wrapping_ttl" => rule.min_wrapping_ttl = ttl(key, &item.value)?,
        "max_wrapping_ttl" => rule.max_wrapping_ttl = ttl(key, &item.value)?,
        _ => {}
    }
    Ok(())
}

fn legacy(name: &str) -> Result<Vec<Capability>, String> {
    use Capability::{Create, Delete, Deny, List, Read, Sudo, Update};
    Ok(match name {
        "deny" => vec![Deny],
        "read" => vec![Read, List],
        "write" => vec![Create, Read, Update, Delete, List],
        "sudo" => vec![Create, Read, Update, Delete, List, Sudo],
        _ => return Err(format!("invalid policy {name:?}")),
    })
}

fn text(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        _ => Err(format!("{key:?} must be a string")),
    }
}

fn texts(key: &str, value: &Value) -> Result<Vec<String>, String> {
    let strings = || format!("{key:?} must be a list of strings");
    let Value::List(values) = value else { return Err(strings()) };
    values.iter().map(|value| text(key, value).map_err(|_| strings())).collect()
}

fn parameters(key: &str, value: &Value) -> Result<Vec<(String, Vec<Allowed>)>, String> {
    let lists = || format!("{key:?} must be a map of lists");
    let items = match value {
        Value::Object(items) => items.as_slice(),
        // JSON documents converted from HCL 1 wrap maps in a list of one.
        Value::List(values) => match values.as_slice() {
            [Value::Object(items)] => items,
            _ => return Err(lists()),
        },
        _ => return Err(lists()),
    };
    items
        .iter()
        .map(|item| match (item.keys.as_slice(), &item.value) {
            ([name], Value::List(values)) => {
                Ok((name.to_lowercase(), values.iter().map(allowed).collect::<Option<_>>().ok_or_else(lists)?))
            }
            _ => Err(lists()),
        })
        .collect()
}

fn allowed(value: &Value) -> Option<Allowed> {
    match value {
        Value::Text(text) => Some(Allowed::Text(text.clone())),
        Value::Number(number) => Some(Allowed::Number(number.clone())),
        Value::Bool(flag) => Some(Allowed::Bool(*flag)),
        Value::List(_) | Value::Object(_) => None,
    }
}

fn ttl(key: &str, value: &Value) -> Result<i64, String> {
    let parsed = match value {
        Value::Text(text) => duration::parse(text),
        Value::Number(number) => number.as_i64().ok_or_else(|| "not a whole number".to_owned()),
        _ => Err("not a duration".to_owned()),
    };
    let seconds = parsed.map_err(|detail| format!("error parsing {key}: {detail}"))?;
    if seconds < 0 { Err(format!("error parsing {key}: cannot be negative")) } else { Ok(seconds) }
}

/// A `{{...}}` must be closed and name something of the caller's identity.
fn check_template(path: &str) -> Result<(), String> {
    let mut rest = path;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, next)) = after.split_once("}}") else {
            return Err("failed to validate policy templating: unbalanced templating characters".to_owned());
        };
        if before.contains("}}") || name.contains("{{") {
            return Err("failed to validate policy templating: unbalanced templating characters".to_owned());
        }
        if !name.trim().starts_with("identity.") {
            return Err(format!("failed to validate policy templating: no template {:?} found", name.trim()));
        }
        rest = next;
    }
    if rest.contains("}}") {
        return Err("failed to validate policy templating: unbalanced templating characters".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Capabilities;
    use super::super::Capability::{Deny, List, Read, Update};
    use super::{Allowed, parse, parse_with_templates};

    fn refused(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_stanza_with_everything_parses() {
        let rules = parse(
            r#"path "/aws/creds/+/x*" {
                 capabilities = ["read", "update"]
                 required_parameters = ["ttl"]
                 allowed_parameters = { "TTL" = ["1h", 5, true], "*" = [] }
                 denied_parameters { "role_arn" = [] }
                 min_wrapping_ttl = "1m"
                 max_wrapping_ttl = "1h"
               }"#,
        )
        .unwrap();
        let [rule] = rules.as_slice() else { panic!("one rule") };
        assert_eq!(rule.path, "aws/creds/+/x*");
        assert_eq!(rule.capabilities, Capabilities::of(&[Read, Update]));
        assert_eq!(rule.required_parameters, ["ttl"]);
        assert_eq!(
            rule.allowed_parameters[0],
            ("ttl".into(), vec![Allowed::Text("1h".into()), Allowed::Number(5.into()), Allowed::Bool(true)])
        );
        assert_eq!(rule.allowed_parameters[1], ("*".into(), vec![]));
        assert_eq!(rule.denied_parameters, [("role_arn".into(), vec![])]);
        assert_eq!((rule.min_wrapping_ttl, rule.max_wrapping_ttl), (60, 3600));
    }

    #[test]
    fn json_and_hcl_say_the_same() {
        let hcl = parse("path \"a/*\" { capabilities = [\"read\"] }\npath \"b\" { policy = \"deny\" }").unwrap();
        for json in [
            r#"{"path": {"a/*": {"capabilities": ["read"]}, "b": {"policy": "deny"}}}"#,
            r#"{"path": [{"a/*": {"capabilities": ["read"]}}, {"b": {"policy": "deny"}}]}"#,
            r#"{"path": {"a/*": [{"capabilities": ["read"]}], "b": [{"policy": "deny"}]}}"#,
        ] {
            assert_eq!(parse(json).unwrap(), hcl, "{json}");
        }
    }

    #[test]
    fn deny_clears_the_rest_and_legacy_words_expand() {
        let rules =
            parse("path \"a\" { capabilities = [\"read\", \"deny\"] } path \"b\" { policy = \"read\" } name = \"x\"")
                .unwrap();
        assert_eq!(rules[0].capabilities, Capabilities::of(&[Deny]));
        assert_eq!(rules[1].capabilities, Capabilities::of(&[Read, List]));
    }

    #[test]
    fn templated_stanzas_are_left_out_unless_asked_for() {
        let text =
            "path \"kv/{{identity.entity.id}}/*\" { capabilities = [\"read\"] } path \"b\" { policy = \"read\" }";
        let paths = |rules: Vec<super::Rule>| rules.into_iter().map(|rule| rule.path).collect::<Vec<_>>();
        assert_eq!(paths(parse(text).unwrap()), ["b"]);
        assert_eq!(paths(parse_with_templates(text).unwrap()), ["kv/{{identity.entity.id}}/*", "b"]);
    }

    #[test]
    fn what_the_language_does_not_have_is_refused() {
        for (text, error) in [
            ("paht \"a\" {}", "failed to parse policy: 1 error occurred:\n\t* invalid key \"paht\" on line 1\n\n"),
            (
                "path \"a\" {\n capabilites = []\n x = 1\n}",
                "failed to parse policy: path \"a\": 2 errors occurred:\n\t* invalid key \"capabilites\" on line 2\n\t* invalid key \"x\" on line 3\n\n",
            ),
            (
                "path \"a\" { capabilities = [\"raed\"] }",
                "failed to parse policy: path \"a\": invalid capability \"raed\"",
            ),
            (
                "path \"secret/+*\" { policy = \"read\" }",
                "failed to parse policy: path \"secret/+*\": invalid use of wildcards ('+*' is forbidden)",
            ),
            (
                "path \"a\" {\n capabilities = []\n capabilities = [] }",
                "failed to parse policy: path \"a\": \"capabilities\" is set again on line 3",
            ),
            ("path \"a\" { policy = \"x\" }", "failed to parse policy: path \"a\": invalid policy \"x\""),
            (
                "path \"a\" { capabilities = \"read\" }",
                "failed to parse policy: path \"a\": \"capabilities\" must be a list of strings",
            ),
            ("path \"a\" \"b\" {}", "failed to parse policy: line 1: expected: path \"<path>\" { ... }"),
            ("path = 1", "failed to parse policy: line 1: expected: path \"<path>\" { ... }"),
            (
                "path \"a\" { min_wrapping_ttl = \"2h\" max_wrapping_ttl = \"1h\" }",
                "failed to parse policy: path \"a\": max_wrapping_ttl cannot be less than min_wrapping_ttl",
            ),
            (
                "path \"a\" { allowed_parameters = { x = \"1\" } }",
                "failed to parse policy: path \"a\": \"allowed_parameters\" must be a map of lists",
            ),
            (
                "path \"a/{{identity.entity.id\" {}",
                "failed to parse policy: path \"a/{{identity.entity.id\": failed to validate policy templating: unbalanced templating characters",
            ),
            (
                "path \"a/{{foo}}\" {}",
                "failed to parse policy: path \"a/{{foo}}\": failed to validate policy templating: no template \"foo\" found",
            ),
            ("path", "failed to parse policy: At 1:5: key is not followed by a value"),
        ] {
            assert_eq!(refused(text), error);
        }
    }
}
