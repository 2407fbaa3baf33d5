//! A role that a subject has on one side of a comparison.

use std::collections::BTreeSet;

use crate::iam::policy::{PolicySet, Statement};
use crate::object::Place;
use crate::object::review::AccessFields;
use crate::review::state::lifetime::LeaseTerms;
use crate::review::state::{Role, Side, SideObject, Unknown, Via};

/// A role that a subject has on one side.
pub(super) struct Held<'a> {
    pub(super) object: SideObject<'a>,
    pub(super) access_fields: &'static AccessFields,
    /// The AWS engine that makes its users.
    pub(super) mount: &'a str,
    pub(super) label: String,
    pub(super) via: Via,
    pub(super) set: PolicySet<Place>,
    pub(super) unknown: BTreeSet<Unknown>,
    pub(super) lease: LeaseTerms,
}

impl<'a> Held<'a> {
    pub(super) fn new(side: &Side<'a>, role: &Role<'a>, via: Via) -> Self {
        Self {
            object: role.object,
            access_fields: role.access_fields,
            mount: role.at.mount,
            label: role.label(),
            via,
            set: side.role_access(role),
            unknown: side.unknown(role).clone(),
            lease: side.lease_terms(role.at.mount),
        }
    }

    /// The same role with other policies.
    pub(super) fn supposing(&self, set: PolicySet<Place>) -> Self {
        Self {
            object: self.object,
            access_fields: self.access_fields,
            mount: self.mount,
            label: self.label.clone(),
            via: self.via,
            set,
            unknown: BTreeSet::new(),
            lease: self.lease,
        }
    }

    /// Its statements, of all its identity policies.
    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement<Place>> {
        self.set.identity.iter().flat_map(|policy| &policy.statements)
    }
}
