//! Policies that Terraform's data sources put together of blocks: of engines, and of IAM.
//!
//! Source: documentation of the data sources `vault_policy_document` and `aws_iam_policy_document`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::value::text_of;

/// A block, with what its attributes are.
#[derive(Debug, Default)]
pub(super) struct Evaluated {
    pub(super) attributes: BTreeMap<String, Value>,
    pub(super) blocks: Vec<(String, Self)>,
}

impl Evaluated {
    fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.blocks.iter().filter(move |(other, _)| other == name).map(|(_, block)| block)
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        match self.attributes.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(text_of).collect(),
            Some(_) => Err(format!("{name} is no list")),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        self.attributes.get(name).filter(|value| !value.is_null()).map(text_of).transpose()
    }

    /// The first of its words that is not among these.
    fn odd(&self, known: &[&str]) -> Option<&str> {
        let names = self.attributes.keys().chain(self.blocks.iter().map(|(name, _)| name));
        names.map(String::as_str).find(|name| !known.contains(name))
    }
}

/// The attribute of a data source of this type that is a document, if this is one, and what it comes to.
pub(super) fn rendered(sort: &str, attribute: &str, data: &Evaluated) -> Option<Result<String, String>> {
    match (sort, attribute) {
        ("vault_policy_document", "hcl") => Some(rules(data)),
        ("aws_iam_policy_document", "json" | "minified_json") => Some(statements(data)),
        _ => None,
    }
}

/// The rules of a policy of an engine, in its language.
fn rules(data: &Evaluated) -> Result<String, String> {
    if let Some(odd) = data.odd(&["rule", "namespace"]) {
        return Err(format!("{odd} of the document is not known here"));
    }
    let rules = data.all("rule").map(rule).collect::<Result<Vec<_>, _>>()?;
    Ok(rules.join("\n"))
}

fn rule(rule: &Evaluated) -> Result<String, String> {
    const KNOWN: [&str; 9] = [
        "path",
        "capabilities",
        "description",
        "required_parameters",
        "subscribe_event_types",
        "allowed_parameter",
        "denied_parameter",
        "min_wrapping_ttl",
        "max_wrapping_ttl",
    ];
    if let Some(odd) = rule.odd(&KNOWN) {
        return Err(format!("{odd} of a rule is not known here"));
    }
    let mut out = String::new();
    if let Some(description) = rule.text("description")?.filter(|text| !text.is_empty()) {
        description.lines().for_each(|line| out.push_str(&format!("# {line}\n")));
    }
    let path = rule.text("path")?.ok_or("a rule has no path")?;
    out.push_str(&format!("path {} {{\n", Value::from(path)));
    out.push_str(&format!("  capabilities = {}\n", listed(&rule.texts("capabilities")?)));
    for name in ["required_parameters", "subscribe_event_types"] {
        let items = rule.texts(name)?;
        if !items.is_empty() {
            out.push_str(&format!("  {name} = {}\n", listed(&items)));
        }
    }
    for (name, key) in [("allowed_parameter", "allowed_parameters"), ("denied_parameter", "denied_parameters")] {
        let mut parameters = BTreeMap::new();
        for block in rule.all(name) {
            parameters.insert(block.text("key")?.ok_or("a parameter has no key")?, block.texts("value")?);
        }
        if !parameters.is_empty() {
            let lines: String =
                parameters.iter().map(|(key, values)| format!("    {} = {}\n", json!(key), listed(values))).collect();
            out.push_str(&format!("  {key} = {{\n{lines}  }}\n"));
        }
    }
    for name in ["min_wrapping_ttl", "max_wrapping_ttl"] {
        if let Some(ttl) = rule.text(name)?.filter(|ttl| !ttl.is_empty()) {
            out.push_str(&format!("  {name} = {}\n", Value::from(ttl)));
        }
    }
    out.push_str("}\n");
    Ok(out)
}

fn listed(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| json!(item).to_string()).collect();
    format!("[{}]", items.join(", "))
}

/// A policy document of IAM.
fn statements(data: &Evaluated) -> Result<String, String> {
    if let Some(odd) = data.odd(&["version", "policy_id", "statement"]) {
        return Err(format!("{odd} of the document is not followed here"));
    }
    let mut document = Map::new();
    document.insert("Version".to_owned(), data.text("version")?.unwrap_or_else(|| "2012-10-17".to_owned()).into());
    if let Some(id) = data.text("policy_id")? {
        document.insert("Id".to_owned(), id.into());
    }
    let statements = data.all("statement").map(statement).collect::<Result<Vec<_>, _>>()?;
    document.insert("Statement".to_owned(), statements.into());
    Ok(Value::Object(document).to_string())
}

fn statement(block: &Evaluated) -> Result<Value, String> {
    const LISTS: [(&str, &str); 4] = [
        ("actions", "Action"),
        ("not_actions", "NotAction"),
        ("resources", "Resource"),
        ("not_resources", "NotResource"),
    ];
    let known: Vec<&str> = LISTS.iter().map(|(word, _)| *word).chain(["sid", "effect", "condition"]).collect();
    if let Some(odd) = block.odd(&known) {
        return Err(format!("{odd} of a statement is not followed here"));
    }
    let mut statement = Map::new();
    if let Some(sid) = block.text("sid")?.filter(|sid| !sid.is_empty()) {
        statement.insert("Sid".to_owned(), sid.into());
    }
    statement.insert("Effect".to_owned(), block.text("effect")?.unwrap_or_else(|| "Allow".to_owned()).into());
    for (word, key) in LISTS {
        let items = block.texts(word)?;
        if !items.is_empty() {
            statement.insert(key.to_owned(), several(items));
        }
    }
    let mut conditions: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for condition in block.all("condition") {
        let text = |name: &str| condition.text(name)?.ok_or_else(|| format!("a condition has no {name}"));
        let (test, variable) = (text("test")?, text("variable")?);
        let values = several(condition.texts("values")?);
        if conditions.entry(test).or_default().insert(variable, values).is_some() {
            return Err("two conditions are about one variable".to_owned());
        }
    }
    if !conditions.is_empty() {
        let conditions = conditions.into_iter().map(|(test, of)| (test, Value::Object(of))).collect();
        statement.insert("Condition".to_owned(), Value::Object(conditions));
    }
    Ok(Value::Object(statement))
}

/// One value as it is, several as a list, in the provider's order; `&{` is how it writes the variables of policies.
fn several(items: Vec<String>) -> Value {
    let mut items: Vec<String> = items.into_iter().map(|item| item.replace("&{", "${")).collect();
    items.sort_unstable_by(|one, other| other.cmp(one));
    match items.as_slice() {
        [only] => Value::from(only.as_str()),
        _ => items.into(),
    }
}
