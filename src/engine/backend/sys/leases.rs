//! `sys/leases/*`, and the older names `sys/renew`, `sys/revoke`, `sys/revoke-prefix`,
//! `sys/revoke-force` with the same checks. The pipeline has asked for `sudo` where Vault does.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::engine::backend::Call;
use crate::engine::kernel::due::lease_key;
use crate::engine::lease::core::Core;
use crate::engine::lease::login::token_of;
use crate::engine::lease::{Lease, LeaseState, now};
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;

/// Leases that failed to be revoked more often than this count as irrevocable in the API's sense. They
/// are tried again all the same.
const IRREVOCABLE_ATTEMPTS: u32 = 6;

/// How many irrevocable leases are listed when no limit is given.
const LIST_LIMIT: usize = 10_000;

const PAGE: usize = 1000;

/// Serves one call.
pub(crate) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let fields = call.fields();
    let sync = || Ok::<_, Error>(fields.bool("sync")?.unwrap_or(true));
    let given = || lease_id(fields, call.at("url_lease_id"));
    match call.row.pattern.strip_prefix("leases/").unwrap_or(call.row.pattern) {
        "leases" => list_irrevocable(core, fields),
        "count/?" => count(core, fields),
        "lookup/" | "lookup/*prefix" => list(core, call.at("prefix")),
        "lookup" => lookup(core, fields),
        "renew/?" | "renew/*url_lease_id" => {
            let increment = fields.seconds("increment")?.unwrap_or(0);
            let caller = call.token.ok_or(Error::Unauthenticated)?;
            core.leases.renew(core, caller, &given()?, increment).await
        }
        "revoke/?" | "revoke/*url_lease_id" => {
            let sync = sync()?;
            revoke_one(core, given()?, sync).await
        }
        "revoke-prefix/*prefix" => revoke_prefix(core, call.at("prefix"), sync()?).await,
        "revoke-force/*prefix" if call.request.operation == Operation::Read => would_force(core, call.at("prefix")),
        "revoke-force/*prefix" => revoke_force(core, call.at("prefix")).await,
        "tidy/?" => tidy(core),
        _ => Err(call.forgotten()),
    }
}

/// The lease id of the body, else the one behind the path.
fn lease_id(fields: Fields<'_>, rest: &str) -> Result<String, Error> {
    let id = fields.string("lease_id")?.filter(|id| !id.is_empty()).unwrap_or_else(|| rest.to_owned());
    if id.is_empty() {
        return Err(Error::Invalid("lease_id must be specified".to_owned()));
    }
    Ok(id)
}

const REASON: &str = "requested";

async fn revoke_one(core: &Arc<Core>, id: String, sync: bool) -> Result<Response, Error> {
    let (lasting, until) = core.leases.lasting(core, std::slice::from_ref(&id))?;
    let answer = match sync {
        true => {
            core.leases.revoke(core, &id, REASON).await?;
            Response::empty()
        }
        false => {
            core.leases.revoke_later(core, &[id], REASON).await?;
            Response { status: Some(202), ..Response::empty() }
        }
    };
    Ok(going_on(answer, lasting, until))
}

/// An answer, with a warning where revoking stops less than it seems to.
fn going_on(answer: Response, lasting: usize, until: i64) -> Response {
    match lasting {
        0 => answer,
        1 => answer.warn(format!("AWS has no way to end a session: that of one lease works until {}", rfc3339(until))),
        many => answer.warn(format!(
            "AWS has no way to end sessions: those of {many} leases work on, the last until {}",
            rfc3339(until)
        )),
    }
}

/// Which leases a call about many means.
struct Meant {
    ids: Vec<String>,
    /// What stays, because it holds something off.
    kept: Vec<String>,
}

impl Meant {
    /// The lease of exactly that id, else all below it.
    fn by(core: &Core, prefix: &str) -> Result<Self, Error> {
        if !prefix.ends_with('/') && core.leases.is_there(core, prefix)? {
            return Ok(Self { ids: vec![prefix.to_owned()], kept: Vec::new() });
        }
        let below = format!("{}/", prefix.strip_suffix('/').unwrap_or(prefix));
        let (ids, kept) = core.leases.under_but_guards(core, &below)?;
        Ok(Self { ids, kept })
    }

