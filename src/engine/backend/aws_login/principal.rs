//! Who somebody is to AWS: the ARN of a user, a role or a session, and what an ARN of a role binds.
//!
//! Source: IAM user guide, "IAM identifiers"; OpenBao, the plugin `auth/aws`, for the canonical form.

/// A user, or a role, also where a session of it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Principal {
    pub(super) partition: String,
    pub(super) account: String,
    pub(super) kind: PrincipalType,
    /// Without its path.
    pub(super) name: String,
    /// Whether the ARN has a path; those of sessions never have.
    has_path: bool,
    /// Of a session of a role.
    pub(super) session: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrincipalType {
    User,
    Role,
}

impl Principal {
    /// Of `arn:aws:iam::123456789012:user/path/name` or `arn:aws:sts::123456789012:assumed-role/name/session`.
    ///
    /// # Errors
    /// Why it is neither.
    pub(super) fn parse(arn: &str) -> Result<Self, String> {
        let parts: Vec<&str> = arn.split(':').collect();
        let &["arn", partition, service @ ("iam" | "sts"), _region, account, rest] = parts.as_slice() else {
            return Err(format!("{arn:?} is not the ARN of a user or a role"));
        };
        let segments: Vec<&str> = rest.split('/').collect();
        let (kind, path, name, session) = match (service, segments.as_slice()) {
            ("iam", ["user", path @ .., name]) => (PrincipalType::User, path, name, None),
            ("iam", ["role", path @ .., name]) => (PrincipalType::Role, path, name, None),
            ("sts", ["assumed-role", name, session]) => {
                (PrincipalType::Role, &[][..], name, Some((*session).to_owned()))
            }
            _ => return Err(format!("{arn:?} is not the ARN of a user or a role")),
        };
        if account.is_empty() || name.is_empty() {
            return Err(format!("{arn:?} is not the ARN of a user or a role"));
        }
        Ok(Self {
            partition: partition.to_owned(),
            account: account.to_owned(),
            kind,
            name: (*name).to_owned(),
            has_path: !path.is_empty(),
            session,
        })
    }

    /// The user or the role without its path, which sessions do not tell.
    pub(super) fn canonical(&self) -> String {
        let kind = match self.kind {
            PrincipalType::User => "user",
            PrincipalType::Role => "role",
        };
        format!("arn:{}:iam::{}:{kind}/{}", self.partition, self.account, self.name)
    }

    /// What its tokens are called: a session by its role and its own name.
    pub(super) fn shown(&self) -> String {
        match &self.session {
            Some(session) => format!("{}/{session}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether `arn`, as IAM has it, is the one that is meant: with the path, if that was said.
    pub(super) fn is(&self, said: &str, arn: &str) -> bool {
        if self.has_path {
            said == arn
        } else {
            Self::parse(arn).is_ok_and(|other| other.canonical() == self.canonical())
        }
    }
}

/// Whether a bound ARN stands for several: those that end in `*`.
pub(super) fn is_pattern(bound: &str) -> bool {
    bound.ends_with('*')
}

/// Whether a bound ARN that ends in `*` covers a full one. A `*` at the start is any text, too, and elsewhere a star.
pub(super) fn covers(bound: &str, full: &str) -> bool {
    let Some(start) = bound.strip_suffix('*') else { return false };
    match start.strip_prefix('*') {
        Some(middle) => full.contains(middle),
        None => full.starts_with(start),
    }
}

#[cfg(test)]
mod tests {
    use super::{Principal, covers};

    #[test]
    fn users_roles_and_sessions_are_read_and_nothing_else() {
        for (arn, canonical, shown) in [
            ("arn:aws:iam::123456789012:user/bob", "arn:aws:iam::123456789012:user/bob", "bob"),
            ("arn:aws-cn:iam::1:user/a/b/bob", "arn:aws-cn:iam::1:user/bob", "bob"),
            ("arn:aws:iam::1:role/app/web", "arn:aws:iam::1:role/web", "web"),
            ("arn:aws:sts::1:assumed-role/web/i-0", "arn:aws:iam::1:role/web", "web/i-0"),
        ] {
            let principal = Principal::parse(arn).unwrap();
            assert_eq!((&*principal.canonical(), &*principal.shown()), (canonical, shown));
        }
        for arn in [
            "",
            "arn:aws:iam::1:root",
            "arn:aws:iam::1:user/",
            "arn:aws:iam:::user/bob",
            "arn:aws:iam::1:group/g",
            "arn:aws:sts::1:federated-user/bob",
            "arn:aws:sts::1:assumed-role/web",
            "arn:aws:sts::1:assumed-role/a/b/c",
            "arn:aws:iam::1:assumed-role/web/i-0",
            "arn:aws:s3:::bucket/user/bob",
        ] {
            assert!(Principal::parse(arn).is_err(), "{arn}");
        }
    }

    #[test]
    fn a_star_at_the_end_covers_what_begins_so() {
        let full = "arn:aws:iam::1:role/app/web";
        for (bound, expected) in [
            ("arn:aws:iam::1:role/app/*", true),
            ("arn:aws:iam::1:role/*", true),
            ("arn:aws:iam::1:role/web*", false),
            ("arn:aws:iam::1:*/web*", false),
            ("*role/app*", true),
            ("*", true),
            ("arn:aws:iam::1:role/app/web", false),
        ] {
            assert_eq!(covers(bound, full), expected, "{bound}");
        }
    }

    #[test]
    fn a_path_that_was_said_has_to_be_there() {
        let is = |said: &str, arn: &str| Principal::parse(said).unwrap().is(said, arn);
        assert!(is("arn:aws:iam::1:role/web", "arn:aws:iam::1:role/app/web"));
        assert!(is("arn:aws:iam::1:role/app/web", "arn:aws:iam::1:role/app/web"));
        assert!(!is("arn:aws:iam::1:role/app/web", "arn:aws:iam::1:role/web"));
        assert!(!is("arn:aws:iam::1:role/web", "arn:aws:iam::2:role/web"));
    }
}
