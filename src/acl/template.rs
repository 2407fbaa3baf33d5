//! Identity templates in the paths of policies: `aws/creds/{{identity.entity.name}}`.
//!
//! The engine fills them in with who asks. What can't be filled in grants nothing, and neither does what would be more
//! than one name: a value with `/`, `*` or `+` is no value, or whoever chooses a name would choose what it opens.
//! The reconciler does not know who asks: it tells which paths one may stand for, and where that may matter.
//!
//! Source: Vault, "Templated policies"; OpenBao, `sdk/helper/identitytpl/templating.go`, whose newer versions refuse
//! the same signs.

use std::collections::BTreeMap;

use super::document::Rule;

/// Names with texts.
pub type Metadata = BTreeMap<String, String>;

/// Who asks, as templates know them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The entity's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its metadata.
    pub metadata: Metadata,
    /// Its aliases, by the accessors of their mounts.
    pub aliases: BTreeMap<String, AliasFacts>,
    /// The groups that it is in, also by being in another.
    pub groups: Vec<GroupFacts>,
}

/// What a mount calls who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AliasFacts {
    /// The alias' id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What the last login said.
    pub metadata: Metadata,
    /// What people said.
    pub custom_metadata: Metadata,
}

/// A group of who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFacts {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its metadata.
    pub metadata: Metadata,
}

/// Whether a path holds a template.
pub fn is_templated(path: &str) -> bool {
    path.contains("{{")
}

/// The path with everything filled in; none where the rule grants nothing to who asks.
pub fn fill(path: &str, facts: &Facts) -> Option<String> {
    let mut filled = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once("{{") {
        let (selector, next) = after.split_once("}}")?;
        filled.push_str(before);
        filled.push_str(facts.value(selector.trim()).filter(|value| is_one_name(value))?);
        rest = next;
    }
    filled.push_str(rest);
    Some(filled)
}

/// A template of a path that stands for nothing whoever asks, and what is wrong with it.
///
/// # Source
/// Vault, "Templated policies", available parameters. Accessors begin with the sort of what they are of:
/// `auth_userpass_1a2b3c4d`.
pub fn empty(path: &str) -> Option<(String, Empty)> {
    let mut rest = path;
    while let Some((selector, next)) = rest.split_once("{{").and_then(|(_, after)| after.split_once("}}")) {
        let selector = selector.trim();
        if let Some(empty) = why_empty(selector) {
            return Some((selector.to_owned(), empty));
        }
        rest = next;
    }
    None
}

/// Why a template stands for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// Nothing is known by this name.
    NoName,
    /// What stands in the place of an accessor is none.
    NoAccessor,
}

fn why_empty(selector: &str) -> Option<Empty> {
    let is_key = |field: &str, word: &str| field.strip_prefix(word).is_some_and(|key| !key.is_empty());
    let is_of_all = |field: &str| field == "id" || field == "name" || is_key(field, "metadata.");
    if let Some(of_group) = selector.strip_prefix("identity.groups.") {
        let group = of_group.strip_prefix("ids.").or_else(|| of_group.strip_prefix("names."));
        let field = group.and_then(|group| group.split_once('.')).map(|(_, field)| field);
        return (!field.is_some_and(is_of_all)).then_some(Empty::NoName);
    }
    let Some(of_entity) = selector.strip_prefix("identity.entity.") else { return Some(Empty::NoName) };
    let Some(of_alias) = of_entity.strip_prefix("aliases.") else {
        return (!is_of_all(of_entity)).then_some(Empty::NoName);
    };
    match of_alias.split_once('.') {
        Some((accessor, field)) if is_of_all(field) || is_key(field, "custom_metadata.") => {
            (!accessor.starts_with("auth_")).then_some(Empty::NoAccessor)
        }
        _ => Some(Empty::NoName),
    }
}

fn is_one_name(value: &str) -> bool {
    !value.is_empty() && !value.contains(['/', '*', '+'])
}

impl Facts {
    /// What a template's text between its braces stands for.
    fn value(&self, selector: &str) -> Option<&str> {
        if let Some(of_group) = selector.strip_prefix("identity.groups.") {
            return self.of_group(of_group);
        }
        match selector.strip_prefix("identity.entity.")? {
            "id" => Some(&self.id),
            "name" => Some(&self.name),
            other => match other.strip_prefix("aliases.") {
                Some(of_alias) => {
                    let (accessor, field) = of_alias.split_once('.')?;
                    self.aliases.get(accessor)?.value(field)
                }
                None => of_metadata(&self.metadata, other.strip_prefix("metadata.")?),
            },
        }
    }

