//! `object "PATH" { ... }`: what an engine has at a path for which there is no word.

use std::collections::BTreeMap;

use super::Lowering;
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::span::Span;
use crate::estate::value;
use crate::object::any_object::{Description, How, KEEP, OBJECT};
use crate::object::field::Shape;
use crate::object::home::ENGINES;
use crate::object::{FieldValue, Leaf, Taken, is_secret_below, is_taken, is_taken_below};
use crate::text::did_you_mean;

impl Lowering<'_> {
    /// `object "db/config/main" { data { ... } }`.
    pub(super) fn any_object(&mut self, block: &Block<'_>) {
        self.reader.check(block, &OBJECT);
        self.object_path(block);
        let stays = matches!(self.reader.value(block, "delete", Shape::OneOf(&["path", KEEP])),
            Some((FieldValue::Data(word), _)) if word == KEEP);
        let hidden = self.hidden(block);
        let protect = self.reader.flag(block, "protect");
        if !self.reader.require(block, "data", "{ ... }") {
            return;
        }
        let Some(data) = self.reader.inner(block, "data") else { return };
        for (name, (_, span)) in &hidden {
            if !data.map.contains_key(*name) {
                let hint = did_you_mean(name, data.map.keys().map(String::as_str));
                self.reader.report(Draft::error(*span, format!("`data` has no field `{name}`")).hint_if(hint));
            }
        }
        let mut read: Vec<(String, How, Leaf)> = Vec::new();
        for (name, entry) in data.map {
            let how = hidden.get(name.as_str()).map_or(How::Read, |(how, _)| *how);
            let place = self.reader.place(entry.value.span);
            let leaf = match how {
                How::Secret => value::secret(&entry.value)
                    .map(|reference| Leaf::new(FieldValue::Unresolved(reference), place))
                    .map_err(|draft| vec![draft]),
                How::Read | How::Ignored => value::any(&entry.value).map(|written| Leaf::of_any(&written, place)),
            };
            match leaf {
                Ok(leaf) => read.push((name.clone(), how, leaf)),
                Err(drafts) => self.reader.problems.extend(drafts),
            }
        }
        if data.map.is_empty() {
            let draft = Draft::error(data.span, format!("{} has no fields", data.name));
            self.reader.report(draft.hint("add those that the path takes: an object without any is never written"));
        }
        let described = read.iter().map(|(name, how, _)| (name.clone(), *how)).collect();
        let kind = Description { fields: described, stays }.kind();
        let fields: BTreeMap<&'static str, Leaf> =
            read.into_iter().filter_map(|(name, _, leaf)| Some((kind.field(&name)?.name, leaf))).collect();
        let mut object = self.object(kind, block.label.to_owned(), None, block.span, fields);
        object.protect = protect;
        self.add(object, block.span);
    }

    /// The fields that no engine tells, or that are not compared, with where that is said.
    fn hidden<'a>(&mut self, block: &Block<'a>) -> BTreeMap<&'a str, (How, Span)> {
        let mut hidden: BTreeMap<&str, (How, Span)> = BTreeMap::new();
        for (key, how) in [("write_only", How::Secret), ("ignore", How::Ignored)] {
            for (name, span) in self.reader.texts(block, key) {
                if let Some((_, first)) = hidden.insert(name, (how, span)) {
                    let draft = Draft::error(span, format!("`{name}` is named twice"));
                    self.reader.report(draft.also(first, "named here first"));
                }
            }
        }
        hidden
    }

    /// What is wrong with the path.
    fn object_path(&mut self, block: &Block<'_>) {
        let path = block.label;
        let is_segment = |segment: &str| {
            let is_good = |byte: u8| byte.is_ascii_graphic() && !b"%?#\\\"*+{}".contains(&byte);
            !matches!(segment, "" | "." | "..") && segment.bytes().all(is_good)
        };
        if !path.contains('/') || path.len() > 512 || !path.split('/').all(is_segment) {
            let draft = Draft::error(block.span, format!("`{path}` is not the path of an object"));
            self.reader.report(draft.hint("a path is written as the API has it after /v1/: db/config/main"));
            return;
        }
        let mount = self
            .mounts
            .iter()
            .find(|(mount, _)| path.strip_prefix(mount.as_str()).is_some_and(|rest| rest.starts_with('/')));
        let below = mount.and_then(|(_, mounted)| is_taken_below(&ENGINES, mounted.mount_type, path));
        let rest = mount.and_then(|(mount, _)| path.get(mount.len() + 1..)).unwrap_or_default();
        let secret = mount.and_then(|(_, mounted)| is_secret_below(mounted.mount_type, rest));
        if let Some(Taken { what, hint }) = is_taken(path).or(below).or(secret) {
            let draft = Draft::error(block.span, format!("`{path}` can't be an `object`: it is {what}"));
            self.reader.report(draft.hint(hint));
        }
    }
}
