//! What only the middle of an apply would tell of a token, asked before anything is written: whether it may revoke leases.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::error::Error;
use crate::api::Client;
use crate::plan::Plan;

/// Where a token asks what it may do.
const ASKED_AT: &str = "sys/capabilities-self";

/// Refuses a plan whose leases this token may not revoke, where the engine tells. One request asks for all paths; a token that
/// may not ask finds out when it comes to it, and then the next apply goes on from there.
///
/// # Errors
/// [`Error::MayNotRevoke`].
pub(super) async fn may_revoke(client: &Client, plan: &Plan) -> Result<(), Error> {
    let revoking = plan.changes.iter().filter(|change| change.revokes);
    let prefixes = revoking.flat_map(|change| change.kind.lease_prefixes(&change.path));
    let paths: BTreeSet<String> = prefixes.map(|prefix| revoked_at(&prefix)).collect();
    if paths.is_empty() {
        return Ok(());
    }
    let body = Map::from_iter([("paths".to_owned(), paths.iter().map(String::as_str).collect())]);
    let Ok(answer) = client.write(ASKED_AT, &body).await else { return Ok(()) };
    let told = answer.data.unwrap_or_default();
    let lacking: Vec<String> = paths.into_iter().filter(|path| told.get(path).is_some_and(lacks)).collect();
    if lacking.is_empty() { Ok(()) } else { Err(Error::MayNotRevoke { paths: lacking }) }
}

/// Where the leases below a prefix are revoked.
pub(super) fn revoked_at(prefix: &str) -> String {
    format!("sys/leases/revoke-prefix/{prefix}")
}

/// Whether these capabilities are not enough.
fn lacks(capabilities: &Value) -> bool {
    let has = |word: &str| capabilities.as_array().is_some_and(|all| all.iter().any(|one| one == word));
    capabilities.is_array() && !has("root") && !(has("update") && has("sudo"))
}
