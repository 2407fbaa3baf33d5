//! How long a declaration holds, and what it was before: `absent`, `expires` and `renamed_from`, which declarations of
//! objects may say.
//!
//! A declaration that does not hold (any more) is read and checked as all are. What it makes is declared not to be there,
//! and what names it of its own accord lets it go: the grants of an app, the members of a group, the policies of a login.
//! What can't be without it has to end no later, which is told at once, not only on that day.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::{Lowering, is_role_name};
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::span::Span;
use crate::estate::tree::Content;
use crate::object::{Absence, Absent, FieldValue, Leaf, Object};
use crate::units::day;

/// What declarations say of how long they hold.
#[derive(Default)]
pub(super) struct Lives {
    /// Of the declaration that is being lowered, and of those that it stands in.
    open: Vec<Life>,
    /// What is declared not to be there.
    pub(super) absent: Vec<Absent>,
    /// Why, by path.
    gone: HashMap<String, Absence>,
    /// The old paths of what has new names, with where that is said.
    renamed: Vec<(String, Span)>,
    /// Why apps are not to be there, by name.
    apps: BTreeMap<String, Absence>,
}

/// How long one declaration holds.
#[derive(Clone, Debug, Default)]
struct Life {
    /// Why it does not hold.
    absence: Option<Absence>,
    /// The day from which on it does not, if that is to come.
    expires: Option<String>,
    /// Whether it was asked for its old name.
    was_asked: bool,
}

