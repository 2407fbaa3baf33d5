//! The keys of an open engine: which barrier key seals (`sys/key-status`), a new one (`sys/rotate`), other shares of the
//! unseal key (`sys/rekey`) or of the recovery key (`sys/rekey-recovery-key`), and a root token for enough shares
//! (`sys/generate-root`). Rekeys have OpenBao's paths too (`sys/rotate/root`, `sys/rotate/recovery`), which answer
//! below `data`.
//!
//! Where Vault asks for no token, this engine asks for one of a rekey and of whoever ends an attempt at a root token, so
//! that no stranger stops either. An attempt itself is for who has no token.

use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::sealed::no_pgp;
use crate::acl::Capability;
use crate::engine::backend::Call;
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::seal::gate::recovery::SharedKey;
use crate::engine::kernel::seal::gate::rekey::{Progress, Taken};
use crate::engine::kernel::seal::gate::root::OTP_LENGTH;
use crate::engine::kernel::seal::gate::{self, Shares};
use crate::engine::lease::core::Core;
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::{Response, Shape};
use crate::secret::Secret;

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let pattern = call.row.pattern.trim_end_matches("/?");
    for (before, key, shape) in REKEYS {
        if let Some(step) = pattern.strip_prefix(before) {
            let answer = rekeys(core, &call, *key, step).await?;
            return Ok(if answer.shape == Shape::Bare { Response { shape: *shape, ..answer } } else { answer });
        }
    }
    let fields = call.fields();
    match (pattern, call.request.operation) {
        ("key-status", _) => key_status(core),
        ("rotate" | "rotate/keyring", _) => core.gate.rotate(&core.barrier).await.map(|()| Response::empty()),
        ("generate-root/attempt", Operation::Read) => root_status(core, json!({})),
        ("generate-root/attempt", Operation::Delete) => cancel_root(core, &call),
        ("generate-root/attempt", _) => begin_root(core, fields),
        ("generate-root/update", _) => root(core, fields).await,
        _ => Err(call.forgotten()),
    }
}

/// Where rekeys are asked for, of which key, and how they answer.
const REKEYS: &[(&str, SharedKey, Shape)] = &[
    ("rekey/", SharedKey::Unseal, Shape::Bare),
    ("rekey-recovery-key/", SharedKey::Recovery, Shape::Bare),
    ("rotate/root/", SharedKey::Unseal, Shape::Repeated),
    ("rotate/recovery/", SharedKey::Recovery, Shape::Repeated),
];

/// Serves a step of a rekey.
async fn rekeys(core: &Core, call: &Call<'_>, key: SharedKey, step: &str) -> Result<Response, Error> {
    let fields = call.fields();
    if call.request.operation == Operation::Write {
        core.gate.has_in_shares(key)?;
    }
    match (step, call.request.operation) {
        ("init", Operation::Read) => rekey_status(core, key),
        ("init", Operation::Delete) => cancel_rekey(core, fields),
        ("init", _) => begin_rekey(core, fields, key).await,
        ("update", _) => rekey(core, fields, key).await,
        ("verify", Operation::Read) => verification(core, key),
        ("verify", Operation::Delete) => core.gate.verify_again().map(|()| Response::empty()),
        ("verify", _) => verify(core, fields, key).await,
        _ => Err(call.forgotten()),
    }
}

fn bare(data: Value) -> Response {
    Response { shape: Shape::Bare, ..Response::data(data) }
}

fn key_status(core: &Core) -> Result<Response, Error> {
    let (term, unix) = core.barrier.term()?;
    let installed = OffsetDateTime::from_unix_timestamp(unix).ok().and_then(|time| time.format(&Rfc3339).ok());
    Ok(Response::data(json!({ "term": term, "install_time": installed })).repeated())
}

/// The share and the nonce of a request that brings one.
fn brought(fields: Fields<'_>) -> Result<(Secret, String), Error> {
    let key = fields.string("key")?.filter(|key| !key.is_empty()).map(Secret::new);
    let none = || Error::Invalid("'key' must be specified in request body as JSON".to_owned());
    Ok((key.ok_or_else(none)?, fields.string("nonce")?.unwrap_or_default()))
}

async fn begin_rekey(core: &Core, fields: Fields<'_>, key: SharedKey) -> Result<Response, Error> {
    if fields.list("pgp_keys")?.is_some_and(|keys| !keys.is_empty()) {
        return Err(no_pgp("pgp_keys"));
    }
    if fields.bool("backup")?.unwrap_or(false) {
        return Err(Error::Invalid(
            "backup: only shares that are encrypted with PGP are kept, and none are".to_owned(),
        ));
    }
    let shares = fields.int("secret_shares")?.unwrap_or(0);
    let to = Shares::new(shares, fields.int("secret_threshold")?.unwrap_or(0))?;
    let verify = fields.bool("require_verification")?.unwrap_or(false);
    let begun = core.gate.begin_rekey(&core.barrier, key, to, verify).await?;
    taken(core, key, begun, None)
}

fn cancel_rekey(core: &Core, fields: Fields<'_>) -> Result<Response, Error> {
    if let Some(progress) = core.gate.rekeying() {
        meant(fields, &progress.nonce)?;
    }
    core.gate.cancel_rekey();
    Ok(Response::empty())
}

/// Whether what is given up is what somebody means, where they say it.
fn meant(fields: Fields<'_>, nonce: &str) -> Result<(), Error> {
    match fields.string("nonce")?.filter(|given| !given.is_empty() && given != nonce) {
        None => Ok(()),
        Some(_) => {
            Err(Error::Invalid(format!("incorrect nonce supplied; the nonce of what is in progress is {nonce:?}")))
        }
    }
}

