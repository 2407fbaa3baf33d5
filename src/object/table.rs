//! The table of kinds, and what is found by it.

use super::home::ENGINES;
use super::kind::{Class, Kind};
use super::{
    acl_policy, any_object, approle_role, audit_device, auth_mount, aws_auth_account, aws_auth_identity, aws_auth_role,
    aws_lease, aws_role, aws_root, cert_role, entity, group, jwt_role, kubernetes_role, kv_config, mount, oidc_role,
    password_policy, quota, static_role, token_role, transit_key, userpass_user,
};

/// Every kind there is, in the order of creation.
pub static KINDS: &[&Kind] = &[
    &audit_device::KIND,
    &mount::KIND,
    &auth_mount::KIND,
    &aws_root::KIND,
    &aws_lease::KIND,
    &kv_config::KIND,
    &transit_key::KIND,
    &jwt_role::CONFIG,
    &oidc_role::CONFIG,
    &kubernetes_role::CONFIG,
    &aws_auth_role::CLIENT,
    &aws_auth_identity::KIND,
    &aws_auth_account::KIND,
    &cert_role::CONFIG,
    &token_role::KIND,
    &acl_policy::KIND,
    &password_policy::KIND,
    &quota::KIND,
    &any_object::KIND,
    &aws_role::KIND,
    &static_role::KIND,
    &approle_role::KIND,
    &userpass_user::KIND,
    &jwt_role::KIND,
    &oidc_role::KIND,
    &kubernetes_role::KIND,
    &aws_auth_role::KIND,
    &cert_role::KIND,
    &entity::KIND,
    &group::KIND,
    #[cfg(test)]
    &super::trial::CONFIG,
    #[cfg(test)]
    &super::trial::KIND,
];

/// The kind of this name, as the ledger and saved plans write it.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

/// The kind of the logins that an auth method of this type has.
pub fn login_of(mount_type: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.class == Class::Login && kind.mount_type() == Some(mount_type))
}

/// The types of the auth methods that have logins.
pub fn methods() -> impl Iterator<Item = &'static str> {
    KINDS.iter().filter(|kind| kind.class == Class::Login).filter_map(|kind| kind.mount_type())
}

/// The types of the secrets engines that have objects.
pub fn engines() -> impl Iterator<Item = &'static str> {
    KINDS.iter().filter(|kind| kind.is_below(&ENGINES)).filter_map(|kind| kind.mount_type())
}

/// The kinds of the roles that secrets engines have.
pub fn roles() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().copied().filter(|kind| kind.class == Class::Role)
}

/// The words by which these are declared, each once.
pub fn role_words() -> impl Iterator<Item = &'static str> {
    let before = |index: usize| roles().take(index).map(|kind| kind.words.word);
    let words = roles().map(|kind| kind.words.word).enumerate();
    words.filter(move |(index, word)| !before(*index).any(|other| other == *word)).map(|(_, word)| word)
}

/// The path of the ACL policy of this name, as tokens name it.
pub fn policy_path(name: &str) -> String {
    acl_policy::KIND.path("", name)
}

/// The name of the ACL policy at this path, if one can be there.
pub fn policy_name(path: &str) -> Option<&str> {
    acl_policy::KIND.name_of(path)
}
