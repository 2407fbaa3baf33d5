//! `require { bound_branch = true }`: a login from a CI service is bound to branches by their names.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, open};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::violation::Judged;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundBranch {
    bound_branch: bool,
}

impl Judge for BoundBranch {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] = &[word(
        "bound_branch",
        Shape::Flag,
        "Whether logins of a CI have to be bound to a branch, a tag or an environment.",
    )];
    const SCOPE: Scope = Scope::Logins;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let fix = "bind it to a branch: bound_claims = { ref = \"refs/heads/main\" }, or a subject that names one";
        let lack = |login: &_| if self.bound_branch { open(login, "branch", fix) } else { None };
        hearing.logins("bound_branch", lack, judged);
    }
}
