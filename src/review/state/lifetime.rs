//! How long credentials and tokens live, as engines reckon it.
//!
//! A lease lives as its backend says (`config/lease`), else as its mount says, else as the system says, and
//! never past the smallest maximum. It ends with its token. Source: Vault documentation, "Tokens: token
//! time-to-live, periodic tokens, and explicit max TTLs" and "Lease, renew, and revoke".

use super::SideObject;

/// The system's default and maximum, in seconds: 768 hours. Source: Vault, "default_lease_ttl".
pub const SYSTEM_TTL: i64 = 768 * 3600;

/// The terms on which a mount leases credentials, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTerms {
    /// How long a lease lives when it is not renewed.
    pub default: i64,
    /// How long it lives at most, with all renewals.
    pub max: i64,
}

impl LeaseTerms {
    /// From the mount's object and its `config/lease`, where there are any.
    pub fn new(mount: Option<&SideObject<'_>>, lease: Option<&SideObject<'_>>) -> Self {
        let ([mount_default, mount_max], [lease_default, lease_max]) = (terms(mount), terms(lease));
        let max = smallest([first([mount_max, SYSTEM_TTL]), lease_max]);
        let default = first([lease_default, mount_default, SYSTEM_TTL]);
        Self { default: default.min(max), max }
    }
}

/// How long a session lasts when neither its role nor who asks says it, in seconds. Source: Vault API, "AWS secrets
/// engine: generate credentials", `ttl`.
const SESSION_TTL: i64 = 3600;

/// The longest session of a role, in seconds. Source: STS API reference, `AssumeRole`, `DurationSeconds`.
pub(super) const ROLE_SESSION_MAX: i64 = 43_200;

/// The longest session of a user, in seconds. Source: the same, `GetFederationToken` and `GetSessionToken`.
pub(super) const USER_SESSION_MAX: i64 = 129_600;

impl LeaseTerms {
    /// Of what is under no lease, and does not end.
    pub const ENDLESS: Self = Self { default: i64::MAX, max: i64::MAX };

    /// Of sessions of which AWS has none longer than `most`: as long as the role says, else an hour, and at most what the
    /// role says, else the mount. `config/lease` and the mount's default are of other leases. Source: OpenBao's plugin for
    /// AWS, `path_user.go`, and ours.
    pub fn of_sessions(mount: Option<&SideObject<'_>>, [own_default, own_max]: [i64; 2], most: i64) -> Self {
        let [_, mount_max] = terms(mount);
        let max = first([own_max, mount_max, SYSTEM_TTL]).min(most);
        Self { default: first([own_default, SESSION_TTL]).min(max), max }
    }
}

/// How long a token lives, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenTerms {
    /// When it is not renewed.
    pub ttl: i64,
    /// At most, with all renewals; `None` is for ever.
    pub max: Option<i64>,
}

impl TokenTerms {
    /// From the object of the auth mount, where there is one, and the login.
    pub fn new(mount: Option<&SideObject<'_>>, login: &SideObject<'_>) -> Self {
        let [mount_default, mount_max] = terms(mount);
        let explicit = login.number("token_explicit_max_ttl");
        let max = smallest([first([mount_max, SYSTEM_TTL]), login.number("token_max_ttl"), explicit]);
        let period = login.number("token_period");
        let batch = are_batch(mount, login);
        if period > 0 {
            let once = Some(period.min(max));
            return Self { ttl: period.min(max), max: if batch { once } else { (explicit > 0).then_some(explicit) } };
        }
        let ttl = first([login.number("token_ttl"), mount_default, SYSTEM_TTL]).min(max);
        // A batch token can't be renewed.
        Self { ttl, max: Some(if batch { ttl } else { max }) }
    }
}

/// Whether the tokens of a login are batch tokens: what the mount demands, else what the login says, else what the mount
/// gives. Source: Vault API, "/sys/auth/:path/tune", `token_type`.
pub(super) fn are_batch(mount: Option<&SideObject<'_>>, login: &SideObject<'_>) -> bool {
    match (mount.map(|mount| mount.text("token_type")).as_deref(), login.text("token_type").as_ref()) {
        (Some("batch"), _) | (Some("default-batch"), "default") => true,
        (Some("service"), _) => false,
        (_, kind) => kind == "batch",
    }
}

/// How long a credential works at most: its lease's limit, or its token's if that is nearer.
pub fn credential(lease: LeaseTerms, tokens: impl IntoIterator<Item = TokenTerms>) -> i64 {
    let longest = tokens.into_iter().map(|token| token.max.unwrap_or(i64::MAX)).max();
    lease.max.min(longest.unwrap_or(i64::MAX))
}

/// The default and the maximum that an object says, 0 where it says nothing.
fn terms(object: Option<&SideObject<'_>>) -> [i64; 2] {
    let terms = object.and_then(|object| Some((object, object.kind.lease_terms()?)));
    terms.map_or([0, 0], |(object, terms)| [terms.default, terms.max].map(|name| object.number(name)))
}

