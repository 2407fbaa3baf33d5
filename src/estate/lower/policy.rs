//! ACL policies: from `path` blocks, or the text of a file.

use std::fmt::Write as _;

use serde_json::Value;

use super::document::unread;
use super::{Lowering, is_lower_name};
use crate::acl::Capability;
use crate::acl::document::{Document, DocumentError, Feature, check_template};
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::span::Span;
use crate::estate::tree::{Content, Node};
use crate::estate::value;
use crate::iam::json;
use crate::object::acl_policy::{self, PATH, POLICY};
use crate::object::{FieldValue, Leaf, Shape};
use crate::text::{did_you_mean, in_a_line};

/// As policy documents spell them.
fn capability_names() -> [&'static str; Capability::ALL.len()] {
    Capability::ALL.map(Capability::name)
}

impl Lowering<'_> {
    /// `policy "name" { path "..." { ... } }` or `policy "name" { file = "file:acl/name.hcl" }`.
    pub(super) fn policy(&mut self, block: &Block<'_>) {
        self.reader.check(block, &POLICY);
        let path = acl_policy::KIND.path("", block.label);
        if !is_lower_name(block.label) {
            let draft = Draft::error(block.span, format!("`{}` can't be the name of a policy", block.label));
            self.reader.report(draft.hint("a name has lower-case letters, digits, `-`, `_` and `.`"));
        } else if acl_policy::KIND.is_built_in(&path) {
            self.reader.report(Draft::error(block.span, format!("`{}` belongs to the engine itself", block.label)));
        }
        let named = self.named_paths.len();
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
        let places = self.named_paths[named..].iter();
        let places = places.map(|(pattern, span)| (pattern.clone(), self.reader.place(*span))).collect();
        self.rules.insert(path.clone(), places);
        let mut fields = std::collections::BTreeMap::new();
        if let Some((rules, span)) = rules {
            self.rule_texts.insert(block.label.to_owned(), rules.trim().to_owned());
            let value = FieldValue::Data(Value::from(rules.trim()));
            fields.insert("policy", Leaf::new(value, self.reader.place(span)));
        }
        let mut object = self.object(&acl_policy::KIND, path, None, block.span, fields);
        object.protect = self.reader.flag(block, "protect");
        object.renamed_from = self.renamed_from(block, |name| acl_policy::KIND.path("", name));
        self.add(object, block.span);
    }

    fn path_rules(&mut self, block: &Block<'_>) -> Option<String> {
        let mut text = String::new();
        let paths = self.reader.labelled(block.map, "path");
        for path in &paths {
            self.reader.check(path, &PATH);
            self.check_path(path.label, path.span);
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
            if let Some((FieldValue::Data(seconds), _)) = self.reader.value(path, key, Shape::Seconds) {
                let _ = writeln!(text, "  {key} = \"{seconds}s\"");
            }
        }
    }

    pub(super) fn check_path(&mut self, path: &str, span: Span) {
        self.named_paths.push((path.to_owned(), span));
        self.reader.problems.extend(path_problem(path, span));
    }

    pub(super) fn check_capability(&mut self, capability: &str, span: Span) {
        self.reader.problems.extend(capability_problem(capability, span));
        if let Some(unserved) = Capability::from_name(capability).filter(|capability| !capability.is_served()) {
            self.reader.report(not_served(Feature::Capability(unserved), span));
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
                self.reader.report(unread(name, span, why));
                return None;
            }
        };
        let source = self.reader.sources.get(index)?;
        if source.text.trim().is_empty() {
            self.reader.report(Draft::error(span, format!("`{name}` is empty")));
            return None;
        }
        let rules = check_file(&source.text, index);
        self.named_paths.extend(rules.paths);
        for draft in rules.problems {
            self.reader.report(draft.also(span, "the policy is used here"));
        }
        Some((source.text.clone(), span))
    }
}

/// What the file of a policy says, as far as it is checked here.
#[derive(Default)]
pub(in crate::estate) struct FileRules {
    /// Everything that is wrong with it.
    pub(in crate::estate) problems: Vec<Draft>,
    /// The paths that it names.
    paths: Vec<(String, Span)>,
}

