//! Who is meant by an element `Principal`, as values and patterns of [`PRINCIPAL`].
//!
//! A value says who asks, and after `|` whether policies of their own allow it too: an account that is trusted only
//! lets those of its callers in whose own policies do, a user or role that is named needs none. Whoever asks is a user
//! or a session, as in AWS; a role that is named stands for all its sessions.
//!
//! # Source
//! IAM User Guide: "AWS JSON policy elements: Principal", "Policy evaluation logic for requests within a single account".

use crate::iam::arn::{Arn, is_account};
use crate::iam::pattern::{Pattern, Syntax};

/// The key that says who asks. No policy can name it: a key of AWS's has a prefix.
pub const PRINCIPAL: &str = "principal";

/// Ends the value of a caller whose own policies allow it too.
const OWN: &str = "|own";

/// Whom an element names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Principal {
    Everybody,
    /// All of an account, by its number.
    Account(String),
    /// A role, by its ARN: its sessions.
    Role(String),
    /// A user, a session, a provider, a service: as it is named.
    One(String),
}

/// Reads a name of one of the types that an element may have.
///
/// # Errors
/// Why nobody has that name.
pub(super) fn read(of: &str, name: &str) -> Result<Principal, String> {
    match of {
        _ if name.is_empty() => Err(format!("{of} of Principal has a name that is empty")),
        "AWS" => aws(name),
        "Service" | "Federated" => Ok(Principal::One(format!("{of}:{name}"))),
        other => Err(format!("nobody is a {other}")),
    }
}

fn aws(name: &str) -> Result<Principal, String> {
    if name == "*" {
        return Ok(Principal::Everybody);
    }
    if name.contains(['*', '?']) {
        return Err(format!("`{name}` has a wildcard, and only `*` alone may be one in a Principal"));
    }
    if is_account(name) {
        return Ok(Principal::Account(name.to_owned()));
    }
    // What is left in a document when the user or role was deleted.
    let is_id = ["AIDA", "AROA"].iter().any(|start| name.starts_with(start))
        && name.len() >= 16
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if is_id {
        return Ok(Principal::One(name.to_owned()));
    }
    let nobody = || format!("`{name}` is the name of no account, user, role or session");
    let Some(Arn { partition, service, region: "", account, resource }) = Arn::parse(name) else {
        return Err(nobody());
    };
    if partition.is_empty() || !is_account(account) {
        return Err(nobody());
    }
    match (service, resource.split_once('/')) {
        ("iam", None) if resource == "root" => Ok(Principal::Account(account.to_owned())),
        ("iam", Some(("role", last))) if !last.is_empty() => Ok(Principal::Role(name.to_owned())),
        ("iam", Some(("user", last))) | ("sts", Some(("federated-user", last))) if !last.is_empty() => {
            Ok(Principal::One(name.to_owned()))
        }
        ("sts", Some(("assumed-role", last))) if last.split('/').filter(|part| !part.is_empty()).count() == 2 => {
            Ok(Principal::One(name.to_owned()))
        }
        _ => Err(nobody()),
    }
}

impl Principal {
    /// Whom it lets in, where a statement allows something to it.
    ///
    /// Whoever is let in as one of all needs policies that say so, and no service is: what then names a user or a
    /// service beside it gives something, which is told rather than not.
    pub(super) fn allowed(&self) -> Vec<Pattern> {
        match self {
            Self::Everybody => vec![pattern(&format!("arn:*{OWN}"), ANYBODY)],
            Self::Account(number) => of_account(number, OWN),
            Self::Role(_) | Self::One(_) => self.covered(),
        }
    }

    /// Whom it is about, where a statement denies something.
    pub(super) fn covered(&self) -> Vec<Pattern> {
        match self {
            Self::Everybody => vec![pattern("*", ANYBODY)],
            Self::Account(number) => of_account(number, ""),
            Self::Role(arn) => vec![pattern(&format!("{}|*", sessions(arn)), arn)],
            Self::One(name) => vec![pattern(&format!("{name}|*"), name)],
        }
    }
}

/// How words for all there are, or all of an account, begin.
pub const ANYBODY: &str = "anybody";

/// The users of an account, and its sessions: told as one.
fn of_account(number: &str, own: &str) -> Vec<Pattern> {
    let users = pattern(&format!("arn:*:iam::{number}:*{own}"), &format!("anybody of account {number}"));
    vec![users, pattern(&format!("arn:*:sts::{number}:*{own}"), "")]
}

/// The sessions of a role, as ARNs: they have its name, and not its path.
fn sessions(role: &str) -> String {
    let name = role.rsplit('/').next().unwrap_or_default();
    let (start, _) = role.split_once(":role/").unwrap_or((role, ""));
    format!("{}:assumed-role/{name}/*", start.replacen(":iam:", ":sts:", 1))
}

/// A user or role that asks, as what is asked of a trust policy: policies of its own allow it. Of a role nobody knows
/// which of its sessions it will be.
pub fn caller(arn: &str) -> Pattern {
    let value = if arn.contains(":role/") { sessions(arn) } else { arn.to_owned() };
    pattern(&format!("{value}{OWN}"), arn)
}

/// What nobody's value is: an ARN of users and sessions has no colon in its last part.
pub fn beyond_names() -> Pattern {
    pattern("*:*:*:*:*:*:*", "")
}

/// Whom patterns of [`PRINCIPAL`] stand for, in words.
pub fn described(patterns: &[Pattern]) -> Vec<String> {
    patterns.iter().filter(|pattern| !pattern.text.is_empty()).map(|pattern| pattern.text.clone()).collect()
}

fn pattern(text: &str, shown: &str) -> Pattern {
    Pattern::new(text, Syntax { wildcards: true, variables: false }).shown_as(shown)
}

#[cfg(test)]
mod tests {
    use super::{Principal, aws};

    #[test]
    fn only_who_can_be_trusted_has_a_name() {
        for sound in [
            "*",
            "111122223333",
            "arn:aws:iam::111122223333:root",
            "arn:aws-cn:iam::111122223333:user/team/ann",
            "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/X",
            "arn:aws:sts::111122223333:assumed-role/ci/build",
            "arn:aws:sts::111122223333:federated-user/ann",
            "AIDACKCEVSQ6C2EXAMPLE",
        ] {
            assert!(aws(sound).is_ok(), "{sound}");
        }
        for wrong in [
            "bob",
            "1111",
            "arn:aws:iam::111122223333:group/devs",
            "arn:aws:iam::111122223333:role/*",
            "arn:aws:iam::111122223333:user/",
            "arn:aws:iam::1111:user/ann",
            "arn:aws:iam::111122223333:*",
            "arn:aws:sts::111122223333:assumed-role/ci",
            "arn:aws:s3:::bucket",
        ] {
            assert!(aws(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_role_is_its_sessions() {
        let role = aws("arn:aws:iam::111122223333:role/team/ci").expect("a role");
        assert!(matches!(role, Principal::Role(_)));
        let request = crate::iam::request::Request::default();
        let covers = |text: &str| role.covered().iter().any(|pattern| pattern.matches(text, &request));
        assert!(covers("arn:aws:sts::111122223333:assumed-role/ci/build|own"));
        assert!(covers("arn:aws:sts::111122223333:assumed-role/ci/build|"));
        assert!(!covers("arn:aws:sts::111122223333:assumed-role/ci2/build|own"));
    }
}