/// The smallest maximum that is set.
fn smallest<const N: usize>(seconds: [i64; N]) -> i64 {
    seconds.into_iter().filter(|seconds| *seconds > 0).min().unwrap_or(SYSTEM_TTL)
}

/// The first that is set.
fn first<const N: usize>(seconds: [i64; N]) -> i64 {
    seconds.into_iter().find(|seconds| *seconds > 0).unwrap_or(SYSTEM_TTL)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{LeaseTerms, SYSTEM_TTL, TokenTerms, are_batch, credential};
    use crate::object::testing::object;
    use crate::object::{Object, approle_role, auth_mount, aws_lease, mount};
    use crate::review::state::SideObject;

    fn terms(mount_fields: &[(&'static str, Value)], lease_fields: &[(&'static str, Value)]) -> (i64, i64) {
        let mount = object(&mount::KIND, "sys/mounts/aws", mount_fields);
        let lease = object(&aws_lease::KIND, "aws/config/lease", lease_fields);
        let terms = LeaseTerms::new(Some(&SideObject::from(&mount)), Some(&SideObject::from(&lease)));
        (terms.default, terms.max)
    }

    #[test]
    fn a_lease_takes_the_nearest_default_and_the_smallest_limit() {
        let mount = |default: i64, max: i64| [("default_lease_ttl", json!(default)), ("max_lease_ttl", json!(max))];
        let lease = |default: i64, max: i64| [("lease", json!(default)), ("lease_max", json!(max))];
        for (mount, lease, expected) in [
            (mount(0, 0), lease(0, 0), (SYSTEM_TTL, SYSTEM_TTL)),
            (mount(0, 0), lease(3600, 7200), (3600, 7200)),
            (mount(1800, 0), lease(0, 7200), (1800, 7200)),
            (mount(0, 600), lease(3600, 7200), (600, 600)),
            (mount(0, 0), lease(0, 5_000_000), (SYSTEM_TTL, SYSTEM_TTL)),
            (mount(0, 5_000_000), lease(0, 4_000_000), (SYSTEM_TTL, 4_000_000)),
        ] {
            assert_eq!(terms(&mount, &lease), expected);
        }
        let none = LeaseTerms::new(None, None);
        assert_eq!((none.default, none.max), (SYSTEM_TTL, SYSTEM_TTL));
    }

    fn login(fields: &[(&'static str, Value)]) -> Object {
        object(&approle_role::KIND, "auth/approle/role/app-a", fields)
    }

    #[test]
    fn a_token_lives_to_its_limit_or_for_ever_if_periodic() {
        let mount = object(&auth_mount::KIND, "sys/auth/approle", &[("max_lease_ttl", json!(36_000))]);
        for (fields, expected) in [
            (vec![], (36_000, Some(36_000))),
            (vec![("token_ttl", json!(3600))], (3600, Some(36_000))),
            (vec![("token_ttl", json!(3600)), ("token_max_ttl", json!(7200))], (3600, Some(7200))),
            (vec![("token_period", json!(600))], (600, None)),
            (vec![("token_period", json!(600)), ("token_explicit_max_ttl", json!(900))], (600, Some(900))),
            (vec![("token_ttl", json!(60)), ("token_type", json!("batch"))], (60, Some(60))),
        ] {
            let terms = TokenTerms::new(Some(&SideObject::from(&mount)), &SideObject::from(&login(&fields)));
            assert_eq!((terms.ttl, terms.max), expected, "{fields:?}");
        }
    }

    #[test]
    fn the_mount_says_whether_tokens_are_kept_and_a_login_where_it_leaves_that_open() {
        for (mount, [default, service, batch]) in [
            ("default-service", [false, false, true]),
            ("default-batch", [true, false, true]),
            ("service", [false, false, false]),
            ("batch", [true, true, true]),
        ] {
            let mount = object(&auth_mount::KIND, "sys/auth/approle", &[("token_type", json!(mount))]);
            for (login_type, expected) in [("default", default), ("service", service), ("batch", batch)] {
                let login = login(&[("token_type", json!(login_type)), ("token_period", json!(600))]);
                let (mount, login) = (SideObject::from(&mount), SideObject::from(&login));
                assert_eq!(are_batch(Some(&mount), &login), expected, "{login_type}");
                assert_eq!(TokenTerms::new(Some(&mount), &login).max, expected.then_some(600), "a period is its life");
            }
        }
    }

    #[test]
    fn a_credential_ends_with_its_lease_or_its_token() {
        let lease = LeaseTerms { default: 3600, max: 7200 };
        let token = |max| TokenTerms { ttl: 60, max };
        assert_eq!(credential(lease, []), 7200);
        assert_eq!(credential(lease, [token(Some(600))]), 600);
        assert_eq!(credential(lease, [token(Some(600)), token(None)]), 7200);
    }
}
