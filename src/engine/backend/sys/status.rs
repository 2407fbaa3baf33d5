//! What is answered without a token, without the trail, and while sealed: so that it works when the
//! trail does not.

use serde_json::{Map, Value, json};

use super::sealed::{Asked, unseal};
use crate::engine::backend::Call;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::seal::gate::{self, Gate};
use crate::engine::lease::core::Core;
use crate::engine::setup::{Seal, VAULT_VERSION, VERSION};
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::{Operation, Request};
use crate::engine::wire::response::{Response, Shape};
use crate::trail::{Event, Record};

/// Serves one call.
pub(super) fn handle(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    match (call.row.pattern, call.request.operation) {
        ("init", Operation::Write) => Err(initialized()),
        ("unseal", _) => match unseal(call.fields())? {
            Asked::Unseal(share) => {
                gate::bytes(&share)?;
                state(&core.gate, Some(core), call.request)
            }
            _ => Err(Error::Invalid("vault is unsealed".to_owned())),
        },
        ("health" | "seal-status" | "init" | "leader", _) => state(&core.gate, Some(core), call.request),
        _ => Err(call.forgotten()),
    }
}

/// How an engine is, in the words of the path that was asked.
///
/// # Errors
/// If the store can't be read.
pub(crate) fn state(gate: &Gate, core: Option<&Core>, request: &Request) -> Result<Response, Error> {
    match request.path.as_str() {
        "sys/health" => health(gate, core, request),
        "sys/init" => init(gate, core),
        "sys/leader" => Ok(leader()),
        _ => seal_status(gate, core),
    }
}

/// The error for who begins a store that is there.
pub(crate) fn initialized() -> Error {
    Error::Invalid("Vault is already initialized".to_owned())
}

fn bare(data: serde_json::Value) -> Response {
    Response { shape: Shape::Bare, ..Response::data(data) }
}

fn cluster_id(core: &Core) -> String {
    // The same 128 bits that name the engine in AWS, written as a UUID.
    let id = &core.engine_id;
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// What does not work, by name: the store, and audit devices.
pub(super) fn failing(core: &Core) -> Map<String, Value> {
    let mut failing: Map<String, Value> = core
        .trail
        .troubles()
        .into_iter()
        .map(|(device, error)| (format!("audit/{device}"), error.reason().into()))
        .collect();
    if let Some(trouble) = core.barrier.trouble() {
        failing.insert("store".to_owned(), trouble.into());
    }
    failing
}

/// Whether requests fail because of it: one audit device that takes lines is enough, if it is one of those that count.
fn is_out(core: &Core, failing: &Map<String, Value>) -> bool {
    failing.contains_key("store") || core.trail.is_out()
}

/// Writes where the last write failed: trouble is over when one succeeds, also where nobody else asks for anything.
fn try_again(core: &Core, failing: &Map<String, Value>) {
    if failing.keys().any(|name| name != "store") {
        let event = Event { name: "trail-resumed".to_owned(), reason: "health".to_owned(), detail: None };
        core.trail.try_again(&Record::system(core.clock.now(), event, None));
    }
    if failing.contains_key("store") {
        let barrier = core.barrier.clone();
        let unix = core.clock.now().unix_timestamp();
        tokio::spawn(async move {
            let mut batch = Batch::new();
            // The store keeps and logs what comes of it.
            if batch.put("core/tried", &unix).is_ok() {
                let _ = barrier.commit(batch).await;
            }
        });
    }
}

/// Whether an engine serves requests, as its status and in words.
fn health(gate: &Gate, core: Option<&Core>, request: &Request) -> Result<Response, Error> {
    let fields = Fields(&request.data);
    let code = |name: &str, otherwise: u16| -> Result<u16, Error> {
        let given = fields.int(name)?.unwrap_or(i64::from(otherwise));
        u16::try_from(given)
            .ok()
            .filter(|code| (200..600).contains(code))
            .ok_or_else(|| Error::Invalid(format!("bad HTTP status in {name}")))
    };
    let initialized = is_initialized(gate, core)?;
    let failing = core.map(failing).unwrap_or_default();
    let status = match core {
        None if !initialized => code("uninitcode", 501)?,
        None => code("sealedcode", 503)?,
        Some(core) if is_out(core, &failing) => code("failingcode", 500)?,
        Some(_) => code("activecode", 200)?,
    };
    let mut body = json!({
        "initialized": initialized,
        "sealed": core.is_none(),
        "standby": false,
        "performance_standby": false,
        "replication_performance_mode": "disabled",
        "replication_dr_mode": "disabled",
        "server_time_utc": gate.clock().now().unix_timestamp(),
        "version": VAULT_VERSION,
        "leasehold_version": VERSION,
    });
    if let Some(core) = core {
        body["cluster_name"] = "leasehold".into();
        body["cluster_id"] = cluster_id(core).into();
        if !failing.is_empty() {
            try_again(core, &failing);
            body["failing"] = failing.into();
        }
    }
    Ok(Response { status: Some(status), ..bare(body) })
}

/// Whether there is a store. Of an open engine it is known, so that a store which fails can't keep its health from being told.
fn is_initialized(gate: &Gate, core: Option<&Core>) -> Result<bool, Error> {
    Ok(core.is_some() || gate.is_initialized()?)
}

/// How an engine is sealed, and how far unsealing it is.
fn seal_status(gate: &Gate, core: Option<&Core>) -> Result<Response, Error> {
    let recovery = gate.recovery()?;
    let shares = recovery.map_or_else(|| gate.shares(), |shares| Ok(Some(shares)))?;
    let (progress, nonce) = gate.unsealing();
    let mut body = json!({
        "type": match gate.seal() {
            Seal::KeyFile => "file",
            Seal::Kms => "awskms",
            Seal::Shamir => "shamir",
        },
        "initialized": is_initialized(gate, core)?,
        "sealed": core.is_none(),
        "t": shares.map_or(0, |shares| shares.threshold),
        "n": shares.map_or(0, |shares| shares.shares),
        "progress": progress,
        "nonce": nonce,
        "version": VAULT_VERSION,
        "leasehold_version": VERSION,
        "build_date": "",
        "migration": false,
    });
    if let Some(core) = core {
        body["cluster_name"] = "leasehold".into();
        body["cluster_id"] = cluster_id(core).into();
    }
    body["recovery_seal"] = recovery.is_some().into();
    if recovery.is_some() {
        body["recovery_seal_type"] = "shamir".into();
    }
    body["storage_type"] = gate.storage_type().into();
    Ok(bare(body))
}

/// Whether there is a store.
fn init(gate: &Gate, core: Option<&Core>) -> Result<Response, Error> {
    Ok(bare(json!({ "initialized": is_initialized(gate, core)? })))
}

/// As a server without high availability says it: nobody leads.
fn leader() -> Response {
    bare(json!({
        "ha_enabled": false,
        "is_self": false,
        "active_time": "0001-01-01T00:00:00Z",
        "leader_address": "",
        "leader_cluster_address": "",
        "performance_standby": false,
        "performance_standby_last_remote_wal": 0,
    }))
}
