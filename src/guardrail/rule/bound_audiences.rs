//! `require { bound_audiences = true }`: a signed token has to be for somebody that is named.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, open};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::violation::Judged;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundAudiences {
    bound_audiences: bool,
}

impl Judge for BoundAudiences {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] =
        &[word("bound_audiences", Shape::Flag, "Whether logins by signed tokens have to be bound to audiences.")];
    const SCOPE: Scope = Scope::Logins;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let fix = "set bound_audiences, and let tokens be made for that";
        let lack = |login: &_| if self.bound_audiences { open(login, "audience", fix) } else { None };
        hearing.logins("bound_audiences", lack, judged);
    }
}
