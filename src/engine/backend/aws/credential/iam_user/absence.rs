//! When "the user is not there" is believed.
//!
//! An answer of AWS says what AWS saw at that moment. A CreateUser whose answer never came may still
//! take effect, also when a later one was answered and what it made is deleted again; and a user just made
//! may not be visible yet. So, while an attempt is in doubt, nothing that is seen counts before some time
//! after the last attempt to create, and, where nobody ever saw the user, only an absence that is seen twice.

use super::user::IssuedUser;

/// How long after the last attempt to create a user its absence says nothing, in seconds.
pub(super) const VISIBILITY_SECONDS: i64 = 60;

/// How long after the first believed absence the second look is taken, in seconds.
const SECOND_LOOK_SECONDS: i64 = 10;

/// What an attempt to remove a user saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sighting {
    /// AWS deleted it.
    Deleted,
    /// AWS says that there is no such user.
    Absent,
    /// A user of that name is there, and it is not this lease's: the name was taken before.
    Anothers,
}

/// What follows from a sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The user is gone for good.
    Gone,
    /// To be looked at again at this time (Unix seconds), with so many absences seen by then.
    LookAgain {
        /// When.
        at: i64,
        /// The absences that count so far.
        absences: u32,
    },
}

/// Why a sighting is not the end yet, of a user that is looked at again in so many seconds.
pub(super) fn doubt(user: &IssuedUser, sighting: Sighting, seconds: i64) -> String {
    let name = &user.name;
    match sighting {
        Sighting::Deleted => format!(
            "IAM user {name:?} and its keys are deleted, but AWS never answered another attempt to create it, which may \
             yet take effect; the lease stays until that is looked at again in {seconds} s"
        ),
        Sighting::Absent => format!(
            "IAM user {name:?} is not there, which AWS may say of a user it has just been asked for; the lease stays \
             until that is seen again in {seconds} s"
        ),
        Sighting::Anothers => format!(
            "an IAM user {name:?} that is not this lease's is there, but AWS never answered an attempt to create ours; \
             the lease stays until that is looked at again in {seconds} s"
        ),
    }
}

/// Judges a sighting made at `now` (Unix seconds).
pub(super) fn judge(user: &IssuedUser, sighting: Sighting, now: i64) -> Verdict {
    let early = now < user.absence_believed_from;
    match sighting {
        Sighting::Deleted if user.created && !(early && user.unsure) => Verdict::Gone,
        _ if early => Verdict::LookAgain { at: user.absence_believed_from, absences: 0 },
        Sighting::Anothers => Verdict::Gone,
        Sighting::Absent if user.created || user.absences > 0 => Verdict::Gone,
        Sighting::Absent | Sighting::Deleted => {
            Verdict::LookAgain { at: now.saturating_add(SECOND_LOOK_SECONDS), absences: 1 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Sighting, Verdict, judge};
    use crate::engine::backend::aws::credential::iam_user::user::IssuedUser;

    #[test]
    fn absence_is_believed_late_and_where_unsure_twice() {
        use Sighting::{Absent, Anothers, Deleted};
        let again = |at, absences| Verdict::LookAgain { at, absences };
        for (created, unsure, absences, sighting, now, expected) in [
            (true, false, 0, Deleted, 10, Verdict::Gone),
            (true, false, 0, Absent, 10, again(100, 0)),
            (true, false, 0, Absent, 100, Verdict::Gone),
            (true, true, 0, Deleted, 99, again(100, 0)),
            (true, true, 0, Deleted, 100, Verdict::Gone),
            (true, true, 0, Absent, 100, Verdict::Gone),
            (false, false, 0, Deleted, 10, again(100, 0)),
            (false, false, 0, Absent, 99, again(100, 0)),
            (false, false, 0, Absent, 100, again(110, 1)),
            (false, false, 1, Absent, 110, Verdict::Gone),
            (false, false, 0, Deleted, 100, again(110, 1)),
            (false, false, 1, Deleted, 110, again(120, 1)),
            (false, true, 0, Anothers, 99, again(100, 0)),
            (false, true, 0, Anothers, 100, Verdict::Gone),
        ] {
            let user = IssuedUser { created, unsure, absences, absence_believed_from: 100, ..IssuedUser::default() };
            assert_eq!(judge(&user, sighting, now), expected, "{user:?} {sighting:?} {now}");
        }
    }
}
