//! The token that a loop speaks with: it is renewed while the loop runs, as far as it may be.
//!
//! Source: Vault API, "Tokens": `auth/token/lookup-self` tells `ttl`, `creation_ttl` and `renewable`, and
//! `auth/token/renew-self` answers how long it lives then.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::api::Client;
use crate::units::duration;
use crate::watch::is_due;

/// Renews it where that is due. Answers what somebody should know of it. Who may not ask gets no answer: whether the token
/// is good the round finds out by itself.
pub(super) async fn keep(client: &Client, interval: Duration) -> Option<String> {
    let found = client.read("auth/token/lookup-self").await.ok().flatten().and_then(|answer| answer.data)?;
    let seconds = |key: &str| found.get(key).and_then(Value::as_u64).map(Duration::from_secs);
    let (ttl, whole) = (seconds("ttl")?, seconds("creation_ttl").unwrap_or_default());
    if ttl.is_zero() || !is_due(ttl, whole, interval) {
        return None;
    }
    let ends = |ttl: Duration| {
        let shown = duration::shown(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
        format!("the token ends in {shown}: give the loop another, or one with a period")
    };
    if found.get("renewable") != Some(&Value::Bool(true)) {
        return Some(ends(ttl));
    }
    match client.write("auth/token/renew-self", &Map::new()).await {
        Ok(answer) => {
            let lives = answer.auth.as_ref().and_then(|auth| auth.get("lease_duration")?.as_u64());
            let lives = lives.map(Duration::from_secs);
            // Near its longest life it gets less than it was given.
            lives.filter(|lives| *lives < interval * 2 && *lives < whole).map(ends)
        }
        Err(error) => Some(format!("{}; it could not be renewed: {error}", ends(ttl))),
    }
}
