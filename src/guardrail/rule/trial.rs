//! A rule that is only in the tests: what one costs. This file, its `mod` line and its line in the table.
//!
//! `naming { prefix = "app-" }`: roles have names that begin so.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, Lack};
use super::word::{Block, Complaint, Holds, Judge, Scope, Shape, Without, Word, word};
use crate::guardrail::violation::Judged;

/// The rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    prefix: String,
}

impl Judge for Trial {
    const BLOCK: Block = Block {
        name: "naming",
        doc: "How roles are called.",
        holds: Holds::One,
        without: Some(Without { keys: &["prefix"], what: "would name nothing", hint: Some("add prefix = \"app-\"") }),
    };
    const WORDS: &'static [Word] =
        &[word("prefix", Shape::Text(is_prefix), "With what the name of a role has to begin.")];
    const SCOPE: Scope = Scope::Terms;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let name = hearing.after.name.rsplit('/').next().unwrap_or_default();
        let lack = || Lack {
            what: format!("its name must begin with {}, and is {name}", self.prefix),
            fix: "rename it".to_owned(),
        };
        hearing.terms("naming", |_| (!name.starts_with(&self.prefix)).then(lack), judged);
    }
}

fn is_prefix(text: &str) -> Result<(), Complaint> {
    match text.ends_with('-') {
        true => Ok(()),
        false => Err(Complaint { what: format!("`{text}` ends without a dash"), hint: "as in app-".to_owned() }),
    }
}
