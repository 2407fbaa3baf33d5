//! Policy documents of roles, managed policies and ceilings: from a file, a JSON text, or statements.

use std::sync::Arc;

use super::Lowering;
use crate::estate::interpolate::Replaced;
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::source::{Source, Sources, Unread};
use crate::estate::span::Span;
use crate::estate::tree::{Content, Node, terraform_condition};
use crate::iam::document::{self, Finding, PolicyType};
use crate::iam::json::{self, Content as JsonContent, Json, Member};
use crate::iam::parsed;
use crate::iam::policy::Policy;
use crate::iam::trust;
use crate::object::statement::STATEMENT;
use crate::object::{self, Place};

/// What a document is for, which decides how large it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Use {
    /// The inline policy of a role's users.
    Role,
    /// The policy of a role's sessions.
    Session,
    /// What a role of an account may do: its inline policy.
    AssumedRole,
    /// Who may assume a role of an account.
    Trust,
    /// A managed policy of an account.
    Managed,
    /// It is sent nowhere: a ceiling in a test, or a policy that AWS manages.
    Unsent,
}

/// A policy document of the estate.
#[derive(Clone)]
pub(super) enum Document {
    /// A role's: it is sent, and compared.
    Value(object::Document),
    /// No object's: what it says, in its author's order.
    Said(Arc<Policy<Place>>),
}

impl Document {
    fn new<S: Clone>(json: &Json<S>, used: Use, place: impl Fn(&S) -> Place) -> Option<Self> {
        if !matches!(used, Use::Role | Use::Session) {
            let policy = if used == Use::Trust { trust::policy(json) } else { Policy::of_checked(json) };
            return Some(Self::Said(Arc::new(policy.map_spans(|_, span| place(&span)))));
        }
        let text = parsed::Document::of(json).ok()?;
        let places = statements_of(json).iter().map(|statement| place(&statement.span)).collect();
        Some(Self::Value(object::Document::new(text, places)))
    }

    /// What it says, where it is no object's.
    pub(super) fn said(self) -> Option<Arc<Policy<Place>>> {
        match self {
            Self::Said(policy) => Some(policy),
            Self::Value(_) => None,
        }
    }
}

