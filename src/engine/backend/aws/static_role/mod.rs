//! Static roles: the access key of an IAM user that is not the engine's, made anew when it gets old.
//!
//! `static-roles/<name>` takes a user over: from then on its keys are the engine's to make and to delete. The key is
//! handed out at `static-creds/<name>`, as often as it is asked for, under no lease: nothing ends it but the next
//! rotation, and the one before it works on for a while, so that whoever has just read it can read it again.
//!
//! What is to be done for a role is worked out from its record alone (`step.rs`, where it is argued why no crash loses a
//! key) and carried out by whoever holds its lock: a request, or the timer (`work.rs`).
//!
//! # Source
//! Vault API, "AWS secrets engine: create/update static role", "get static credentials".

mod record;
mod step;
mod work;

use std::sync::Arc;

use serde_json::{Value, json};

use self::record::{Phase, StaticRole, key, load, save};
use self::work::{Ended, Hand, Trouble};
use super::Aws;
use super::client::Repeat;
use super::credential::issue;
use super::failure::Class;
use super::policy_text::go_quote;
use crate::clock::rfc3339;
use crate::engine::backend::{Call, listing};
use crate::engine::kernel::due::forget;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::lease::{Lane, now};
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;
use crate::trail::{Credential, Event, Record};

/// The shortest time between two rotations, in seconds.
const PERIOD_MIN: i64 = 60;

/// How many names are read at a time.
const PAGE: usize = 500;

/// Serves LIST `static-roles`: those that are there.
pub(super) fn list(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    listing::of_some(core, call, &key(call.mount, ""), |name, role: &StaticRole| {
        (role.phase == Phase::Standing).then(|| shown(name, role))
    })
}

/// Serves `static-roles/:name`.
pub(super) async fn handle(aws: &Aws, core: &Arc<Core>, call: Call<'_>, name: &str) -> Result<Response, Error> {
    match call.request.operation {
        Operation::Read => Ok(Response::data(shown(name, &standing(core, call.mount, name)?))),
        Operation::Write => write(aws, core, call, name).await,
        Operation::Delete => delete(aws, core, call, name).await,
        Operation::List | Operation::Patch => Err(Error::UnsupportedOperation),
    }
}

/// Serves `static-creds/:name`.
pub(super) fn credentials(core: &Core, call: Call<'_>, name: &str) -> Result<Response, Error> {
    let role = standing(core, call.mount, name)?;
    let found = role.current.as_ref().ok_or(Error::NotFound)?;
    let time = now(core);
    let until = role.works_until(time);
    let app = call.token.and_then(issue::app);
    let mut response = Response::data(json!({
        "access_key": found.id,
        "secret_key": found.secret.expose(),
        "expiration": rfc3339(until),
        "ttl": until.saturating_sub(time),
    }));
    response.shows = Some(Box::new(Credential { app, ..work::credential(&role, name, &found.id) }));
    Ok(response)
}

/// Serves `rotate-role/:name`: a new key now. The one before goes on working as after any rotation.
pub(super) async fn rotate(aws: &Aws, core: &Arc<Core>, call: Call<'_>, name: &str) -> Result<Response, Error> {
    let _turn = aws.roles.lock(&key(call.mount, name)).await;
    let mut role = standing(core, call.mount, name)?;
    let account = aws.account(core, call.mount).await?;
    let hand = Hand { core, mount: call.mount, name, account: &account, lane: Lane::Issue };
    let time = now(core);
    if let Some(attempt) = &role.attempt {
        return Err(in_doubt(name, attempt.certain_from));
    }
    role.rotate_at = time;
    if let Some(superseded) = &mut role.previous {
        superseded.until = time;
    }
    save(core, call.mount, name, &mut role, time).await?;
    finish(hand, &mut role, "Error rotating the access key").await?;
    Ok(Response::data(shown(name, &role)))
}

/// What the timer does for one that is due: `id` is what the index names it by, below its mount, `entry` the key there.
///
/// # Errors
/// If the store takes nothing.
pub(super) async fn due(aws: &Aws, core: &Arc<Core>, mount: &Mount, id: &str, entry: &str) -> Result<(), Error> {
    let Some(name) = record::name_of(id) else { return forget(&core.barrier, entry).await };
    let _turn = aws.roles.lock(&key(mount, name)).await;
    let is_current = |role: &StaticRole| record::entry(mount, name, role.due) == entry;
    let Some(mut role) = load(core, mount, name)?.filter(is_current) else {
        return forget(&core.barrier, entry).await;
    };
    let account = aws.account(core, mount).await?;
    let hand = Hand { core, mount, name, account: &account, lane: Lane::Backlog };
    match work::advance(hand, &mut role).await {
        Ok(_) => Ok(()),
        Err(trouble) => work::put_off(hand, &mut role, &trouble).await,
    }
}