    /// The answer of a call about them: what it did, and a warning if there were none, or if some stay.
    fn did(&self, prefix: &str, what: Value) -> Response {
        // Of leases that have ended already.
        let cuts = what["cut_off"].as_array().is_some_and(|cut| !cut.is_empty());
        let answer = Response::data(what);
        match self.kept.as_slice() {
            [] if self.ids.is_empty() && !cuts => answer.warn(format!("no lease begins with {}/", prefix.trim_end_matches('/'))),
            [] => answer,
            [one] => answer.warn(format!(
                "{one} holds sessions off in an emergency, and stays: to let them work again, revoke it by its name"
            )),
            [first, ..] => answer.warn(format!(
                "{} leases, such as {first}, hold sessions off in an emergency, and stay: to let them work again, revoke \
                 them by their names or their folder",
                self.kept.len()
            )),
        }
    }
}

async fn revoke_prefix(core: &Arc<Core>, prefix: &str, sync: bool) -> Result<Response, Error> {
    let meant = Meant::by(core, prefix)?;
    let total = meant.ids.len();
    let (lasting, until) = core.leases.lasting(core, &meant.ids)?;
    let answer = match sync {
        true => {
            core.leases.revoke_all(core, meant.ids.clone(), REASON).await?.into_result()?;
            meant.did(prefix, json!({ "revoked": total }))
        }
        false => {
            core.leases.revoke_later(core, &meant.ids, REASON).await?;
            Response { status: Some(202), ..meant.did(prefix, json!({ "queued": total })) }
        }
    };
    Ok(going_on(answer, lasting, until))
}

/// What giving leases up would do, and whom else it concerns.
fn would_force(core: &Core, prefix: &str) -> Result<Response, Error> {
    let meant = Meant::by(core, prefix)?;
    let cut: Vec<Value> = core.leases.emergencies(core, &meant.ids, prefix)?.iter().map(|one| one.told()).collect();
    Ok(meant.did(prefix, json!({ "leases": meant.ids.len(), "cut_off": cut })))
}

async fn revoke_force(core: &Arc<Core>, prefix: &str) -> Result<Response, Error> {
    let meant = Meant::by(core, prefix)?;
    let ids = &meant.ids;
    let (lasting, until) = core.leases.lasting(core, ids)?;
    // First: while it fails, the leases are there to be given up again.
    let (mut cut_off, mut stopped) = (Vec::new(), 0);
    for emergency in core.leases.emergencies(core, ids, prefix)? {
        stopped += emergency.stops();
        cut_off.push(emergency.carry_out(core).await?);
    }
    let mut given_up = Vec::new();
    for id in ids {
        if core.leases.revoke_force(core, id).await? {
            given_up.push(id);
        }
    }
    let mut what = json!({ "revoked": ids.len() - given_up.len() });
    if !given_up.is_empty() {
        what["given_up"] = json!(given_up);
    }
    if !cut_off.is_empty() {
        what["cut_off"] = json!(cut_off);
    }
    Ok(going_on(meant.did(prefix, what), lasting.saturating_sub(stopped), until))
}

fn lookup(core: &Core, fields: Fields<'_>) -> Result<Response, Error> {
    let id = lease_id(fields, "")?;
    let found = match token_of(&id) {
        Some(hash) => core.leases.describe_token(core, &id, hash)?,
        None => core.leases.load(core, &id)?.map(|lease| shown(&lease, now(core))),
    };
    found.map(Response::data).ok_or_else(|| Error::Invalid("invalid lease".to_owned()))
}

fn shown(lease: &Lease, time: i64) -> Value {
    let live = lease.state == LeaseState::Active && lease.expire_time > time;
    let mut data = json!({
        "id": lease.id,
        "issue_time": rfc3339(lease.issue_time),
        "expire_time": rfc3339(lease.expire_time),
        "last_renewal": lease.last_renewal.map(rfc3339),
        "renewable": lease.renewable && live,
        "ttl": lease.expire_time.saturating_sub(time),
        "path": lease.path,
        "namespace_path": "",
        "state": lease.state,
    });
    if lease.state == LeaseState::Revoking {
        data["revoke_attempts"] = lease.attempts.into();
        data["next_attempt"] = rfc3339(lease.due).into();
        if let Some(error) = &lease.revoke_error {
            data["revoke_error"] = error.as_str().into();
        }
        if let Some(reason) = &lease.reason {
            data["revoke_reason"] = reason.as_str().into();
        }
    }
    data
}

