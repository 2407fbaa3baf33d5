//! A policy document: text in, rules out, with Vault's error texts.
//!
//! An unknown key or capability is an error, never ignored: a misspelt restriction would be a grant.

use std::ops::Range;

use serde_json::Number;

use super::capability::{Capabilities, Capability};
use super::hcl::{self, Item, Node, Value};
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
    /// Keys that only other engines understand, each with its value as it is written.
    pub foreign: Vec<(&'static str, String)>,
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
            foreign: vec![],
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
        /// The bytes of the first.
        span: Range<usize>,
    },
    /// A stanza says something it cannot mean.
    #[error("failed to parse policy: path {path:?}: {what}")]
    Stanza {
        /// Its path.
        path: String,
        /// What is wrong.
        what: String,
        /// The bytes of what is wrong.
        span: Range<usize>,
    },
    /// A `path` is not followed by one label and a block.
    #[error("failed to parse policy: line {line}: expected: path \"<path>\" {{ ... }}")]
    Shape {
        /// Its line, from 1.
        line: usize,
        /// Its bytes.
        span: Range<usize>,
    },
    /// A stanza says what only other engines can do.
    #[error("failed to parse policy: path {path:?}: {feature}")]
    NotServed {
        /// Its path.
        path: String,
        /// What it asks for.
        feature: Feature,
        /// The bytes of what asks for it.
        span: Range<usize>,
    },
}

impl DocumentError {
    /// The bytes of what is wrong.
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Syntax(error) => error.offset..error.offset,
            Self::UnknownKeys { span, .. }
            | Self::Stanza { span, .. }
            | Self::Shape { span, .. }
            | Self::NotServed { span, .. } => span.clone(),
        }
    }
}

/// What other engines serve and ours refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Feature {
    /// A key.
    #[error("{key:?} on line {line} is not served")]
    Key {
        /// Its name.
        key: &'static str,
        /// Its line, from 1.
        line: usize,
    },
    /// A capability.
    #[error("the capability {:?} is not served", .0.name())]
    Capability(Capability),
}

impl Feature {
    /// Its name.
    pub fn name(self) -> String {
        match self {
            Self::Key { key, .. } => format!("`{key}` in policies"),
            Self::Capability(capability) => format!("capability `{}`", capability.name()),
        }
    }
}

/// Several errors in the form that Vault gives them.
fn multi(errors: &[String]) -> String {
    let noun = if errors.len() == 1 { "error" } else { "errors" };
    let list: String = errors.iter().map(|error| format!("\n\t* {error}")).collect();
    format!("{} {noun} occurred:{list}\n\n", errors.len())
}

/// Parses a document, without the stanzas whose path holds an identity template: what it says to who is nobody.
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
    Document::parse(text)?.rules()
}

/// A document whose syntax holds. Everything in it knows its place: what the engine refuses and what the check of an
/// estate tells come from here.
#[derive(Debug)]
pub struct Document {
    items: Vec<Item>,
}

/// One `path` of a document, and where it stands.
#[derive(Debug)]
pub struct Stanza<'a> {
    /// The pattern as it is written.
    pub path: &'a str,
    /// The bytes of the pattern.
    pub span: Range<usize>,
    /// What is said of it.
    pub body: &'a [Item],
}

impl Stanza<'_> {
    /// The names in its lists of capabilities, and their bytes. What is no list of texts is left out.
    pub fn capabilities(&self) -> impl Iterator<Item = (&str, Range<usize>)> {
        let lists = self.body.iter().filter(|item| item.keys == ["capabilities"]);
        let nodes = lists.flat_map(|item| match &item.node.value {
            Value::List(nodes) => nodes.as_slice(),
            _ => &[],
        });
        nodes.filter_map(|node| match &node.value {
            Value::Text(name) => Some((name.as_str(), node.span.clone())),
            _ => None,
        })
    }
}

