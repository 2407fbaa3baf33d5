//! `guardrail` declarations: what may never be granted.

mod words;

use serde_json::{Map as Said, Value};

pub(in crate::estate) use self::words::{Takes, Word as GuardrailWord, outline};
use self::words::{built_in, except_keys, keys, own_blocks, usable, words};
use super::Lowering;
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::span::Span;
use crate::estate::tree::{Content, Map};
use crate::estate::{hcl, value};
use crate::guardrail::{self, Clause, Complaint, Exception, Guardrail, Severity, Shape, Word};
use crate::iam::document;
use crate::object::{self, Class, FieldValue, Object, RolePath};
use crate::text::did_you_mean;
use crate::units::day;

const SEVERITIES: &[(&str, Severity)] = &[("deny", Severity::Deny), ("warn", Severity::Warn), ("low", Severity::Low)];

impl Lowering<'_> {
    /// `guardrail "no-star" { deny { ... } }`.
    pub(super) fn guardrail(&mut self, block: &Block<'_>) {
        self.reader.check_keys(block, &keys());
        let enabled = self.is_enabled(block);
        let mut rules = self.imported(block);
        rules.extend(self.rules(block));
        let severity = match self.reader.text(block, "severity") {
            Some((text, span)) => self.one_of(text, span, SEVERITIES).unwrap_or(Severity::Deny),
            None => Severity::Deny,
        };
        self.check_subjects(block);
        let exceptions = self.several(block, "except");
        let exceptions = exceptions.iter().filter_map(|inner| self.exception(inner)).collect();
        if rules.is_empty() && enabled && !block.map.contains_key("use") {
            let draft = Draft::error(block.span, format!("{} forbids and demands nothing", block.name));
            let names: Vec<String> = own_blocks().map(|block| format!("`{}`", block.name)).collect();
            self.reader.report(draft.hint(format!("add {} blocks, or use = \"pack:baseline\"", names.join(" or "))));
        }
        let guardrail = Guardrail {
            name: block.label.to_owned(),
            severity,
            roles: self.owned(block, "roles"),
            apps: self.owned(block, "apps"),
            rules,
            exceptions,
            place: self.reader.place(block.span).to_string(),
        };
        self.named_guardrails.push((block.label.to_owned(), self.reader.place(block.span)));
        if enabled {
            self.guardrails.push(guardrail);
        }
    }

    /// The guardrail that is there without being declared, unless it is.
    pub(super) fn default_guardrail(&mut self) {
        if !self.named_guardrails.iter().any(|(name, _)| name == guardrail::DEFAULT) {
            self.guardrails.push(Guardrail::default_one());
        }
    }

    fn is_enabled(&mut self, block: &Block<'_>) -> bool {
        let enabled = match self.reader.value(block, "enabled", object::Shape::Bool) {
            Some((FieldValue::Data(flag), _)) => flag != false,
            _ => true,
        };
        let reason = self.reader.text(block, "reason").map(|(text, _)| text.trim().to_owned());
        if !enabled && reason.is_none_or(|reason| reason.is_empty()) {
            let span = block.map.get("enabled").map_or(block.span, |entry| entry.key_span);
            let draft = Draft::error(span, format!("{} is switched off without a reason", block.name));
            self.reader.report(draft.hint("add reason = \"...\""));
        }
        enabled
    }

    /// The rules that `use` brings, or its name: one that is called as a built-in rule overrides only that.
    fn imported(&mut self, block: &Block<'_>) -> Vec<Clause> {
        let used = self.reader.text(block, "use");
        let chosen = match used {
            Some((name, _)) => name.strip_prefix("builtin:"),
            // With rules of its own it is another.
            None => Some(block.label).filter(|label| {
                *label == guardrail::DEFAULT && own_blocks().all(|own| !block.map.contains_key(own.name))
            }),
        };
        let chosen = built_in().find(|rule| chosen == Some(rule.block.name));
        for rule in built_in().filter(|rule| chosen.is_none_or(|chosen| chosen.block.name != rule.block.name)) {
            for (key, entry) in rule.words.iter().filter_map(|word| Some((word.key, block.map.get(word.key)?))) {
                let draft = Draft::error(entry.key_span, format!("`{key}` is of no use here"));
                self.reader.report(draft.hint(format!("it chooses from use = \"builtin:{}\"", rule.block.name)));
            }
        }
        if let Some(rule) = chosen {
            return self.clause(&rule.block, block).into_iter().collect();
        }
        let Some((name, span)) = used else { return Vec::new() };
        let Some(text) = name.strip_prefix("pack:").and_then(guardrail::pack) else {
            let known = usable();
            let choices = known.iter().map(String::as_str);
            let hint = did_you_mean(name, choices.clone())
                .unwrap_or_else(|| format!("known are {}", value::listed(&choices.collect::<Vec<_>>())));
            self.reader.report(Draft::error(span, format!("there is no `{name}` to use")).hint(hint));
            return Vec::new();
        };
        let Some(map) = read_pack(text) else {
            self.reader.report(Draft::error(span, format!("`{name}`, which is part of this program, can't be read")));
            return Vec::new();
        };
        let blocks = self.reader.labelled(&map, "guardrail");
        blocks.iter().flat_map(|block| self.rules(block)).collect()
    }

    /// The rules that stand in a guardrail, block by block.
    fn rules(&mut self, block: &Block<'_>) -> Vec<Clause> {
        let mut rules = Vec::new();
        for known in own_blocks() {
            for inner in self.several(block, known.name) {
                let keys: Vec<&str> = words(known).map(|word| word.key).collect();
                self.reader.check_keys(&inner, &keys);
                rules.extend(self.clause(known, &inner));
            }
        }
        rules
    }

    /// The rules of one block. What stands wrongly under a key is told and left out.
    fn clause(&mut self, known: &guardrail::Block, block: &Block<'_>) -> Option<Clause> {
        let told = self.reader.problems.len();
        let has = |key: &str| block.map.contains_key(key);
        if let Some(without) = known.without.filter(|without| !without.is_met(has, block.map.is_empty())) {
            let draft = Draft::error(block.span, format!("{} {}", block.name, without.what));
            self.reader.report(draft.hint_if(without.hint.map(str::to_owned)));
        }
        let mut said = Said::new();
        for word in words(known) {
            if let Some(value) = self.said(block, word) {
                said.insert(word.key.to_owned(), value);
            }
        }
        match Clause::read(known.name, said) {
            Ok(clause) => Some(clause),
            // What was left out may be what it lacks.
            Err(_) if self.reader.problems.len() > told => None,
            Err(why) => {
                self.reader.report(Draft::error(block.span, format!("{} can't be read: {why}", block.name)));
                None
            }
        }
    }

    /// What stands under a key, by its word.
    fn said(&mut self, block: &Block<'_>, word: &Word) -> Option<Value> {
        match word.shape {
            Shape::Seconds => self.data(block, word.key, object::Shape::Seconds),
            Shape::Flag => self.data(block, word.key, object::Shape::Bool),
            Shape::Text(check) => {
                let (text, span) = self.reader.text(block, word.key)?;
                self.complain(check(text), span).then(|| text.into())
            }
            Shape::PolicyArn => {
                let (arn, span) = self.reader.text(block, word.key)?;
                if self.tell(document::check_resource_pattern(arn), span) {
                    self.policy_arn_pattern(arn, span);
                }
                Some(arn.into())
            }
            Shape::Actions => self.list(block, word, |lowering, text, span| lowering.check_action(text, span, true)),
            Shape::Resources => self
                .list(block, word, |lowering, text, span| lowering.tell(document::check_resource_pattern(text), span)),
            Shape::ConditionKeys => self.list(block, word, Self::check_key),
            Shape::Choices(names) => {
                let choices: Vec<(&str, ())> = names.iter().map(|name| (*name, ())).collect();
                self.list(block, word, |lowering, text, span| lowering.one_of(text, span, &choices).is_some())
            }
            Shape::Names(check) => self.list(block, word, |lowering, text, span| lowering.complain(check(text), span)),
        }
    }

    fn data(&mut self, block: &Block<'_>, key: &str, shape: object::Shape) -> Option<Value> {
        match self.reader.value(block, key, shape)? {
            (FieldValue::Data(value), _) => Some(value),
            _ => None,
        }
    }

    /// The texts under a key that pass a check, which tells of the others.
    fn list(
        &mut self,
        block: &Block<'_>,
        word: &Word,
        mut passes: impl FnMut(&mut Self, &str, Span) -> bool,
    ) -> Option<Value> {
        if !word.may_be_empty {
            self.tell_empty(block, word.key);
        }
        block.map.get(word.key)?;
        let texts = self.reader.texts(block, word.key);
        Some(texts.into_iter().filter(|(text, span)| passes(self, text, *span)).map(|(text, _)| text).collect())
    }

    fn complain(&mut self, checked: Result<(), Complaint>, span: Span) -> bool {
        match checked {
            Ok(()) => true,
            Err(Complaint { what, hint }) => {
                self.reader.report(Draft::error(span, what).hint(hint));
                false
            }
        }
    }

    fn exception(&mut self, block: &Block<'_>) -> Option<Exception> {
        self.reader.check_keys(block, &except_keys());
        let mut needed = |key: &str, example: &str| {
            let there = self.reader.require(block, key, example);
            if there { self.reader.text(block, key) } else { None }
        };
        let (reason, owner) = (needed("reason", "\"why\""), needed("owner", "\"team-security\""));
        let expires = needed("expires", "\"2027-02-01\"");
        for (key, said) in [("reason", reason), ("owner", owner)] {
            if let Some((_, span)) = said.filter(|(text, _)| text.trim().is_empty()) {
                self.reader.report(Draft::error(span, format!("{key} of {} says nothing", block.name)));
            }
        }
        if let Some((day, span)) = expires.filter(|(day, _)| day::parse(day).is_none()) {
            self.reader.report(Draft::error(span, format!("`{day}` is not a day")).hint("a day is written 2027-02-01"));
            return None;
        }
        if !block.map.contains_key("roles") && !block.map.contains_key("apps") {
            let draft = Draft::error(block.span, format!("{} excepts nobody", block.name));
            self.reader.report(draft.hint("add roles = [\"break-glass-*\"], or apps"));
        }
        self.check_subjects(block);
        let own = |found: (&str, Span)| found.0.to_owned();
        Some(Exception {
            roles: self.owned(block, "roles"),
            apps: self.owned(block, "apps"),
            reason: own(reason?),
            owner: own(owner?),
            expires: own(expires?),
            place: self.reader.place(block.span).to_string(),
        })
    }

    /// Tells which patterns of roles and apps are about nobody: a typo there is a guardrail that forbids nothing.
    fn check_subjects(&mut self, block: &Block<'_>) {
        // Also of what has expired: the guardrail is no typo since.
        let gone = self.lives.absent.iter().map(|absent| (absent.kind, absent.path.as_str()));
        let paths = self.objects.iter().map(|object| (object.kind, object.path.as_str())).chain(gone);
        let roles: Vec<String> =
            paths.filter_map(|(kind, path)| RolePath::of(kind, path)).map(|role| role.label()).collect();
        // Of logins that are no app's and of people, by their paths.
        let is_somebody = |object: &&Object| {
            object.kind.class == Class::Login && object.app.is_none() || object.kind.person().is_some()
        };
        let logins = self.objects.iter().filter(is_somebody).map(|object| object.path.clone());
        let apps = self.apps.iter().map(|app| &app.name).chain(self.apps_gone());
        let apps: Vec<String> = apps.cloned().chain(logins).collect();
        for (key, sort, names) in [("roles", "role", roles), ("apps", "app", apps)] {
            for (text, span) in self.reader.texts(block, key) {
                let pattern = [text.to_owned()];
                if names.iter().any(|name| guardrail::names(&pattern, name)) {
                    continue;
                }
                let bare = names.iter().filter_map(|name| name.split_once('/')).map(|(_, name)| name);
                let near = names.iter().map(String::as_str).chain(bare.filter(|_| !text.contains('/')));
                self.dangling(span, format!("`{text}` matches no {sort} that is declared"), text, near);
            }
        }
    }

    /// The texts under a key.
    fn owned(&mut self, block: &Block<'_>, key: &str) -> Vec<String> {
        self.tell_empty(block, key);
        self.reader.texts(block, key).into_iter().map(|(text, _)| text.to_owned()).collect()
    }

    fn tell_empty(&mut self, block: &Block<'_>, key: &str) {
        if let Some(entry) =
            block.map.get(key).filter(|entry| matches!(&entry.value.content, Content::List(items) if items.is_empty()))
        {
            let draft = Draft::error(entry.value.span, format!("`{key}` lists nothing"));
            self.reader.report(draft.hint("leave it out for all"));
        }
    }

    fn one_of<T: Copy>(&mut self, text: &str, span: Span, choices: &[(&str, T)]) -> Option<T> {
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let hint = format!("one of {}", value::listed(&names));
            self.reader.report(Draft::error(span, format!("`{text}` is not known here")).hint(hint));
        }
        found.map(|(_, value)| *value)
    }
}

