//! `require { permissions_boundary = "arn:aws:iam::*:policy/ceiling" }`: a role's permissions boundary is one of these.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, Lack};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::subject::Terms;
use crate::guardrail::violation::Judged;
use crate::iam::pattern::{Pattern, Syntax};
use crate::iam::request::Request;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionsBoundary {
    permissions_boundary: String,
}

impl Judge for PermissionsBoundary {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] = &[word(
        "permissions_boundary",
        Shape::PolicyArn,
        "A pattern of ARNs, one of which has to be the boundary of a role.",
    )
    .always()];
    const SCOPE: Scope = Scope::Terms;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let wanted = &self.permissions_boundary;
        let pattern = Pattern::new(wanted, Syntax { wildcards: true, variables: false });
        let lack = |terms: &Terms, has: &str| Lack {
            what: match (terms.permissions_boundaries.len(), has) {
                (0 | 1, has) => format!("the permissions boundary must be {wanted}, and is {has}"),
                (_, has) => {
                    format!("the permissions boundary of each of its IAM roles must be {wanted}, and one is {has}")
                }
            },
            fix: format!("set permissions_boundary_arn = \"{wanted}\""),
        };
        hearing.terms(
            "permissions_boundary",
            |terms| {
                let is_meant = |has: &&String| pattern.matches(has, &Request::default());
                let other = terms.permissions_boundaries.iter().find(|has| !is_meant(has))?;
                Some(lack(terms, if other.is_empty() { "none" } else { other }))
            },
            judged,
        );
    }
}
