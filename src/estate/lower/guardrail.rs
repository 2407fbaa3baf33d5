//! `guardrail` declarations: what may never be granted.

use super::Lowering;
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::source::Span;
use crate::estate::tree::{Kind, Map};
use crate::estate::{hcl, value};
use crate::guardrail::{self, Deny, Escalation, Exception, Guardrail, Level, Require, Rule, Severity, Wildcard};
use crate::iam::document;
use crate::object::{FieldValue, RolePath, Shape};
use crate::text::did_you_mean;

const KEYS: &[&str] =
    &["severity", "roles", "apps", "use", "paths", "except_paths", "deny", "require", "except", "enabled", "reason"];

const DENY_KEYS: &[&str] = &["actions", "levels", "resources", "wildcards", "unless"];
const REQUIRE_KEYS: &[&str] = &[
    "permissions_boundary",
    "path_prefix",
    "max_ttl",
    "credential_types",
    "max_token_ttl",
    "max_secret_id_ttl",
    "bound_cidrs",
    "bind_secret_id",
];
const EXCEPT_KEYS: &[&str] = &["roles", "apps", "reason", "owner", "expires"];

const SEVERITIES: &[(&str, Severity)] = &[("deny", Severity::Deny), ("warn", Severity::Warn), ("low", Severity::Low)];
const LEVELS: &[(&str, Level)] = &[
    ("list", Level::List),
    ("read", Level::Read),
    ("write", Level::Write),
    ("tagging", Level::Tagging),
    ("permissions-management", Level::PermissionsManagement),
];
const WILDCARDS: &[(&str, Wildcard)] = &[
    ("action", Wildcard::Action),
    ("resource", Wildcard::Resource),
    ("not_action", Wildcard::NotAction),
    ("not_resource", Wildcard::NotResource),
];

/// Those of roles that an engine may hold. Source: Vault's API documentation, "AWS secrets engine".
const CREDENTIAL_TYPES: &[(&str, ())] =
    &[("iam_user", ()), ("assumed_role", ()), ("federation_token", ()), ("session_token", ())];