    fn of_group(&self, selector: &str) -> Option<&str> {
        let (by_id, rest) = match selector.split_once('.')? {
            ("ids", rest) => (true, rest),
            ("names", rest) => (false, rest),
            _ => return None,
        };
        let (which, field) = rest.split_once('.')?;
        let group = self.groups.iter().find(|group| which == if by_id { &group.id } else { &group.name })?;
        match field {
            "id" => Some(&group.id),
            "name" => Some(&group.name),
            other => of_metadata(&group.metadata, other.strip_prefix("metadata.")?),
        }
    }
}

impl AliasFacts {
    fn value(&self, field: &str) -> Option<&str> {
        match field {
            "id" => Some(&self.id),
            "name" => Some(&self.name),
            other => match other.strip_prefix("custom_metadata.") {
                Some(key) => of_metadata(&self.custom_metadata, key),
                None => of_metadata(&self.metadata, other.strip_prefix("metadata.")?),
            },
        }
    }
}

fn of_metadata<'f>(metadata: &'f Metadata, key: &str) -> Option<&'f str> {
    metadata.get(key).map(String::as_str)
}

/// Whether a rule's pattern may match a path, whoever asks. `known` answers what a template's text stands for, where
/// that is known.
pub fn may_match(pattern: &str, path: &str, known: impl Fn(&str) -> Option<String>) -> bool {
    let pattern = loosened(pattern, known);
    let (pattern, prefix) = match pattern.strip_suffix(ANY_REST) {
        Some(pattern) => (pattern, true),
        None => (pattern.as_str(), false),
    };
    let mut wanted = pattern.split('/').peekable();
    let mut given = path.split('/');
    while let Some(want) = wanted.next() {
        let Some(segment) = given.next() else { return false };
        if wanted.peek().is_none() && prefix {
            return segment_may_be(&format!("{want}*"), segment);
        }
        if want != "+" && !segment_may_be(want, segment) {
            return false;
        }
    }
    given.next().is_none()
}

/// Whether it is known what all templates of a path stand for.
pub fn is_settled(path: &str, known: impl Fn(&str) -> Option<String>) -> bool {
    let mut rest = path;
    while let Some((selector, next)) = rest.split_once("{{").and_then(|(_, after)| after.split_once("}}")) {
        if known(selector.trim()).is_none() {
            return false;
        }
        rest = next;
    }
    true
}

/// A `*` at the end of a pattern, set apart from those that stand for a template.
const ANY_REST: char = '\0';

/// The pattern with `*` for each template that is not known.
fn loosened(pattern: &str, known: impl Fn(&str) -> Option<String>) -> String {
    let (mut rest, end) = match pattern.strip_suffix('*') {
        Some(start) => (start, Some(ANY_REST)),
        None => (pattern, None),
    };
    let mut loose = String::new();
    while let Some((before, (selector, next))) =
        rest.split_once("{{").and_then(|(before, after)| Some((before, after.split_once("}}")?)))
    {
        loose.push_str(before);
        loose.push_str(known(selector.trim()).as_deref().unwrap_or("*"));
        rest = next;
    }
    loose.push_str(rest);
    loose.extend(end);
    loose
}

/// Whether a segment is like a pattern in which `*` is any text.
fn segment_may_be(pattern: &str, segment: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut left) = segment.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return left.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    true
}

/// Whether two patterns may match one path, whoever asks.
fn may_meet(a: &str, b: &str) -> bool {
    let (mut left, mut right) = (a.split('/').peekable(), b.split('/').peekable());
    loop {
        let (Some(one), Some(other)) = (left.next(), right.next()) else { return false };
        let open = |segment: &str, last: bool| last && segment.ends_with('*');
        if open(one, left.peek().is_none()) || open(other, right.peek().is_none()) {
            return starts_agree(one, other);
        }
        if !starts_agree(one, other) && one != "+" && other != "+" {
            return false;
        }
        let is_loose = |segment: &str| segment == "+" || is_templated(segment);
        if one != other && !is_loose(one) && !is_loose(other) {
            return false;
        }
        if left.peek().is_none() && right.peek().is_none() {
            return true;
        }
    }
}

/// Whether what is spelt out at the beginning of two segments agrees.
fn starts_agree(a: &str, b: &str) -> bool {
    let start = |segment: &'_ str| -> String {
        let segment = if segment == "+" { "" } else { segment.trim_end_matches('*') };
        segment.split("{{").next().unwrap_or_default().to_owned()
    };
    let (a, b) = (start(a), start(b));
    a.starts_with(&b) || b.starts_with(&a)
}

