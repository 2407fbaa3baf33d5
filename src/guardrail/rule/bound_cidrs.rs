//! `require { bound_cidrs = true }`: logins take place from named networks only.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, Lack};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::violation::Judged;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundCidrs {
    bound_cidrs: bool,
}

impl Judge for BoundCidrs {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] =
        &[word("bound_cidrs", Shape::Flag, "Whether logins have to be bound to networks.").always()];
    const SCOPE: Scope = Scope::Logins;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let lack = || Lack {
            what: "any address may log in".to_owned(),
            fix: "set token_bound_cidrs or secret_id_bound_cidrs".to_owned(),
        };
        hearing.logins("bound_cidrs", |login| (self.bound_cidrs && !login.bound_cidrs).then(lack), judged);
    }
}