/// Ends all of a mount that goes: with its data nobody would know their keys any more.
///
/// # Errors
/// The first that could not be ended; it is tried again by the timer, and by the next call.
pub(super) async fn end_all(aws: &Aws, core: &Arc<Core>, mount: &Mount) -> Result<(), Error> {
    let folder = key(mount, "");
    loop {
        let keys = core.barrier.keys(&folder, None, PAGE)?;
        if keys.is_empty() {
            return Ok(());
        }
        for stored in keys {
            end(aws, core, mount, &stored[folder.len()..], false).await?;
        }
    }
}

/// The role that is there.
fn standing(core: &Core, mount: &Mount, name: &str) -> Result<StaticRole, Error> {
    load(core, mount, name)?.filter(|role| role.phase == Phase::Standing).ok_or(Error::NotFound)
}

fn shown(name: &str, role: &StaticRole) -> Value {
    json!({
        "name": name,
        "id": role.user_id,
        "username": role.username,
        "rotation_period": role.rotation_period,
        "last_rotation": role.current.as_ref().map(|key| rfc3339(key.made)),
        "next_rotation": rfc3339(role.rotate_at),
        "rotation_error": role.error,
    })
}

async fn write(aws: &Aws, core: &Arc<Core>, call: Call<'_>, name: &str) -> Result<Response, Error> {
    let fields = call.fields();
    let (username, period) = (fields.string("username")?, fields.seconds("rotation_period")?);
    // Taken and ignored, they would have the engine take over the user of that name in its own account.
    for name in ["assume_role_arn", "assume_role_session_name", "external_id"] {
        if fields.string(name)?.is_some_and(|text| !text.is_empty()) {
            let what = "this engine has no static roles of users of other accounts; leave it out";
            return Err(Error::Invalid(format!("{name} is not supported: {what}")));
        }
    }
    if period.is_some_and(|seconds| seconds < PERIOD_MIN) {
        return Err(Error::Server(format!(
            "role rotation period out of range: must be greater than {PERIOD_MIN}.00 seconds"
        )));
    }
    let _turn = aws.roles.lock(&key(call.mount, name)).await;
    let account = aws.account(core, call.mount).await?;
    let hand = Hand { core, mount: call.mount, name, account: &account, lane: Lane::Issue };
    let mut found = load(core, call.mount, name)?;
    if let Some(left) = found.as_mut().filter(|role| role.phase != Phase::Standing) {
        // Of an earlier one there may be keys.
        finish(hand, left, "Error ending the role of that name that was here before").await?;
        found = None;
    }
    let mut role = match found {
        Some(role) => update(hand, role, username, period).await?,
        None => create(hand, username, period).await?,
    };
    role.origin = call.request.origin.clone();
    if role.phase == Phase::Standing {
        let due = role.due.min(role.rotate_at);
        save(core, call.mount, name, &mut role, due).await?;
    } else {
        begin(aws, hand, &mut role).await?;
    }
    Ok(Response::data(shown(name, &role)))
}

/// Of a role that is there: what is sent.
async fn update(
    hand: Hand<'_>,
    mut role: StaticRole,
    username: Option<String>,
    period: Option<i64>,
) -> Result<StaticRole, Error> {
    if let Some(username) = username {
        let (id, _) = user_of(hand, &username).await?;
        if id != role.user_id {
            return Err(Error::Server(format!(
                "AWS GetUser returned a user, but the ID did not match: {} was requested, but {} was returned",
                go_quote(&role.user_id),
                go_quote(&id)
            )));
        }
        role.username = username;
    }
    if let (Some(period), Some(current)) = (period, &role.current) {
        role.rotation_period = period;
        role.rotate_at = current.made.saturating_add(period);
    }
    Ok(role)
}

/// The role to be.
async fn create(hand: Hand<'_>, username: Option<String>, period: Option<i64>) -> Result<StaticRole, Error> {
    let missing = |name: &str| Error::Invalid(format!("missing {} parameter", go_quote(name)));
    let username = username.filter(|name| !name.is_empty()).ok_or_else(|| missing("username"))?;
    let rotation_period = period.ok_or_else(|| missing("rotation_period"))?;
    let (user_id, arn) = user_of(hand, &username).await?;
    hand.account.learn(&arn);
    Ok(StaticRole {
        username,
        user_id,
        rotation_period,
        account: hand.account.known_number().map(str::to_owned),
        signer: hand.account.signer.clone(),
        ..StaticRole::default()
    })
}

