//! What is known before anything is drafted: what the engine has, whose it is, what the files say already, and what of
//! earlier drafts was refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::estate::Estate;
use crate::object::{Class, Home, Live, Reviewed, Shape, policy_name};

/// What is to blame for what is wrong with a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blamed {
    /// An object, by its path.
    Object(String),
    /// That something is an app.
    App(String),
}

/// What is known before anything is drafted.
pub struct Known<'k> {
    /// Everything that the engine has.
    pub found: &'k [Live],
    /// What the files say already.
    pub declared: &'k Estate,
    /// What others have, by path: whose it is.
    pub others: &'k BTreeMap<String, String>,
    /// What is Leasehold's own.
    pub own: &'k BTreeSet<String>,
    /// The texts of ACL policies, by name.
    pub rules: BTreeMap<&'k str, &'k str>,
    /// How many objects give a policy to tokens or to people, by its name.
    pub users: BTreeMap<String, usize>,
    /// The paths of what objects name.
    pub named: BTreeSet<String>,
    /// Names that no app can have.
    pub no_apps: BTreeSet<String>,
    /// What was refused, with each reason, by path.
    pub refused: BTreeMap<String, Vec<String>>,
}

impl<'k> Known<'k> {
    /// What follows from what was found.
    pub fn new(
        found: &'k [Live],
        declared: &'k Estate,
        others: &'k BTreeMap<String, String>,
        own: &'k BTreeSet<String>,
    ) -> Self {
        let rules = found.iter().filter_map(|live| {
            let Reviewed::Rules(field) = live.kind.reviewed else { return None };
            Some((policy_name(&live.path)?, live.fields.get(field)?.as_str()?))
        });
        let mut users: BTreeMap<String, usize> = BTreeMap::new();
        for name in found.iter().flat_map(Live::policies) {
            *users.entry(name).or_default() += 1;
        }
        Self {
            found,
            declared,
            others,
            own,
            rules: rules.collect(),
            users,
            named: found.iter().flat_map(Live::named).collect(),
            no_apps: BTreeSet::new(),
            refused: BTreeMap::new(),
        }
    }

    /// Whether the files say anything of a path.
    pub(super) fn is_declared(&self, path: &str) -> bool {
        self.declared.object(path).is_some() || self.declared.shared.iter().any(|shared| shared.path == path)
    }

    /// Whether a path is nobody's, or this estate's own, and not declared.
    pub(super) fn is_new(&self, path: &str) -> bool {
        !self.is_declared(path) && !self.others.contains_key(path) && !self.own.contains(path)
    }

    /// Whether somebody was only made by the engine, because they logged in: nothing is said of them, and nobody names them.
    pub(super) fn is_by_itself(&self, live: &Live) -> bool {
        let is_said = |(name, value): (&&'static str, &serde_json::Value)| {
            let field = live.kind.field(name);
            field.is_some_and(|field| field.shape != Shape::ByMethod && *value != field.default_value())
        };
        live.kind.class == Class::Person
            && matches!(live.kind.home, Home::Named { .. })
            && !self.named.contains(&live.path)
            && !live.fields.iter().any(is_said)
    }

    /// Takes in what was refused, and why: the next draft goes without.
    pub fn refuse(&mut self, refused: Vec<(Blamed, String)>) {
        let mut blamed = BTreeSet::new();
        for (what, why) in refused {
            match what {
                Blamed::App(name) => drop(self.no_apps.insert(name)),
                // Of several reasons the first is told.
                Blamed::Object(path) if blamed.insert(path.clone()) => self.refused.entry(path).or_default().push(why),
                Blamed::Object(_) => {}
            }
        }
    }

    /// Why an object was refused last.
    pub(super) fn why(&self, path: &str) -> Option<&str> {
        Some(self.refused.get(path)?.last()?.as_str())
    }
}
