//! What becomes of the leases that are out under an object which changes or goes, where its declaration says (`on_change`).

use super::change::{Change, ChangeAction};

/// What its leases have to do with a change of an object that says so.
pub(super) const REVOKES: &str = "the leases that are out are revoked once it is changed (on_change)";

/// The same of one that goes.
const REVOKES_GONE: &str = "the leases that are out are revoked once it is gone (on_change)";

/// The same of one that was changed or taken away by an apply that did not come to it.
pub(super) const OWED: &str = "an apply was stopped before it had revoked them";

/// Lets the deletion of an object revoke the leases that are out under it, or not. What its kind says of a deletion is about
/// leases that stay.
pub(super) fn with_deletion(change: &mut Change, is_revoking: bool, of_kind: impl FnOnce() -> Option<String>) {
    if change.action == ChangeAction::Delete && change.revokes != is_revoking {
        change.revokes = is_revoking;
        change.effects = if is_revoking { vec![REVOKES_GONE.to_owned()] } else { of_kind().into_iter().collect() };
    }
}
