//! Objects under the names that they get: so that two states of the world are compared in what they are, and not in what
//! they are called.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kind::Kind;
use super::kind::live::Live;
use super::kind::object::Object;
use super::leaf::FieldValue;
use super::named::POLICIES;
use super::review::Reviewed;
use super::role::RolePath;
use super::table::policy_name;

/// New names of objects.
#[derive(Clone, Debug, Default)]
pub struct Renames {
    /// The new paths, by the old ones.
    paths: BTreeMap<String, String>,
    /// The new names of policies, by the old ones.
    policies: BTreeMap<String, String>,
    /// Where credentials are read from now on, by where they were, as rules write it.
    credentials: Vec<(String, String)>,
}

impl Renames {
    /// The new names of objects that have these old paths and new ones.
    pub fn new<'a>(renamed: impl IntoIterator<Item = (&'static Kind, &'a str, &'a str)>) -> Self {
        let mut renames = Self::default();
        for (kind, old, new) in renamed {
            if let (Some(old), Some(new)) = (policy_name(old), policy_name(new)) {
                renames.policies.insert(old.to_owned(), new.to_owned());
            }
            if let (Some(old), Some(new)) = (RolePath::of(kind, old), RolePath::of(kind, new)) {
                let pairs = old.issued_at().zip(new.issued_at());
                renames.credentials.extend(pairs.map(|(old, new)| (format!("\"{old}\""), format!("\"{new}\""))));
            }
            renames.paths.insert(old.to_owned(), new.to_owned());
        }
        renames
    }

    /// The renames that declared objects ask for, of objects that are there by their old name and not by their new one.
    pub fn asked<'a>(desired: impl IntoIterator<Item = &'a Object>, is_there: impl Fn(&str) -> bool) -> Self {
        let renamed = desired.into_iter().filter_map(|object| {
            let old = object.renamed_from.as_deref()?;
            (is_there(old) && !is_there(&object.path)).then_some((object.kind, old, object.path.as_str()))
        });
        Self::new(renamed)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The new path of an old one.
    pub fn path(&self, old: &str) -> Option<&str> {
        self.paths.get(old).map(String::as_str)
    }

    /// An object of an engine as it will be called; `None` if that is as it is.
    pub fn live(&self, live: &Live) -> Option<Live> {
        let mut renamed = live.clone();
        let mut is_other = false;
        if let Some(path) = self.path(&live.path) {
            renamed.path = path.to_owned();
            is_other = true;
        }
        for (name, value) in &mut renamed.fields {
            is_other |= self.value(live.kind, name, value);
        }
        is_other.then_some(renamed)
    }

    /// Calls a declared object as it will be called.
    pub fn object(&self, object: &mut Object) {
        if let Some(path) = self.path(&object.path) {
            object.path = path.to_owned();
        }
        for (name, leaf) in &mut object.fields {
            if let FieldValue::Data(value) = &mut leaf.value {
                self.value(object.kind, name, value);
            }
        }
    }

    /// Puts new names into a value; whether there were any.
    fn value(&self, kind: &'static Kind, name: &str, value: &mut Value) -> bool {
        if POLICIES.contains(&name) {
            return self.policies_in(value);
        }
        match (&kind.reviewed, value.as_str()) {
            (Reviewed::Rules(field), Some(text)) if *field == name => {
                let mut rules = text.to_owned();
                for (old, new) in &self.credentials {
                    rules = rules.replace(old, new);
                }
                let is_other = rules != text;
                *value = Value::from(rules);
                is_other
            }
            _ => false,
        }
    }

    fn policies_in(&self, value: &mut Value) -> bool {
        let Some(names) = value.as_array_mut() else { return false };
        let mut is_other = false;
        for name in names.iter_mut() {
            if let Some(new) = name.as_str().and_then(|name| self.policies.get(name)) {
                *name = Value::from(new.as_str());
                is_other = true;
            }
        }
        // Engines tell sets in order.
        names.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
        is_other
    }

    /// The new name of a policy.
    pub fn policy<'n>(&'n self, name: &'n str) -> &'n str {
        self.policies.get(name).map_or(name, String::as_str)
    }
}
