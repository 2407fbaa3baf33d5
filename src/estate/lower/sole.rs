//! What only one declaration may have: what an auth method calls somebody, and the IAM user of a static role. An engine
//! takes it from the one and gives it to the other, at each apply, or makes and deletes keys for both.

use std::collections::HashMap;

use serde_json::Value;

use super::Lowering;
use crate::estate::problem::Draft;
use crate::object::{Object, RolePath, Shape};

impl Lowering<'_> {
    /// Tells who has what another has.
    pub(super) fn check_sole(&mut self) {
        let mut first: HashMap<(&str, String), &str> = HashMap::new();
        let mut drafts = Vec::new();
        for object in &self.objects {
            for what in names(object) {
                let Some(other) = first.insert((object.kind.name, what.clone()), &object.path) else { continue };
                let (Some(span), Some(before)) = (self.paths.get(&object.path), self.paths.get(other)) else {
                    continue;
                };
                let draft = Draft::error(*span, format!("{what} is that of {other} already"));
                drafts.push(draft.also(*before, "named here first").hint("name it in one of them"));
            }
        }
        drafts.into_iter().for_each(|draft| self.reader.report(draft));
    }
}

/// What an object has that no other of its kind may have.
fn names(object: &Object) -> Vec<String> {
    let kind = object.kind;
    let of_methods = kind.fields.iter().filter(|field| field.shape == Shape::ByMethod).flat_map(|field| {
        let names = object.value(field.name);
        let names = names.as_object().into_iter().flatten();
        // Engines find these in any case.
        names
            .filter_map(|(method, name)| Some(format!("`{}` of auth/{method}", name.as_str()?.to_lowercase())))
            .collect::<Vec<_>>()
    });
    let user = kind.access_fields().map(|access| access.standing.user).filter(|field| !field.is_empty());
    let user = user.and_then(|field| match object.value(field) {
        Value::String(user) if !user.is_empty() => {
            let role = RolePath::of(kind, &object.path)?;
            Some(format!("the IAM user `{user}` of {}", role.mount))
        }
        _ => None,
    });
    of_methods.chain(user).collect()
}
