//! What AWS will refuse of a session, as far as the role alone says it. Vault stores such roles, so they are told about
//! and not refused.
//!
//! # Source
//! API reference of AWS STS, AssumeRole, GetFederationToken, GetSessionToken; IAM user guide, "IAM and AWS STS quotas".

use crate::engine::backend::aws::role::Role;
use crate::iam::quota::{ROLE_SESSION_SECONDS, USER_SESSION_SECONDS};

/// Characters of the inline session policy.
const POLICY_CHARS_MAX: usize = 2048;
/// Managed session policies.
const POLICY_ARNS_MAX: usize = 10;
/// Session tags, and characters of the key and the value of one.
const TAGS_MAX: usize = 50;
const TAG_KEY_CHARS_MAX: usize = 128;
const TAG_VALUE_CHARS_MAX: usize = 256;
/// Characters of policies and tags that AWS surely packs into what it sends along with a session. It tells its measure only
/// in percent, with a session that was made; up to here the one of policies alone and a usual set of tags fit.
const PACKED_CHARS: usize = 4096;
/// Seconds that a session can last: of a role, and of the engine's own user.
const SECONDS_MIN: i64 = *ROLE_SESSION_SECONDS.start();
pub(super) const SECONDS_MAX: i64 = *ROLE_SESSION_SECONDS.end();
pub(super) const OWN_SECONDS_MAX: i64 = *USER_SESSION_SECONDS.end();

/// Of a session of a role, one sentence for each.
pub(super) fn of_roles(role: &Role) -> Vec<String> {
    let mut found = Vec::new();
    if role.role_arns.as_ref().is_none_or(Vec::is_empty) {
        found.push("role_arns is empty: there is no role to assume".to_owned());
    }
    found.extend(of_policies(role));
    let tags = role.session_tags.as_ref().map_or(0, indexmap::IndexMap::len);
    if tags > TAGS_MAX {
        found.push(format!("session_tags has {tags} tags; AWS takes {TAGS_MAX} with a session"));
    }
    for (key, value) in role.session_tags.iter().flatten() {
        let (key_size, value_size) = (key.chars().count(), value.chars().count());
        if !(1..=TAG_KEY_CHARS_MAX).contains(&key_size) || value_size > TAG_VALUE_CHARS_MAX {
            found.push(format!(
                "the session tag {key:?} has a key of {key_size} and a value of {value_size} characters; AWS takes \
                 {TAG_KEY_CHARS_MAX} and {TAG_VALUE_CHARS_MAX}"
            ));
        }
    }
    found.extend(of_all_together(role));
    if !role.external_id.is_empty() && !(2..=1224).contains(&role.external_id.chars().count()) {
        found.push("external_id has less than 2 or more than 1224 characters, which AWS does not take".to_owned());
    }
    found.extend(of_ttls(role, SECONDS_MAX));
    found
}

/// That each part may go with a session, and all of them are much.
fn of_all_together(role: &Role) -> Option<String> {
    let chars = |text: &String| text.chars().count();
    let arns: usize = role.policy_arns.iter().flatten().map(chars).sum();
    let tags: usize = role.session_tags.iter().flatten().map(|(key, value)| chars(key) + chars(value)).sum();
    let all = chars(&role.policy_document) + arns + tags;
    (all > PACKED_CHARS).then(|| {
        format!(
            "policies and session_tags have {all} characters together: AWS packs them by a measure of its own, and may refuse \
             the session (PackedPolicyTooLarge); one that it makes tells how full it is"
        )
    })
}

/// Of the policies that go with a session.
pub(super) fn of_policies(role: &Role) -> Vec<String> {
    let mut found = Vec::new();
    let size = role.policy_document.chars().count();
    if size > POLICY_CHARS_MAX {
        found.push(format!(
            "policy_document has {size} characters without white space; AWS takes {POLICY_CHARS_MAX} of a session policy"
        ));
    }
    let arns = role.policy_arns.as_ref().map_or(0, Vec::len);
    if arns > POLICY_ARNS_MAX {
        found.push(format!("policy_arns has {arns} policies; AWS takes {POLICY_ARNS_MAX} with a session"));
    }
    found
}

/// Of how long sessions are to last, where `most` seconds are AWS's longest.
pub(super) fn of_ttls(role: &Role, most: i64) -> Vec<String> {
    let mut found = Vec::new();
    for (field, seconds) in [("default_sts_ttl", role.default_sts_ttl), ("max_sts_ttl", role.max_sts_ttl)] {
        if seconds != 0 && seconds < SECONDS_MIN {
            found.push(format!("{field} is {seconds} seconds; the shortest session of AWS has {SECONDS_MIN}"));
        }
        if seconds > most {
            found.push(format!("{field} is {seconds} seconds; the longest session of AWS has {most}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::of_roles;
    use crate::engine::backend::aws::role::Role;

    #[test]
    fn what_aws_refuses_is_told_when_the_role_is_written() {
        let fits = || Role { role_arns: Some(vec!["arn:aws:iam::1:role/x".to_owned()]), ..Role::default() };
        assert_eq!(of_roles(&fits()), Vec::<String>::new());
        let tags = |key: &str, value: &str| Some([(key.to_owned(), value.to_owned())].into_iter().collect());
        for (role, part) in [
            (Role::default(), "no role to assume"),
            (Role { policy_document: "x".repeat(2049), ..fits() }, "2049 characters"),
            (Role { policy_arns: Some(vec!["a".to_owned(); 11]), ..fits() }, "11 policies"),
            (Role { session_tags: tags("k", &"v".repeat(257)), ..fits() }, "a value of 257"),
            (Role { session_tags: tags(&"k".repeat(129), "v"), ..fits() }, "a key of 129"),
            (
                Role {
                    policy_document: "x".repeat(1_771),
                    session_tags: Some((0..40).map(|n| (format!("k{n}"), "v".repeat(200))).collect()),
                    ..fits()
                },
                "characters together",
            ),
            (Role { external_id: "x".to_owned(), ..fits() }, "external_id"),
            (Role { default_sts_ttl: 60, ..fits() }, "default_sts_ttl is 60 seconds"),
            (Role { max_sts_ttl: 86_400, ..fits() }, "max_sts_ttl is 86400 seconds"),
        ] {
            let told = of_roles(&role);
            assert!(told.len() == 1 && told[0].contains(part), "{part}: {told:?}");
        }
    }
}
