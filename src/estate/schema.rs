//! Maps to blocks: known keys, required keys, and fields by the kinds' tables.

use std::collections::{BTreeMap, HashSet};

use super::problem::Draft;
use super::source::Sources;
use super::span::Span;
use super::tree::{Content, Entry, Map, Node, lacks_label, needs_label};
use super::value;
use crate::object::words::{self, Declared, Objection};
use crate::object::{self, FieldValue, Leaf, Place, Shape};
use crate::text::did_you_mean;

/// A block of a declaration, or a whole one.
pub(crate) struct Block<'a> {
    /// What it is, for messages: `app "webapp"`.
    pub(crate) name: String,
    /// Its label, or the key it stands under.
    pub(crate) label: &'a str,
    /// Where the label stands.
    pub(crate) span: Span,
    /// Its keys.
    pub(crate) map: &'a Map,
}

/// Reads blocks and collects what is wrong.
pub(crate) struct Reader<'s> {
    /// Where spans lead.
    pub(crate) sources: &'s Sources,
    /// What was found.
    pub(crate) problems: Vec<Draft>,
    /// Whether a block was left out, so that what names it may only seem to dangle.
    pub(crate) left_out: bool,
    /// The blocks in which a key is not known or has a wrong value: what they lack as a whole may only follow from that.
    unsound: HashSet<Span>,
}

impl<'s> Reader<'s> {
    /// A reader that has found nothing yet.
    pub(crate) fn new(sources: &'s Sources) -> Self {
        Self { sources, problems: Vec::new(), left_out: false, unsound: HashSet::new() }
    }

    /// Adds a problem.
    pub(crate) fn report(&mut self, draft: Draft) {
        self.problems.push(draft);
    }

    /// The place of a span.
    pub(crate) fn place(&self, span: Span) -> Place {
        self.sources.place(span)
    }

    /// A block of this kind and label; its value must be a map.
    pub(crate) fn block<'a>(&mut self, kind: &str, label: &'a str, entry: &'a Entry) -> Option<Block<'a>> {
        let name = format!("{kind} \"{label}\"");
        match &entry.value.content {
            Content::Map(map) => Some(Block { name, label, span: entry.key_span, map }),
            _ => {
                self.left_out = true;
                let what = format!("{name} is a block, found {}", entry.value.type_name());
                self.report(Draft::error(entry.value.span, what));
                None
            }
        }
    }

