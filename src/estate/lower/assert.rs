//! What is declared for reviews and tests only: managed policies, and assertions about apps.

use std::collections::BTreeMap;

use super::Lowering;
use super::document::{Document, Use};
use crate::estate::blocks::{ACL, MANAGED_POLICY, REQUEST, REQUESTS, TEST};
use crate::estate::declared::{Assertion, ManagedPolicy, Test};
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::span::Span;
use crate::estate::tree::{Content, Entry, twice};
use crate::estate::value;
use crate::iam::arn::Arn;
use crate::iam::document;
use crate::iam::pattern::{Pattern, Syntax};
use crate::iam::policy::{self, Condition, Effect, Operator, Quantifier, Scope, Statement};
use crate::iam::request::Request;

/// An assertion and where it stands, which also decides their order.
type Found = Vec<(Assertion, Span)>;

impl Lowering<'_> {
    /// `managed_policy "readers" { arn = "...", policy_document = ... }`.
    pub(super) fn managed_policy(&mut self, block: &Block<'_>) {
        self.reader.check(block, &MANAGED_POLICY);
        if block.label.trim().is_empty() {
            self.reader.report(Draft::error(block.span, "the name of a managed policy is empty"));
        }
        let arn = if self.reader.require(block, "arn", "\"arn:aws:iam::ACCOUNT:policy/NAME\"") {
            self.managed_arn(block)
        } else {
            None
        };
        let used = match &arn {
            // Some of them are larger than what customers may write.
            Some(arn) if Arn::account_of(arn) == Some("aws") => Use::Unsent,
            _ => Use::Managed,
        };
        if !block.map.contains_key("policy_document") && !block.map.contains_key("statement") {
            let draft = Draft::error(block.span, format!("{} allows nothing", block.name));
            self.reader.report(draft.hint("add policy_document = \"file:...\", or statement blocks"));
        }
        let policy = self.policy_document(block, used).and_then(|(document, _)| document.said());
        let (Some(arn), Some(policy)) = (arn, policy) else { return };
        let (name, place) = (block.label.to_owned(), self.reader.place(block.span));
        self.managed_policies.push(ManagedPolicy { name, arn, policy, place });
    }

    fn managed_arn(&mut self, block: &Block<'_>) -> Option<String> {
        let (arn, span) = self.reader.text(block, "arn")?;
        if let Err(draft) = value::policy_arn(arn, span) {
            self.reader.report(draft);
            return None;
        }
        self.once(arn, span)
    }

    /// `test "etl reads raw" { app = "etl", allow { ... }, ... }`.
    pub(super) fn test(&mut self, block: &Block<'_>) {
        self.reader.check(block, &TEST);
        if block.label.trim().is_empty() {
            self.reader.report(Draft::error(block.span, "the name of a test is empty"));
        }
        let app = if self.reader.require(block, "app", "\"webapp\"") { self.reader.text(block, "app") } else { None };
        if let Some((app, span)) = app
            && self.is_app_gone(app)
        {
            self.app_stays(app, span);
            return;
        }
        if let Some((app, span)) = app
            && !self.apps.iter().any(|known| known.name == app)
        {
            let known: Vec<String> = self.apps.iter().map(|app| app.name.clone()).collect();
            let what = format!("the app `{app}` is not declared");
            self.dangling(span, what, app, known.iter().map(String::as_str));
        }
        let assertions: Vec<&str> = TEST.words().skip(1).collect();
        if assertions.iter().all(|key| !block.map.contains_key(*key)) {
            let draft = Draft::error(block.span, format!("{} asserts nothing", block.name));
            self.reader.report(draft.hint(format!("add one of {}", value::listed(&assertions))));
        }
        let mut found = Found::new();
        for inner in self.several(block, "allow") {
            found.extend(self.allow(&inner).map(|request| (Assertion::Allow(request), inner.span)));
        }
        for inner in self.several(block, "deny") {
            found.extend(self.deny(&inner).map(|statement| (Assertion::Never(statement), inner.span)));
        }
        for inner in self.several(block, "never") {
            found.extend(self.never(&inner).map(|statement| (Assertion::Never(statement), inner.span)));
        }
        self.at_most(block, &mut found);
        self.acl(block, &mut found);
        self.acl_only(block, &mut found);
        // The kinds were read one after the other, people read from top to bottom.
        found.sort_by_key(|(_, span)| (span.source, span.start));
        let assertions = found.into_iter().map(|(assertion, span)| (assertion, self.reader.place(span))).collect();
        let Some((app, _)) = app else { return };
        let place = self.reader.place(block.span);
        self.tests.push(Test { name: block.label.to_owned(), app: app.to_owned(), assertions, place });
    }

    /// The blocks under a key that may stand several times: one map, or a list of maps.
    pub(super) fn several<'a>(&mut self, block: &Block<'a>, key: &'a str) -> Vec<Block<'a>> {
        let Some(Entry { value, .. }) = block.map.get(key) else { return Vec::new() };
        let items = match &value.content {
            Content::List(items) => items.as_slice(),
            // Told with the keys.
            Content::Null => &[],
            _ => std::slice::from_ref(value),
        };
        if matches!(&value.content, Content::List(items) if items.is_empty()) {
            self.reader.report(Draft::error(value.span, format!("`{key}` lists nothing")));
        }
        let name = format!("{key} of {}", block.name);
        let mut blocks = Vec::new();
        for item in items {
            match &item.content {
                Content::Map(map) => blocks.push(Block { name: name.clone(), label: key, span: item.span, map }),
                _ => self.reader.report(value::wrong(item, "a block")),
            }
        }
        blocks
    }

    /// `allow { action = "s3:GetObject", resource = "arn:...", context = { ... } }`: one request.
    fn allow(&mut self, block: &Block<'_>) -> Option<Request> {
        let [action, resource] = self.action_and_resource(block);
        let context = self.context(block);
        let (action, span) = action?;
        let mut sound = self.check_action(action, span, false);
        let (resource, span) = resource?;
        if resource != "*" {
            if resource.contains(['*', '?']) {
                let draft = Draft::error(span, format!("`{resource}` is not one resource"));
                let hint = "`allow` asks about one request: name a resource, or \"*\" for an action that has none";
                self.reader.report(draft.hint(hint));
                sound = false;
            } else {
                sound &= self.check_resource(resource, span);
            }
        }
        let request = Request { action: action.to_owned(), resource: resource.to_owned(), context: context? };
        sound.then_some(request)
    }

    /// `deny { action = "s3:Put*", resource = "arn:...*", context = { ... } }`: every request that matches.
    fn deny(&mut self, block: &Block<'_>) -> Option<Statement<()>> {
        let [action, resource] = self.action_and_resource(block);
        let context = self.context(block);
        let (action, span) = action?;
        let mut sound = self.check_action(action, span, true);
        let (resource, span) = resource?;
        sound &= self.check_resource(resource, span);
        let mut conditions = Vec::new();
        for (key, values) in context? {
            conditions.extend(requests_with(&key, &values));
        }
        sound.then(|| statement("deny", &[action], &[resource], conditions))
    }

    /// `never { actions = ["iam:*"], resources = ["*"] }`: every request that matches.
    fn never(&mut self, block: &Block<'_>) -> Option<Statement<()>> {
        self.reader.check(block, &REQUESTS);
        let mut sound = self.reader.require(block, "actions", "[\"iam:*\"]");
        let actions = self.reader.texts(block, "actions");
        let mut resources = self.reader.texts(block, "resources");
        for (key, texts) in [("actions", &actions), ("resources", &resources)] {
            if let Some(entry) = block.map.get(key).filter(|_| texts.is_empty()) {
                sound = false;
                // Anything but an empty list has been told.
                if matches!(&entry.value.content, Content::List(items) if items.is_empty()) {
                    let draft = Draft::error(entry.value.span, format!("`{key}` lists nothing"));
                    let hint = (key == "resources").then(|| "leave it out for every resource".to_owned());
                    self.reader.report(draft.hint_if(hint));
                }
            }
        }
        for (action, span) in &actions {
            sound &= self.check_action(action, *span, true);
        }
        for (resource, span) in &resources {
            sound &= self.check_resource(resource, *span);
        }
        if !block.map.contains_key("resources") {
            resources.push(("*", block.span));
        }
        let texts = |items: &[(&'_ str, Span)]| items.iter().map(|(text, _)| (*text).to_owned()).collect::<Vec<_>>();
        sound.then(|| statement("never", &texts(&actions), &texts(&resources), Vec::new()))
    }

    /// The `action` and the `resource` of an assertion, which needs both.
    fn action_and_resource<'a>(&mut self, block: &Block<'a>) -> [Option<(&'a str, Span)>; 2] {
        self.reader.check(block, &REQUEST);
        [("action", "\"s3:GetObject\""), ("resource", "\"arn:aws:s3:::bucket/key\"")].map(|(key, example)| {
            if self.reader.require(block, key, example) { self.reader.text(block, key) } else { None }
        })
    }

    /// The context of a request: keys in lower case, each with its values.
    fn context(&mut self, block: &Block<'_>) -> Option<BTreeMap<String, Vec<String>>> {
        let mut context: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut spans: BTreeMap<String, Span> = BTreeMap::new();
        if !block.map.contains_key("context") {
            return Some(context);
        }
        let inner = self.reader.inner(block, "context")?;
        let before = self.reader.problems.len();
        for (key, entry) in inner.map {
            let lower = key.to_ascii_lowercase();
            self.check_key(key, entry.key_span);
            if let Some(first) = spans.insert(lower.clone(), entry.key_span) {
                let what = format!("`{key}` is declared twice: case does not matter in a key");
                self.reader.report(twice(what, entry.key_span, first));
            }
            let values = match &entry.value.content {
                Content::List(items) if items.is_empty() => {
                    let draft = Draft::error(entry.value.span, format!("`{key}` has no value"));
                    self.reader.report(draft.hint("leave the key out, unless it has a value"));
                    Vec::new()
                }
                Content::List(_) => self.reader.texts(&inner, key),
                _ => self.reader.text(&inner, key).into_iter().collect(),
            };
            if matches!(entry.value.content, Content::Null) {
                self.reader.report(Draft::error(entry.key_span, format!("`{key}` has no value")));
            }
            context.insert(lower, values.into_iter().map(|(text, _)| text.to_owned()).collect());
        }
        (!self.reader.problems[before..].iter().any(Draft::is_error)).then_some(context)
    }

    /// Tells what is wrong with an action, or a pattern of actions where wildcards are allowed.
    pub(super) fn check_action(&mut self, text: &str, span: Span, wildcards: bool) -> bool {
        if !wildcards && text.contains(['*', '?']) {
            let draft = Draft::error(span, format!("`{text}` is not one action"));
            self.reader.report(draft.hint("`allow` asks about one request; write an `allow` for each action"));
            return false;
        }
        self.tell(document::check_action(text), span)
    }

    pub(super) fn check_resource(&mut self, text: &str, span: Span) -> bool {
        self.tell(document::check_resource(text), span)
    }

    pub(super) fn check_key(&mut self, text: &str, span: Span) -> bool {
        self.tell(document::check_key(text), span)
    }

    /// Tells what the check of policy documents finds about a text that stands elsewhere.
    pub(super) fn tell(&mut self, findings: Vec<document::Finding<()>>, span: Span) -> bool {
        let mut sound = true;
        for finding in findings {
            sound &= !finding.fatal;
            let draft = if finding.fatal { Draft::error } else { Draft::warning };
            self.reader.report(draft(span, finding.what).code(finding.code).hint_if(finding.hint));
        }
        sound
    }

    /// `at_most = "file:iam/ceiling.json"`.
    fn at_most(&mut self, block: &Block<'_>, found: &mut Found) {
        let Some((text, span)) = self.reader.text(block, "at_most") else { return };
        let policy = self.written_document(text, span, Use::Unsent).and_then(Document::said);
        found.extend(policy.map(|policy| (Assertion::AtMost(policy), key_span(block, "at_most"))));
    }

    /// `acl "aws/creds/webapp" { capabilities = ["read"] }`.
    fn acl(&mut self, block: &Block<'_>, found: &mut Found) {
        if matches!(block.map.get("acl"), Some(Entry { value, .. }) if matches!(value.content, Content::Null)) {
            return;
        }
        for acl in self.reader.labelled(block.map, "acl") {
            self.reader.check(&acl, &ACL);
            let before = self.reader.problems.len();
            if acl.label.is_empty() || acl.label.starts_with('/') || acl.label.contains(['*', '+']) {
                let draft = Draft::error(acl.span, format!("`{}` is not one path of the engine", acl.label));
                self.reader.report(draft.hint("a path is written whole, as in aws/creds/webapp"));
            }
            self.named_paths.push((acl.label.to_owned(), acl.span));
            self.reader.require(&acl, "capabilities", "[\"read\"], or [] for nothing");
            let mut capabilities = Vec::new();
            for (capability, span) in self.reader.texts(&acl, "capabilities") {
                if capability == "deny" {
                    let draft = Draft::error(span, "`deny` is what a policy says, not what a token may do");
                    self.reader.report(draft.hint("write capabilities = [] for nothing"));
                } else {
                    self.check_capability(capability, span);
                }
                capabilities.push(capability.to_owned());
            }
            capabilities.sort_unstable();
            capabilities.dedup();
            if self.reader.problems.len() == before {
                found.push((Assertion::Acl { path: acl.label.to_owned(), capabilities }, acl.span));
            }
        }
    }

    /// `acl_only = ["aws/creds/webapp"]`.
    fn acl_only(&mut self, block: &Block<'_>, found: &mut Found) {
        let Some(Entry { value, .. }) = block.map.get("acl_only") else { return };
        if matches!(value.content, Content::Null) {
            return;
        }
        let before = self.reader.problems.len();
        let paths = self.reader.texts(block, "acl_only");
        for (path, span) in &paths {
            self.check_path(path, *span);
        }
        if self.reader.problems.len() == before {
            let paths = paths.into_iter().map(|(path, _)| path.to_owned()).collect();
            found.push((Assertion::AclOnly(paths), key_span(block, "acl_only")));
        }
    }
}

fn key_span(block: &Block<'_>, key: &str) -> Span {
    block.map.get(key).map_or(block.span, |entry| entry.key_span)
}

/// A statement that matches these requests. Its Sid is the word of the file.
fn statement<T: AsRef<str>>(word: &str, actions: &[T], resources: &[T], conditions: Vec<Condition>) -> Statement<()> {
    let scope = |patterns: Vec<Pattern>| Scope { negated: false, patterns };
    let action = |text: &T| {
        let syntax = Syntax { wildcards: true, variables: false };
        Pattern::new(&text.as_ref().to_ascii_lowercase(), syntax).shown_as(text.as_ref())
    };
    let resource = |text: &T| Pattern::new(text.as_ref(), Syntax { wildcards: true, variables: true });
    Statement {
        sid: Some(word.to_owned()),
        effect: Effect::Deny,
        actions: scope(actions.iter().map(action).collect()),
        resources: scope(resources.iter().map(resource).collect()),
        conditions,
        span: (),
    }
}

/// The conditions that hold for requests with exactly these values of a key.
pub fn requests_with(key: &str, values: &[String]) -> Vec<Condition> {
    let literal = Syntax { wildcards: false, variables: false };
    let condition = |quantifier: Option<Quantifier>, values: &[String]| Condition {
        operator: Operator { test: policy::Test::StringEquals, if_exists: false, quantifier },
        key: key.to_owned(),
        values: values.iter().map(|value| Pattern::new(value, literal)).collect(),
    };
    if let [_] = values {
        return vec![condition(None, values)];
    }
    let each = values.iter().map(|value| condition(Some(Quantifier::ForAnyValue), std::slice::from_ref(value)));
    std::iter::once(condition(Some(Quantifier::ForAllValues), values)).chain(each).collect()
}
