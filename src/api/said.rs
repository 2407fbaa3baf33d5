//! What servers tell in words alone. Each such text is known here and nowhere else, and becomes a variant. Pure.
//!
//! An error of this API is a status and texts for people, and several troubles share one status. What is to be done about
//! them differs, so somebody has to look at the words. Each was seen from a server that runs, or stands in its sources.

use super::answer::{Denial, Error};

/// Something that a server tells in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is sealed. All of them.
    Sealed,
    /// This node does not act: it is a standby that knows of no active node, as in an election. OpenBao, `http/handler.go`
    /// (`forwardRequest`, `respondStandby`) and `sdk/helper/consts/error.go` (`ErrStandby`): before anything is done.
    NotActive,
    /// This is answered in the root namespace only. OpenBao, `vault/request_handling.go` and `http/handler.go`.
    RootOnly,
    /// There is no such namespace, and not just nothing at the path. OpenBao, `vault/request_handling.go`: before the token
    /// is looked at.
    NoNamespace,
    /// It has no such path, and not only nothing there. OpenBao, `sdk/logical/error.go`, `ErrUnsupportedPath`, and
    /// `vault/router.go`, where nothing is mounted; our own engine says of what it lacks what that is.
    NoPath,
    /// Nothing is at the path, in the words of the one that answers 400 for it. OpenBao, `vault/logical_system.go`,
    /// `handleAuditedHeaderRead`.
    NothingThere,
    /// Somebody else wrote in between. KV version 2, check-and-set.
    Conflict,
    /// A mount of KV version 2 was made just now, and is not ready.
    SettingUp,
    /// An AWS mount has no role of the name.
    NoRole,
    /// A session is of an IAM role that its role at the mount has not, or of none of the several that it has. Vault and
    /// OpenBao, `builtin/logical/aws/path_user.go`.
    RoleArn,
    /// The name of a user could not be made.
    Username,
    /// A login lacks what another method asks for, and whoever sent it did not mean: that is mounted there. OpenBao,
    /// `builtin/credential/`: `approle`, `kubernetes`; ours says the same.
    AnotherLogin,
    /// A session takes a code of a device. Ours, and what AWS says of a code that is none.
    SecondFactor,
    /// It takes audit devices from its own configuration, and neither makes nor takes away one by the API. OpenBao,
    /// `vault/logical_system.go`.
    Configured,
    /// There is no lease of the id any more: it has ended, or was revoked. OpenBao, `vault/expiration.go`; ours says the same.
    NoLease,
    /// A lease is there, and can't be renewed. The same.
    NotRenewable,
    /// A token wraps no answer, or wrapped one that was fetched.
    WrapsNothing,
}

impl Said {
    /// The statuses that it comes with, and what one of the texts then has in it.
    fn known(self) -> (&'static [u16], &'static [&'static [&'static str]]) {
        match self {
            Self::Sealed => (&[503], &[&["is sealed"]]),
            Self::NotActive => (
                &[500, 503],
                &[
                    &["local node not active but active cluster node not found"],
                    &["no active Vault instance found"],
                    &["node is not active"],
                    &["is in standby mode"],
                ],
            ),
            Self::RootOnly => {
                (&[400], &[&["operation only available in root namespace"], &["operation unavailable in namespaces"]])
            }
            Self::NoNamespace => (&[404], &[&["namespace not found"]]),
            Self::NoPath => (&[404], &[&["unsupported path"], &["no handler for route"], &["is not served"]]),
            Self::NothingThere => (&[400], &[&["Could not find header"]]),
            Self::Conflict => (&[400], &[&["check-and-set"]]),
            Self::SettingUp => (&[400], &[&["Upgrading from non-versioned to versioned"]]),
            Self::NoRole => (&[400], &[&["Role ", "not found"]]),
            Self::RoleArn => (&[400], &[&["did not supply a role_arn"], &["role_arn ", "not in allowed role arns"]]),
            Self::Username => (&[400, 500], &[&["username"]]),
            Self::AnotherLogin => {
                (&[400, 500], &[&["missing role_id"], &["missing jwt"], &["of a login is not supported"]])
            }
            Self::SecondFactor => (&[400], &[&["send mfa_code"], &["MultiFactorAuthentication failed"]]),
            Self::Configured => {
                (&[400], &[&["cannot enable audit device via API"], &["cannot disable configuration-managed audit"]])
            }
            Self::NoLease => (&[400], &[&["lease not found"], &["lease expired"], &["invalid lease"]]),
            Self::NotRenewable => (&[400], &[&["not renewable"]]),
            Self::WrapsNothing => (&[400], &[&["wrapping token is not valid"]]),
        }
    }

    /// Whether an answer of this status and these texts says so.
    pub(super) fn is_in<'a>(self, status: u16, texts: impl IntoIterator<Item = &'a str>) -> bool {
        let (statuses, known) = self.known();
        let says = |text: &str| known.iter().any(|parts| parts.iter().all(|part| text.contains(part)));
        statuses.contains(&status) && texts.into_iter().any(says)
    }
}

