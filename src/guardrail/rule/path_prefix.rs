//! `require { path_prefix = "/apps/" }`: the IAM path of a role's users begins so.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, Lack};
use super::word::{Block, Complaint, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::subject::Terms;
use crate::guardrail::violation::Judged;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathPrefix {
    path_prefix: String,
}

impl Judge for PathPrefix {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] =
        &[word("path_prefix", Shape::Text(is_user_path), "Below which path of IAM users a role has to make them.")
            .always()];
    const SCOPE: Scope = Scope::Terms;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let prefix = &self.path_prefix;
        let lack = |path: &str| Lack {
            what: format!("the path of its users must begin with {prefix}, and is {path}"),
            fix: format!("set user_path = \"{prefix}...\""),
        };
        hearing.terms(
            "path_prefix",
            |terms| Some(user_path(terms)).filter(|path| !path.starts_with(prefix.as_str())).map(lack),
            judged,
        );
    }
}

fn is_user_path(path: &str) -> Result<(), Complaint> {
    match path.starts_with('/') {
        true => Ok(()),
        false => Err(Complaint {
            what: format!("`{path}` is not the path of an IAM user"),
            hint: "a path starts with `/`, as in /apps/".to_owned(),
        }),
    }
}

/// The IAM path of a role's users, as far as it is the same in every engine.
fn user_path(terms: &Terms) -> &str {
    match terms.user_path.as_str() {
        "" | "/" => "/leasehold/",
        path => path,
    }
}