/// Checks the text of a policy file, which engines take in HCL 1 or in JSON.
pub(in crate::estate) fn check_file(text: &str, index: u32) -> FileRules {
    let mut rules = FileRules::default();
    let place = |range: std::ops::Range<usize>| Span::new(index, range);
    if let Some(at) = text.find("${var.").or_else(|| text.find("${env.")) {
        let end = text[at..].find('}').map_or(at + 2, |end| at + end + 1);
        let draft = Draft::error(place(at..end), "nothing is replaced in the file of a policy");
        let hint = "write it out, or write the policy as `path` blocks, in which it is replaced";
        rules.problems.push(draft.hint(hint));
        return rules;
    }
    if text.trim_start().starts_with('{')
        && let Err(malformed) = json::parse(text)
    {
        let what = format!("this is not JSON: {}", malformed.what);
        rules.problems.push(Draft::error(place(malformed.span), what));
        return rules;
    }
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let what = format!("this is not HCL: {}", error.what);
            rules.problems.push(Draft::error(place(error.offset..error.offset), what));
            return rules;
        }
    };
    for (key, is_labelled, span) in document.unknown() {
        let what = match is_labelled {
            false => format!("a policy has no key `{key}`"),
            true => "a policy has `path \"...\" { ... }` blocks only".to_owned(),
        };
        rules.problems.push(Draft::error(place(span), what));
    }
    for stanza in document.stanzas() {
        let (path, span) = (stanza.path.trim_start_matches('/'), place(stanza.span.clone()));
        rules.paths.push((path.to_owned(), span));
        rules.problems.extend(path_problem(path, span));
        let capabilities = stanza.capabilities();
        rules.problems.extend(capabilities.filter_map(|(name, span)| capability_problem(name, place(span))));
    }
    // The language's own reader tells one thing at a time, but all that the language forbids.
    if rules.problems.is_empty() {
        rules.problems.extend(refusal(&document, index));
    }
    rules
}

/// What an engine refuses in a document whose syntax holds, or what ours does not serve.
fn refusal(document: &Document, index: u32) -> Option<Draft> {
    let error = document.rules().err().or_else(|| document.not_served())?;
    let span = Span::new(index, error.span());
    Some(match error {
        DocumentError::NotServed { feature, .. } => not_served(feature, span),
        error => Draft::error(span, in_a_line(&error.to_string())),
    })
}

fn path_problem(path: &str, span: Span) -> Option<Draft> {
    if path.contains("+*") {
        let draft = Draft::error(span, "`+*` is forbidden in the path of a policy");
        Some(draft.hint("`+` is one whole segment, and `*` stands only at the end"))
    } else if path.trim_end_matches('*').contains('*') || path.ends_with("**") {
        let draft = Draft::error(span, "`*` has a meaning only at the end of a path");
        Some(draft.hint("write `+` for one segment"))
    } else if path.is_empty() || path.starts_with('/') {
        Some(Draft::error(span, "the path of a policy is not empty and has no `/` in front"))
    } else if let Err(what) = check_template(path) {
        let draft = Draft::error(span, what.strip_prefix("failed to validate policy templating: ").unwrap_or(&what));
        Some(draft.hint("a template is `{{identity.entity.name}}`, or another of what the engine knows of who asks"))
    } else {
        None
    }
}

fn capability_problem(name: &str, span: Span) -> Option<Draft> {
    if Capability::from_name(name).is_some() {
        return None;
    }
    let hint = did_you_mean(name, capability_names().into_iter())
        .unwrap_or_else(|| format!("known are {}", value::listed(&capability_names())));
    Some(Draft::error(span, format!("`{name}` is not a capability")).hint(hint))
}

/// The values that a parameter may have, as HCL.
fn scalars(node: &Node) -> Result<Vec<String>, Draft> {
    let Content::List(items) = &node.content else { return Err(value::wrong(node, "a list of values")) };
    items
        .iter()
        .map(|item| match &item.content {
            Content::Text(text) => Ok(quoted(text)),
            Content::Bool(flag) => Ok(flag.to_string()),
            Content::Int(int) => Ok(int.to_string()),
            Content::Float(float) => Ok(float.to_string()),
            _ => Err(value::wrong(item, "text, a number, true or false")),
        })
        .collect()
}

pub(super) fn list(items: &[&str]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// A text as the policy language quotes it.
pub(super) fn quoted(text: &str) -> String {
    crate::text::quoted(text, |_| None)
}

/// What other engines serve and ours refuses.
fn not_served(feature: Feature, span: Span) -> Draft {
    Draft::warning(span, format!("leasehold's engine serves no {}: it refuses the policy", feature.name()))
        .hint("Vault and OpenBao serve it; for leasehold's engine, leave it out")
}
