//! Policy documents of roles: from a file, a JSON text, or statements.

use super::Lowering;
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::source::Span;
use crate::estate::tree::{Kind, Node};
use crate::estate::value;
use crate::iam::document::{self, Finding};
use crate::iam::json::{self, Json, Kind as JsonKind, Member};

const STATEMENT_KEYS: &[&str] = &["effect", "actions", "not_actions", "resources", "not_resources", "condition"];

/// A policy document of the estate.
#[derive(Clone)]
pub(super) struct Document {
    /// What is compared.
    pub(super) canonical: String,
    /// What is sent: as its author wrote it, without white space.
    pub(super) wording: String,
}

impl Document {
    fn new<S>(json: &Json<S>) -> Option<Self> {
        let canonical = document::canonical_value(json).ok()?.to_string();
        Some(Self { canonical, wording: json.compact() })
    }
}

impl Lowering<'_> {
    /// The policy document of a role, with where it is declared; `None` without one, or after a
    /// problem.
    pub(super) fn policy_document(&mut self, block: &Block<'_>) -> Option<(Document, Span)> {
        let written = block.map.get("policy_document");
        let statements = block.map.get("statement");
        if let (Some(written), Some(statements)) = (written, statements) {
            let draft =
                Draft::error(statements.key_span, "a role has either a `policy_document` or `statement` blocks");
            self.reader.report(draft.also(written.key_span, "the document"));
            return None;
        }
        if let Some(entry) = statements {
            return self.statements(block).map(|text| (text, entry.key_span));
        }
        let (text, span) = self.reader.text(block, "policy_document")?;
        let document = match text.strip_prefix("file:") {
            Some(name) => self.file_document(name, span),
            None => self.inline_document(text, span),
        };
        document.map(|document| (document, span))
    }

    fn file_document(&mut self, name: &str, span: Span) -> Option<Document> {
        let index = match self.reader.sources.reference(name) {
            Ok(index) => index,
            Err(why) => {
                let draft = Draft::error(span, format!("`{name}` can't be read: {why}"));
                self.reader.report(draft.hint("a file is named relative to the estate's directory"));
                return None;
            }
        };
        if let Some(known) = self.documents.get(&index) {
            return known.clone();
        }
        let source = self.reader.sources.get(index)?;
        let place = |range: std::ops::Range<usize>| Span::new(index, range);
        let document = match json::parse(&source.text) {
            Err(malformed) => {
                let draft = Draft::error(place(malformed.span), format!("this is not JSON: {}", malformed.what));
                self.reader.report(draft.also(span, "the document is used here"));
                None
            }
            Ok(json) => {
                let mut json = json.map_spans(&place);
                let mut missing = Vec::new();
                self.variables.apply_json(&mut json, &mut missing);
                self.reader.problems.append(&mut missing);
                self.checked(&json, Some(span))
            }
        };
        self.documents.insert(index, document.clone());
        document
    }

    fn inline_document(&mut self, text: &str, span: Span) -> Option<Document> {
        // An escape or a heredoc's indentation puts the text's bytes elsewhere than the file's, so problems
        // name their line and column inside the document.
        let within = |at: usize| {
            let before = text.get(..at).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            format!(" (line {line}, column {column} of the document)")
        };
        match json::parse(text) {
            Err(malformed) => {
                let what = format!("this is not JSON: {}{}", malformed.what, within(malformed.span.start));
                let draft = Draft::error(span, what);
                let hint = "a document is JSON, `file:NAME`, or `statement` blocks";
                self.reader.report(if malformed.span.start == 0 { draft.hint(hint) } else { draft });
                None
            }
            Ok(json) => {
                for mut finding in document::check(&json) {
                    finding.what.push_str(&within(finding.span.start));
                    let draft = if finding.fatal { Draft::error } else { Draft::warning };
                    self.reader.report(draft(span, finding.what).hint_if(finding.hint));
                }
                Document::new(&json)
            }
        }
    }

    fn statements(&mut self, block: &Block<'_>) -> Option<Document> {
        let entry = block.map.get("statement")?;
        let blocks = self.reader.labelled(block.map, "statement");
        let before = self.reader.problems.len();
        let items = blocks.iter().map(|block| self.statement(block)).collect();
        if self.reader.problems[before..].iter().any(Draft::is_error) {
            return None;
        }
        let member = |key: &str, value| Member { key: key.to_owned(), key_span: entry.key_span, value };
        let version = Json { kind: JsonKind::Text("2012-10-17".to_owned()), span: entry.key_span };
        let list = Json { kind: JsonKind::List(items), span: entry.key_span };
        let json = Json {
            kind: JsonKind::Map(vec![member("Version", version), member("Statement", list)]),
            span: entry.key_span,
        };
        self.checked(&json, None)
    }

    fn statement(&mut self, block: &Block<'_>) -> Json<Span> {
        self.reader.check_keys(block, STATEMENT_KEYS);
        let mut members = Vec::new();
        let mut add = |key: &str, span: Span, value: Json<Span>| {
            members.push(Member { key: key.to_owned(), key_span: span, value });
        };
        add("Sid", block.span, Json { kind: JsonKind::Text(block.label.to_owned()), span: block.span });
        let (effect, span) = self.reader.text(block, "effect").unwrap_or(("Allow", block.span));
        if !matches!(effect, "Allow" | "Deny") {
            let draft = Draft::error(span, format!("`{effect}` is neither `Allow` nor `Deny`"));
            self.reader.report(draft.hint("an effect is written with a capital"));
        }
        add("Effect", span, Json { kind: JsonKind::Text(effect.to_owned()), span });
        for (key, element) in [
            ("actions", "Action"),
            ("not_actions", "NotAction"),
            ("resources", "Resource"),
            ("not_resources", "NotResource"),
        ] {
            let Some(entry) = block.map.get(key) else { continue };
            let items = self.reader.texts(block, key).into_iter();
            let items = items.map(|(text, span)| Json { kind: JsonKind::Text(text.to_owned()), span }).collect();
            add(element, entry.key_span, Json { kind: JsonKind::List(items), span: entry.value.span });
        }
        if let Some(entry) = block.map.get("condition") {
            add("Condition", entry.key_span, plain(&entry.value));
        }
        for pair in [["actions", "not_actions"], ["resources", "not_resources"]] {
            if pair.iter().all(|key| !block.map.contains_key(*key)) {
                let draft = Draft::error(block.span, format!("{} needs `{}`", block.name, pair[0]));
                self.reader.report(draft.hint(format!("add {} = [\"...\"]", pair[0])));
            }
        }
        Json { kind: JsonKind::Map(members), span: block.span }
    }

    /// Reports what is wrong with a document; answers it if IAM would take it.
    fn checked(&mut self, json: &Json<Span>, used: Option<Span>) -> Option<Document> {
        let mut sound = true;
        for Finding { span, what, hint, also, fatal, .. } in document::check(json) {
            sound &= !fatal;
            let mut draft = if fatal { Draft::error(span, what) } else { Draft::warning(span, what) }.hint_if(hint);
            if let Some((span, text)) = also {
                draft = draft.also(span, text);
            }
            if let Some(used) = used {
                draft = draft.also(used, "the document is used here");
            }
            self.reader.report(draft);
        }
        Document::new(json).filter(|_| sound)
    }

    /// Checks an ARN of a managed policy.
    pub(super) fn policy_arn(&mut self, text: &str, span: Span) {
        if let Ok(arn) = value::arn(text, span)
            && (arn.service != "iam" || !arn.resource.starts_with("policy/"))
        {
            let draft = Draft::error(span, format!("`{text}` is not the ARN of a managed policy"));
            self.reader.report(draft.hint("it is written arn:aws:iam::ACCOUNT:policy/NAME"));
        }
    }
}

/// A value of the estate as JSON.
fn plain(node: &Node) -> Json<Span> {
    let kind = match &node.kind {
        Kind::Null => JsonKind::Null,
        Kind::Bool(flag) => JsonKind::Bool(*flag),
        Kind::Int(int) => JsonKind::Number(int.to_string()),
        Kind::Float(float) => JsonKind::Number(float.to_string()),
        Kind::Text(text) => JsonKind::Text(text.clone()),
        Kind::List(items) => JsonKind::List(items.iter().map(plain).collect()),
        Kind::Map(map) => JsonKind::Map(
            map.iter()
                .map(|(key, entry)| Member { key: key.clone(), key_span: entry.key_span, value: plain(&entry.value) })
                .collect(),
        ),
    };
    Json { kind, span: node.span }
}
