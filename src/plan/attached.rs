//! Which guardrails go with a role to the engine, and how the ledger remembers them.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::guardrail::{Guardrail, Rule, Severity};
use crate::object::{Object, RolePath, fingerprint};

/// The guardrails of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Their names and a digest of what they say: what the ledger keeps.
    pub text: String,
    /// All of them, as base64 of JSON: what the engine is told.
    pub header: String,
}

impl Attached {
    /// What an engine is told of a role that has none: without a word, it would keep those it has.
    pub fn header_of_none() -> String {
        STANDARD.encode("[]")
    }
}

/// Finds the guardrails of roles. Most roles have the same.
#[derive(Debug)]
pub struct Attacher<'g> {
    guardrails: Vec<&'g Guardrail>,
    known: HashMap<Vec<bool>, Option<Attached>>,
}

impl<'g> Attacher<'g> {
    /// Of these guardrails, those that a single role can break and that stop it.
    pub fn new(guardrails: &'g [Guardrail]) -> Self {
        let judged = |rule: &Rule| match rule {
            Rule::Deny(_) | Rule::Escalation(_) => true,
            Rule::Require(require) => {
                require.permissions_boundary.is_some()
                    || require.path_prefix.is_some()
                    || require.max_ttl.is_some()
                    || !require.credential_types.is_empty()
            }
        };
        let stops = |one: &&Guardrail| one.severity == Severity::Deny && one.rules.iter().any(judged);
        Self { guardrails: guardrails.iter().filter(stops).collect(), known: HashMap::new() }
    }

    /// The guardrails of an object; `None` if it has none, or is no role.
    pub fn of(&mut self, object: &Object) -> Option<Attached> {
        if !object.kind.is_judged() || self.guardrails.is_empty() {
            return None;
        }
        let label = RolePath::of(object.kind, &object.path)?.label();
        let chosen: Vec<bool> = self.guardrails.iter().map(|one| one.is_about_role(&label)).collect();
        if let Some(known) = self.known.get(&chosen) {
            return known.clone();
        }
        let list: Vec<&&Guardrail> =
            self.guardrails.iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(one, _)| one).collect();
        let attached = (!list.is_empty()).then(|| {
            // Where they are declared may move without them saying anything else.
            let said: Vec<Guardrail> =
                list.iter().map(|one| Guardrail { place: String::new(), ..(**one).clone() }).collect();
            let value = serde_json::to_value(&said).unwrap_or_default();
            let names: Vec<&str> = list.iter().map(|one| one.name.as_str()).collect();
            let digest = fingerprint::of_value(&value);
            Attached {
                text: format!("{} ({})", names.join(", "), digest.get(..12).unwrap_or(&digest)),
                header: STANDARD.encode(value.to_string()),
            }
        });
        self.known.insert(chosen, attached.clone());
        attached
    }
}