/// The names directly below a prefix, read without reading what lies below its folders.
fn list(core: &Core, rest: &str) -> Result<Response, Error> {
    let prefix = match rest {
        "" => String::new(),
        _ => format!("{}/", rest.trim_end_matches('/')),
    };
    let prefix = lease_key(&prefix);
    let mut names = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = core.barrier.keys(&prefix, after.as_deref(), PAGE)?;
        let Some(last) = page.last() else { return Response::keys(names) };
        let mut next = last.clone();
        for key in &page {
            let name = &key[prefix.len()..];
            if let Some(slash) = name.find('/') {
                let folder = &key[..=prefix.len() + slash];
                names.push(folder[prefix.len()..].to_owned());
                // The largest character ends what begins with the folder's name.
                next = format!("{folder}{}", char::MAX);
                break;
            }
            names.push(name.to_owned());
        }
        after = Some(next);
    }
}

fn tidy(core: &Arc<Core>) -> Result<Response, Error> {
    // There is nothing to repair: a lease and its indexes are written and removed together. What tidy
    // can still do is to have the timer look again.
    core.timer.notice(i64::MIN);
    Ok(Response { status: Some(202), data: None, ..Response::empty() }.warn(
        "Tidy operation successfully started. Any information from the operation will be printed to the server's logs.",
    ))
}

/// The leases that fail to be revoked, by id.
fn irrevocable(core: &Core) -> Result<Vec<Lease>, Error> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = core.barrier.scan::<u32>("lease-open/", after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        after = Some(last.clone());
        for (key, attempts) in page {
            if attempts >= IRREVOCABLE_ATTEMPTS {
                found.extend(core.leases.load(core, &key["lease-open/".len()..])?);
            }
        }
    }
}

fn need_irrevocable(fields: Fields<'_>) -> Result<(), Error> {
    match fields.string("type")?.as_deref() {
        Some("irrevocable") => Ok(()),
        Some(other) if !other.is_empty() => {
            Err(Error::Invalid(format!("invalid lease type {other:?}: must be \"irrevocable\"")))
        }
        _ => Err(Error::Invalid("type must be specified: \"irrevocable\"".to_owned())),
    }
}

fn accessor(core: &Core, lease: &Lease) -> String {
    core.mounts.by_uuid(&lease.mount).map_or_else(|| "deleted-mount".to_owned(), |mount| mount.accessor.clone())
}

fn count(core: &Core, fields: Fields<'_>) -> Result<Response, Error> {
    need_irrevocable(fields)?;
    let leases = irrevocable(core)?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for lease in &leases {
        *counts.entry(accessor(core, lease)).or_default() += 1;
    }
    Ok(Response::data(json!({ "lease_count": leases.len(), "counts": counts })))
}

fn list_irrevocable(core: &Core, fields: Fields<'_>) -> Result<Response, Error> {
    need_irrevocable(fields)?;
    let limit = match fields.string("limit")?.as_deref() {
        None | Some("") => LIST_LIMIT,
        Some("none") => usize::MAX,
        Some(text) => text
            .parse()
            .ok()
            .filter(|&limit| limit > 0)
            .ok_or_else(|| Error::Invalid("limit must be a positive whole number or \"none\"".to_owned()))?,
    };
    let mut leases = irrevocable(core)?;
    let cut = leases.len() > limit;
    leases.truncate(limit);
    let list: Vec<Value> = leases
        .iter()
        .map(|lease| json!({ "lease_id": lease.id, "mount_id": accessor(core, lease), "error": lease.revoke_error }))
        .collect();
    let answer = Response::data(json!({ "lease_count": leases.len(), "leases": list }));
    Ok(if cut {
        answer.warn(
            "Command halted because many irrevocable leases were found. To emit the entire list, re-run the command \
             with force set true.",
        )
    } else {
        answer
    })
}
