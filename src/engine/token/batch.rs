//! Batch tokens: kept nowhere, but carried by whoever has one. Such a token is all that is known of it, sealed under the
//! barrier key, and opens for as long as its time and its parent last. Nothing ends it but these: what is not kept can't
//! be counted, renewed, revoked, or found by an accessor.
//!
//! Source: Vault, "Tokens", "Batch tokens"; OpenBao, `vault/token_store.go`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use indexmap::IndexMap;

use super::{Token, TokenType};
use crate::engine::kernel::barrier::Barrier;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Origin;
use crate::secret::Secret;

/// What the text of a batch token begins with.
const PREFIX: &str = "hvb.";

/// What a batch token is sealed for, so that no other sealed value passes for one.
const SEALED_FOR: &str = "token/batch";

/// What is in a batch token. Names are short, because the whole goes with each request.
#[derive(serde::Serialize, serde::Deserialize)]
struct Carried {
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(rename = "p")]
    policies: Vec<String>,
    #[serde(rename = "e", default, skip_serializing_if = "String::is_empty")]
    entity_id: String,
    #[serde(rename = "m", default, skip_serializing_if = "IndexMap::is_empty")]
    meta: IndexMap<String, String>,
    #[serde(rename = "n")]
    display_name: String,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(rename = "w")]
    path: String,
    #[serde(rename = "c")]
    creation_time: i64,
    #[serde(rename = "t")]
    creation_ttl: i64,
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    bound_cidrs: Vec<String>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
}

/// Whether a text can be a batch token.
pub(super) fn is_one(text: &Secret) -> bool {
    text.expose().starts_with(PREFIX)
}

/// The text of a batch token.
///
/// # Errors
/// If it can't be sealed.
pub(super) fn carry(barrier: &Barrier, token: Token) -> Result<Secret, Error> {
    let Token { parent, policies, entity_id, meta, display_name, role, path, bound_cidrs, origin, .. } = token;
    let (creation_time, creation_ttl) = (token.creation_time, token.creation_ttl);
    let carried = Carried {
        parent,
        policies,
        entity_id,
        meta,
        display_name,
        role,
        path,
        creation_time,
        creation_ttl,
        bound_cidrs,
        origin,
    };
    let sealed = barrier.seal(SEALED_FOR, &carried)?;
    Ok(Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed))))
}

/// The token in a text, and `hash` as its name; none where it is none of ours.
pub(super) fn open(barrier: &Barrier, text: &Secret, hash: String) -> Option<Token> {
    let sealed = URL_SAFE_NO_PAD.decode(text.expose().strip_prefix(PREFIX)?).ok()?;
    let carried: Carried = barrier.open(SEALED_FOR, &sealed).ok()?;
    let Carried { parent, policies, entity_id, meta, display_name, role, path, bound_cidrs, origin, .. } = carried;
    Some(Token {
        hash,
        kind: TokenType::Batch,
        accessor: String::new(),
        parent,
        policies,
        entity_id,
        person: None,
        meta,
        kept: IndexMap::new(),
        display_name,
        role,
        path,
        num_uses: 0,
        creation_time: carried.creation_time,
        creation_ttl: carried.creation_ttl,
        expire_time: Some(carried.creation_time.saturating_add(carried.creation_ttl)),
        last_renewal: None,
        explicit_max_ttl: 0,
        period: 0,
        max_ttl: 0,
        renewable: false,
        bound_cidrs,
        origin,
        doomed: None,
    })
}
