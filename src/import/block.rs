//! A declaration before it has a syntax: a block with its labels, its attributes and the blocks in it. Each knows which
//! object it is of, so that what is wrong with a line of a file is known to be wrong with that object.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::units::address::Addresses;

/// A block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// `role`.
    pub(super) word: String,
    /// None of a block that has no name, two of a login at the top level.
    pub(super) labels: Vec<String>,
    /// The path of the object that it declares.
    pub(super) of: String,
    /// What is said of it in the line before; empty where nothing is.
    pub(super) about: &'static str,
    /// What stands in it, in order.
    pub(super) items: Vec<Item>,
}

/// What stands in a block.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// `key = value`.
    Value(Attribute),
    /// Another block.
    Block(Block),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    /// The word for it.
    pub(super) key: String,
    /// What it is. Nothing in it is a template: writers escape what would be one.
    pub(super) value: Value,
    /// The path of the object that it is a field of.
    pub(super) of: String,
}

impl Block {
    /// A block with nothing in it.
    pub(super) fn new(word: &str, labels: &[&str], of: &str) -> Self {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Self { word: word.to_owned(), labels, of: of.to_owned(), about: "", items: Vec::new() }
    }

    /// The same with something said of it.
    pub(super) fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// The same of an environment whose engine is at these addresses.
    pub(super) fn at(self, addresses: &Addresses) -> Self {
        match addresses.only() {
            Some(address) => self.with("address", address),
            None => self.with("addresses", addresses.each().collect::<Vec<_>>()),
        }
    }

    /// The same with a block at the end.
    pub(super) fn holding(mut self, block: Self) -> Self {
        self.items.push(Item::Block(block));
        self
    }

    /// The same with an attribute of the object at the end.
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        let of = self.of.clone();
        self.items.push(Item::Value(Attribute { key: key.to_owned(), value: value.into(), of }));
        self
    }
}

/// A text of declarations, and which lines of it are of which object.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The text.
    pub(super) text: String,
    /// Lines, from 1, with the path of the object that they are of. Some lie within others.
    pub(super) lines: Vec<(RangeInclusive<u32>, String)>,
    line: u32,
}

impl Page {
    /// The number of the line that is written next.
    pub(super) fn next(&self) -> u32 {
        self.line + 1
    }

    /// Adds a line, or several.
    pub(super) fn push(&mut self, depth: usize, text: &str) {
        for line in text.split('\n') {
            if !line.is_empty() {
                self.text.extend(std::iter::repeat_n("  ", depth));
                self.text.push_str(line);
            }
            self.text.push('\n');
            self.line += 1;
        }
    }

    /// Adds lines as they stand.
    pub(super) fn push_raw(&mut self, text: &str) {
        text.split('\n').for_each(|line| {
            self.text.push_str(line);
            self.text.push('\n');
            self.line += 1;
        });
    }

    /// Says of which object everything since a line is.
    pub(super) fn since(&mut self, line: u32, of: &str) {
        self.lines.push((line..=self.line, of.to_owned()));
    }
}