impl Error {
    /// Whether the server refused, and said this.
    pub fn says(&self, said: Said) -> bool {
        matches!(self, Self::Status { code, errors, .. } if said.is_in(*code, errors.iter().map(String::as_str)))
    }

    /// Why the server answered 403; none where it did not, or does not let one tell.
    ///
    /// # Source
    /// What servers answer: Vault and OpenBao add `invalid token` for one that they do not know, ours says `permission
    /// denied` alone, and all of them give what a policy forbids in the form of a list.
    pub fn denial(&self) -> Option<Denial> {
        let Self::Status { code: 403, errors, .. } = self else { return None };
        let any = |of: fn(&str) -> bool| errors.iter().any(|text| of(text.trim()));
        if any(|text| text.contains("invalid token") || text == "bad token" || text == "permission denied") {
            return Some(Denial::Ended);
        }
        any(|text| text.contains("* permission denied")).then_some(Denial::Forbidden)
    }
}

/// The names that a warning says were sent and not taken: none where it lists none; `None` where it says no such thing.
/// Both engines use these words.
pub fn not_taken(warning: &str) -> Option<Vec<&str>> {
    let listed = warning.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(names, _)| names);
    let says = warning.contains("ignored") || warning.contains("unrecognized");
    says.then(|| listed.unwrap_or_default().split_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use super::{Said, not_taken};

    #[test]
    fn words_count_with_their_status_only() {
        for (said, status, text, is_said) in [
            (Said::Sealed, 503, "Vault is sealed", true),
            (Said::Sealed, 500, "Vault is sealed", false),
            (Said::NotActive, 500, "local node not active but active cluster node not found", true),
            (Said::NotActive, 503, "no active Vault instance found", true),
            (Said::NotActive, 500, "node is not the leader", false),
            (Said::RootOnly, 400, "operation unavailable in namespaces", true),
            (Said::NoNamespace, 404, "namespace not found", true),
            (Said::NoNamespace, 404, "", false),
            (Said::NoPath, 404, "1 error occurred:\n\t* unsupported path\n\n", true),
            (Said::NoPath, 404, "sys/quotas/x is not served: this server has no support for quotas", true),
            (Said::NoPath, 404, "policy does not exist", false),
            (Said::Conflict, 400, "check-and-set parameter did not match the current version", true),
            (Said::NoRole, 400, "Role 'webapp' not found", true),
            (Said::NoRole, 400, "Role is odd", false),
            (Said::NoLease, 400, "lease not found", true),
            (Said::NoLease, 400, "lease is not renewable", false),
            (Said::NotRenewable, 400, "lease is not renewable", true),
            (Said::RoleArn, 400, "did not supply a role_arn parameter and unable to determine one", true),
            (Said::RoleArn, 400, "role_arn \"a\" not in allowed role arns for Vault role \"r\"", true),
            (Said::Configured, 400, "cannot enable audit device via API; use declarative, config-based", true),
            (Said::Configured, 400, "cannot disable configuration-managed audit device", true),
            (Said::AnotherLogin, 500, "missing role_id", true),
            (Said::AnotherLogin, 400, "missing role", false),
            (Said::WrapsNothing, 400, "wrapping token is not valid or does not exist", true),
            (Said::Username, 500, "the username template gives an empty username", true),
        ] {
            assert_eq!(said.is_in(status, ["something else", text]), is_said, "{said:?} {status} {text}");
        }
    }

    #[test]
    fn what_was_not_taken_is_named() {
        let warning = "Endpoint ignored these unrecognized parameters: [a b]";
        assert_eq!(not_taken(warning), Some(vec!["a", "b"]));
        assert_eq!(not_taken("this was ignored"), Some(Vec::new()));
        assert_eq!(not_taken("TTL is [long]"), None);
    }
}