impl Lowering<'_> {
    /// Lowers a declaration as what it says of how long it holds.
    pub(super) fn living<T>(&mut self, block: &Block<'_>, lower: impl FnOnce(&mut Self) -> T) -> T {
        let life = self.life(block);
        self.lives.open.push(life);
        let lowered = lower(self);
        let was_asked = self.lives.open.pop().is_some_and(|life| life.was_asked);
        if !was_asked && let Some((_, span)) = self.reader.text(block, "renamed_from") {
            let draft = Draft::error(span, format!("{} can't be renamed", block.name));
            self.reader.report(draft.hint(match block.name.split(' ').next() {
                Some("aws" | "kv" | "transit" | "auth") => {
                    "engines revoke everything that was issued below a mount when it moves: declare the new one beside it, move \
                     what is below it, and take the old one out once its leases have ended"
                }
                _ => "declare it by its new name, move its users, and take the old one out then",
            }));
        }
        lowered
    }

    /// The path of what a declaration makes under the name that it had before, if it says one.
    pub(super) fn renamed_from(&mut self, block: &Block<'_>, path: impl Fn(&str) -> String) -> Option<String> {
        if let Some(life) = self.lives.open.last_mut() {
            life.was_asked = true;
        }
        let (name, span) = self.reader.text(block, "renamed_from")?;
        if !is_role_name(name) {
            let draft = Draft::error(span, format!("`{name}` can't have been its name"));
            self.reader.report(draft.hint("write the old name alone, as the label was"));
            return None;
        }
        self.lives.renamed.push((path(name), span));
        Some(path(name))
    }

    fn life(&mut self, block: &Block<'_>) -> Life {
        let is_absent = self.reader.flag(block, "absent");
        let expires = self.reader.text(block, "expires");
        let said = if is_absent { Some("absent") } else { expires.map(|_| "expires") };
        let is_protected =
            matches!(block.map.get("protect"), Some(entry) if matches!(entry.value.content, Content::Bool(true)));
        if let (Some(said), true) = (said, is_protected) {
            let draft = Draft::error(block.span, format!("{} says `protect` and `{said}`", block.name));
            self.reader.report(draft.hint("what is protected stays: leave one of them out"));
        }
        if let (true, Some((_, span))) = (is_absent, expires) {
            let draft = Draft::error(span, format!("{} is declared absent: it does not expire any more", block.name));
            self.reader.report(draft.hint("leave `expires` out"));
        }
        let Some((text, span)) = expires.filter(|_| !is_absent) else {
            return Life { absence: is_absent.then_some(Absence::Declared), ..Life::default() };
        };
        if day::parse(text).is_none() {
            self.reader
                .report(Draft::error(span, format!("`{text}` is not a day")).hint("a day is written 2027-03-31"));
            return Life::default();
        }
        match self.reader.sources.day() {
            Some(today) if today >= text => {
                Life { absence: Some(Absence::Expired(text.to_owned())), ..Life::default() }
            }
            _ => Life { expires: Some(text.to_owned()), ..Life::default() },
        }
    }

    /// Why what is being lowered is not to be there; of several reasons the one of the outermost declaration.
    pub(super) fn absence(&self) -> Option<&Absence> {
        self.lives.open.iter().find_map(|life| life.absence.as_ref())
    }

    /// The first day on which what is being lowered is not to be there any more.
    pub(super) fn expires(&self) -> Option<String> {
        self.lives.open.iter().filter_map(|life| life.expires.clone()).min()
    }

    /// Takes an object that is not to be there.
    pub(super) fn gone(&mut self, object: Object, absence: Absence) {
        let Object { kind, path, app, place, .. } = object;
        self.lives.gone.insert(path.clone(), absence.clone());
        self.lives.absent.push(Absent { kind, path, app, place, absence });
    }

    /// Whether an object is declared, and not to be there.
    pub(super) fn is_gone(&self, path: &str) -> bool {
        self.lives.gone.contains_key(path)
    }

    /// Takes an app that is not to be there.
    pub(super) fn app_gone(&mut self, name: &str, absence: Absence) {
        self.lives.apps.insert(name.to_owned(), absence);
    }

    /// Whether an app is declared, and not to be there.
    pub(super) fn is_app_gone(&self, name: &str) -> bool {
        self.lives.apps.contains_key(name)
    }

    /// The names of the apps that are not to be there.
    pub(super) fn apps_gone(&self) -> impl Iterator<Item = &String> {
        self.lives.apps.keys()
    }

    /// Whether something that is named still is there. What has expired is let go; what is declared absent and named all
    /// the same is told.
    pub(super) fn stays(&mut self, path: &str, span: Span, what: &str) -> bool {
        let absence = self.lives.gone.get(path).cloned();
        self.named_still(absence, span, what)
    }

    /// The same of an app.
    pub(super) fn app_stays(&mut self, name: &str, span: Span) -> bool {
        let absence = self.lives.apps.get(name).cloned();
        self.named_still(absence, span, &format!("the app `{name}`"))
    }

    fn named_still(&mut self, absence: Option<Absence>, span: Span, what: &str) -> bool {
        if absence == Some(Absence::Declared) {
            let draft = Draft::error(span, format!("{what} is declared absent, and named here"));
            self.reader.report(draft.hint("name it no more"));
        }
        absence.is_none()
    }

    /// The names under a key that are of something that still is there, by its path.
    pub(super) fn still_named(&mut self, block: &Block<'_>, key: &str, path: impl Fn(&str) -> String) -> Vec<String> {
        let named = self.reader.texts_quietly(block, key);
        let still = named.into_iter().filter(|(name, span)| self.stays(&path(name), *span, &format!("`{name}`")));
        still.map(|(name, _)| name.to_owned()).collect()
    }

    /// Tells old names that are still declared, and those that two have had.
    fn check_old_names(&mut self) {
        let mut first: HashMap<&str, Span> = HashMap::new();
        let mut drafts = Vec::new();
        for (path, span) in &self.lives.renamed {
            if let Some(declared) = self.paths.get(path) {
                let draft = Draft::error(*span, format!("{path} is declared, so it has no other name now"));
                drafts.push(draft.also(*declared, "declared here"));
            }
            if let Some(first) = first.insert(path, *span) {
                let draft = Draft::error(*span, format!("two have been {path}"));
                drafts.push(draft.also(first, "named here first"));
            }
        }
        drafts.into_iter().for_each(|draft| self.reader.report(draft));
    }

    /// Tells what stays longer than what it can't be without.
    pub(super) fn check_lives(&mut self) {
        self.check_old_names();
        let absent = self.lives.absent.iter().map(|one| match &one.absence {
            Absence::Declared => (one.path.as_str(), None),
            Absence::Expired(day) => (one.path.as_str(), Some(day.as_str())),
        });
        let ending = self.objects.iter().filter_map(|one| Some((one.path.as_str(), Some(one.expires.as_deref()?))));
        let ends: HashMap<&str, Option<&str>> = absent.chain(ending).collect();
        if ends.is_empty() {
            return;
        }
        let mut drafts = Vec::new();
        for object in &self.objects {
            let Some(mount) = object.kind.mount_path(&object.path) else { continue };
            let (Some(end), Some(span)) = (ends.get(mount.as_str()), self.paths.get(&object.path)) else { continue };
            let path = &object.path;
            let told = match end {
                None => Some((
                    "is declared absent".to_owned(),
                    "say `absent = true` here too, or declare it elsewhere".to_owned(),
                )),
                Some(day) if object.expires.as_deref().is_none_or(|own| own > *day) => {
                    Some((format!("ends on {day}"), format!("let it end by then: expires = \"{day}\"")))
                }
                Some(_) => None,
            };
            if let Some((when, hint)) = told {
                drafts.push(Draft::error(*span, format!("{path} is below {mount}, which {when}")).hint(hint));
            }
        }
        drafts.into_iter().for_each(|draft| self.reader.report(draft));
    }
}

/// Leaves of a field of names those that are still there.
pub(super) fn keep(fields: &mut BTreeMap<&'static str, Leaf>, field: &str, still: &[String]) {
    if let Some(FieldValue::Data(Value::Array(names))) = fields.get_mut(field).map(|leaf| &mut leaf.value) {
        names.retain(|name| name.as_str().is_none_or(|name| still.iter().any(|still| still == name)));
    }
}
