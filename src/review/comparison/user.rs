//! Who a role's users are to the policies that look at them, and whether those of two roles are alike.
//!
//! What a role allowed its users was allowed to another role's only if both are of one account, and if what the
//! policies look at (tags, path, name) is the same of both.

use std::collections::BTreeSet;

use super::held::Held;
use crate::iam::arn::Arn;
use crate::iam::pattern::Pattern;
use crate::iam::policy::{PolicySet, Statement};
use crate::object::review::Attribute;
use crate::review::state::Unknown;

/// The context keys that tell a user's name, in which the role's name is by default. Source: IAM User Guide, "AWS global
/// condition context keys".
const NAME: &[&str] = &["aws:username", "aws:principalarn", "aws:arn"];

/// What of a principal policies can look at, and what its sessions have of their IAM role. Source: IAM User Guide, "AWS
/// global condition context keys".
const PRINCIPAL: &[&str] = &["aws:username", "aws:userid", "aws:principal", "aws:arn", "aws:tokenissuetime", "sts:"];

/// Whether the policies of a role look at whose credentials it makes, or may.
pub(in crate::review) fn looks_at_principal(held: &Held<'_>) -> bool {
    looks_at(&held.set, PRINCIPAL) || opaque(&held.unknown).is_some()
}

/// Whether the policies look at these context keys, in a condition or in a variable.
pub(in crate::review) fn looks_at<S>(set: &PolicySet<S>, keys: &[&str]) -> bool {
    let limits = [&set.boundary, &set.session].into_iter().flatten().flatten();
    set.identity.iter().chain(limits).flat_map(|policy| &policy.statements).any(|one| mentions(one, keys))
}

/// Whether the policies look at the name of a user.
pub(in crate::review) fn looks_at_name<S>(set: &PolicySet<S>) -> bool {
    looks_at(set, NAME)
}

/// Whether the policies of a role look at anything that roles decide of their users, or may.
pub(in crate::review) fn looks_at_users(held: &Held<'_>) -> bool {
    let told = held.access_fields.attributes.iter().any(|attribute| looks_at(&held.set, attribute.keys));
    told || looks_at_name(&held.set) || opaque(&held.unknown).is_some()
}

/// A policy that may look at anything, because its document is not known.
pub(in crate::review) fn opaque(unknown: &BTreeSet<Unknown>) -> Option<&Unknown> {
    unknown.iter().find(|one| !one.is_opaque())
}

/// Why what the users of `one` may do is not said of those of `other`, as the end of a sentence; `None` if it is.
pub(in crate::review) fn unlike(one: &Held<'_>, other: &Held<'_>) -> Option<String> {
    if one.mount != other.mount {
        return Some(format!("in what may be another account: that of {}", one.mount));
    }
    if one.object.path == other.object.path {
        return None;
    }
    if accounts(one) != accounts(other) {
        return Some(format!("in what may be another account: that of role {}", one.label));
    }
    if one.way() != other.way() && looks_at_principal(other) {
        return Some(format!("to credentials of another sort, and the policies of {} may look at that", other.label));
    }
    if one.assumed() != other.assumed() && looks_at_principal(other) {
        return Some(format!("to sessions of other IAM roles, and the policies of {} may look at that", other.label));
    }
    for Attribute { field, words, keys, .. } in other.access_fields.attributes {
        let looked_at = || looks_at(&other.set, keys) || opaque(&other.unknown).is_some();
        if one.object.value(field) != other.object.value(field) && looked_at() {
            return Some(format!("to users with other {words}, and the policies of {} may look at that", other.label));
        }
    }
    looks_at_name(&other.set)
        .then(|| format!("to users with other names, and the policies of {} look at that", other.label))
}

/// The accounts of a role's sessions, as their ARNs say them; none of users, which are of the mount's.
pub(in crate::review) fn accounts(held: &Held<'_>) -> BTreeSet<String> {
    held.assumed().iter().filter_map(|arn| Arn::account_of(arn)).map(str::to_owned).collect()
}

fn mentions<S>(statement: &Statement<S>, keys: &[&str]) -> bool {
    let is = |key: &str| keys.iter().any(|known| key.starts_with(known));
    // By its text: a variable in a form that nobody can tell may be read too.
    let variable = |pattern: &Pattern| {
        let text = pattern.text.to_ascii_lowercase();
        text.contains("${") && keys.iter().any(|known| text.contains(known))
    };
    statement.conditions.iter().any(|condition| is(&condition.key) || condition.values.iter().any(variable))
        || statement.resources.patterns.iter().any(variable)
}
