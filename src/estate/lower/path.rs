//! Paths of a secrets engine that policies and tests name: of roles that there are.
//!
//! A policy that denies `aws/creds/mialer`, and a test that says so, hold of nothing. What other estates or other
//! engines have is not known here, so it is a warning, and only of what is below a mount that is declared.

use super::{Lowering, Mounted};
use crate::acl::template::{self, Empty, is_templated};
use crate::estate::problem::Draft;
use crate::object::home::ENGINES;
use crate::object::{self, Kind, Mount, RolePath};
use crate::text::{did_you_mean, is_slip};

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
        let mounted = self.mounts.get(mount)?;
        let of_roles: Vec<&Kind> = mounted.role_kinds().filter(|kind| kind.folders().any(|own| own == first)).collect();
        if of_roles.is_empty() && !mounted.has_settings_in(first) {
            let mount_type = mounted.mount_type;
            return Some(format!("the engine of the type {mount_type} at `{mount}` has no path `{path}`"));
        }
        let name = name.split('/').next().unwrap_or_default();
        // With a wildcard for a segment it is of many, or it has been told.
        let fixed = name.strip_suffix('*').unwrap_or(name);
        if of_roles.is_empty() || fixed.is_empty() || fixed.contains(['*', '+']) {
            return None;
        }
        let label = format!("{mount}/{name}");
        let mut fitting = self.roles.iter().filter(|(_, role)| of_roles.contains(&role.kind)).map(|(known, _)| known);
        let is_known = match label.strip_suffix('*') {
            Some(start) => fitting.any(|known| known.starts_with(start)),
            None => fitting.any(|known| *known == label),
        };
        let word = of_roles.first().map_or("role", |kind| kind.words.word);
        (!is_known).then(|| format!("no {word} `{label}` is declared"))
    }

    /// Whether a path would be that of a role, if its mount were spelt as one that is declared.
    fn misspells_mount(&self, path: &str) -> bool {
        self.role_mounts().any(|mount| {
            let Some((written, rest)) = path.split_at_checked(mount.len()) else { return false };
            let Some((first, name)) = rest.strip_prefix('/').and_then(|rest| rest.split_once('/')) else {
                return false;
            };
            let role = self.roles.get(&format!("{mount}/{name}"));
            role.is_some_and(|role| role.kind.folders().any(|own| own == first)) && is_slip(written, mount)
        })
    }

    fn near(&self, path: &str) -> Option<String> {
        let roles = self.roles.iter().filter_map(|(label, role)| {
            let (mount, name) = label.rsplit_once('/')?;
            Some(RolePath { kind: role.kind, mount, name })
        });
        let mut paths: Vec<String> = roles.flat_map(|role| [role.credentials(), role.path()]).collect();
        // Of two that are as near, always the same.
        paths.sort_unstable();
        did_you_mean(path, paths.iter().map(String::as_str))
    }
}

impl Mounted {
    /// The kinds of roles that engines of its type have.
    pub(super) fn role_kinds(&self) -> impl Iterator<Item = &'static Kind> {
        object::roles().filter(|kind| kind.mount_type() == Some(self.mount_type))
    }

    /// Whether settings of engines of its type stand below such a segment.
    fn has_settings_in(&self, first: &str) -> bool {
        let mount = Mount { table: &ENGINES, mount_type: self.mount_type.to_owned(), name: "" };
        mount.settings().any(|(_, path)| path.trim_start_matches('/').split('/').next() == Some(first))
    }
}