    /// The blocks with labels under a key: `role "webapp" { ... }`.
    pub(crate) fn labelled<'a>(&mut self, map: &'a Map, kind: &str) -> Vec<Block<'a>> {
        let Some(entry) = map.get(kind) else { return Vec::new() };
        let Content::Map(labels) = &entry.value.content else {
            self.left_out = true;
            if matches!(entry.value.content, Content::Broken) {
                return Vec::new();
            }
            let hint = format!("write {kind} \"name\" {{ ... }}");
            self.report(value::wrong(&entry.value, "blocks with labels").hint(hint));
            return Vec::new();
        };
        if lacks_label(kind, labels) {
            self.report(needs_label(kind, labels, entry.key_span));
            self.left_out = true;
            return Vec::new();
        }
        labels.iter().filter_map(|(label, entry)| self.block(kind, label, entry)).collect()
    }

    /// A block without a label under a key: `lease { ... }`.
    pub(crate) fn inner<'a>(&mut self, block: &Block<'a>, key: &'a str) -> Option<Block<'a>> {
        let entry = block.map.get(key)?;
        match &entry.value.content {
            Content::Map(map) => {
                Some(Block { name: format!("{key} of {}", block.name), label: key, span: entry.key_span, map })
            }
            _ => {
                self.report(value::wrong(&entry.value, "a block"));
                None
            }
        }
    }

    /// Whether each key of a block is known and has a value that is good for itself, as far as it was read: only then is
    /// the block judged as a whole.
    pub(crate) fn is_sound(&self, block: &Block<'_>) -> bool {
        !self.unsound.contains(&block.span)
    }

    /// Tells keys that are not known, and keys without a value.
    pub(crate) fn check_keys(&mut self, block: &Block<'_>, known: &[&str]) {
        self.check_named(block, known, |_| None);
    }

    /// The same, with the key that is meant where somebody writes the name that a field has on the wire.
    fn check_named(&mut self, block: &Block<'_>, known: &[&str], wire_name: impl Fn(&str) -> Option<&'static str>) {
        for (key, entry) in block.map {
            if !known.contains(&key.as_str()) {
                self.unsound.insert(block.span);
                let near = wire_name(key).map(crate::text::meant);
                let hint = near
                    .or_else(|| did_you_mean(key, known.iter().copied()))
                    .unwrap_or_else(|| format!("known here: {}", value::listed(known)));
                self.report(Draft::error(entry.key_span, format!("{} has no key `{key}`", block.name)).hint(hint));
            } else if matches!(entry.value.content, Content::Null) {
                self.unsound.insert(block.span);
                let draft = Draft::error(entry.key_span, format!("`{key}` has no value"));
                self.report(draft.hint("leave it out; null deletes only in an `override`"));
            }
        }
    }

    /// Tells keys that a block's description does not know, and keys without a value.
    pub(crate) fn check(&mut self, block: &Block<'_>, words: &words::Block) {
        let sound = |(key, entry): (&String, &Entry)| words.knows(key) && !matches!(entry.value.content, Content::Null);
        if !block.map.iter().all(sound) {
            self.check_named(block, &words.words().collect::<Vec<_>>(), |key| words.word_of(key));
        }
    }

    /// The same, of a block that has what two descriptions know, but for some.
    pub(crate) fn check_with(&mut self, block: &Block<'_>, words: &words::Block, also: &words::Block, but: &[&str]) {
        let known: Vec<&str> = words.words().chain(also.words()).filter(|word| !but.contains(word)).collect();
        self.check_named(block, &known, |key| words.word_of(key));
    }

    /// Tells that a key is missing, unless one is there that is none.
    pub(crate) fn require(&mut self, block: &Block<'_>, key: &str, example: &str) -> bool {
        let there = block.map.contains_key(key);
        if !there && self.is_sound(block) {
            let draft = Draft::error(block.span, format!("{} needs `{key}`", block.name));
            self.report(draft.hint(format!("add {key} = {example}")));
        }
        there
    }

    /// A value of this shape, if the key is there and the value is good.
    pub(crate) fn value(&mut self, block: &Block<'_>, key: &str, shape: Shape) -> Option<(FieldValue, Span)> {
        let node = present(block.map, key)?;
        match value::read(shape, node) {
            Ok(value) => Some((value, node.span)),
            Err(drafts) => {
                self.problems.extend(drafts);
                None
            }
        }
    }

    /// A text.
    pub(crate) fn text<'a>(&mut self, block: &Block<'a>, key: &str) -> Option<(&'a str, Span)> {
        let node = present(block.map, key)?;
        match value::text(node) {
            Ok(text) => Some((text, node.span)),
            Err(draft) => {
                self.report(draft);
                None
            }
        }
    }

    /// A whole number.
    pub(crate) fn int(&mut self, block: &Block<'_>, key: &str) -> Option<(i64, Span)> {
        let node = present(block.map, key)?;
        match value::int(node) {
            Ok(int) => Some((int, node.span)),
            Err(draft) => {
                self.report(draft);
                None
            }
        }
    }

    /// A list of texts; empty when the key is not there.
    pub(crate) fn texts<'a>(&mut self, block: &Block<'a>, key: &str) -> Vec<(&'a str, Span)> {
        let Some(node) = present(block.map, key) else { return Vec::new() };
        value::texts(node).unwrap_or_else(|drafts| {
            self.problems.extend(drafts);
            Vec::new()
        })
    }

    /// A text whose own problems a field table has told already.
    pub(crate) fn text_quietly<'a>(&mut self, block: &Block<'a>, key: &str) -> Option<(&'a str, Span)> {
        let node = present(block.map, key)?;
        value::text(node).ok().map(|text| (text, node.span))
    }

    /// Texts whose own problems a field table has told already.
    pub(crate) fn texts_quietly<'a>(&mut self, block: &Block<'a>, key: &str) -> Vec<(&'a str, Span)> {
        present(block.map, key).and_then(|node| value::texts(node).ok()).unwrap_or_default()
    }

    /// True or false; false when the key is not there.
    pub(crate) fn flag(&mut self, block: &Block<'_>, key: &str) -> bool {
        matches!(self.value(block, key, Shape::Bool), Some((FieldValue::Data(flag), _)) if flag == true)
    }

    /// The declared fields of a kind, by the description of the block, and what that finds wrong with them, if each is
    /// good for itself.
    pub(crate) fn fields(
        &mut self,
        block: &Block<'_>,
        kind: &'static object::Kind,
        words: &words::Block,
    ) -> BTreeMap<&'static str, Leaf> {
        let mut fields = BTreeMap::new();
        let before = self.problems.len();
        for (key, name) in words.fields_of(kind) {
            let Some(field) = kind.field(name) else { continue };
            if let Some((value, span)) = self.value(block, key, field.shape) {
                fields.insert(field.name, Leaf::new(value, self.place(span)));
            }
        }
        let is_broken = |entry: &Entry| matches!(entry.value.content, Content::Broken);
        if self.problems[before..].iter().any(Draft::is_error) || block.map.values().any(is_broken) {
            self.unsound.insert(block.span);
        }
        if !self.is_sound(block) {
            return fields;
        }
        let written: Vec<&str> = block.map.keys().map(String::as_str).collect();
        let declared = Declared { name: &block.name, written: &written, kind, fields: &fields };
        for Objection { key, what, hint } in (words.check)(&declared) {
            let entry = block.map.get(words.word_of(key).unwrap_or(key));
            let span = entry.map_or(block.span, |entry| entry.value.span);
            self.report(Draft::error(span, what).hint(hint));
        }
        fields
    }
}

/// The value of a key, unless it is not there or nothing.
fn present<'a>(map: &'a Map, key: &str) -> Option<&'a Node> {
    map.get(key).map(|entry| &entry.value).filter(|node| !matches!(node.content, Content::Null | Content::Broken))
}

/// The whole number in a leaf, for durations and counts.
pub(crate) fn number(fields: &BTreeMap<&'static str, Leaf>, name: &str) -> i64 {
    match fields.get(name).map(|leaf| &leaf.value) {
        Some(FieldValue::Data(value)) => value.as_i64().unwrap_or(0),
        _ => 0,
    }
}
