//! Carries out what is due of a static role: each intent is stored before AWS hears of it, and each key has its line in
//! the trail before it is stored, as its end has before it is forgotten.

use std::sync::Arc;

use aws_sdk_iam::types::AccessKeyMetadata;

use super::record::{Attempt, Key, Phase, StaticRole, Superseded, remove, save};
use super::step::{Step, next};
use crate::engine::backend::amazon::ATTEMPT_SECONDS_MAX;
use crate::engine::backend::aws::client::{Account, Repeat, how};
use crate::engine::backend::aws::failure::{Class, Failure};
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::lease::{Lane, now};
use crate::engine::wire::error::Error;
use crate::secret::Secret;
use crate::trail::{Credential, Event, Record};

/// How many keys IAM lets a user have (IAM user guide, "IAM and AWS STS quotas").
const KEYS_MAX: usize = 2;

/// How long after its last moment an unanswered CreateAccessKey may yet take effect, or be seen late, in seconds.
const VISIBILITY_SECONDS: i64 = 60;

/// The most steps of one turn: more would be a circle.
const STEPS_MAX: usize = 12;

/// Who works on a static role, with its lock held.
#[derive(Clone, Copy)]
pub(super) struct Hand<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) mount: &'a Mount,
    /// The role's name.
    pub(super) name: &'a str,
    pub(super) account: &'a Account,
    /// Who waits for it.
    pub(super) lane: Lane,
}

/// Where a turn ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Nothing more before this time (Unix seconds).
    Waits(i64),
    /// The role is no more, and nothing of it is left in AWS.
    Gone,
}

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// AWS.
    #[error("{step}: {failure}")]
    Aws {
        /// What was being done.
        step: &'static str,
        /// What AWS said.
        failure: Failure,
    },
    /// The store or the trail.
    #[error(transparent)]
    Ours(#[from] Error),
}

/// Whether the user is still there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is.
    There,
    /// It is not, and its keys went with it: why that is believed.
    Gone(String),
}

fn on(step: &'static str) -> impl Fn(Failure) -> Trouble {
    move |failure| Trouble::Aws { step, failure }
}

/// Does what is due, until nothing is.
///
/// # Errors
/// What kept it from going on; what it did is stored.
pub(super) async fn advance(hand: Hand<'_>, role: &mut StaticRole) -> Result<Ended, Trouble> {
    let mut seen: Option<Seen> = None;
    for _ in 0..STEPS_MAX {
        let step = next(role, now(hand.core));
        match step {
            Step::Wait(at) => {
                if role.due != at {
                    save(hand.core, hand.mount, hand.name, role, at).await?;
                }
                return Ok(Ended::Waits(at));
            }
            Step::Bury => {
                remove(hand.core, hand.mount, hand.name, role).await?;
                return Ok(Ended::Gone);
            }
            Step::Resolve | Step::Drop { .. } | Step::Rotate => {}
        }
        if seen.is_none() {
            seen = Some(see(hand, role).await?);
        }
        let gone = match &seen {
            Some(Seen::Gone(why)) => Some(why.as_str()),
            Some(Seen::There) | None => None,
        };
        match step {
            Step::Resolve => resolve(hand, role, gone.is_some()).await?,
            Step::Drop { id, reason } => drop_key(hand, role, &id, &reason, gone).await?,
            Step::Rotate | Step::Wait(_) | Step::Bury => match gone {
                Some(why) => return Err(refused("looking at the user", why.to_owned())),
                None => rotate(hand, role).await?,
            },
        }
    }
    Err(Trouble::Ours(Error::Internal(format!("static role {} took {STEPS_MAX} steps and is not done", hand.name))))
}

fn refused(step: &'static str, text: String) -> Trouble {
    Trouble::Aws { step, failure: Failure { class: Class::Refused, text } }
}

/// Whether the user is the one that it was, asked of the account that it is in.
pub(super) async fn see(hand: Hand<'_>, role: &StaticRole) -> Result<Seen, Trouble> {
    let Hand { account, lane, .. } = hand;
    let (name, id) = (&role.username, &role.user_id);
    let asked = account.call(lane, Repeat::Anything, || account.iam.get_user().user_name(name).send()).await;
    let why = match asked {
        Ok(answer) => match answer.user() {
            Some(user) if user.user_id() == id => {
                account.learn(user.arn());
                return Ok(Seen::There);
            }
            _ => format!("another IAM user has the name {name}: this role is of the one with the id {id}"),
        },
        Err(failure) if failure.class == Class::Gone => format!("there is no IAM user {name}"),
        Err(failure) => return Err(on("looking at the user")(failure)),
    };
    // What another account says of a name is no proof.
    if role.signer.is_some() && role.signer == account.signer {
        return Ok(Seen::Gone(why));
    }
    let here = account.number(lane).await.map_err(on("asking whose account it is"))?;
    match &role.account {
        Some(home) if home == here => Ok(Seen::Gone(why)),
        home => Err(refused(
            "looking at the user",
            format!(
                "{why} in account {here}, where config/root leads to, and the role is of account {}",
                home.as_deref().unwrap_or("unknown")
            ),
        )),
    }
}

