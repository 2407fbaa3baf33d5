//! `require { max_token_ttl = "24h" }`: a login's token lives at most so long, renewals included.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, Lack};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::violation::Judged;
use crate::units::duration;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxTokenTtl {
    max_token_ttl: i64,
}

impl Judge for MaxTokenTtl {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] =
        &[word("max_token_ttl", Shape::Seconds, "How long a token may live at most.").always()];
    const SCOPE: Scope = Scope::Logins;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let most = self.max_token_ttl;
        let lack = |lives: String| Lack {
            what: format!("tokens may live {}, and live {lives}", duration::shown(most)),
            fix: "set token_max_ttl".to_owned(),
        };
        hearing.logins(
            "max_token_ttl",
            |login| match login.max_token_ttl {
                None => Some(lack("for ever".to_owned())),
                Some(lives) => (lives > most).then(|| lack(format!("up to {}", duration::shown(lives)))),
            },
            judged,
        );
    }
}
