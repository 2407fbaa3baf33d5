//! ACL policies by what they permit, not by their text.

use std::collections::BTreeMap;

use super::Finding;
use super::changes::Changed;
use super::effective::{App, Side};

impl App<'_, '_> {
    /// Whether a change may concern it: one of its own objects differs, or a role that it may read.
    pub(super) fn is_concerned(&self, changed: &Changed<'_>) -> bool {
        self.logins().any(|login| changed.paths.contains(login.path))
            || self.policies().iter().any(|name| changed.paths.contains(format!("sys/policies/acl/{name}").as_str()))
            || self.roles().iter().any(|(role, _)| changed.roles.contains(role.object.path))
    }
}

/// What tokens may do in the engine that they could not, and the other way round.
pub(super) fn changes(
    _before: &Side<'_>,
    _after: &Side<'_>,
    _changed: &Changed<'_>,
    _renamed: &BTreeMap<&str, &str>,
    _findings: &mut Vec<Finding>,
) {
}
