//! Paths of an AWS engine that policies and tests name: of roles that there are.
//!
//! A policy that denies `aws/creds/mialer`, and a test that says so, hold of nothing. What other estates or other
//! engines have is not known here, so it is a warning, and only of what is below a mount that is declared.

use super::Lowering;
use crate::acl::template::{self, Empty, is_templated};
use crate::estate::problem::Draft;
use crate::text::did_you_mean;

/// What an AWS engine has below its mount. Source: Vault's API documentation, "AWS secrets engine".
const BELOW: &[&str] = &["creds", "sts", "roles", "config", "static-creds", "static-roles"];

/// Those below which stand the names of roles.
const OF_ROLES: &[&str] = &["creds", "sts", "roles"];

/// What engines know of who asks.
const NAMES: &str = "there are identity.entity.id, .name, .metadata.KEY and .aliases.ACCESSOR.name, and \
                     identity.groups.names.NAME.id and .metadata.KEY";

/// How to find the accessor of a method.
const ACCESSORS: &str = "`leasehold read sys/auth` shows that of each method, such as auth_userpass_1a2b3c4d";

impl Lowering<'_> {
    /// Warns of paths that lead nowhere. After all roles are known.
    pub(super) fn check_named_paths(&mut self) {
        for (path, span) in std::mem::take(&mut self.named_paths) {
            if self.is_incomplete() {
                return;
            }
            if let Some((selector, why)) = template::empty(&path) {
                let (what, hint) = match why {
                    Empty::NoName => ("nothing is known of who asks by that name", NAMES),
                    Empty::NoAccessor => ("an accessor stands after `aliases`, and this is none", ACCESSORS),
                };
                let what = format!("`{{{{{selector}}}}}` stands for nothing, so this path grants nothing: {what}");
                self.reader.report(Draft::warning(span, what).hint(hint));
            }
            if let Some(what) = self.leads_nowhere(&path) {
                self.reader.report(Draft::warning(span, what).hint_if(self.near(&path)));
            }
        }
    }

    /// What is odd about a path, if something is.
    fn leads_nowhere(&self, path: &str) -> Option<String> {
        let mut below = self.role_mounts().filter_map(|mount| {
            let rest = path.strip_prefix(mount.as_str())?.strip_prefix('/')?;
            Some((mount, rest))
        });
        let Some((mount, rest)) = below.next() else {
            return self.misspells_mount(path).then(|| format!("`{path}` is below no mount that is declared"));
        };
        let (first, name) = rest.split_once('/').unwrap_or((rest, ""));
        if first.is_empty() || first.contains(['*', '+']) || is_templated(path) {
            return None;
        }
        if !BELOW.contains(&first) {
            return Some(format!("the AWS engine at `{mount}` has no path `{path}`"));
        }
        let name = name.split('/').next().unwrap_or_default();
        // With a wildcard for a segment it is of many, or it has been told.
        let fixed = name.strip_suffix('*').unwrap_or(name);
        if !OF_ROLES.contains(&first) || fixed.is_empty() || fixed.contains(['*', '+']) {
            return None;
        }
        let role = format!("{mount}/{name}");
        let known = match role.strip_suffix('*') {
            Some(start) => self.roles.keys().any(|known| known.starts_with(start)),
            None => self.roles.contains_key(&role),
        };
        (!known).then(|| format!("no role `{role}` is declared"))
    }

    /// Whether a path would be that of a role, if its mount were spelt as one that is declared.
    fn misspells_mount(&self, path: &str) -> bool {
        self.role_mounts().any(|mount| {
            let Some((written, rest)) = path.split_at_checked(mount.len()) else { return false };
            let Some((first, name)) = rest.strip_prefix('/').and_then(|rest| rest.split_once('/')) else {
                return false;
            };
            OF_ROLES.contains(&first)
                && self.roles.contains_key(&format!("{mount}/{name}"))
                && strsim::damerau_levenshtein(written, mount) == 1
        })
    }

    fn near(&self, path: &str) -> Option<String> {
        let roles = self.roles.keys().filter_map(|role| role.rsplit_once('/'));
        let mut paths: Vec<String> =
            roles.flat_map(|(mount, role)| ["creds", "roles"].map(|below| format!("{mount}/{below}/{role}"))).collect();
        // Of two that are as near, always the same.
        paths.sort_unstable();
        did_you_mean(path, paths.iter().map(String::as_str))
    }
}