/// The user's keys.
pub(super) async fn keys(hand: Hand<'_>, user: &str) -> Result<Vec<AccessKeyMetadata>, Trouble> {
    let Hand { account, lane, .. } = hand;
    let pages = || account.iam.list_access_keys().user_name(user).into_paginator().items().send().try_collect();
    account.call(lane, Repeat::Anything, pages).await.map_err(on("listing the access keys"))
}

/// Closes the open attempt: a key that it made is one whose secret nobody knows.
async fn resolve(hand: Hand<'_>, role: &mut StaticRole, user_gone: bool) -> Result<(), Trouble> {
    let before = role.attempt.take().map(|attempt| attempt.before).unwrap_or_default();
    let listed = if user_gone { Vec::new() } else { keys(hand, &role.username).await? };
    let ids = listed.iter().filter_map(|key| key.access_key_id());
    let is_known = |id: &&str| before.iter().any(|one| one == id) || role.key_ids().any(|one| one == *id);
    for id in ids.filter(|id| !is_known(id)) {
        delete(hand, role, id).await?;
        told(hand, role, "static-key-deleted", "unknown-outcome", id, None).await?;
    }
    save(hand.core, hand.mount, hand.name, role, now(hand.core)).await?;
    Ok(())
}

/// Deletes a key that the record knows.
async fn drop_key(
    hand: Hand<'_>,
    role: &mut StaticRole,
    id: &str,
    reason: &str,
    gone: Option<&str>,
) -> Result<(), Trouble> {
    if gone.is_none() {
        delete(hand, role, id).await?;
    }
    told(hand, role, "static-key-deleted", reason, id, gone.map(str::to_owned)).await?;
    role.current.take_if(|key| key.id == id);
    role.previous.take_if(|key| key.id == id);
    save(hand.core, hand.mount, hand.name, role, now(hand.core)).await?;
    Ok(())
}

/// What is gone already is deleted, where AWS does not list it either: it may say so of what it does not see yet.
async fn delete(hand: Hand<'_>, role: &StaticRole, id: &str) -> Result<(), Trouble> {
    const DELETING: &str = "deleting an access key";
    let Hand { account, lane, .. } = hand;
    let send = || account.iam.delete_access_key().user_name(&role.username).access_key_id(id).send();
    let failure = match account.call(lane, Repeat::Anything, send).await {
        Ok(_) => return Ok(()),
        Err(failure) => failure,
    };
    if failure.class == Class::Gone
        && keys(hand, &role.username).await?.iter().all(|key| key.access_key_id() != Some(id))
    {
        return Ok(());
    }
    Err(on(DELETING)(failure))
}

/// A new key, or, where there is no room for one, what makes room: the next step deletes it.
pub(super) async fn rotate(hand: Hand<'_>, role: &mut StaticRole) -> Result<(), Trouble> {
    let listed = keys(hand, &role.username).await?;
    refuse_own(hand.account, &listed, &role.username)?;
    let Some(victim) = in_the_way(role, &listed) else {
        let before = listed.iter().filter_map(|key| key.access_key_id().map(str::to_owned)).collect();
        return new_key(hand, role, before).await;
    };
    let reason = if role.key_ids().any(|id| id == victim) { "rotated" } else { "no-room" };
    role.previous = Some(Superseded { id: victim, until: now(hand.core), reason: reason.to_owned() });
    save(hand.core, hand.mount, hand.name, role, now(hand.core)).await?;
    Ok(())
}

/// Makes the first key of a role that is being written.
///
/// # Errors
/// What kept it; where `attempt` is open then, a key may be there, which the timer removes.
pub(super) async fn make(hand: Hand<'_>, role: &mut StaticRole) -> Result<(), Trouble> {
    for _ in 0..STEPS_MAX {
        rotate(hand, role).await?;
        if role.phase == Phase::Standing {
            return Ok(());
        }
        if let Some(Superseded { id, reason, .. }) = role.previous.clone() {
            drop_key(hand, role, &id, &reason, None).await?;
        }
    }
    Err(refused(CREATING, format!("IAM user {} has no room for a key", role.username)))
}