impl Document {
    /// Reads the syntax.
    ///
    /// # Errors
    /// Where the text is no HCL 1 and no JSON.
    pub fn parse(text: &str) -> Result<Self, hcl::SyntaxError> {
        Ok(Self { items: hcl::parse(text)? })
    }

    /// Its rules.
    ///
    /// # Errors
    /// The first thing that Vault refuses, in its words.
    pub fn rules(&self) -> Result<Vec<Rule>, DocumentError> {
        check_keys(None, &self.items, &TOP_KEYS)?;
        let mut rules = Vec::new();
        for item in self.items.iter().filter(|item| item.keys[0] == "path") {
            for stanza in stanzas(item) {
                rules.push(rule_of(&stanza?)?);
            }
        }
        Ok(rules)
    }

    /// What stands beside the stanzas and is not known: each key, whether it has labels, and its bytes.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, bool, Range<usize>)> {
        let unknown = self.items.iter().filter(|item| !TOP_KEYS.contains(&item.keys[0].as_str()));
        unknown.map(|item| (item.keys[0].as_str(), item.keys.len() > 1, item.key_span()))
    }

    /// The `path` stanzas, in their order. What does not have their shape is left out.
    pub fn stanzas(&self) -> Vec<Stanza<'_>> {
        let paths = self.items.iter().filter(|item| item.keys[0] == "path");
        paths.flat_map(stanzas).filter_map(Result::ok).collect()
    }

    /// What a document whose rules hold says that only other engines can do.
    pub fn not_served(&self) -> Option<DocumentError> {
        self.stanzas().into_iter().find_map(|stanza| {
            let (feature, span) = Self::not_served_of(&stanza)?;
            let path = stanza.path.strip_prefix('/').unwrap_or(stanza.path).to_owned();
            Some(DocumentError::NotServed { path, feature, span })
        })
    }

    fn not_served_of(stanza: &Stanza<'_>) -> Option<(Feature, Range<usize>)> {
        if let Some((item, key)) = stanza.body.iter().find_map(|item| Some((item, foreign(&item.keys[0])?))) {
            return Some((Feature::Key { key, line: item.line }, item.key_span()));
        }
        let unserved = |(name, span)| {
            let capability = Capability::from_name(name).filter(|capability| !capability.is_served())?;
            Some((Feature::Capability(capability), span))
        };
        stanza.capabilities().find_map(unserved)
    }
}

const TOP_KEYS: [&str; 2] = ["name", "path"];

fn check_keys(place: Option<&str>, items: &[Item], known: &[&str]) -> Result<(), DocumentError> {
    let is_foreign = |key: &str| place.is_some() && foreign(key).is_some();
    let is_known = |key: &str| known.contains(&key) || is_foreign(key);
    let unknown = || items.iter().filter(|item| !is_known(&item.keys[0]));
    let say = |item: &Item| format!("invalid key {:?} on line {}", item.keys[0], item.line);
    let Some(first) = unknown().next() else { return Ok(()) };
    Err(DocumentError::UnknownKeys {
        place: place.map(str::to_owned),
        keys: unknown().map(say).collect(),
        span: first.key_span(),
    })
}

/// The stanzas of one `path` item: `path "a" {}`, or in JSON `"path": {"a": {}}` and lists of these.
fn stanzas(item: &Item) -> Vec<Result<Stanza<'_>, DocumentError>> {
    let nodes = match &item.node.value {
        Value::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(&item.node),
    };
    match item.keys.len() {
        1 => nodes.iter().flat_map(|node| inner(node, item)).collect(),
        2 => bodies(item, 1),
        _ => vec![Err(shape(item))],
    }
}

fn inner<'a>(node: &'a Node, of: &Item) -> Vec<Result<Stanza<'a>, DocumentError>> {
    let bodies = |item: &'a Item| if item.keys.len() == 1 { bodies(item, 0) } else { vec![Err(shape(item))] };
    match object(node, of) {
        Ok(items) => items.iter().flat_map(bodies).collect(),
        Err(error) => vec![Err(error)],
    }
}

