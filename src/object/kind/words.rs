//! What an author may write: the blocks of declarations and the keys in them.
//!
//! Each kind brings the block that it is written in, with its file. Reading a block, the words that are known in it and
//! what is wrong with its fields all come from that one description.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::{Class, Kind};
use crate::object::field::{Field, Shape};
use crate::object::kind::object::{OnChange, OnRotate};
use crate::object::leaf::{FieldValue, Leaf};
use crate::object::review::Values;

/// A block of a declaration, or a whole one.
#[derive(Debug)]
pub struct Block {
    /// The word that it begins with: `role`.
    pub word: &'static str,
    /// What its label is, if it has one.
    pub label: Option<&'static str>,
    /// What it declares, in one line.
    pub doc: &'static str,
    /// What may stand in it, in the order in which it is listed.
    pub keys: &'static [Key],
    /// What is wrong with fields that are well-formed each for itself.
    pub check: Check,
}

/// How a block is checked as a whole.
pub type Check = fn(declared: &Declared<'_>) -> Vec<Objection>;

/// The check of a block with nothing to check.
pub const ANYTHING: Check = |_| Vec::new();

/// A key of a block.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The word for it.
    pub word: &'static str,
    /// What it is.
    pub is: Is,
}

/// What a key is.
#[derive(Clone, Copy, Debug)]
pub enum Is {
    /// A field of an object, of this name: its shape, default and help are the field's.
    Field(&'static Kind, &'static str),
    /// The same, but how it is written is not only a matter of its shape.
    Written(&'static Kind, &'static str),
    /// Something that no object has as it stands here.
    Own {
        /// How it is written.
        shape: Shape,
        /// What it is for, in one line.
        doc: &'static str,
    },
    /// A block.
    Block(&'static Block),
    /// A block for each kind of this class that is declared by this word; its label, or what it says, tells which.
    Each(Class),
    /// The keys of another block, which stand here among the others: it holds no such part itself.
    AllOf(&'static Block),
}

/// What is wrong with a block.
#[derive(Debug)]
pub struct Objection {
    /// The key that it is about; where it is not written, it is about the block.
    pub key: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: &'static str,
}

impl Key {
    /// A field that has the same word in files.
    pub const fn field(kind: &'static Kind, name: &'static str) -> Self {
        Self { word: name, is: Is::Field(kind, name) }
    }

    /// A field that has another word in files.
    pub const fn named(word: &'static str, kind: &'static Kind, name: &'static str) -> Self {
        Self { word, is: Is::Field(kind, name) }
    }

    /// A field that is read in its own way.
    pub const fn written(kind: &'static Kind, name: &'static str) -> Self {
        Self { word: name, is: Is::Written(kind, name) }
    }

    /// Something that is no field.
    pub const fn own(word: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { word, is: Is::Own { shape, doc } }
    }

    /// A block.
    pub const fn block(block: &'static Block) -> Self {
        Self { word: block.word, is: Is::Block(block) }
    }

    /// A block that begins with another word here.
    pub const fn named_block(word: &'static str, block: &'static Block) -> Self {
        Self { word, is: Is::Block(block) }
    }

    /// A block for each kind of a class.
    pub const fn each(word: &'static str, class: Class) -> Self {
        Self { word, is: Is::Each(class) }
    }

    /// What another block has too.
    pub const fn all_of(block: &'static Block) -> Self {
        Self { word: block.word, is: Is::AllOf(block) }
    }

    /// That it is somebody else's.
    pub const fn shared() -> Self {
        Self::own("shared", Shape::Bool, "Whether somebody else has it, so that it is only referred to.")
    }

    /// What becomes of the key that is declared beside it.
    pub const fn on_rotate() -> Self {
        let doc = "What becomes of this key once the engine has another: it is kept, or replaced.";
        Self::own("on_rotate", Shape::OneOf(OnRotate::WORDS), doc)
    }

    /// What becomes of leases that are out.
    pub const fn on_change() -> Self {
        let doc =
            "What becomes of the leases that are out once it is changed: they keep what they may, or are revoked.";
        Self::own("on_change", Shape::OneOf(OnChange::WORDS), doc)
    }

    /// How long a declaration holds.
    pub const fn life() -> Self {
        Self::all_of(&LIFE)
    }
}

/// What declarations of objects say of how long they hold.
pub static LIFE: Block = Block {
    word: "",
    label: None,
    doc: "How long a declaration holds.",
    keys: &[
        Key::own("protect", Shape::Bool, "Whether no apply may delete it."),
        Key::own("absent", Shape::Bool, "Whether it is not to be there: what of it is ours is deleted."),
        Key::own("renamed_from", Shape::Text, "The name that it had before: it moves from there."),
        Key::own("expires", Shape::Text, "The day from which on it counts as absent, as in 2027-03-31."),
    ],
    check: ANYTHING,
};

impl Block {
    /// The keys that can stand in it.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.keys.iter().flat_map(|key| match key.is {
            Is::AllOf(other) => other.keys,
            _ => std::slice::from_ref(key),
        })
    }

    /// Whether a word is known in it.
    pub fn knows(&self, word: &str) -> bool {
        self.keys().any(|key| key.word == word)
    }

    /// The words that are known in it.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.keys().map(|key| key.word)
    }

    /// The word for a field of this name.
    pub fn word_of(&self, name: &str) -> Option<&'static str> {
        self.keys().find_map(|key| match key.is {
            Is::Field(_, field) | Is::Written(_, field) if field == name => Some(key.word),
            _ => None,
        })
    }

    /// The keys that are fields of a kind and are read by their shape: the word, and the field's name.
    pub fn fields_of(&self, kind: &'static Kind) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        self.keys().filter_map(move |key| match key.is {
            Is::Field(of, name) if of == kind => Some((key.word, name)),
            _ => None,
        })
    }
}