/// The key that has to go before there can be another: the superseded one, else the oldest that is not the current one.
pub(super) fn in_the_way(role: &StaticRole, listed: &[AccessKeyMetadata]) -> Option<String> {
    if listed.len() < KEYS_MAX {
        return None;
    }
    let current = role.current.as_ref().map(|key| key.id.as_str());
    let previous = role.previous.as_ref().map(|key| key.id.as_str());
    let others = listed.iter().filter(|key| key.access_key_id() != current);
    let goes_first = |key: &&AccessKeyMetadata| {
        let is_superseded = previous.is_some() && key.access_key_id() == previous;
        (!is_superseded, key.create_date().map(|date| date.secs()), key.access_key_id().map(str::to_owned))
    };
    others.min_by_key(goes_first).and_then(|key| key.access_key_id()).map(str::to_owned)
}

/// Refuses the engine's own user, whose keys `config/rotate-root` changes.
///
/// # Errors
/// That it is.
pub(super) fn refuse_own(account: &Account, listed: &[AccessKeyMetadata], user: &str) -> Result<(), Trouble> {
    let signer = account.signer.as_deref().and_then(|signer| signer.split(' ').next());
    let is_own = |key: &AccessKeyMetadata| signer.is_some() && key.access_key_id() == signer;
    match listed.iter().any(is_own) {
        true => Err(refused(
            "looking at the user",
            format!("{user} is the IAM user that the engine itself signs in as; config/rotate-root changes its key"),
        )),
        false => Ok(()),
    }
}

const CREATING: &str = "creating an access key";

/// Asks for a key, once, under an intent that is stored; makes it the current one.
async fn new_key(hand: Hand<'_>, role: &mut StaticRole, mut before: Vec<String>) -> Result<(), Trouble> {
    let Hand { core, mount, name, account, lane } = hand;
    before.extend(role.key_ids().map(str::to_owned));
    for attempt in 1.. {
        let turn = account.turn(lane).await.map_err(on(CREATING))?;
        let certain_from = now(core).saturating_add(ATTEMPT_SECONDS_MAX + VISIBILITY_SECONDS);
        role.attempt = Some(Attempt { before: before.clone(), certain_from });
        save(core, mount, name, role, certain_from).await?;
        let sent = account.iam.create_access_key().user_name(&role.username).send().await.map_err(Failure::from);
        turn.end(how(&sent));
        let failure = match sent.map(|answer| answer.access_key) {
            Ok(Some(key)) => {
                let key = Key { id: key.access_key_id, secret: Secret::new(key.secret_access_key), made: now(core) };
                return keep(hand, role, key).await;
            }
            Ok(None) => Failure::unknown("the answer of AWS holds no access key".to_owned()),
            Err(failure) => failure,
        };
        if failure.class == Class::Unknown {
            return Err(on(CREATING)(failure));
        }
        role.attempt = None;
        save(core, mount, name, role, now(core)).await?;
        if attempt >= account.attempts || !matches!(failure.class, Class::Throttled | Class::Busy) {
            return Err(on(CREATING)(failure));
        }
        account.pause(attempt).await;
    }
    Ok(())
}

/// The key is the current one, once the trail and the store have it; till then the open attempt stands for it.
async fn keep(hand: Hand<'_>, role: &mut StaticRole, key: Key) -> Result<(), Trouble> {
    let time = now(hand.core);
    let reason = if role.current.is_some() { "rotated" } else { "role-written" };
    told(hand, role, "static-key-made", reason, &key.id, None).await?;
    let until = time.saturating_add(role.grace());
    let superseded = |old: Key| Superseded { id: old.id, until, reason: "rotated".to_owned() };
    // Where there was room, nothing else is to go; one that makes room has gone before.
    role.previous = role.current.take().map(superseded).or(role.previous.take());
    role.rotate_at = key.made.saturating_add(role.rotation_period);
    role.account = hand.account.known_number().map(str::to_owned).or(role.account.take());
    role.signer.clone_from(&hand.account.signer);
    (role.current, role.attempt, role.phase) = (Some(key), None, Phase::Standing);
    (role.failures, role.error) = (0, None);
    let due = match next(role, time) {
        Step::Wait(at) => at,
        Step::Resolve | Step::Drop { .. } | Step::Rotate | Step::Bury => time,
    };
    save(hand.core, hand.mount, hand.name, role, due).await?;
    Ok(())
}

/// What the trail tells of a key of the role: never a secret.
pub(super) fn credential(role: &StaticRole, name: &str, key_id: &str) -> Credential {
    let origin = role.origin.as_ref();
    Credential {
        app: origin.and_then(|origin| origin.app.clone()),
        role: name.to_owned(),
        access_key_id: Some(key_id.to_owned()),
        iam_user: role.username.clone(),
        commit: origin.and_then(|origin| origin.commit.clone()),
        source: origin.and_then(|origin| origin.source.clone()),
        review: origin.and_then(|origin| origin.review.clone()),
        plan: origin.and_then(|origin| origin.plan.clone()),
        ..Credential::default()
    }
}