/// What is said of the path that an item's key `at` is: a block, or a list of them.
fn bodies(item: &Item, at: usize) -> Vec<Result<Stanza<'_>, DocumentError>> {
    let nodes = match &item.node.value {
        Value::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(&item.node),
    };
    let stanza =
        |node| Ok(Stanza { path: &item.keys[at], span: item.key_spans[at].clone(), body: object(node, item)? });
    nodes.iter().map(stanza).collect()
}

fn object<'a>(node: &'a Node, item: &Item) -> Result<&'a [Item], DocumentError> {
    match &node.value {
        Value::Object(items) => Ok(items),
        _ => Err(shape(item)),
    }
}

fn shape(item: &Item) -> DocumentError {
    DocumentError::Shape { line: item.line, span: item.key_span() }
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

/// Keys of a stanza that only other engines have. Source: Vault, "Policies" (Enterprise), and OpenBao, "Policies".
const FOREIGN_KEYS: [&str; 8] = [
    "control_group",
    "expiration",
    "list_scan_response_keys_filter_path",
    "mfa_methods",
    "pagination_limit",
    "required_sentinel_policies",
    "response_keys_filter_path",
    "subscribe_event_types",
];

fn foreign(key: &str) -> Option<&'static str> {
    FOREIGN_KEYS.into_iter().find(|foreign| *foreign == key)
}

/// An item's labels and value, the same however it is laid out.
fn said(item: &Item) -> String {
    fn value(node: &Node) -> String {
        let all = |of: Vec<String>| of.join(",");
        match &node.value {
            Value::List(nodes) => format!("[{}]", all(nodes.iter().map(value).collect())),
            Value::Object(items) => {
                format!("{{{}}}", all(items.iter().map(|item| format!("{:?} {}", item.keys[0], said(item))).collect()))
            }
            plain => format!("{plain:?}"),
        }
    }
    item.keys[1..].iter().map(|label| format!("{label:?} ")).chain([value(&item.node)]).collect()
}

/// What is wrong with a stanza, and its bytes.
type Wrong = (String, Range<usize>);

fn rule_of(stanza: &Stanza<'_>) -> Result<Rule, DocumentError> {
    let path = stanza.path;
    check_keys(Some(path), stanza.body, &STANZA_KEYS)?;
    says(stanza).map_err(|(what, span)| DocumentError::Stanza { path: path.to_owned(), what, span })
}

fn says(stanza: &Stanza<'_>) -> Result<Rule, Wrong> {
    let (path, body) = (stanza.path, stanza.body);
    if path.contains("+*") {
        return Err(("invalid use of wildcards ('+*' is forbidden)".to_owned(), stanza.span.clone()));
    }
    check_template(path).map_err(|what| (what, stanza.span.clone()))?;
    let mut rule = Rule::new(path.strip_prefix('/').unwrap_or(path), Capabilities::default());
    for (index, item) in body.iter().enumerate() {
        // The second would replace the first, which may be the narrower one.
        if body[..index].iter().any(|earlier| earlier.keys[0] == item.keys[0]) {
            return Err((format!("{:?} is set again on line {}", item.keys[0], item.line), item.key_span()));
        }
        match foreign(&item.keys[0]) {
            Some(key) => rule.foreign.push((key, said(item))),
            None => field(&mut rule, item)?,
        }
    }
    rule.foreign.sort_unstable();
    if rule.capabilities.has(Capability::Deny) {
        rule.capabilities = Capabilities::of(&[Capability::Deny]);
    }
    if rule.max_wrapping_ttl > 0 && rule.max_wrapping_ttl < rule.min_wrapping_ttl {
        let least = body.iter().find(|item| item.keys[0] == "max_wrapping_ttl");
        let span = least.map_or(stanza.span.clone(), |item| item.node.span.clone());
        return Err(("max_wrapping_ttl cannot be less than min_wrapping_ttl".to_owned(), span));
    }
    Ok(rule)
}

