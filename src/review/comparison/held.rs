//! A role that a subject has on one side of a comparison.

use std::collections::BTreeSet;

use crate::iam::policy::{PolicySet, Statement};
use crate::object::Place;
use crate::object::review::{AccessFields, Way};
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
    /// The managed policies that are attached, known or not.
    pub(super) attached: BTreeSet<String>,
    /// The ARN of what bounds it; empty for none.
    pub(super) boundary: String,
    /// What is known and not in the set.
    pub(super) left_out: String,
    pub(super) lease: LeaseTerms,
}

impl<'a> Held<'a> {
    pub(super) fn new(side: &Side<'a>, role: &Role<'a>, via: Via) -> Self {
        let known = side.known(role);
        Self {
            object: role.object,
            access_fields: role.access_fields,
            mount: role.at.mount,
            label: role.label(),
            via,
            set: known.set.clone(),
            unknown: known.unknown.clone(),
            attached: known.attached.clone(),
            boundary: known.boundary.clone(),
            left_out: known.left_out.clone(),
            lease: side.role_terms(role),
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
            attached: BTreeSet::new(),
            boundary: self.boundary.clone(),
            left_out: String::new(),
            lease: self.lease,
        }
    }

    /// Whether its credentials are sessions of roles of an account.
    pub(super) fn makes_sessions(&self) -> bool {
        self.way() == Some(Way::RoleSession)
    }

    /// How its credentials are made; `None` where that is not known.
    pub(super) fn way(&self) -> Option<Way> {
        self.access_fields.way(&self.object.text(self.access_fields.made))
    }

    /// The roles of accounts that its sessions are of, by their ARNs; none of what makes users.
    pub(super) fn assumed(&self) -> BTreeSet<String> {
        self.object.texts(self.access_fields.sessions.roles)
    }

    /// Its statements, of all its identity policies.
    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement<Place>> {
        self.set.identity.iter().flat_map(|policy| &policy.statements)
    }
}
