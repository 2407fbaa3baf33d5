//! `require { bound_namespaces = true }`: a login from a cluster is bound to namespaces by their names.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, open};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::violation::Judged;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundNamespaces {
    bound_namespaces: bool,
}

impl Judge for BoundNamespaces {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] =
        &[word("bound_namespaces", Shape::Flag, "Whether logins of pods have to be bound to namespaces.")];
    const SCOPE: Scope = Scope::Logins;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let fix = "name the namespaces";
        let lack = |login: &_| if self.bound_namespaces { open(login, "namespace", fix) } else { None };
        hearing.logins("bound_namespaces", lack, judged);
    }
}