/// The fields of a kind as a block declares them; what is absent has its table's default.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// The block, for messages: `role "reader"`.
    pub name: &'a str,
    /// The keys that are written in it.
    pub written: &'a [&'a str],
    /// The kind.
    pub kind: &'static Kind,
    /// What is declared.
    pub fields: &'a BTreeMap<&'static str, Leaf>,
}

impl Values for Declared<'_> {
    fn value(&self, name: &str) -> Cow<'_, Value> {
        match self.fields.get(name).map(|leaf| &leaf.value) {
            Some(FieldValue::Data(value)) => Cow::Borrowed(value),
            _ => Cow::Owned(self.kind.field(name).map_or(Value::Null, Field::default_value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, Is, Key};
    use crate::object::{KINDS, Kind};

    fn check(block: &Block) {
        assert!(block.doc.ends_with('.') && block.doc.len() > 10, "{}: what is it?", block.word);
        assert!(block.label.is_none_or(|label| !label.is_empty()), "{}", block.word);
        let keys: Vec<&Key> = block.keys().collect();
        for (index, key) in keys.iter().enumerate() {
            let at = format!("{} in {}", key.word, block.word);
            assert!(keys[..index].iter().all(|other| other.word != key.word), "{at}: twice");
            match key.is {
                Is::Field(kind, name) | Is::Written(kind, name) => {
                    assert!(kind.field(name).is_some_and(|field| field.doc.ends_with('.')), "{at}: no such field");
                }
                Is::Own { doc, .. } => assert!(doc.ends_with('.'), "{at}: what is it for?"),
                Is::Block(inner) => {
                    check(inner);
                }
                Is::AllOf(part) => panic!("{at}: {} is a part of a part", part.word),
                Is::Each(class) => {
                    let is_meant = |kind: &&&Kind| kind.class == class && kind.words.word == key.word;
                    assert!(KINDS.iter().any(|kind| is_meant(&kind)), "{at}: none");
                }
            }
        }
    }

    #[test]
    fn every_word_is_described() {
        for kind in KINDS {
            check(kind.words);
        }
    }

    #[test]
    fn every_field_that_can_be_declared_has_a_word() {
        /// Fields that follow from the declaration as a whole.
        const DERIVED: &[&str] = &["type", "token_policies", "policy"];
        fn has(block: &Block, name: &str) -> bool {
            block.keys().any(|key| match key.is {
                Is::Field(_, field) | Is::Written(_, field) => field == name,
                Is::Block(inner) => has(inner, name),
                Is::Own { .. } | Is::Each(_) | Is::AllOf(_) => false,
            })
        }
        for kind in KINDS {
            for field in kind.fields.iter().filter(|field| !DERIVED.contains(&field.name)) {
                let of_kind = |key: &Key| matches!(key.is, Is::Field(of, name) | Is::Written(of, name) if of == *kind && name == field.name);
                // What one type of mount alone has stands in the block of that.
                let is_elsewhere = KINDS.iter().any(|other| other.words.keys().any(of_kind));
                assert!(
                    has(kind.words, field.name) || is_elsewhere,
                    "{} can't be declared of {}",
                    field.name,
                    kind.name
                );
            }
        }
    }
}
