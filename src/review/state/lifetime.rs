//! How long credentials and tokens live, as engines reckon it.
//!
//! A lease lives as its backend says (`config/lease`), else as its mount says, else as the system says, and
//! never past the smallest maximum. It ends with its token. Source: Vault documentation, "Tokens: token
//! time-to-live, periodic tokens, and explicit max TTLs" and "Lease, renew, and revoke".

use super::SideObject;
use crate::estate::IamPrincipal;
use crate::iam::quota;

/// The system's default and maximum, in seconds: 768 hours. Source: Vault, "default_lease_ttl".
pub const SYSTEM_TTL: i64 = 768 * 3600;

/// Something that says how long something lives.
#[derive(Clone, Copy, Debug)]
pub struct Limit<'a> {
    /// In seconds; 0 says nothing.
    pub seconds: i64,
    /// What says it.
    pub source: Source<'a>,
}

/// What says how long something lives.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// This field of an object.
    Field(SideObject<'a>, &'static str),
    /// The engine, where nothing else does.
    Engine,
    /// The role of the account that sessions are of, as it is declared.
    Principal(&'a IamPrincipal),
    /// AWS.
    Aws,
}

impl<'a> Limit<'a> {
    /// What engines have where nothing is said.
    const ENGINE: Self = Self { seconds: SYSTEM_TTL, source: Source::Engine };

    /// Nothing is said.
    const NONE: Self = Self { seconds: 0, source: Source::Engine };

    /// What AWS has.
    pub(super) const fn of_aws(seconds: i64) -> Self {
        Self { seconds, source: Source::Aws }
    }

    /// What a field says.
    pub fn of(object: SideObject<'a>, field: &'static str) -> Self {
        Self { seconds: object.number(field), source: Source::Field(object, field) }
    }

    fn is_set(&self) -> bool {
        self.seconds > 0
    }
}

/// What says how long something lives: without renewals, and at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Of these the first that says something holds.
    default: [Limit<'a>; 3],
    /// Of these the smallest holds.
    max: [Limit<'a>; 3],
}

impl<'a> Limits<'a> {
    /// Of the leases of a mount, from its object and its `config/lease`, where there are any.
    pub fn of_leases(mount: Option<&SideObject<'a>>, lease: Option<&SideObject<'a>>) -> Self {
        let ([mount_default, mount_max], [lease_default, lease_max]) = (said(mount), said(lease));
        Self {
            default: [lease_default, mount_default, Limit::ENGINE],
            max: [first([mount_max, Limit::ENGINE]), lease_max, Limit::NONE],
        }
    }

    /// Of sessions of which none is longer than `most`: as long as the role says, else an hour, and at most what the
    /// role says, else the mount. `config/lease` and the mount's default are of other leases. Source: OpenBao's plugin for
    /// AWS, `path_user.go`, and ours.
    pub fn of_sessions(
        mount: Option<&SideObject<'a>>,
        [own_default, own_max]: [Limit<'a>; 2],
        most: Limit<'a>,
    ) -> Self {
        let [_, mount_max] = said(mount);
        Self {
            default: [own_default, Limit::of_aws(SESSION_TTL), Limit::NONE],
            max: [first([own_max, mount_max, Limit::ENGINE]), most, Limit::NONE],
        }
    }

    /// Of the tokens of a login that has no period, from the object of its auth mount, where there is one.
    pub fn of_tokens(mount: Option<&SideObject<'a>>, login: &SideObject<'a>) -> Self {
        let [mount_default, mount_max] = said(mount);
        let of = |field| Limit::of(*login, field);
        Self {
            default: [of("token_ttl"), mount_default, Limit::ENGINE],
            max: [first([mount_max, Limit::ENGINE]), of("token_max_ttl"), of("token_explicit_max_ttl")],
        }
    }

    /// What says how long it lives when it is not renewed: past the maximum, that says it.
    pub fn default(&self) -> Limit<'a> {
        let (default, max) = (self.wish(), self.max());
        if default.seconds > max.seconds { max } else { default }
    }

    /// What would say how long it lives when it is not renewed, if there were no maximum.
    pub fn wish(&self) -> Limit<'a> {
        first(self.default)
    }

    /// What says how long it lives at most.
    pub fn max(&self) -> Limit<'a> {
        self.maxima().min_by_key(|limit| limit.seconds).unwrap_or(Limit::ENGINE)
    }

    /// Everything that says how long it lives at most.
    pub fn maxima(&self) -> impl Iterator<Item = Limit<'a>> + use<'a> {
        self.max.into_iter().filter(Limit::is_set)
    }

    /// How long that is.
    pub fn terms(&self) -> LeaseTerms {
        LeaseTerms { default: self.default().seconds, max: self.max().seconds }
    }
}

/// The terms on which a mount leases credentials, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTerms {
    /// How long a lease lives when it is not renewed.
    pub default: i64,
    /// How long it lives at most, with all renewals.
    pub max: i64,
}

/// How long a session lasts when neither its role nor who asks says it, in seconds. Source: Vault API, "AWS secrets
/// engine: generate credentials", `ttl`.
const SESSION_TTL: i64 = 3600;

/// The longest session of a role, in seconds.
pub(super) const ROLE_SESSION_MAX: i64 = *quota::ROLE_SESSION_SECONDS.end();

/// The longest session of a user, in seconds.
pub(super) const USER_SESSION_MAX: i64 = *quota::USER_SESSION_SECONDS.end();

impl LeaseTerms {
    /// Of what is under no lease, and does not end.
    pub const ENDLESS: Self = Self { default: i64::MAX, max: i64::MAX };
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
        let limits = Limits::of_tokens(mount, login);
        let LeaseTerms { default: ttl, max } = limits.terms();
        let (explicit, period) = (login.number("token_explicit_max_ttl"), login.number("token_period"));
        let batch = are_batch(mount, login);
        if period > 0 {
            let once = Some(period.min(max));
            return Self { ttl: period.min(max), max: if batch { once } else { (explicit > 0).then_some(explicit) } };
        }
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

/// The default and the maximum that an object says.
fn said<'a>(object: Option<&SideObject<'a>>) -> [Limit<'a>; 2] {
    let terms = object.and_then(|object| Some((object, object.kind.lease_terms()?)));
    terms.map_or([Limit::NONE; 2], |(object, terms)| [terms.default, terms.max].map(|name| Limit::of(*object, name)))
}

/// The first that says something.
fn first<'a, const N: usize>(limits: [Limit<'a>; N]) -> Limit<'a> {
    limits.into_iter().find(Limit::is_set).unwrap_or(Limit::ENGINE)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{LeaseTerms, Limits, SYSTEM_TTL, TokenTerms, are_batch, credential};
    use crate::object::testing::object;
    use crate::object::{Object, approle_role, auth_mount, aws_lease, mount};
    use crate::review::state::SideObject;

    fn terms(mount_fields: &[(&'static str, Value)], lease_fields: &[(&'static str, Value)]) -> (i64, i64) {
        let mount = object(&mount::KIND, "sys/mounts/aws", mount_fields);
        let lease = object(&aws_lease::KIND, "aws/config/lease", lease_fields);
        let terms = Limits::of_leases(Some(&SideObject::from(&mount)), Some(&SideObject::from(&lease))).terms();
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
        let none = Limits::of_leases(None, None).terms();
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
