//! `require { bind_secret_id = true }`: logins need a secret id.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, Lack};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::violation::Judged;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BindSecretId {
    bind_secret_id: bool,
}

impl Judge for BindSecretId {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] =
        &[word("bind_secret_id", Shape::Flag, "Whether logins have to ask for a secret id.").always()];
    const SCOPE: Scope = Scope::Logins;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let lack = || Lack {
            what: "no secret id is needed to log in".to_owned(),
            fix: "set bind_secret_id = true".to_owned(),
        };
        hearing.logins("bind_secret_id", |login| (self.bind_secret_id && !login.bind_secret_id).then(lack), judged);
    }
}
