//! ACL policies: from `path` blocks, or the text of a file.

use std::fmt::Write as _;

use hcl_edit::Span as _;
use serde_json::Value;

use super::{Lowering, is_lower_name};
use crate::acl::{Capability, document};
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::source::Span;
use crate::estate::tree::{Kind, Node, nearest};
use crate::estate::value;
use crate::iam::json;
use crate::object::{FieldValue, Leaf, Shape, acl_policy};

/// As policy documents spell them.
fn capability_names() -> [&'static str; 8] {
    Capability::ALL.map(Capability::name)
}

const PATH_KEYS: &[&str] = &[
    "capabilities",
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    "min_wrapping_ttl",
    "max_wrapping_ttl",
];

impl Lowering<'_> {
    /// `policy "name" { path "..." { ... } }` or `policy "name" { file = "file:acl/name.hcl" }`.
    pub(super) fn policy(&mut self, block: &Block<'_>) {
        self.reader.check_keys(block, &["path", "file", "protect"]);
        let path = format!("sys/policies/acl/{}", block.label);
        if !is_lower_name(block.label) {
            let draft = Draft::error(block.span, format!("`{}` can't be the name of a policy", block.label));
            self.reader.report(draft.hint("a name has lower-case letters, digits, `-`, `_` and `.`"));
        } else if (acl_policy::KIND.built_in)(&path) {
            self.reader.report(Draft::error(block.span, format!("`{}` belongs to the engine itself", block.label)));
        }
        let rules = match (block.map.get("path"), block.map.get("file")) {
            (Some(path), Some(file)) => {
                let draft = Draft::error(file.key_span, "a policy has either `path` blocks or a `file`");
                self.reader.report(draft.also(path.key_span, "the blocks"));
                None
            }
            (None, None) => {
                let draft = Draft::error(block.span, format!("{} has no rules", block.name));
                self.reader.report(draft.hint("add path \"...\" { capabilities = [\"read\"] }"));
                None
            }
            (Some(entry), None) => self.path_rules(block).map(|rules| (rules, entry.key_span)),
            (None, Some(_)) => self.file_rules(block),
        };
        self.policies.insert(block.label.to_owned());
        let mut fields = std::collections::BTreeMap::new();
        if let Some((rules, span)) = rules {
            let value = FieldValue::Data(Value::from(rules.trim()));
            fields.insert("policy", Leaf::new(value, self.reader.place(span)));
        }
        let mut object = self.object(&acl_policy::KIND, path, None, block.span, fields);
        object.protect = self.reader.flag(block, "protect");
        self.add(object, block.span);
    }

    fn path_rules(&mut self, block: &Block<'_>) -> Option<String> {
        let mut text = String::new();
        let paths = self.reader.labelled(block.map, "path");
        for path in &paths {
            self.reader.check_keys(path, PATH_KEYS);
            self.check_path(path.label, path.span);
            if path.label.contains("{{") {
                self.reader.report(not_served("identity templates", path.span));
            }
            if !self.reader.require(path, "capabilities", "[\"read\"]") {
                continue;
            }
            let capabilities = self.reader.texts(path, "capabilities");
            for (capability, span) in &capabilities {
                self.check_capability(capability, *span);
            }
            let names: Vec<&str> = capabilities.iter().map(|(name, _)| *name).collect();
            if !text.is_empty() {
                text.push('\n');
            }
            let _ = writeln!(text, "path {} {{", quoted(path.label));
            let _ = writeln!(text, "  capabilities = {}", list(&names));
            self.parameters(path, &mut text);
            text.push_str("}\n");
        }
        (!paths.is_empty()).then_some(text)
    }

    fn parameters(&mut self, path: &Block<'_>, text: &mut String) {
        for key in ["allowed_parameters", "denied_parameters"] {
            let Some(parameters) = self.reader.inner(path, key) else { continue };
            let _ = writeln!(text, "  {key} = {{");
            for (name, entry) in parameters.map {
                match scalars(&entry.value) {
                    Ok(values) => {
                        let _ = writeln!(text, "    {} = [{}]", quoted(name), values.join(", "));
                    }
                    Err(draft) => self.reader.report(draft),
                }
            }
            text.push_str("  }\n");
        }
        if path.map.contains_key("required_parameters") {
            let names: Vec<&str> =
                self.reader.texts(path, "required_parameters").into_iter().map(|(name, _)| name).collect();
            let _ = writeln!(text, "  required_parameters = {}", list(&names));
        }
        for key in ["min_wrapping_ttl", "max_wrapping_ttl"] {
            if let Some((FieldValue::Data(seconds), span)) = self.reader.value(path, key, Shape::Seconds) {
                let _ = writeln!(text, "  {key} = \"{seconds}s\"");
                self.reader.report(not_served("response wrapping", span));
            }
        }
    }

    pub(super) fn check_path(&mut self, path: &str, span: Span) {
        self.named_paths.push((path.to_owned(), span));
        if path.contains("+*") {
            let draft = Draft::error(span, "`+*` is forbidden in the path of a policy");
            self.reader.report(draft.hint("`+` is one whole segment, and `*` stands only at the end"));
        } else if path.trim_end_matches('*').contains('*') || path.ends_with("**") {
            let draft = Draft::error(span, "`*` has a meaning only at the end of a path");
            self.reader.report(draft.hint("write `+` for one segment"));
        } else if path.is_empty() || path.starts_with('/') {
            self.reader.report(Draft::error(span, "the path of a policy is not empty and has no `/` in front"));
        }
    }

    pub(super) fn check_capability(&mut self, capability: &str, span: Span) {
        if Capability::from_name(capability).is_none() {
            let hint = nearest(capability, capability_names().into_iter())
                .unwrap_or_else(|| format!("known are {}", value::listed(&capability_names())));
            self.reader.report(Draft::error(span, format!("`{capability}` is not a capability")).hint(hint));
        }
    }

    fn file_rules(&mut self, block: &Block<'_>) -> Option<(String, Span)> {
        let (text, span) = self.reader.text(block, "file")?;
        let Some(name) = text.strip_prefix("file:") else {
            let draft = Draft::error(span, format!("`{text}` does not name a file"));
            self.reader.report(draft.hint(format!("write file = \"file:{text}\"")));
            return None;
        };
        let index = match self.reader.sources.reference(name) {
            Ok(index) => index,
            Err(why) => {
                let draft = Draft::error(span, format!("`{name}` can't be read: {why}"));
                self.reader.report(draft.hint("a file is named relative to the estate's directory"));
                return None;
            }
        };
        let source = self.reader.sources.get(index)?;
        if source.text.trim().is_empty() {
            self.reader.report(Draft::error(span, format!("`{name}` is empty")));
            return None;
        }
        self.check_rules(&source.text, index, span);
        Some((source.text.clone(), span))
    }

    /// Checks the text of a policy file, which engines take in HCL or in JSON.
    fn check_rules(&mut self, text: &str, index: u32, used: Span) {
        let before = self.reader.problems.len();
        self.check_places(text, index, used);
        // The language's own parser knows no places, but all that the language forbids.
        if self.reader.problems.len() > before {
            return;
        }
        match document::parse_with_templates(text) {
            Err(error) => {
                let what = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
                self.reader.report(Draft::error(Span::new(index, 0..0), what).also(used, "the policy is used here"));
            }
            Ok(rules) if document::not_served(&rules).is_some() => {
                let (what, word) = match rules.iter().any(|rule| rule.path.contains("{{")) {
                    true => ("identity templates", "{{"),
                    false => ("response wrapping", "wrapping_ttl"),
                };
                let at = text.find(word).map_or(0..0, |at| at..at + word.len());
                self.reader.report(not_served(what, Span::new(index, at)).also(used, "the policy is used here"));
            }
            Ok(_) => {}
        }
    }

    /// Checks what can be shown at its place.
    fn check_places(&mut self, text: &str, index: u32, used: Span) {
        if let Some(at) = text.find("${var.").or_else(|| text.find("${env.")) {
            let end = text[at..].find('}').map_or(at + 2, |end| at + end + 1);
            let draft = Draft::error(Span::new(index, at..end), "nothing is replaced in the file of a policy");
            let hint = "write it out, or write the policy as `path` blocks, in which it is replaced";
            self.reader.report(draft.hint(hint).also(used, "the policy is used here"));
            return;
        }
        if text.trim_start().starts_with('{') {
            if let Err(malformed) = json::parse(text) {
                let draft =
                    Draft::error(Span::new(index, malformed.span), format!("this is not JSON: {}", malformed.what));
                self.reader.report(draft.also(used, "the policy is used here"));
            }
            return;
        }
        let body = match hcl_edit::parser::parse_body(text) {
            Ok(body) => body,
            Err(error) => {
                let at = error.location().offset().min(text.len());
                let what = format!("this is not HCL: {}", error.message().replace('\n', ", "));
                let draft = Draft::error(Span::new(index, at..at), what);
                self.reader.report(draft.also(used, "the policy is used here"));
                return;
            }
        };
        let place = |range: Option<std::ops::Range<usize>>| Span::new(index, range.unwrap_or(0..0));
        for attribute in body.attributes().filter(|attribute| attribute.key.as_str() != "name") {
            let what = format!("a policy has no key `{}`", attribute.key.as_str());
            self.reader.report(Draft::error(place(attribute.key.span()), what).also(used, "the policy is used here"));
        }
        for block in body.blocks() {
            if block.ident.as_str() != "path" || block.labels.len() != 1 {
                let draft = Draft::error(place(block.ident.span()), "a policy has `path \"...\" { ... }` blocks only");
                self.reader.report(draft.also(used, "the policy is used here"));
                continue;
            }
            self.check_path(block.labels[0].as_str().trim_start_matches('/'), place(block.labels[0].span()));
            let capabilities =
                block.body.get_attribute("capabilities").and_then(|attribute| attribute.value.as_array());
            for capability in capabilities.into_iter().flat_map(|list| list.iter()) {
                if let Some(name) = capability.as_str() {
                    self.check_capability(name, place(capability.span()));
                }
            }
        }
    }
}

/// The values that a parameter may have, as HCL.
fn scalars(node: &Node) -> Result<Vec<String>, Draft> {
    let Kind::List(items) = &node.kind else { return Err(value::wrong(node, "a list of values")) };
    items
        .iter()
        .map(|item| match &item.kind {
            Kind::Text(text) => Ok(quoted(text)),
            Kind::Bool(flag) => Ok(flag.to_string()),
            Kind::Int(int) => Ok(int.to_string()),
            Kind::Float(float) => Ok(float.to_string()),
            _ => Err(value::wrong(item, "text, a number, true or false")),
        })
        .collect()
}

pub(super) fn list(items: &[&str]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// A text as the policy language quotes it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What other engines serve and ours refuses.
fn not_served(what: &str, span: Span) -> Draft {
    Draft::warning(span, format!("leasehold's engine serves no {what}: it refuses the policy"))
        .hint("Vault and OpenBao serve it; for leasehold's engine, leave it out")
}
