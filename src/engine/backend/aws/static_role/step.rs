//! What comes next for a static role, by its record alone.
//!
//! **Why no crash loses a key.** Each line is a durable record, and what AWS may hold besides:
//!
//! | record | AWS | after a crash here |
//! |---|---|---|
//! | `current` | that key | nothing is to be done |
//! | `current`, `attempt` | that key, and perhaps a new one that nobody knows | once it is certain whether there is one, it is deleted; then another is made |
//! | `current` (new), `previous` (old) | both | the old one goes when its time has come |
//! | `current`, `previous` | the second perhaps gone | it is deleted again, which is no error |
//! | `Ending` | any of them | each is deleted, and then the record |
//!
//! *Never two unknown keys*: a new key is asked for only where no attempt is open, by one request that is never sent
//! twice, and the attempt is closed by its answer or by what is seen after the time from which that is certain. So no
//! more than one key of unknown secret can be there. *Never none that works*: `current` changes in the same commit that
//! stores the secret of the key that takes its place, and only then is the old one superseded; what makes room for a new
//! key is never the current one.

use super::record::{Phase, StaticRole};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing before this time (Unix seconds).
    Wait(i64),
    /// To see whether the open attempt made a key, and to delete that.
    Resolve,
    /// To delete this key.
    Drop {
        /// The access key id.
        id: String,
        /// Why, for the trail.
        reason: String,
    },
    /// To make a new key.
    Rotate,
    /// To remove the record: nothing is left in AWS.
    Bury,
}

/// What comes next, at `now` (Unix seconds).
pub(super) fn next(role: &StaticRole, now: i64) -> Step {
    let drop = |id: &str, reason: &str| Step::Drop { id: id.to_owned(), reason: reason.to_owned() };
    // What is known goes at once, whatever may be there besides.
    if role.phase == Phase::Ending
        && let Some(id) = role.key_ids().next()
    {
        return drop(id, "role-deleted");
    }
    if let Some(attempt) = &role.attempt {
        return if now < attempt.certain_from { Step::Wait(attempt.certain_from) } else { Step::Resolve };
    }
    match (role.phase, &role.previous) {
        // Of one that was being made, the client was told that it failed, or was cut off: what stood before is left as
        // it is.
        (Phase::Making | Phase::Ending, _) => Step::Bury,
        (Phase::Standing, Some(key)) if key.until <= now => drop(&key.id, &key.reason),
        (Phase::Standing, ..) if role.rotate_at <= now => Step::Rotate,
        (Phase::Standing, previous) => {
            Step::Wait(previous.as_ref().map_or(role.rotate_at, |key| key.until.min(role.rotate_at)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, next};
    use crate::engine::backend::aws::static_role::record::{Attempt, Key, Phase, StaticRole, Superseded};
    use crate::secret::Secret;

    #[test]
    fn each_record_says_what_comes_next() {
        let key = || Some(Key { id: "new".to_owned(), secret: Secret::new("s"), made: 0 });
        let old = |until| Some(Superseded { id: "old".to_owned(), until, reason: "rotated".to_owned() });
        let open = |certain_from| Some(Attempt { before: Vec::new(), certain_from });
        let standing = || StaticRole {
            phase: Phase::Standing,
            current: key(),
            rotate_at: 100,
            rotation_period: 60,
            ..StaticRole::default()
        };
        let drop = |id: &str, reason: &str| Step::Drop { id: id.to_owned(), reason: reason.to_owned() };
        for (role, expected) in [
            (standing(), Step::Wait(100)),
            (StaticRole { rotate_at: 50, ..standing() }, Step::Rotate),
            (StaticRole { previous: old(70), ..standing() }, Step::Wait(70)),
            (StaticRole { previous: old(120), ..standing() }, Step::Wait(100)),
            (StaticRole { previous: old(50), ..standing() }, drop("old", "rotated")),
            // What goes makes room for what comes.
            (StaticRole { previous: old(50), rotate_at: 50, ..standing() }, drop("old", "rotated")),
            (StaticRole { attempt: open(51), rotate_at: 50, previous: old(50), ..standing() }, Step::Wait(51)),
            (StaticRole { attempt: open(50), phase: Phase::Ending, current: None, ..standing() }, Step::Resolve),
            (StaticRole { attempt: open(99), phase: Phase::Ending, ..standing() }, drop("new", "role-deleted")),
            (StaticRole { phase: Phase::Ending, previous: old(999), ..standing() }, drop("new", "role-deleted")),
            (
                StaticRole { phase: Phase::Ending, previous: old(999), current: None, ..standing() },
                drop("old", "role-deleted"),
            ),
            (StaticRole { phase: Phase::Ending, current: None, ..standing() }, Step::Bury),
            (StaticRole { phase: Phase::Making, current: None, previous: old(0), ..standing() }, Step::Bury),
            (StaticRole { phase: Phase::Making, current: None, attempt: open(50), ..standing() }, Step::Resolve),
        ] {
            assert_eq!(next(&role, 50), expected, "{role:?}");
        }
    }

    #[test]
    fn a_key_works_until_the_one_after_it_has_been_there_for_a_while() {
        for (rotation_period, rotate_at, now, until) in
            [(60, 100, 50, 130), (60, 100, 110, 140), (86_400, 100, 50, 3700), (7200, 100, 50, 3700)]
        {
            let role = StaticRole { rotation_period, rotate_at, ..StaticRole::default() };
            assert_eq!(role.works_until(now), until, "{rotation_period}");
        }
    }
}
