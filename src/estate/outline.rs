//! Which blocks and keys an estate has, one inside the other, as their descriptions say: what explanations and the schema
//! are made from.

use super::blocks::{APP, ENVIRONMENT, IAM_ROLE, IAM_USER, LOGIN, MANAGED_POLICY, TEST};
use super::load::DECLARATIONS;
use crate::object::home::METHODS;
use crate::object::words::{Block, Is, Key};
use crate::object::{Class, KINDS, Kind, role_words};

/// A block that is meant where a word stands, of this type where there are several.
#[derive(Clone, Copy)]
pub(super) struct Meant {
    /// The type, where there are several.
    pub(super) of: Option<&'static str>,
    /// The block.
    pub(super) block: &'static Block,
    /// What else stands in it here.
    pub(super) beside: Option<&'static Block>,
}

impl Meant {
    const fn plain(block: &'static Block) -> Self {
        Self { of: None, block, beside: None }
    }

    /// What may stand in it, each word once.
    pub(super) fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> =
            self.block.keys().chain(self.beside.iter().flat_map(|block| block.keys())).copied().collect();
        if self.block.word == "auth" {
            keys.extend(of_methods().map(|kind| Key::named_block(kind.words.word, kind.words)));
        }
        let mut seen = Vec::new();
        keys.retain(|key| {
            !seen.contains(&key.word) && {
                seen.push(key.word);
                true
            }
        });
        keys
    }
}

/// What auth methods have settings of, which stand in their declarations.
fn of_methods() -> impl Iterator<Item = &'static &'static Kind> {
    KINDS.iter().filter(|kind| kind.class == Class::Config && kind.table() == Some(&METHODS))
}

/// The blocks that a word begins at the top of an estate.
pub(super) fn at_top(word: &str) -> Vec<Meant> {
    let own = [&APP, &ENVIRONMENT, &MANAGED_POLICY, &IAM_ROLE, &IAM_USER, &TEST];
    if let Some(block) = own.into_iter().find(|block| block.word == word) {
        return vec![Meant::plain(block)];
    }
    match word {
        _ if role_words().any(|role| role == word) => return each(word, Class::Role),
        "login" => {
            let logins = each(word, Class::Login).into_iter();
            return logins.map(|one| Meant { beside: Some(&LOGIN), ..one }).collect();
        }
        _ if !DECLARATIONS.contains(&word) => return Vec::new(),
        _ => {}
    }
    let all = || KINDS.iter().map(|kind| kind.words).filter(|block| block.word == word);
    let is_part = |part: &Block| {
        let holds =
            |block: &Block| block.keys.iter().any(|key| matches!(key.is, Is::AllOf(of) if std::ptr::eq(of, part)));
        all().any(holds)
    };
    all().find(|block| !is_part(block)).map(Meant::plain).into_iter().collect()
}

/// The blocks of a word that are declared for kinds of a class.
fn each(word: &str, class: Class) -> Vec<Meant> {
    let kinds = KINDS.iter().filter(|kind| kind.class == class && kind.words.word == word);
    kinds.map(|kind| Meant { of: kind.mount_type(), block: kind.words, beside: None }).collect()
}

/// The blocks that a key is, if it is one.
pub(super) fn blocks_of(key: &Key) -> Vec<Meant> {
    match key.is {
        // Several methods have settings by one word.
        Is::Block(_) if of_methods().filter(|kind| kind.words.word == key.word).count() > 1 => {
            let kinds = of_methods().filter(|kind| kind.words.word == key.word);
            kinds.map(|kind| Meant { of: kind.mount_type(), block: kind.words, beside: None }).collect()
        }
        Is::Block(block) => vec![Meant::plain(block)],
        Is::Each(class) => each(key.word, class),
        Is::Field(..) | Is::Written(..) | Is::Own { .. } | Is::AllOf(_) => Vec::new(),
    }
}
