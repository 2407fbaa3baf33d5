//! People: users, and groups of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::life::keep;
use super::{Lowering, is_role_name};
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::tree::{Content, Entry, Map};
use crate::object::entity::{self, USER};
use crate::object::group::{self, EXTERNAL, GROUP};
use crate::object::{FieldValue, Leaf};
use crate::text::did_you_mean;

impl Lowering<'_> {
    /// All of `user "ann" { ... }` and `group "ops" { ... }`.
    pub(super) fn people(&mut self, declarations: &Map) {
        let users = self.reader.labelled(declarations, USER.word);
        let groups = self.reader.labelled(declarations, GROUP.word);
        for user in &users {
            self.living(user, |this| this.user(user));
        }
        let names = |blocks: &[Block<'_>]| blocks.iter().map(|block| block.label.to_owned()).collect::<BTreeSet<_>>();
        let known = [names(&users), names(&groups)];
        for group in &groups {
            self.living(group, |this| this.group(group, &known));
        }
        self.circles(&groups);
    }

    fn user(&mut self, block: &Block<'_>) {
        self.reader.check(block, &USER);
        self.person_name(block);
        if self.is_shared(block, &[]) {
            return self.refer(block, &entity::KIND, "");
        }
        let mut fields = self.reader.fields(block, &entity::KIND, &USER);
        keep(&mut fields, "policies", &self.policies_of_people(block));
        self.check_aliases(block, "aliases", &fields);
        let path = entity::KIND.path("", block.label);
        let mut object = self.object(&entity::KIND, path, None, block.span, fields);
        object.protect = self.reader.flag(block, "protect");
        self.add(object, block.span);
    }

    fn group(&mut self, block: &Block<'_>, [users, groups]: &[BTreeSet<String>; 2]) {
        self.reader.check(block, &GROUP);
        self.person_name(block);
        if self.is_shared(block, &[]) {
            return self.refer(block, &group::KIND, "");
        }
        let mut fields = self.reader.fields(block, &group::KIND, &GROUP);
        keep(&mut fields, "policies", &self.policies_of_people(block));
        let still = self.still_named(block, "members", |name| entity::KIND.path("", name));
        keep(&mut fields, "members", &still);
        let still = self.still_named(block, "groups", |name| group::KIND.path("", name));
        keep(&mut fields, "member_groups", &still);
        self.check_aliases(block, "alias", &fields);
        self.check_members(block, "members", "user", users);
        self.check_members(block, "groups", "group", groups);
        if let Some(entry) = block.map.get("alias") {
            let external = FieldValue::Data(Value::from(EXTERNAL));
            fields.insert("type", Leaf::new(external, self.reader.place(entry.key_span)));
        }
        let path = group::KIND.path("", block.label);
        let mut object = self.object(&group::KIND, path, None, block.span, fields);
        object.protect = self.reader.flag(block, "protect");
        self.add(object, block.span);
    }

    /// Engines find people and groups by their names in any case.
    fn person_name(&mut self, block: &Block<'_>) {
        if !is_role_name(block.label) || block.label.to_lowercase() != block.label {
            let draft = Draft::error(block.span, format!("`{}` can't be a name here", block.label));
            self.reader.report(draft.hint("a name has lower-case letters, digits, `-`, `_`, `.` and `@`"));
        }
    }

    /// Tells methods that are not declared, and names that are none.
    fn check_aliases(&mut self, block: &Block<'_>, key: &str, fields: &BTreeMap<&'static str, Leaf>) {
        // What is no map of texts has been told.
        let Some(Content::Map(aliases)) = block.map.get(key).map(|entry| &entry.value.content) else { return };
        if !fields.contains_key(key) {
            return;
        }
        for (method, Entry { key_span: span, value }) in aliases {
            let span = *span;
            if matches!(&value.content, Content::Text(name) if name.trim() != name || name.is_empty()) {
                let draft = Draft::error(value.span, format!("what `{method}` calls it has no blanks around it"));
                self.reader.report(draft.hint(format!("write {method} = \"NAME\"")));
            }
            if !self.auths.contains_key(method) {
                let known: Vec<String> = self.auths.keys().cloned().collect();
                let what = format!("the auth method `{method}` is not declared");
                self.dangling(span, what, method, known.iter().map(String::as_str));
            }
        }
    }

    fn check_members(&mut self, block: &Block<'_>, key: &str, word: &str, known: &BTreeSet<String>) {
        for (name, span) in self.reader.texts_quietly(block, key) {
            if known.contains(name) || self.is_incomplete() {
                continue;
            }
            let near = did_you_mean(name, known.iter().map(String::as_str));
            let hint = near.unwrap_or_else(|| format!("declare it: {word} \"{name}\" {{ ... }}"));
            self.reader.report(Draft::error(span, format!("the {word} `{name}` is not declared")).hint(hint));
        }
    }

    /// Tells groups that are within themselves: engines refuse the last of them.
    fn circles(&mut self, groups: &[Block<'_>]) {
        let mut within: BTreeMap<&str, Vec<&str>> = groups
            .iter()
            .map(|group| {
                (group.label, self.reader.texts_quietly(group, "groups").into_iter().map(|(name, _)| name).collect())
            })
            .collect();
        // What is left once all are out that hold none of the others is in a circle, or holds one.
        loop {
            let left: BTreeSet<&str> = within.keys().copied().collect();
            within.retain(|_, members| members.iter().any(|member| left.contains(member)));
            if within.len() == left.len() {
                break;
            }
        }
        let Some(mut at) = within.keys().next().copied() else { return };
        let mut way: Vec<&str> = Vec::new();
        while !way.contains(&at) {
            way.push(at);
            let next = within[at].iter().find_map(|member| within.get_key_value(member));
            let Some((&member, _)) = next else { return };
            at = member;
        }
        let circle = &way[way.iter().position(|name| *name == at).unwrap_or(0)..];
        let span = groups.iter().find(|group| group.label == at).map(|group| group.span);
        let Some(span) = span else { return };
        let what = format!("the group `{at}` is within itself: {}, {at}", circle.join(", "));
        let hint = "take one of them out of the `groups` of another";
        self.reader.report(Draft::error(span, what).hint(hint));
    }
}