/// The id and the ARN of an IAM user.
async fn user_of(hand: Hand<'_>, username: &str) -> Result<(String, String), Error> {
    let iam = &hand.account.iam;
    let unable = |why: &dyn std::fmt::Display| {
        Error::Server(format!("unable to validate username {}: {why}", go_quote(username)))
    };
    let send = || iam.get_user().user_name(username).send();
    let answer = hand.account.call(hand.lane, Repeat::Anything, send).await.map_err(|failure| unable(&failure))?;
    let user = answer.user().ok_or_else(|| unable(&"the answer of AWS holds no user"))?;
    if user.user_name() != username {
        return Err(Error::Server(format!(
            "AWS GetUser returned a username, but it didn't match: {} was requested, but {} was returned",
            go_quote(username),
            go_quote(user.user_name())
        )));
    }
    Ok((user.user_id().to_owned(), user.arn().to_owned()))
}

/// Makes the first key of a new role. What was not done is not there; what may have been done is removed by the timer.
async fn begin(aws: &Aws, hand: Hand<'_>, role: &mut StaticRole) -> Result<(), Error> {
    // Two roles of one user would each delete the other's key.
    let _turn = aws.roles.lock(&format!("static user {}", role.user_id)).await;
    refuse_taken(hand, role)?;
    if let Err(trouble) = work::make(hand, role).await {
        if role.attempt.is_none() {
            record::remove(hand.core, hand.mount, hand.name, role).await?;
        }
        return Err(told(&trouble, "Error creating access keys"));
    }
    Ok(())
}

/// Refuses a user that another static role of this engine has.
fn refuse_taken(hand: Hand<'_>, role: &StaticRole) -> Result<(), Error> {
    let core = hand.core;
    for mount in core.mounts.snapshot().values().filter(|mount| mount.kind == hand.mount.kind) {
        let folder = key(mount, "");
        let mut after: Option<String> = None;
        loop {
            let page = core.barrier.scan::<StaticRole>(&folder, after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            if let Some((stored, _)) = page.iter().find(|(_, other)| other.user_id == role.user_id) {
                return Err(Error::Invalid(format!(
                    "the IAM user {} is that of the static role {}{} already; two would delete each other's keys",
                    role.username,
                    mount.path,
                    &stored[folder.len()..]
                )));
            }
        }
    }
    Ok(())
}

async fn delete(aws: &Aws, core: &Arc<Core>, call: Call<'_>, name: &str) -> Result<Response, Error> {
    let forced = call.fields().bool("force")?.unwrap_or_default();
    end(aws, core, call.mount, name, forced).await?;
    Ok(Response::empty())
}

/// Ends a role: its keys, and then its record. Forced, the record goes also where AWS does not let the keys go.
async fn end(aws: &Aws, core: &Arc<Core>, mount: &Mount, name: &str, forced: bool) -> Result<(), Error> {
    let _turn = aws.roles.lock(&key(mount, name)).await;
    let Some(mut role) = load(core, mount, name)? else { return Ok(()) };
    if role.phase == Phase::Standing {
        role.phase = Phase::Ending;
        // Durable before a key is deleted: after a crash the role must not pass for a living one.
        save(core, mount, name, &mut role, now(core)).await?;
    }
    let account = aws.account(core, mount).await?;
    let hand = Hand { core, mount, name, account: &account, lane: Lane::Revoke };
    let failed = format!("failed to clean credentials while deleting role {}", go_quote(name));
    match finish(hand, &mut role, &failed).await {
        Err(error) if forced => {
            let event = Event {
                name: "static-role-forced".to_owned(),
                reason: "forced".to_owned(),
                detail: Some(error.to_string()),
            };
            let key_id = role.key_ids().next().unwrap_or_default().to_owned();
            let line = Record::system(core.clock.now(), event, Some(work::credential(&role, name, &key_id)));
            let written = core.trail.append(&line).durable().await;
            written.map_err(|error| Error::Internal(format!("static role {name} waits for the trail: {error}")))?;
            record::remove(core, mount, name, &role).await
        }
        ended => ended,
    }
}

/// Does what is due now; what can't be done now is done by the timer, and told.
async fn finish(hand: Hand<'_>, role: &mut StaticRole, step: &str) -> Result<(), Error> {
    match work::advance(hand, role).await {
        Ok(Ended::Gone) => Ok(()),
        Ok(Ended::Waits(at)) => match &role.attempt {
            Some(_) => Err(in_doubt(hand.name, at)),
            None => Ok(()),
        },
        Err(trouble) => {
            work::put_off(hand, role, &trouble).await?;
            Err(told(&trouble, step))
        }
    }
}

fn in_doubt(name: &str, at: i64) -> Error {
    Error::Invalid(format!(
        "AWS never answered whether it made an access key for the static role {name}; that is looked at again at {}",
        rfc3339(at)
    ))
}

/// As the API tells it.
fn told(trouble: &Trouble, step: &str) -> Error {
    match trouble {
        Trouble::Aws { failure, .. } if failure.class == Class::Throttled => {
            Error::Upstream(format!("{step}: {trouble}"))
        }
        Trouble::Aws { .. } => Error::Invalid(format!("{step}: {trouble}")),
        Trouble::Ours(error) => Error::Internal(error.to_string()),
    }
}
