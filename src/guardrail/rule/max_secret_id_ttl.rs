//! `require { max_secret_id_ttl = "720h" }`: a login's secret id lives at most so long.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, Lack};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::violation::Judged;
use crate::units::duration;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxSecretIdTtl {
    max_secret_id_ttl: i64,
}

impl Judge for MaxSecretIdTtl {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] = &[word(
        "max_secret_id_ttl",
        Shape::Seconds,
        "How long a secret id may be good at most; a password has no end.",
    )
    .always()];
    const SCOPE: Scope = Scope::Logins;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let most = self.max_secret_id_ttl;
        let lack = |lives: String| Lack {
            what: format!("secret ids may live {}, and live {lives}", duration::shown(most)),
            fix: "set secret_id_ttl".to_owned(),
        };
        let password = || Lack {
            what: format!("secrets may live {}, and a password lives until it is changed", duration::shown(most)),
            fix: "log in by a method whose secrets end, such as AppRole".to_owned(),
        };
        hearing.logins(
            "max_secret_id_ttl",
            |login| match login.secret_id_ttl {
                _ if login.password => Some(password()),
                0 => Some(lack("for ever".to_owned())),
                lives => (lives > most).then(|| lack(duration::shown(lives))),
            },
            judged,
        );
    }
}
