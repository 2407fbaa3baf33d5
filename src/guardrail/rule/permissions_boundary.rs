//! `require { permissions_boundary = "arn:aws:iam::*:policy/ceiling" }`: a role's permissions boundary is one of these.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, Lack};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
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
    const WORDS: &'static [Word] = &[word("permissions_boundary", Shape::PolicyArn).always()];
    const SCOPE: Scope = Scope::Terms;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let wanted = &self.permissions_boundary;
        let pattern = Pattern::new(wanted, Syntax { wildcards: true, variables: false });
        let lack = |has: &str| Lack {
            what: format!("the permissions boundary must be {wanted}, and is {has}"),
            fix: format!("set permissions_boundary_arn = \"{wanted}\""),
        };
        hearing.terms(
            "permissions_boundary",
            |terms| match terms.permissions_boundary.as_str() {
                has if pattern.matches(has, &Request::default()) => None,
                "" => Some(lack("none")),
                has => Some(lack(has)),
            },
            judged,
        );
    }
}
