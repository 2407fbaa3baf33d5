//! What tests of plans share.

use super::{Adopt, Input, Others, Plan, Selection};
use crate::object::Object;

/// The plan of objects that are all new, on an engine that has nothing.
pub(super) fn all_new(desired: &[Object]) -> Plan {
    Plan::new(&Input {
        environment: "local",
        commit: None,
        desired,
        absent: &[],
        today: "2026-11-25",
        live: &Default::default(),
        owned: &Default::default(),
        key: None,
        key_hidden: false,
        adopt: Adopt::Refuse,
        adopt_from: &[],
        others: Others::NotAsked,
        nameless: false,
        shared: &[],
        max_deletes: 0,
        limits: &[],
        unmanaged: &[],
        unlisted: &[],
        notes: Vec::new(),
        taking: &Default::default(),
        guardrails: &[],
        selection: Selection::All,
    })
}
