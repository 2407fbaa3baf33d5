//! The words of a guardrail: its own, those of its exceptions, and those that each rule brings. Reading, `explain` and the JSON
//! Schema go by them.

use super::SEVERITIES;
use crate::guardrail::{self, Block, Described, Holds, Shape};
use crate::object;

/// A word, and what stands there.
#[derive(Clone, Debug)]
pub(in crate::estate) struct Word {
    /// The key.
    pub(in crate::estate) word: &'static str,
    /// What it is for, in one line.
    pub(in crate::estate) doc: &'static str,
    /// What it takes.
    pub(in crate::estate) takes: Takes,
}

/// What stands under a word.
#[derive(Clone, Debug)]
pub(in crate::estate) enum Takes {
    /// A value of this shape.
    Shape(object::Shape),
    /// One of these.
    Choice(Vec<String>),
    /// Some of these.
    Choices(&'static [&'static str]),
    /// A block with these words, or several.
    Block(Vec<Word>),
}

/// What an exception says.
const EXCEPT: [(&str, object::Shape, &str); 5] = [
    ROLES,
    APPS,
    ("reason", object::Shape::Text, "Why it is let be."),
    ("owner", object::Shape::Text, "Who answers for that."),
    ("expires", object::Shape::Text, "The day from which on it is an error, as \"2027-02-01\"."),
];

const ROLES: (&str, object::Shape, &str) = (
    "roles",
    object::Shape::Set,
    "Patterns of the roles that it is about; all, where neither these nor apps are named.",
);
const APPS: (&str, object::Shape, &str) = (
    "apps",
    object::Shape::Set,
    "Patterns of the apps that it is about, and of the paths of logins that are no app's.",
);

/// The words of a guardrail, in the order in which they are told.
pub(in crate::estate) fn outline() -> Vec<Word> {
    let severities = SEVERITIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut all = vec![
        choice("severity", severities, "Whether what breaks it is refused (deny, the default), or told."),
        plain(ROLES),
        plain(APPS),
        choice("use", usable(), "Rules that are there already."),
    ];
    all.extend(built_in().flat_map(|rule| rule.words).map(of_rule));
    all.extend(own_blocks().map(|block| {
        let words = words(block).map(of_rule).collect();
        Word { word: block.name, doc: block.doc, takes: Takes::Block(words) }
    }));
    let except = EXCEPT.into_iter().map(plain).collect();
    all.push(Word { word: "except", doc: "Who is let be, until when and why.", takes: Takes::Block(except) });
    all.push(plain(("enabled", object::Shape::Bool, "False switches it off, and needs a reason.")));
    all.push(plain(("reason", object::Shape::Text, "Why it is switched off.")));
    all
}

/// The keys of a guardrail.
pub(super) fn keys() -> Vec<&'static str> {
    outline().into_iter().map(|word| word.word).collect()
}

/// The keys of an exception.
pub(super) fn except_keys() -> [&'static str; 5] {
    EXCEPT.map(|(key, ..)| key)
}

/// What `use` takes.
pub(super) fn usable() -> Vec<String> {
    let packs = guardrail::PACKS.iter().map(|(name, _)| format!("pack:{name}"));
    packs.chain(built_in().map(|rule| format!("builtin:{}", rule.block.name))).collect()
}

/// The blocks that stand in a guardrail.
pub(super) fn own_blocks() -> impl Iterator<Item = &'static Block> {
    guardrail::blocks().filter(|block| block.is_written())
}

/// The rules that `use` takes.
pub(super) fn built_in() -> impl Iterator<Item = &'static Described> {
    guardrail::RULES.iter().filter(|rule| rule.block.holds == Holds::BuiltIn)
}

/// The keys of a block.
pub(super) fn words(block: &Block) -> impl Iterator<Item = &'static guardrail::Word> {
    guardrail::of_block(block.name).flat_map(|rule| rule.words)
}

fn plain((word, shape, doc): (&'static str, object::Shape, &'static str)) -> Word {
    Word { word, doc, takes: Takes::Shape(shape) }
}

fn choice(word: &'static str, of: Vec<String>, doc: &'static str) -> Word {
    Word { word, doc, takes: Takes::Choice(of) }
}

fn of_rule(word: &guardrail::Word) -> Word {
    let takes = match word.shape {
        Shape::Actions | Shape::Resources | Shape::ConditionKeys | Shape::Names(_) => Takes::Shape(object::Shape::Set),
        Shape::Choices(choices) => Takes::Choices(choices),
        Shape::Text(_) | Shape::PolicyArn => Takes::Shape(object::Shape::Text),
        Shape::Seconds => Takes::Shape(object::Shape::Seconds),
        Shape::Flag => Takes::Shape(object::Shape::Bool),
    };
    Word { word: word.key, doc: word.doc, takes }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Takes, words};
    use crate::guardrail;
    use crate::object::{KINDS, review::Reviewed};

    /// Guardrails know no kinds: the types that they may ask for are held against those that kinds make.
    #[test]
    fn a_guardrail_may_ask_for_each_credential_type() {
        let mut made = BTreeSet::new();
        for kind in KINDS {
            let Reviewed::Access(access) = kind.reviewed else { continue };
            made.extend(access.ways.iter().map(|(made, _)| if made.is_empty() { kind.words.word } else { made }));
        }
        let asked = guardrail::blocks().flat_map(words).find(|word| word.key == "credential_types").map(super::of_rule);
        let Some(Takes::Choices(choices)) = asked.map(|word| word.takes) else { panic!("it asks for some") };
        assert_eq!(choices.iter().copied().collect::<BTreeSet<_>>(), made);
    }
}