fn field(rule: &mut Rule, item: &Item) -> Result<(), Wrong> {
    let [key] = item.keys.as_slice() else {
        return Err((format!("{:?} on line {} takes no label", item.keys[0], item.line), item.key_spans[1].clone()));
    };
    let node = &item.node;
    match key.as_str() {
        "policy" => {
            let named = text(key, node)?;
            rule.capabilities.add(&legacy(&named).map_err(|what| (what, node.span.clone()))?);
        }
        "capabilities" => {
            for (name, span) in texts(key, node)? {
                let capability =
                    Capability::from_name(&name).ok_or_else(|| (format!("invalid capability {name:?}"), span))?;
                rule.capabilities.add(&[capability]);
            }
        }
        "allowed_parameters" => rule.allowed_parameters = parameters(key, node)?,
        "denied_parameters" => rule.denied_parameters = parameters(key, node)?,
        "required_parameters" => {
            rule.required_parameters = texts(key, node)?.into_iter().map(|(name, _)| name).collect();
        }
        "min_wrapping_ttl" => rule.min_wrapping_ttl = ttl(key, node)?,
        "max_wrapping_ttl" => rule.max_wrapping_ttl = ttl(key, node)?,
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

fn text(key: &str, node: &Node) -> Result<String, Wrong> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        _ => Err((format!("{key:?} must be a string"), node.span.clone())),
    }
}

fn texts(key: &str, node: &Node) -> Result<Vec<(String, Range<usize>)>, Wrong> {
    let strings = |node: &Node| (format!("{key:?} must be a list of strings"), node.span.clone());
    let Value::List(nodes) = &node.value else { return Err(strings(node)) };
    let one = |node: &Node| Ok((text(key, node).map_err(|_| strings(node))?, node.span.clone()));
    nodes.iter().map(one).collect()
}

fn parameters(key: &str, node: &Node) -> Result<Vec<(String, Vec<Allowed>)>, Wrong> {
    let lists = |span: &Range<usize>| (format!("{key:?} must be a map of lists"), span.clone());
    let items = match &node.value {
        Value::Object(items) => items.as_slice(),
        // JSON documents converted from HCL 1 wrap maps in a list of one.
        Value::List(nodes) => match nodes.as_slice() {
            [Node { value: Value::Object(items), .. }] => items,
            _ => return Err(lists(&node.span)),
        },
        _ => return Err(lists(&node.span)),
    };
    let parameter = |item: &Item| match (item.keys.as_slice(), &item.node.value) {
        ([name], Value::List(nodes)) => {
            let values = nodes.iter().map(|node| allowed(&node.value).ok_or_else(|| lists(&node.span)));
            Ok((name.to_lowercase(), values.collect::<Result<_, _>>()?))
        }
        _ => Err(lists(&item.node.span)),
    };
    items.iter().map(parameter).collect()
}

fn allowed(value: &Value) -> Option<Allowed> {
    match value {
        Value::Text(text) => Some(Allowed::Text(text.clone())),
        Value::Number(number) => Some(Allowed::Number(number.clone())),
        Value::Bool(flag) => Some(Allowed::Bool(*flag)),
        Value::List(_) | Value::Object(_) => None,
    }
}

fn ttl(key: &str, node: &Node) -> Result<i64, Wrong> {
    let parsed = match &node.value {
        Value::Text(text) => duration::parse(text),
        Value::Number(number) => number.as_i64().ok_or_else(|| "not a whole number".to_owned()),
        _ => Err("not a duration".to_owned()),
    };
    let seconds = parsed.map_err(|detail| format!("error parsing {key}: {detail}"));
    match seconds {
        Ok(seconds) if seconds < 0 => Err((format!("error parsing {key}: cannot be negative"), node.span.clone())),
        Ok(seconds) => Ok(seconds),
        Err(what) => Err((what, node.span.clone())),
    }
}

