//! Roles of secrets engines by their parts.

use super::kind::{Class, Kind};

/// A role of a secrets engine: of which kind, at which mount, by which name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolePath<S = String> {
    /// Its kind.
    pub kind: &'static Kind,
    /// The mount: `aws`.
    pub mount: S,
    /// Its name there: `webapp`.
    pub name: S,
}

impl<'a> RolePath<&'a str> {
    /// The role that is at a path, if it is one.
    pub fn of(kind: &'static Kind, path: &'a str) -> Option<Self> {
        let (mount, name) = (kind.mount_of(path)?, kind.name_of(path)?);
        (kind.class == Class::Role).then_some(Self { kind, mount, name })
    }
}

impl<S: AsRef<str>> RolePath<S> {
    /// Where it is: `aws/roles/webapp`.
    pub fn path(&self) -> String {
        self.kind.path(self.mount.as_ref(), self.name.as_ref())
    }

    /// How people name it: `aws/webapp`.
    pub fn label(&self) -> String {
        format!("{}/{}", self.mount.as_ref(), self.name.as_ref())
    }

    /// Where apps read its credentials: `aws/creds/webapp`. Empty for a kind of which nothing is issued.
    pub fn credentials(&self) -> String {
        self.issued_at().next().unwrap_or_default()
    }

    /// Everywhere where its credentials can be read: `aws/creds/webapp`, `aws/sts/webapp`.
    pub fn issued_at(&self) -> impl Iterator<Item = String> + use<'_, S> {
        let before = self.kind.table().and_then(|table| table.below).unwrap_or_default();
        let (mount, name) = (self.mount.as_ref(), self.name.as_ref());
        self.kind.issued_in().iter().map(move |folder| format!("{before}{mount}/{folder}/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::RolePath;
    use crate::object::{Class, KINDS, Leases, kind};

    #[test]
    fn a_role_is_read_and_written_the_same_way() {
        let roles = KINDS.iter().filter(|kind| kind.class == Class::Role);
        for kind in roles {
            let is_leased = matches!(kind.leases, Leases::Issued([_, ..]));
            assert!(is_leased || matches!(kind.leases, Leases::Unleased([_, ..])), "{}: what is issued?", kind.name);
            for (mount, name) in [("aws", "a"), ("a/roles", "roles"), ("a/b", "x.y@z")] {
                let path = kind.path(mount, name);
                let role = RolePath::of(kind, &path).expect("a role");
                assert_eq!((role.mount, role.name, role.path()), (mount, name, path.clone()), "{}", kind.name);
                assert_eq!(
                    kind.lease_prefixes(&path).into_iter().next(),
                    is_leased.then(|| role.credentials()),
                    "{}",
                    kind.name
                );
            }
        }
        let others = KINDS.iter().filter(|kind| kind.class != Class::Role);
        assert!(others.into_iter().all(|kind| RolePath::of(kind, &kind.path("aws", "a")).is_none()));
    }

    #[test]
    fn leases_are_where_an_objects_kind_says() {
        for (name, path, expected) in [
            ("aws role", "a/b/roles/c", Some("a/b/creds/c")),
            ("aws lease", "a/b/config/lease", Some("a/b")),
            ("aws static role", "aws/static-roles/c", None),
            ("aws root", "aws/config/root", None),
            ("secrets engine", "sys/mounts/a/b", Some("a/b")),
            ("auth method", "sys/auth/approle", Some("auth/approle")),
            ("approle role", "auth/approle/role/c", None),
            ("acl policy", "sys/policies/acl/c", None),
            ("audit device", "sys/audit/file", None),
        ] {
            assert_eq!(kind(name).expect("known").lease_prefixes(path).first().map(String::as_str), expected, "{name}");
        }
    }
}
