//! `require { max_ttl = "12h" }`: a credential lives at most so long, renewals included.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, Lack};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::violation::Judged;
use crate::units::duration;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxTtl {
    max_ttl: i64,
}

impl Judge for MaxTtl {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] =
        &[word("max_ttl", Shape::Seconds, "How long a credential may work at most.").always()];
    const SCOPE: Scope = Scope::Terms;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let most = self.max_ttl;
        let lack = |lives: i64| Lack {
            what: format!(
                "a credential may live {}, and lives up to {}",
                duration::shown(most),
                duration::shown(lives)
            ),
            fix: match lives {
                i64::MAX => "have a `role` make credentials in the place of the `static_role`".to_owned(),
                _ => "shorten `max` in the lease of its mount, or `max_sts_ttl` of a role of sessions".to_owned(),
            },
        };
        hearing.terms("max_ttl", |terms| Some(terms.max_ttl).filter(|lives| *lives > most).map(lack), judged);
    }
}