impl Lowering<'_> {
    /// `guardrail "no-star" { deny { ... } }`.
    pub(super) fn guardrail(&mut self, block: &Block<'_>) {
        self.reader.check_keys(block, KEYS);
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
        // Declared without rules of its own, the built-in one is only overridden.
        if block.label == guardrail::DEFAULT && rules.is_empty() {
            rules.push(Rule::Escalation(self.escalation(block)));
        }
        if rules.is_empty() && enabled && !block.map.contains_key("use") {
            let draft = Draft::error(block.span, format!("{} forbids and demands nothing", block.name));
            self.reader.report(draft.hint("add `deny` or `require` blocks, or use = \"pack:baseline\""));
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
        let enabled = match self.reader.value(block, "enabled", Shape::Bool) {
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

    /// The rules that `use` brings.
    fn imported(&mut self, block: &Block<'_>) -> Vec<Rule> {
        let Some((name, span)) = self.reader.text(block, "use") else {
            for key in ["paths", "except_paths"] {
                if let Some(entry) = block.map.get(key).filter(|_| block.label != guardrail::DEFAULT) {
                    let draft = Draft::error(entry.key_span, format!("`{key}` is of no use here"));
                    self.reader.report(draft.hint("it chooses from use = \"builtin:escalation\""));
                }
            }
            return Vec::new();
        };
        if name == "builtin:escalation" {
            return vec![Rule::Escalation(self.escalation(block))];
        }
        let known: Vec<String> = guardrail::PACKS.iter().map(|(name, _)| format!("pack:{name}")).collect();
        let Some(text) = name.strip_prefix("pack:").and_then(guardrail::pack) else {
            let choices = known.iter().map(String::as_str).chain(["builtin:escalation"]);
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

    fn escalation(&mut self, block: &Block<'_>) -> Escalation {
        let mut chosen = ["paths", "except_paths"].map(|key| {
            let found = self.reader.texts(block, key);
            for (id, span) in &found {
                let ids = guardrail::paths().1.iter().map(|path| path.id.as_str());
                if !ids.clone().any(|known| known == *id) {
                    let draft = Draft::error(*span, format!("`{id}` is no path of escalation"));
                    let hint =
                        did_you_mean(id, ids).unwrap_or_else(|| "policies/escalation.yaml lists them".to_owned());
                    self.reader.report(draft.hint(hint));
                }
            }
            found.into_iter().map(|(id, _)| id.to_owned()).collect::<Vec<_>>()
        });
        Escalation { paths: std::mem::take(&mut chosen[0]), except_paths: std::mem::take(&mut chosen[1]) }
    }

    fn rules(&mut self, block: &Block<'_>) -> Vec<Rule> {
        let mut rules = Vec::new();
        for inner in self.several(block, "deny") {
            rules.push(Rule::Deny(self.denied(&inner)));
        }
        for inner in self.several(block, "require") {
            rules.push(Rule::Require(self.required(&inner)));
        }
        rules
    }

    fn denied(&mut self, block: &Block<'_>) -> Deny {
        self.reader.check_keys(block, DENY_KEYS);
        if ["actions", "levels", "resources", "wildcards"].iter().all(|key| !block.map.contains_key(*key)) {
            let draft = Draft::error(block.span, format!("{} would deny everything", block.name));
            self.reader.report(draft.hint("add actions, levels, resources or wildcards"));
        }
        for (text, span) in self.reader.texts(block, "actions") {
            self.check_action(text, span, true);
        }
        for (text, span) in self.reader.texts(block, "resources") {
            self.tell(document::check_resource_pattern(text), span);
        }
        for (key, span) in self.reader.texts(block, "unless") {
            self.check_key(key, span);
        }
        Deny {
            actions: self.owned(block, "actions"),
            levels: self.chosen(block, "levels", LEVELS),
            resources: self.owned(block, "resources"),
            wildcards: self.chosen(block, "wildcards", WILDCARDS),
            unless: self.owned(block, "unless"),
        }
    }

    fn required(&mut self, block: &Block<'_>) -> Require {
        self.reader.check_keys(block, REQUIRE_KEYS);
        if block.map.is_empty() {
            self.reader.report(Draft::error(block.span, format!("{} demands nothing", block.name)));
        }
        self.check_demands(block);
        let mut seconds = |key: &str| match self.reader.value(block, key, Shape::Seconds) {
            Some((FieldValue::Data(value), _)) => value.as_i64(),
            _ => None,
        };
        let (max_ttl, max_token_ttl) = (seconds("max_ttl"), seconds("max_token_ttl"));
        let max_secret_id_ttl = seconds("max_secret_id_ttl");
        let text = |found: Option<(&str, Span)>| found.map(|(text, _)| text.to_owned());
        Require {
            permissions_boundary: text(self.reader.text(block, "permissions_boundary")),
            path_prefix: text(self.reader.text(block, "path_prefix")),
            max_ttl,
            credential_types: self.owned(block, "credential_types"),
            max_token_ttl,
            max_secret_id_ttl,
            bound_cidrs: self.reader.flag(block, "bound_cidrs"),
            bind_secret_id: self.reader.flag(block, "bind_secret_id"),
        }
    }

    /// What no role can have is demanded by mistake.
    fn check_demands(&mut self, block: &Block<'_>) {
        if let Some((arn, span)) = self.reader.text(block, "permissions_boundary")
            && self.tell(document::check_resource_pattern(arn), span)
        {
            self.policy_arn_pattern(arn, span);
        }
        if let Some((path, span)) = self.reader.text(block, "path_prefix").filter(|(path, _)| !path.starts_with('/')) {
            let draft = Draft::error(span, format!("`{path}` is not the path of an IAM user"));
            self.reader.report(draft.hint("a path starts with `/`, as in /apps/"));
        }
        for (text, span) in self.reader.texts(block, "credential_types") {
            self.one_of(text, span, CREDENTIAL_TYPES);
        }
    }

    fn exception(&mut self, block: &Block<'_>) -> Option<Exception> {
        self.reader.check_keys(block, EXCEPT_KEYS);
        let mut needed = |key: &str, example: &str| {
            let there = self.reader.require(block, key, example);
            if there { self.reader.text(block, key) } else { None }
        };
        let (reason, owner) = (needed("reason", "\"why\""), needed("owner", "\"team-security\""));
        let expires = needed("expires", "\"2027-02-01\"");
        if let Some((day, span)) = expires.filter(|(day, _)| !is_day(day)) {
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
        })
    }

    /// Tells which patterns of roles and apps are about nobody: a typo there is a guardrail that forbids nothing.
    fn check_subjects(&mut self, block: &Block<'_>) {
        let roles: Vec<String> = self
            .objects
            .iter()
            .filter_map(|object| RolePath::of(object.kind, &object.path))
            .map(|role| role.label())
            .collect();
        let apps: Vec<String> = self.apps.iter().map(|app| app.name.clone()).collect();
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
        let texts = self.reader.texts(block, key);
        if let Some(entry) =
            block.map.get(key).filter(|entry| matches!(&entry.value.kind, Kind::List(items) if items.is_empty()))
        {
            let draft = Draft::error(entry.value.span, format!("`{key}` lists nothing"));
            self.reader.report(draft.hint("leave it out for all"));
        }
        texts.into_iter().map(|(text, _)| text.to_owned()).collect()
    }

    fn chosen<T: Copy>(&mut self, block: &Block<'_>, key: &str, choices: &[(&str, T)]) -> Vec<T> {
        let texts = self.reader.texts(block, key);
        texts.into_iter().filter_map(|(text, span)| self.one_of(text, span, choices)).collect()
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

/// Whether a text is a day that there is, as `2027-02-01`.
fn is_day(text: &str) -> bool {
    text.len() == 10 && crate::iam::value::instant(text).is_some() && text.as_bytes()[4] == b'-'
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
                !mine.rules.is_empty() && !mine.rules.iter().any(|rule| matches!(rule, Rule::Escalation(_))),
                "{name}"
            );
            assert!(estate.guardrails.iter().any(|one| one.name == "escalation"), "the default one is there");
        }
    }
}
