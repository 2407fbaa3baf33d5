//! `require { credential_types = ["iam_user"] }`: a role is of one of these types.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, Lack};
use super::word::{Block, Judge, REQUIRE, Scope, Shape, Word, word};
use crate::guardrail::violation::Judged;

/// The demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialTypes {
    credential_types: Vec<String>,
}

impl Judge for CredentialTypes {
    const BLOCK: Block = REQUIRE;
    const WORDS: &'static [Word] =
        &[word("credential_types", Shape::Choices(CREDENTIAL_TYPES), "The types of which a role has to be.").always()];
    const SCOPE: Scope = Scope::Terms;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        let allowed = self.credential_types.join(" or ");
        let lack = |has: &String| Lack {
            what: format!("the credential type must be {allowed}, and is {has}"),
            fix: format!("set credential_type to {allowed}"),
        };
        hearing.terms(
            "credential_types",
            |terms| Some(&terms.credential_type).filter(|has| !self.credential_types.contains(has)).map(lack),
            judged,
        );
    }
}

/// Those of roles that an engine may hold, and what static roles hand out. Source: Vault's API documentation, "AWS secrets
/// engine".
const CREDENTIAL_TYPES: &[&str] = &["iam_user", "assumed_role", "federation_token", "session_token", "static_role"];