fn rekey_status(core: &Core, key: SharedKey) -> Result<Response, Error> {
    let shares = match key {
        SharedKey::Unseal => core.gate.shares()?,
        SharedKey::Recovery => core.gate.recovery()?,
    };
    let required = shares.map_or(0, |shares| shares.threshold);
    let mut body = json!({
        "started": false,
        "nonce": "",
        "t": 0,
        "n": 0,
        "progress": 0,
        "required": required,
        "pgp_fingerprints": null,
        "backup": false,
        "verification_required": false,
    });
    if let Some(Progress { nonce, to, progress, verify, verification }) = rekeying(core, key) {
        body["started"] = true.into();
        body["nonce"] = nonce.into();
        body["t"] = to.threshold.into();
        body["n"] = to.shares.into();
        body["progress"] = if verification.is_some() { required } else { progress }.into();
        body["verification_required"] = verify.into();
        if let Some(nonce) = verification {
            body["verification_nonce"] = nonce.into();
        }
    }
    Ok(bare(body))
}

/// The rekey of that key which is on its way.
fn rekeying(core: &Core, key: SharedKey) -> Option<Progress> {
    core.gate.rekeying().filter(|_| core.gate.shared_key() == key)
}

async fn rekey(core: &Core, fields: Fields<'_>, key: SharedKey) -> Result<Response, Error> {
    let (share, nonce) = brought(fields)?;
    let made = core.gate.bring_old(&core.barrier, &share, &nonce).await?;
    taken(core, key, made, Some(nonce))
}

/// What came of a step: how far it is, or the new shares.
fn taken(core: &Core, key: SharedKey, taken: Taken, nonce: Option<String>) -> Result<Response, Error> {
    let Taken::Made { shares, of, verification } = taken else { return rekey_status(core, key) };
    let (keys, keys_base64) = gate::texts(&shares);
    let mut body = json!({
        "nonce": nonce.unwrap_or_default(),
        "complete": true,
        "keys": keys,
        "keys_base64": keys_base64,
        "t": of.threshold,
        "n": of.shares,
        "pgp_fingerprints": null,
        "backup": false,
        "verification_required": verification.is_some(),
    });
    if let Some(nonce) = verification {
        body["verification_nonce"] = nonce.into();
    }
    Ok(bare(body))
}

fn verification(core: &Core, key: SharedKey) -> Result<Response, Error> {
    let found = rekeying(core, key);
    let Some((progress, nonce)) = found.and_then(|found| Some((found.clone(), found.verification?))) else {
        return Err(Error::Invalid("no rekey in progress".to_owned()));
    };
    Ok(bare(json!({
        "nonce": nonce,
        "started": true,
        "t": progress.to.threshold,
        "n": progress.to.shares,
        "progress": progress.progress,
    })))
}

async fn verify(core: &Core, fields: Fields<'_>, key: SharedKey) -> Result<Response, Error> {
    let (share, nonce) = brought(fields)?;
    match core.gate.bring_new(&core.barrier, &share, &nonce).await? {
        true => Ok(bare(json!({ "nonce": nonce, "complete": true }))),
        false => verification(core, key),
    }
}

fn begin_root(core: &Core, fields: Fields<'_>) -> Result<Response, Error> {
    if fields.string("pgp_key")?.is_some_and(|key| !key.is_empty()) {
        return Err(no_pgp("pgp_key"));
    }
    let otp = fields.string("otp")?.filter(|otp| !otp.is_empty()).map(Secret::new);
    let drawn = core.gate.begin_root(otp)?;
    root_status(core, json!({ "otp": drawn.as_ref().map(Secret::expose).unwrap_or_default() }))
}

/// How far an attempt is, with `more` over it.
fn root_status(core: &Core, more: Value) -> Result<Response, Error> {
    let (attempt, required) = core.gate.rooting()?;
    let (nonce, progress) = attempt.clone().unwrap_or_default();
    let mut body = json!({
        "nonce": nonce,
        "started": attempt.is_some(),
        "progress": progress,
        "required": required,
        "complete": false,
        "encoded_token": "",
        "encoded_root_token": "",
        "pgp_fingerprint": "",
        "otp": "",
        "otp_length": OTP_LENGTH,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    Ok(bare(body))
}

async fn root(core: &Core, fields: Fields<'_>) -> Result<Response, Error> {
    let (key, nonce) = brought(fields)?;
    let Some(made) = core.gate.bring_for_root(&key, &nonce)? else { return root_status(core, json!({})) };
    let mut batch = Batch::new();
    core.tokens.make_root(&core.barrier, core.clock.now().unix_timestamp(), &made.token, &mut batch)?;
    core.barrier.commit(batch).await?;
    tracing::warn!("a root token was generated with shares of the {}", core.gate.shared_key());
    let (_, required) = core.gate.rooting()?;
    let more = json!({
        "nonce": made.nonce,
        "started": true,
        "progress": required,
        "complete": true,
        "encoded_token": made.encoded,
        "encoded_root_token": made.encoded,
    });
    root_status(core, more)
}

/// Ends an attempt, for a token that may, with `sudo`.
fn cancel_root(core: &Core, call: &Call<'_>) -> Result<Response, Error> {
    let may = |token: &Token| {
        let judged = token.judged_by();
        core.policies.check(core, &judged, Capability::Delete, &call.request.path, &call.request.data)
    };
    let decision = call.token.ok_or(Error::Unauthenticated).and_then(may)?;
    if !decision.allowed || !decision.sudo {
        return Err(Error::Denied);
    }
    if let Some((nonce, _)) = core.gate.rooting()?.0 {
        meant(call.fields(), &nonce)?;
    }
    core.gate.cancel_root();
    Ok(Response::empty())
}
