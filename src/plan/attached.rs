//! Which guardrails go with a role to the engine, and how the ledger remembers them.

use std::collections::HashMap;

use crate::guardrail::{Guardrail, wire};
use crate::object::{Object, RolePath, fingerprint};

/// The guardrails of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Their names and a digest of what they say: what the ledger keeps.
    pub text: String,
    /// All of them, as base64 of JSON: what the engine is told.
    pub header: String,
}

/// Finds the guardrails of roles. Most roles have the same.
#[derive(Debug)]
pub struct Attacher<'g> {
    guardrails: Vec<&'g Guardrail>,
    known: HashMap<Vec<bool>, Option<Attached>>,
}

impl<'g> Attacher<'g> {
    /// Of these guardrails, those that an engine has to know.
    pub fn new(guardrails: &'g [Guardrail]) -> Self {
        let guardrails = guardrails.iter().filter(|one| one.goes_to_engines()).collect();
        Self { guardrails, known: HashMap::new() }
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
        let list: Vec<&Guardrail> =
            self.guardrails.iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(one, _)| *one).collect();
        let attached = (!list.is_empty()).then(|| {
            // What can't be written is null, which no engine takes.
            let value = wire::value(list.iter().copied()).unwrap_or_default();
            let names: Vec<&str> = list.iter().map(|one| one.name.as_str()).collect();
            let digest = fingerprint::of_value(&value);
            Attached {
                text: format!("{} ({})", names.join(", "), digest.get(..12).unwrap_or(&digest)),
                header: wire::header(&value),
            }
        });
        self.known.insert(chosen, attached.clone());
        attached
    }
}
