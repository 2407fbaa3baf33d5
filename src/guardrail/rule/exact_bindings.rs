//! `require { exact_bindings = true }`: what a signed token has to say is written out, and has no `*` in it.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, Lack};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::subject::Login;
use crate::guardrail::violation::Judged;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactBindings {
    exact_bindings: bool,
}

impl Judge for ExactBindings {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] =
        &[word("exact_bindings", Shape::Flag, "Whether logins have to be bound to values without wildcards.")];
    const SCOPE: Scope = Scope::Logins;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let lack = |login: &Login| {
            let open = login.bound.iter().find(|bound| bound.is_open && !bound.values.is_empty())?;
            let what = format!("any {} like {} may log in", open.what, open.values.join(" or "));
            Some(Lack { what, fix: "write out what may log in, without `*`".to_owned() })
        };
        hearing.logins("exact_bindings", |login| self.exact_bindings.then(|| lack(login)).flatten(), judged);
    }
}