/// A pack is in the same language as the estate. A part of one is none: what is missing would forbid nothing.
fn read_pack(text: &str) -> Option<Map> {
    let mut problems = Vec::new();
    hcl::parse(text, u32::MAX, &mut problems).filter(|map| problems.is_empty() && !map.is_empty())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_pack_that_can_not_be_read_is_none() {
        for text in ["", "# nothing", "guardrail \"a\" {", "guardrail \"a\" {}\n]", "= 1"] {
            assert!(super::read_pack(text).is_none(), "{text}");
        }
        assert!(crate::guardrail::PACKS.iter().all(|(_, text)| super::read_pack(text).is_some()));
    }

    use crate::estate::{self, Sources};
    use crate::guardrail::{PACKS, Rule};

    #[test]
    fn every_pack_can_be_used() {
        for (name, _) in PACKS {
            let text = format!(
                "environment \"local\" {{\n  engine = \"embedded\"\n}}\nguardrail \"mine\" {{\n  use = \"pack:{name}\"\n}}\n"
            );
            let sources = Sources::from_texts([("a.hcl".to_owned(), text)], []);
            let estate = estate::load(&sources, None).map_err(|problems| format!("{problems:?}")).expect(name);
            let mine = estate.guardrails.iter().find(|one| one.name == "mine").expect("declared");
            assert!(
                !mine.rules.is_empty() && !mine.all_rules().any(|rule| matches!(rule, Rule::Escalation(_))),
                "{name}"
            );
            assert!(estate.guardrails.iter().any(|one| one.name == "escalation"), "the default one is there");
        }
    }
}
