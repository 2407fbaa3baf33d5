//! What a guardrail can forbid or demand. A rule is one file here, with its `mod` line and its line in the table.
//!
//! A rule's file has its words (the keys that estates have for it, and what stands there), its scope, its judgement
//! and its texts. From the table come how the estate reads a guardrail, the hints for unknown keys, the form on the
//! wire, which guardrails go to the engine, and what the engine judges.

mod bind_secret_id;
mod bound_audiences;
mod bound_branch;
mod bound_cidrs;
mod bound_namespaces;
mod clause;
mod credential_types;
mod deny;
mod escalation;
mod exact_bindings;
mod hearing;
mod max_secret_id_ttl;
mod max_token_ttl;
mod max_ttl;
mod path_prefix;
mod permissions_boundary;
#[cfg(test)]
mod trial;
mod word;

use serde_json::{Map, Value};

pub use self::clause::{Clause, Malformed};
pub use self::deny::Deny;
#[cfg(test)]
pub(super) use self::deny::Wildcard;
pub use self::escalation::{Escalation, Path, Unreadable, check_paths, paths};
pub(super) use self::hearing::Hearing;
use self::word::Judge;
pub use self::word::{Block, Complaint, Holds, Scope, Shape, Without, Word};
use super::violation::Judged;

/// What the program knows of a rule.
#[derive(Debug)]
pub struct Described {
    /// Where it is written.
    pub block: Block,
    /// Its keys.
    pub words: &'static [Word],
    /// What it is judged by.
    pub scope: Scope,
    /// Makes one of what its keys say.
    read: fn(Map<String, Value>) -> Result<Rule, serde_json::Error>,
}

/// Makes the table and what goes by it.
macro_rules! rules {
    ($($(#[$only:meta])* $file:ident::$rule:ident),* $(,)?) => {
        /// One thing that a guardrail forbids or demands: what each is stands in its file.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is documented where it is defined")]
        pub enum Rule {
            $($(#[$only])* $rule($file::$rule),)*
        }

        /// All rules. Those of one block are read, shown in hints and judged in this order.
        pub const RULES: &[Described] = &[
            $($(#[$only])* Described {
                block: <$file::$rule as Judge>::BLOCK,
                words: <$file::$rule as Judge>::WORDS,
                scope: <$file::$rule as Judge>::SCOPE,
                read: |said| serde_json::from_value(Value::Object(said)).map(Rule::$rule),
            },)*
        ];

        impl Rule {
            /// What it is judged by.
            pub fn scope(&self) -> Scope {
                match self {
                    $($(#[$only])* Self::$rule(_) => <$file::$rule as Judge>::SCOPE,)*
                }
            }

            /// The name of its block.
            fn block(&self) -> &'static str {
                match self {
                    $($(#[$only])* Self::$rule(_) => <$file::$rule as Judge>::BLOCK.name,)*
                }
            }

            /// What its keys say.
            fn said(&self) -> Result<Value, serde_json::Error> {
                match self {
                    $($(#[$only])* Self::$rule(rule) => serde_json::to_value(rule),)*
                }
            }

            /// Adds what the subject breaks, if it is in scope.
            pub(super) fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
                let scope = self.scope();
                if !(if hearing.is_app() { scope.is_about_apps() } else { scope.is_about_roles() }) {
                    return;
                }
                match self {
                    $($(#[$only])* Self::$rule(rule) => rule.judge(hearing, judged),)*
                }
            }
        }
    };
}

rules! {
    deny::Deny,
    escalation::Escalation,
    permissions_boundary::PermissionsBoundary,
    path_prefix::PathPrefix,
    max_ttl::MaxTtl,
    credential_types::CredentialTypes,
    max_token_ttl::MaxTokenTtl,
    max_secret_id_ttl::MaxSecretIdTtl,
    bound_cidrs::BoundCidrs,
    bind_secret_id::BindSecretId,
    bound_audiences::BoundAudiences,
    bound_branch::BoundBranch,
    bound_namespaces::BoundNamespaces,
    exact_bindings::ExactBindings,
    #[cfg(test)]
    trial::Trial,
}

/// The rules of the blocks of this name.
pub fn of_block(name: &str) -> impl Iterator<Item = &'static Described> + Clone {
    RULES.iter().filter(move |rule| rule.block.name == name)
}

/// The blocks of guardrails, each once, those that `use` takes among them.
pub fn blocks() -> impl Iterator<Item = &'static Block> {
    let is_first = |at: usize| RULES[..at].iter().all(|earlier| earlier.block.name != RULES[at].block.name);
    RULES.iter().enumerate().filter(move |(at, _)| is_first(*at)).map(|(_, rule)| &rule.block)
}
