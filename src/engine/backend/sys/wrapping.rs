//! `sys/wrapping/`: answers that lie wrapped are looked at, fetched, and wrapped anew; data is wrapped that no other
//! path answers with (Vault API, "/sys/wrapping").
//!
//! A wrapping token is used up before anything is taken out of its cubbyhole. It comes as the request's own token, which
//! the pipeline counts like any other, or in the body, where it is counted here.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::engine::backend::Call;
use crate::engine::lease::core::Core;
use crate::engine::lease::wrapping::{self, Contents, INFO, RESPONSE};
use crate::engine::token::Token;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::{LeaseFields, Response, Whole};
use crate::secret::Secret;

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    match call.row.pattern {
        "wrapping/wrap" if call.request.wrap_ttl.is_none() => {
            Err(Error::Invalid("endpoint requires response wrapping to be used".to_owned()))
        }
        "wrapping/wrap" => Ok(Response::data(Value::Object(call.request.data.clone()))),
        "wrapping/lookup" => {
            let token = wrapping::meant(core, call.request)?;
            Ok(Response::data(wrapping::lying(core, &token.hash, INFO)?))
        }
        "wrapping/unwrap" => unwrap(core, call).await,
        "wrapping/rewrap" => rewrap(core, call).await,
        _ => Err(call.forgotten()),
    }
}

/// The wrapping token that a call is about, used up.
async fn used_up(core: &Arc<Core>, call: Call<'_>) -> Result<Token, Error> {
    let Some(token) = wrapping::in_body(call.request)? else {
        return call.token.cloned().ok_or_else(wrapping::invalid);
    };
    let remote = call.request.remote.map(|address| address.ip().to_canonical());
    match core.tokens.authenticate(core, &token, remote).await {
        Ok(token) if token.wraps() => Ok(token),
        // Somebody else was there first.
        Ok(_) | Err(Error::Unauthenticated) => Err(wrapping::invalid()),
        Err(error) => Err(error),
    }
}

/// The answer that a used-up token wraps. The token ends with it.
async fn taken_out(core: &Arc<Core>, token: &Token) -> Result<Secret, Error> {
    let lying = wrapping::lying(core, &token.hash, RESPONSE);
    core.tokens.used(core, token).await;
    let text = lying?.get("response").and_then(Value::as_str).map(Secret::new);
    text.ok_or_else(|| Error::Internal("a wrapped answer is no text".to_owned()))
}

async fn unwrap(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let token = used_up(core, call).await?;
    let body = taken_out(core, &token).await?;
    // For the trail: what the client gets are the very bytes.
    let told: Map<String, Value> =
        serde_json::from_str(body.expose()).map_err(|_| Error::Internal("a wrapped answer is no JSON".to_owned()))?;
    let lease_id = told.get("lease_id").and_then(Value::as_str).unwrap_or_default();
    let lease = (!lease_id.is_empty()).then(|| LeaseFields { lease_id: lease_id.to_owned(), ..LeaseFields::default() });
    Ok(Response {
        data: told.get("data").and_then(Value::as_object).cloned(),
        auth: told.get("auth").filter(|auth| auth.is_object()).cloned(),
        lease,
        whole: Some(Whole::Json(body)),
        ..Response::default()
    })
}

/// The same answer under a new token, for the time that it was wrapped for, or less.
async fn rewrap(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let token = used_up(core, call).await?;
    let info = wrapping::lying(core, &token.hash, INFO)?;
    let odd = || Error::Internal("what is known of a wrapped answer does not read".to_owned());
    let ttl = info.get("creation_ttl").and_then(Value::as_i64).ok_or_else(odd)?;
    let creation_path = info.get("creation_path").and_then(Value::as_str).ok_or_else(odd)?;
    let body = taken_out(core, &token).await?;
    let contents = Contents {
        body: &body,
        path: &call.request.path,
        creation_path,
        ttl: call.request.wrap_ttl.map_or(ttl, |asked| asked.min(ttl)),
        wrapped_accessor: None,
    };
    let (info, hash) = wrapping::put_away(core, contents).await?;
    Ok(Response { wrapped: Some(info), given: Some(wrapping::given(core, hash, None)), ..Response::default() })
}