/// The statements of a document, one of which may stand without a list.
fn statements_of<S>(json: &Json<S>) -> &[Json<S>] {
    let JsonContent::Map(members) = &json.content else { return &[] };
    match members.iter().find(|member| member.key == "Statement").map(|member| &member.value) {
        Some(Json { content: JsonContent::List(items), .. }) => items,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

/// What is wrong with a document for this use.
fn findings<S: Clone>(json: &Json<S>, used: Use) -> Vec<Finding<S>> {
    let policy_type = match used {
        Use::Trust => return trust::check(json),
        Use::Role => PolicyType::UserInline,
        Use::Session => PolicyType::Session,
        Use::AssumedRole => PolicyType::RoleInline,
        Use::Managed | Use::Unsent => PolicyType::Managed,
    };
    let mut findings = document::check_as(json, policy_type);
    if used == Use::Unsent {
        findings.retain(|finding| finding.code != document::SIZE_CODE);
    }
    findings
}

/// What is told of a file that a declaration names and that can't be read.
pub(super) fn unread(name: &str, span: Span, why: Unread) -> Draft {
    Draft::error(span, format!("`{name}` can't be read: {}", why.what)).hint_if(why.hint.map(str::to_owned))
}

impl Lowering<'_> {
    /// The policy document of a declaration, with where it is declared; `None` without one, or after a
    /// problem.
    pub(super) fn policy_document(&mut self, block: &Block<'_>, used: Use) -> Option<(Document, Span)> {
        let written = block.map.get("policy_document");
        let statements = block.map.get("statement");
        if let (Some(written), Some(statements)) = (written, statements) {
            let what = format!("{} has either a `policy_document` or `statement` blocks", block.name);
            let draft = Draft::error(statements.key_span, what);
            self.reader.report(draft.also(written.key_span, "the document"));
            return None;
        }
        if let Some(entry) = statements {
            return self.statements(block, used).map(|text| (text, entry.key_span));
        }
        let (text, span) = self.reader.text(block, "policy_document")?;
        self.written_document(text, span, used).map(|document| (document, span))
    }

    /// The document that a text is, or whose file it names.
    pub(super) fn written_document(&mut self, text: &str, span: Span, used: Use) -> Option<Document> {
        match text.strip_prefix("file:") {
            Some(name) => self.file_document(name, span, used),
            None => self.inline_document(text, span, used),
        }
    }

    /// The same, if nothing is wrong with it.
    pub(super) fn sound_document(&mut self, text: &str, span: Span, used: Use) -> Option<Document> {
        let before = self.reader.problems.len();
        let document = self.written_document(text, span, used);
        let is_wrong = self.reader.problems[before..].iter().any(Draft::is_error);
        // A file is told of once, and wrong for all that name it.
        if let Some(index) = text.strip_prefix("file:").and_then(|name| self.reader.sources.reference(name).ok())
            && is_wrong
        {
            self.documents.insert((index, used), None);
        }
        document.filter(|_| !is_wrong)
    }

    fn file_document(&mut self, name: &str, span: Span, used: Use) -> Option<Document> {
        let index = match self.reader.sources.reference(name) {
            Ok(index) => index,
            Err(why) => {
                self.reader.report(unread(name, span, why));
                return None;
            }
        };
        if let Some(known) = self.documents.get(&(index, used)) {
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
                let mut came = Replaced::default();
                self.variables.apply_json(&mut json, &mut came);
                let before = self.reader.problems.len();
                let document = self.checked(&json, Some(span), used);
                let found = self.reader.problems.split_off(before);
                let unknown = |draft: &Draft| draft.span().is_some_and(|span| came.unknown.contains(&span));
                self.reader.problems.extend(found.into_iter().filter(|draft| !unknown(draft)));
                self.reader.problems.append(&mut came.problems);
                document
            }
        };
        self.documents.insert((index, used), document.clone());
        document
    }

    fn inline_document(&mut self, text: &str, span: Span, used: Use) -> Option<Document> {
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
                for mut finding in findings(&json, used) {
                    finding.what.push_str(&within(finding.span.start));
                    let draft = if finding.fatal { Draft::error } else { Draft::warning };
                    self.reader.report(draft(span, finding.what).code(finding.code).hint_if(finding.hint));
                }
                let inline = Inline::new(self.reader.sources, text, span);
                Document::new(&json, used, |range| inline.place(range.start))
            }
        }
    }

    fn statements(&mut self, block: &Block<'_>, used: Use) -> Option<Document> {
        let entry = block.map.get("statement")?;
        let before = self.reader.problems.len();
        let blocks = self.reader.labelled(block.map, "statement");
        let items = blocks.iter().map(|block| self.statement(block)).collect();
        let broken = matches!(entry.value.content, Content::Broken);
        if broken || self.reader.problems[before..].iter().any(Draft::is_error) {
            return None;
        }
        let member = |key: &str, value| Member { key: key.to_owned(), key_span: entry.key_span, value };
        let version = Json { content: JsonContent::Text("2012-10-17".to_owned()), span: entry.key_span };
        let list = Json { content: JsonContent::List(items), span: entry.key_span };
        let json = Json {
            content: JsonContent::Map(vec![member("Version", version), member("Statement", list)]),
            span: entry.key_span,
        };
        self.checked(&json, None, used)
    }

    fn statement(&mut self, block: &Block<'_>) -> Json<Span> {
        self.reader.check(block, &STATEMENT);
        let mut members = Vec::new();
        let mut add = |key: &str, span: Span, value: Json<Span>| {
            members.push(Member { key: key.to_owned(), key_span: span, value });
        };
        add("Sid", block.span, Json { content: JsonContent::Text(block.label.to_owned()), span: block.span });
        let (effect, span) = self.reader.text(block, "effect").unwrap_or(("Allow", block.span));
        if !matches!(effect, "Allow" | "Deny") {
            let draft = Draft::error(span, format!("`{effect}` is neither `Allow` nor `Deny`"));
            self.reader.report(draft.hint("an effect is written with a capital"));
        }
        add("Effect", span, Json { content: JsonContent::Text(effect.to_owned()), span });
        for (key, element) in [
            ("actions", "Action"),
            ("not_actions", "NotAction"),
            ("resources", "Resource"),
            ("not_resources", "NotResource"),
        ] {
            let Some(entry) = block.map.get(key) else { continue };
            let items = self.reader.texts(block, key).into_iter();
            let items = items.map(|(text, span)| Json { content: JsonContent::Text(text.to_owned()), span }).collect();
            add(element, entry.key_span, Json { content: JsonContent::List(items), span: entry.value.span });
        }
        if let Some(entry) = block.map.get("condition") {
            let terraform = match &entry.value.content {
                Content::Map(map) => terraform_condition(map),
                _ => None,
            };
            match terraform {
                Some(right) => {
                    let what = "a condition has operators, keys and values, no `test`, `variable` and `values`";
                    self.reader.report(Draft::error(entry.key_span, what).hint(format!("write {right}")));
                }
                None => add("Condition", entry.key_span, plain(&entry.value)),
            }
        }
        for pair in [["actions", "not_actions"], ["resources", "not_resources"]] {
            if pair.iter().all(|key| !block.map.contains_key(*key)) {
                let draft = Draft::error(block.span, format!("{} needs `{}`", block.name, pair[0]));
                self.reader.report(draft.hint(format!("add {} = [\"...\"]", pair[0])));
            }
        }
        Json { content: JsonContent::Map(members), span: block.span }
    }

    /// Reports what is wrong with a document; answers it if IAM would take it.
    fn checked(&mut self, json: &Json<Span>, at: Option<Span>, used: Use) -> Option<Document> {
        let mut sound = true;
        for Finding { code, span, what, hint, also, fatal } in findings(json, used) {
            sound &= !fatal;
            let mut draft = if fatal { Draft::error(span, what) } else { Draft::warning(span, what) };
            draft = draft.code(code).hint_if(hint);
            if let Some((span, text)) = also {
                draft = draft.also(span, text);
            }
            if let Some(at) = at {
                draft = draft.also(at, "the document is used here");
            }
            self.reader.report(draft);
        }
        Document::new(json, used, |span| self.reader.place(*span)).filter(|_| sound)
    }

    /// Checks a pattern of ARNs of managed policies, sound as an ARN.
    pub(super) fn policy_arn_pattern(&mut self, text: &str, span: Span) {
        let mut fields = text.splitn(6, ':').skip(2);
        let service = fields.next().unwrap_or("*");
        let resource = fields.nth(2).unwrap_or("*");
        let fixed = resource.split(['*', '?']).next().unwrap_or_default();
        if !matches!(service, "iam" | "*") || !(fixed.starts_with("policy/") || "policy/".starts_with(fixed)) {
            let draft = Draft::error(span, format!("`{text}` is not the ARN of a managed policy"));
            self.reader.report(draft.hint("it is written arn:aws:iam::ACCOUNT:policy/NAME"));
        }
    }
}

