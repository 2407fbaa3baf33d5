//! What AWS takes at most, and at least. Source: API reference of AWS STS, `AssumeRole`, `GetFederationToken` and
//! `GetSessionToken`, `DurationSeconds`; IAM user guide, "IAM and AWS STS quotas".

use std::ops::RangeInclusive;

/// How long a session of a role may last, in seconds.
pub const ROLE_SESSION_SECONDS: RangeInclusive<i64> = 900..=43_200;

/// How long a session of a user may last (`GetFederationToken`, `GetSessionToken`), in seconds.
pub const USER_SESSION_SECONDS: RangeInclusive<i64> = 900..=129_600;

/// Whether IAM takes the character in the name of a user, a role or a policy.
pub fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)
}