/// A `{{...}}` must be closed and name something of the caller's identity.
///
/// # Errors
/// What is wrong, in Vault's words.
pub fn check_template(path: &str) -> Result<(), String> {
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
    use super::super::Capability::{Deny, List, Read, Scan, Update};
    use super::{Allowed, Document, DocumentError, Feature, parse, parse_with_templates};

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
    fn keys_of_other_engines_are_kept_the_same_however_they_are_laid_out() {
        let rule = |text: &str| parse(text).expect(text).remove(0).foreign;
        let one =
            rule("path \"a\" {\n  mfa_methods = [\"x\"]\n  control_group = { factor \"f\" { approvals = 2 } }\n}");
        assert_eq!(one.len(), 2, "{one:?}");
        let same = "path \"a\" { control_group = { factor \"f\" { approvals = 2 } } mfa_methods = [\n\"x\",\n] }";
        assert_eq!(one, rule(same));
        for other in [same.replace('2', "1"), same.replace("\"f\"", "\"g\""), same.replace("\"x\"", "\"y\"")] {
            assert_ne!(one, rule(&other), "{other}");
        }
    }

    #[test]
    fn what_is_refused_is_told_with_its_place() {
        for (text, place) in [
            ("name = 1\npaht \"a\" {}", "paht"),
            ("path \"a\" {\n x = 1\n y = 2 }", "x"),
            ("path \"a\" { capabilities = [\"list\", \"raed\"] }", "\"raed\""),
            ("path \"a\" { capabilities = [\"r\\u0061ed\"] }", "\"r\\u0061ed\""),
            ("path \"a\" { capabilities = \"read\" }", "\"read\""),
            ("path \"a\" { capabilities = [\"read\", 5] }", "5"),
            ("path \"b/+*\" { policy = \"read\" }", "\"b/+*\""),
            ("path \"a\" { policy = \"x\" }", "\"x\""),
            ("path \"a\" { policy \"b\" { } }", "\"b\""),
            ("path \"a\" { comment = 1 comment = 2 }", "comment"),
            ("path \"a\" \"b\" {}", "path"),
            ("{\"path\": [{\"a\": {}}, {\"b\": 7}]}", "\"b\""),
            ("path \"a\" { min_wrapping_ttl = \"2h\" max_wrapping_ttl = \"1h\" }", "\"1h\""),
            ("path \"a\" { max_wrapping_ttl = \"soon\" }", "\"soon\""),
            ("path \"a\" { allowed_parameters = { x = [1], y = \"2\" } }", "\"2\""),
            ("path \"a\" { denied_parameters = { x = [[3]] } }", "[3]"),
            ("path \"a/{{foo}}\" {}", "\"a/{{foo}}\""),
        ] {
            let span = parse(text).unwrap_err().span();
            assert_eq!(&text[span.clone()], place, "{text}");
            assert_eq!(span.start, text.rfind(place).expect("there"), "{text}");
        }
        for (text, feature, place) in [
            ("path \"a\" {\n expiration = \"2027-01-01\" }", Feature::Key { key: "expiration", line: 2 }, "expiration"),
            (
                "path \"a\" { control_group = { ttl = \"1h\" } }",
                Feature::Key { key: "control_group", line: 1 },
                "control_group",
            ),
            ("path \"a\" { capabilities = [\"list\", \"scan\"] }", Feature::Capability(Scan), "\"scan\""),
        ] {
            let document = Document::parse(text).expect("parses");
            assert!(document.rules().is_ok(), "{text}");
            let error = document.not_served().expect(text);
            assert!(matches!(error, DocumentError::NotServed { feature: found, .. } if found == feature), "{error}");
            assert_eq!(&text[error.span()], place);
        }
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