/// Places in a document that stands inside a declaration, whose bytes an escape or a heredoc's indentation
/// puts elsewhere than the file's.
struct Inline<'a> {
    text: &'a str,
    source: Option<Arc<Source>>,
    /// Where the text as a whole stands.
    whole: Place,
    /// The line of the file that is the document's first, if each of its lines is found there.
    first_line: Option<usize>,
    span: Span,
}

impl<'a> Inline<'a> {
    fn new(sources: &Sources, text: &'a str, span: Span) -> Self {
        let source = sources.get(span.source);
        let raw = source.as_ref().and_then(|source| source.text.get(span.start as usize..span.end as usize));
        let first_line = raw.and_then(|raw| {
            let raw: Vec<&str> = raw.lines().map(str::trim).collect();
            let lines: Vec<&str> = text.trim_end().lines().map(str::trim).collect();
            // A variable that was replaced makes a line another text at the same place.
            let same = |(raw, line): (&&str, &&str)| raw == line || raw.contains("${");
            raw.windows(lines.len().max(1)).position(|window| window.iter().zip(&lines).all(same))
        });
        // A heredoc has a line to itself; a text in quotes starts in the middle of one.
        let first_line = first_line.filter(|_| text.trim_end().contains('\n'));
        Self { text, source, whole: sources.place(span), first_line, span }
    }

    fn place(&self, at: usize) -> Place {
        let (Some(first), Some(source)) = (self.first_line, &self.source) else { return self.whole.clone() };
        let before = self.text.get(..at).unwrap_or_default();
        let raw = source.text.get(self.span.start as usize..).unwrap_or_default();
        let (line, start) = (before.matches('\n').count(), before.rfind('\n').map_or(0, |at| at + 1));
        let indent = |text: &str| text.chars().take_while(|c| c.is_whitespace()).count();
        let inside = self.text.get(start..).unwrap_or_default();
        let column = before.get(start..).unwrap_or_default().chars().count();
        let outside = raw.lines().nth(first + line).unwrap_or_default();
        let column = (column + indent(outside)).saturating_sub(indent(inside)) as u32 + 1;
        Place { file: Arc::clone(&self.whole.file), line: self.whole.line + (first + line) as u32, column }
    }
}

/// A value of the estate as JSON.
fn plain(node: &Node) -> Json<Span> {
    let content = match &node.content {
        Content::Null | Content::Broken => JsonContent::Null,
        Content::Bool(flag) => JsonContent::Bool(*flag),
        Content::Int(int) => JsonContent::Number(int.to_string()),
        Content::Float(float) => JsonContent::Number(float.to_string()),
        Content::Text(text) => JsonContent::Text(text.clone()),
        Content::List(items) => JsonContent::List(items.iter().map(plain).collect()),
        Content::Map(map) => JsonContent::Map(
            map.iter()
                .map(|(key, entry)| Member { key: key.clone(), key_span: entry.key_span, value: plain(&entry.value) })
                .collect(),
        ),
    };
    Json { content, span: node.span }
}
