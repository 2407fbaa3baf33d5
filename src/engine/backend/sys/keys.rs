//! The keys of an open engine: which barrier key seals (`sys/key-status`), a new one (`sys/rotate`), other shares of the
//! unseal key (`sys/rekey`), and a root token for enough shares (`sys/generate-root`).
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
    let fields = call.fields();
    match (call.row.pattern.trim_end_matches("/?"), call.request.operation) {
        ("key-status", _) => key_status(core),
        ("rotate", _) => core.gate.rotate(&core.barrier).await.map(|()| Response::empty()),
        ("rekey/init", Operation::Read) => rekey_status(core),
        ("rekey/init", Operation::Delete) => cancel_rekey(core, fields),
        ("rekey/init", _) => begin_rekey(core, fields),
        ("rekey/update", _) => rekey(core, fields).await,
        ("rekey/verify", Operation::Read) => verification(core),
        ("rekey/verify", Operation::Delete) => core.gate.verify_again().map(|()| Response::empty()),
        ("rekey/verify", _) => verify(core, fields).await,
        ("generate-root/attempt", Operation::Read) => root_status(core, json!({})),
        ("generate-root/attempt", Operation::Delete) => cancel_root(core, &call),
        ("generate-root/attempt", _) => begin_root(core, fields),
        ("generate-root/update", _) => root(core, fields).await,
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

fn begin_rekey(core: &Core, fields: Fields<'_>) -> Result<Response, Error> {
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
    core.gate.begin_rekey(to, fields.bool("require_verification")?.unwrap_or(false))?;
    rekey_status(core)
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

fn rekey_status(core: &Core) -> Result<Response, Error> {
    let required = core.gate.shares()?.map_or(0, |shares| shares.threshold);
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
    if let Some(Progress { nonce, to, progress, verify, verification }) = core.gate.rekeying() {
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

async fn rekey(core: &Core, fields: Fields<'_>) -> Result<Response, Error> {
    let (key, nonce) = brought(fields)?;
    match core.gate.bring_old(&core.barrier, &key, &nonce).await? {
        Taken::More => rekey_status(core),
        Taken::Made(shares, verification) => {
            let (keys, keys_base64) = gate::texts(&shares);
            let mut body = json!({
                "nonce": nonce,
                "complete": true,
                "keys": keys,
                "keys_base64": keys_base64,
                "pgp_fingerprints": null,
                "backup": false,
                "verification_required": verification.is_some(),
            });
            if let Some(nonce) = verification {
                body["verification_nonce"] = nonce.into();
            }
            Ok(bare(body))
        }
    }
}

fn verification(core: &Core) -> Result<Response, Error> {
    let found = core.gate.rekeying();
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

async fn verify(core: &Core, fields: Fields<'_>) -> Result<Response, Error> {
    let (key, nonce) = brought(fields)?;
    match core.gate.bring_new(&core.barrier, &key, &nonce).await? {
        true => Ok(bare(json!({ "nonce": nonce, "complete": true }))),
        false => verification(core),
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
    tracing::warn!("a root token was generated with key shares");
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