/// A line in the trail about a key: durable when it returns.
async fn told(
    hand: Hand<'_>,
    role: &StaticRole,
    event: &str,
    reason: &str,
    key_id: &str,
    detail: Option<String>,
) -> Result<(), Error> {
    let event = Event { name: event.to_owned(), reason: reason.to_owned(), detail };
    let line = Record::system(hand.core.clock.now(), event, Some(credential(role, hand.name, key_id)));
    let written = hand.core.trail.append(&line).durable().await;
    written.map_err(|error| Error::Internal(format!("static role {} waits for the trail: {error}", hand.name)))
}

/// Puts what failed off; the trail tells of it.
///
/// # Errors
/// If that is not stored.
pub(super) async fn put_off(hand: Hand<'_>, role: &mut StaticRole, trouble: &Trouble) -> Result<(), Error> {
    const FIRST_SECONDS: i64 = 60;
    const SECONDS_MAX: i64 = 3600;
    let outage = match trouble {
        Trouble::Aws { failure, .. } => matches!(failure.class, Class::Throttled | Class::Unknown | Class::Postponed),
        Trouble::Ours(_) => true,
    };
    let is_unasked = matches!(trouble, Trouble::Aws { failure, .. } if failure.class == Class::Postponed);
    if !is_unasked {
        role.failures = role.failures.saturating_add(1);
        let event = Event {
            name: "static-key-failed".to_owned(),
            reason: "retried".to_owned(),
            detail: Some(trouble.to_string()),
        };
        let key = role.key_ids().next().unwrap_or_default().to_owned();
        let line = Record::system(hand.core.clock.now(), event, Some(credential(role, hand.name, &key)));
        drop(hand.core.trail.append(&line));
    }
    role.error = Some(trouble.to_string());
    let seconds = if outage { FIRST_SECONDS } else { backoff(role.failures, FIRST_SECONDS, SECONDS_MAX) };
    let time = now(hand.core);
    // Not before an open attempt is certain.
    let earliest = role.attempt.as_ref().map_or(time, |attempt| attempt.certain_from);
    save(hand.core, hand.mount, hand.name, role, time.saturating_add(seconds).max(earliest)).await?;
    tracing::warn!(role = hand.name, mount = hand.mount.path, error = %trouble, "a static role is put off");
    Ok(())
}

fn backoff(failures: u32, first: i64, most: i64) -> i64 {
    first.saturating_mul(2_i64.saturating_pow(failures.saturating_sub(1).min(10))).min(most)
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::primitives::DateTime;
    use aws_sdk_iam::types::AccessKeyMetadata;

    use super::{backoff, in_the_way};
    use crate::engine::backend::aws::static_role::record::{Key, StaticRole, Superseded};
    use crate::secret::Secret;

    #[test]
    fn what_makes_room_is_never_the_current_key() {
        let role = |current: Option<&str>, previous: Option<&str>| StaticRole {
            current: current.map(|id| Key { id: id.to_owned(), secret: Secret::new("s"), made: 0 }),
            previous: previous.map(|id| Superseded { id: id.to_owned(), until: 0, reason: String::new() }),
            ..StaticRole::default()
        };
        for (current, previous, listed, expected) in [
            (Some("a"), None, &[("a", 1)][..], None),
            (Some("a"), None, &[("a", 1), ("b", 2)], Some("b")),
            (Some("b"), Some("a"), &[("a", 1), ("b", 2)], Some("a")),
            (None, None, &[("b", 2), ("a", 1)], Some("a")),
            // Somebody deleted the current one: the superseded one goes before another's.
            (Some("x"), Some("b"), &[("a", 1), ("b", 2)], Some("b")),
            (Some("x"), None, &[("b", 2), ("a", 1)], Some("a")),
        ] {
            let listed: Vec<AccessKeyMetadata> = listed
                .iter()
                .map(|(id, at)| {
                    AccessKeyMetadata::builder().access_key_id(*id).create_date(DateTime::from_secs(*at)).build()
                })
                .collect();
            assert_eq!(in_the_way(&role(current, previous), &listed).as_deref(), expected, "{current:?} {listed:?}");
        }
    }

    #[test]
    fn failures_are_repeated_ever_more_rarely() {
        let all = [1, 2, 3, 6, 7, 40].map(|failures| backoff(failures, 60, 3600));
        assert_eq!(all, [60, 120, 240, 1920, 3600, 3600]);
    }
}
