//! The table of credential types. A new one is one file (or folder) and one line here.

use super::craft::{Craft, CredentialType, Legacy};
use super::{assumed_role, federation_token, iam_user, session_token};
use crate::engine::backend::aws::role::Role;
use crate::engine::wire::error::Error;

/// All that Vault has, in its order, which is that of texts that name several.
const CREDENTIAL_TYPES: &[&CredentialType] =
    &[&iam_user::TYPE, &assumed_role::TYPE, &federation_token::TYPE, &session_token::TYPE];

/// That of leases which name none: they are older than the question.
pub(super) const UNNAMED: &CredentialType = &iam_user::TYPE;

/// All of them, and the one that only tests have.
pub(super) fn all() -> impl Iterator<Item = &'static CredentialType> {
    const TRIALS: &[&CredentialType] = &[
        #[cfg(test)]
        &super::trial::TYPE,
    ];
    CREDENTIAL_TYPES.iter().chain(TRIALS).copied()
}

/// Those that texts tell of.
pub(super) fn told() -> impl Iterator<Item = &'static CredentialType> {
    CREDENTIAL_TYPES.iter().copied()
}

/// The type of that name.
pub(super) fn of(name: &str) -> Option<&'static CredentialType> {
    all().find(|one| one.name == name)
}

/// The role that a write with the parameters of before 2018 means, if any.
pub(in crate::engine::backend::aws) fn legacy(legacy: &Legacy<'_>) -> Option<Role> {
    all().find_map(|one| (one.legacy)(legacy).map(|role| Role { credential_type: one.name.to_owned(), ..role }))
}

/// What is told about a role when it is written.
pub(in crate::engine::backend::aws) fn warnings(role: &Role) -> Vec<String> {
    of(&role.credential_type).map(|one| (one.warnings)(role)).unwrap_or_default()
}

/// Whether a role's credentials may do more than its policies say; those of a type that nobody knows may.
pub(in crate::engine::backend::aws) fn is_open(role: &Role) -> bool {
    of(&role.credential_type).is_none_or(|one| (one.is_open)(role))
}

/// Whether a role's policies only limit what somebody else may do.
pub(in crate::engine::backend::aws) fn is_of_another(role: &Role) -> bool {
    of(&role.credential_type).is_some_and(|one| one.is_of_another)
}

/// How credentials of a type are made.
///
/// # Errors
/// [`Error::Invalid`], with those that are, where this engine does not issue it.
pub(super) fn issued(name: &str) -> Result<(&'static CredentialType, &'static dyn Craft), Error> {
    let found = of(name).and_then(|one| Some((one, one.craft?)));
    found.ok_or_else(|| {
        let known: Vec<&str> = told().filter(|one| one.craft.is_some()).map(|one| one.name).collect();
        Error::Invalid(format!("credential_type {name} is not issued: this engine issues {}", known.join(", ")))
    })
}