/// The templated paths of which a change of rules may make another thing than a comparison of patterns as they are
/// written tells: filled in, a path may be the more specific one of two, or the same as another.
pub fn uncertain(old: &[Rule], new: &[Rule]) -> Vec<String> {
    let changed: Vec<&Rule> =
        old.iter().filter(|rule| !new.contains(rule)).chain(new.iter().filter(|rule| !old.contains(rule))).collect();
    let mut paths: Vec<String> = Vec::new();
    let templated = old.iter().chain(new).filter(|rule| is_templated(&rule.path));
    for rule in templated {
        let others = || old.iter().chain(new).filter(|other| other.path != rule.path);
        let is_met = |other: &&Rule| may_meet(&rule.path, &other.path);
        let has_changed = changed.iter().any(|other| other.path == rule.path);
        let concerns = match has_changed {
            true => others().any(|other| is_met(&other)),
            false => changed.iter().any(is_met),
        };
        if concerns && !paths.contains(&rule.path) {
            paths.push(rule.path.clone());
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::{AliasFacts, Empty, Facts, GroupFacts, empty, fill, may_match, may_meet, uncertain};
    use crate::acl::document::parse_with_templates;

    #[test]
    fn what_stands_for_nothing_is_told_from_what_may() {
        for (path, expected) in [
            ("aws/creds/{{identity.entity.name}}", None),
            ("aws/creds/{{ identity.entity.metadata.team }}", None),
            ("aws/creds/{{identity.entity.aliases.auth_userpass_1a2b3c4d.name}}", None),
            ("aws/creds/{{identity.entity.aliases.auth_jwt_1a2b.custom_metadata.x}}", None),
            ("aws/creds/{{identity.groups.names.ops.id}}", None),
            ("aws/creds/{{identity.groups.ids.1-2.metadata.x}}", None),
            ("aws/creds/web", None),
            ("aws/{{identity.entity.id}}/{{identity.entity.nonsense}}", Some(Empty::NoName)),
            ("aws/creds/{{identity.entity.aliases.people.name}}", Some(Empty::NoAccessor)),
            ("aws/creds/{{identity.entity.aliases.people}}", Some(Empty::NoName)),
            ("aws/creds/{{identity.groups.ops.name}}", Some(Empty::NoName)),
            ("aws/creds/{{identity.groups.names.ops}}", Some(Empty::NoName)),
            ("aws/creds/{{identity.entity.metadata.}}", Some(Empty::NoName)),
        ] {
            assert_eq!(empty(path).map(|(_, empty)| empty), expected, "{path}");
        }
    }

    fn facts() -> Facts {
        let of = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect::<super::Metadata>()
        };
        let alias = AliasFacts {
            id: "alias-1".to_owned(),
            name: "bob".to_owned(),
            metadata: of(&[("role_name", "web")]),
            custom_metadata: of(&[("desk", "4")]),
        };
        Facts {
            id: "entity-1".to_owned(),
            name: "Bob".to_owned(),
            metadata: of(&[
                ("team", "web"),
                ("a.b", "dots"),
                ("path", "a/b"),
                ("all", "*"),
                ("one", "+"),
                ("none", ""),
            ]),
            aliases: [("auth_userpass_1".to_owned(), alias)].into(),
            groups: vec![GroupFacts { id: "group-1".to_owned(), name: "Ops".to_owned(), metadata: of(&[("k", "v")]) }],
        }
    }

    #[test]
    fn templates_are_filled_in_with_who_asks() {
        for (path, filled) in [
            ("kv/{{identity.entity.id}}/*", Some("kv/entity-1/*")),
            ("kv/{{ identity.entity.name }}", Some("kv/Bob")),
            ("kv/{{identity.entity.metadata.team}}-{{identity.entity.metadata.a.b}}", Some("kv/web-dots")),
            ("kv/{{identity.entity.aliases.auth_userpass_1.name}}", Some("kv/bob")),
            ("kv/{{identity.entity.aliases.auth_userpass_1.id}}", Some("kv/alias-1")),
            ("kv/{{identity.entity.aliases.auth_userpass_1.metadata.role_name}}", Some("kv/web")),
            ("kv/{{identity.entity.aliases.auth_userpass_1.custom_metadata.desk}}", Some("kv/4")),
            ("kv/{{identity.groups.ids.group-1.name}}", Some("kv/Ops")),
            ("kv/{{identity.groups.names.Ops.id}}", Some("kv/group-1")),
            ("kv/{{identity.groups.names.Ops.metadata.k}}", Some("kv/v")),
            // What is not there gives nothing, and neither does what is no single name.
            ("kv/{{identity.groups.names.ops.id}}", None),
            ("kv/{{identity.groups.other.Ops.id}}", None),
            ("kv/{{identity.entity.metadata.other}}", None),
            ("kv/{{identity.entity.metadata}}", None),
            ("kv/{{identity.entity.aliases.auth_userpass_2.name}}", None),
            ("kv/{{identity.entity.aliases.auth_userpass_1}}", None),
            ("kv/{{identity.entity.metadata.path}}", None),
            ("kv/{{identity.entity.metadata.all}}", None),
            ("kv/{{identity.entity.metadata.one}}", None),
            ("kv/{{identity.entity.metadata.none}}", None),
            ("kv/{{time.now}}", None),
        ] {
            assert_eq!(fill(path, &facts()).as_deref(), filled, "{path}");
        }
    }

    #[test]
    fn what_a_template_may_stand_for_is_one_name() {
        let role_id = |selector: &str| selector.ends_with(".name").then(|| "r-1".to_owned());
        for (pattern, path, unknown, known) in [
            ("aws/creds/{{identity.entity.id}}", "aws/creds/web", true, true),
            ("aws/creds/{{x.name}}", "aws/creds/web", true, false),
            ("aws/creds/{{x.name}}", "aws/creds/r-1", true, true),
            ("aws/creds/app-{{x.name}}", "aws/creds/app-r-1", true, true),
            ("aws/creds/app-{{x.name}}", "aws/creds/other", false, false),
            ("aws/creds/{{x.name}}-*", "aws/creds/r-1-b", true, true),
            ("aws/+/{{x.name}}", "aws/sts/r-1", true, true),
            ("{{x.name}}/creds/web", "aws/creds/web", true, false),
            ("aws/creds/{{x.name}}/more", "aws/creds/r-1", false, false),
            ("aws/{{x.name}}", "aws/creds/r-1", false, false),
            ("aws/{{x.name}}*", "aws/creds/r-1", true, false),
        ] {
            assert_eq!(may_match(pattern, path, |_| None), unknown, "{pattern} {path}");
            assert_eq!(may_match(pattern, path, role_id), known, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_meet_where_a_name_makes_them_the_same() {
        for (a, b, meets) in [
            ("kv/{{x}}/a", "kv/prod/a", true),
            ("kv/{{x}}/a", "kv/prod/b", false),
            ("kv/{{x}}/a", "kv/+/a", true),
            ("kv/{{x}}/a", "kv/*", true),
            ("kv/{{x}}", "kv/p*", true),
            ("kv/dev-{{x}}", "kv/prod*", false),
            ("kv/{{x}}", "kv/prod/a", false),
            ("kv/{{x}}/*", "kv/prod/a/b", true),
            ("kv/{{x}}", "other/+", false),
            ("+/{{x}}", "kv/prod", true),
        ] {
            assert_eq!((may_meet(a, b), may_meet(b, a)), (meets, meets), "{a} {b}");
        }
    }

    #[test]
    fn a_change_beside_a_template_is_uncertain_where_they_may_be_of_one_path() {
        let rules = |text: &str| {
            let stanza = |rule: &str| {
                let (path, capability) = rule.split_once('=').unwrap();
                format!("path {path:?} {{ capabilities = [{capability:?}] }}\n")
            };
            parse_with_templates(&text.split(' ').map(stanza).collect::<String>()).unwrap()
        };
        for (old, new, expected) in [
            // Filled in, it outranks the denial.
            ("kv/*=read kv/p*=deny", "kv/*=read kv/p*=deny kv/{{identity.entity.id}}=read", true),
            // Filled in, it was denied.
            ("kv/prod=deny kv/{{identity.entity.id}}=read", "kv/{{identity.entity.id}}=read", true),
            // It outranked what others allow.
            ("kv/*=update kv/{{identity.entity.id}}=read", "kv/*=update", true),
            ("kv/{{identity.entity.id}}=read", "kv/{{identity.entity.id}}=read other/a=read", false),
            ("kv/*=read", "kv/*=read other/{{identity.entity.id}}=read", false),
            ("kv/{{identity.entity.id}}=read kv/*=read", "kv/*=read kv/{{identity.entity.id}}=read", false),
        ] {
            assert_eq!(!uncertain(&rules(old), &rules(new)).is_empty(), expected, "{old} -> {new}");
        }
    }
}
