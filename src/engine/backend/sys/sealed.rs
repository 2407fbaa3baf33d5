//! What is asked of an engine that is sealed, or of which there is nothing yet: its state, a beginning, shares.
//!
//! Everything else is refused before anything is looked at. What is done then is the engine's
//! (`engine/opening.rs`); the words of it are here (Vault API, `/sys/init`, `/sys/unseal`).

use serde_json::json;

use crate::engine::kernel::seal::gate::{self, Shares};
use crate::engine::kernel::seal::shamir::Share;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::{Operation, Request};
use crate::engine::wire::response::{Response, Shape};
use crate::secret::Secret;

/// What somebody asks for.
pub(crate) enum Asked {
    /// To be told how it is.
    State,
    /// That it is sealed, which it is.
    Seal,
    /// A store, whose key is in so many shares.
    Init(Shares),
    /// That the shares brought so far are forgotten.
    Reset,
    /// To take one share more.
    Unseal(Secret),
}

/// Reads a request to a sealed engine.
///
/// # Errors
/// [`Error::Sealed`] of everything else; parameters that make no sense.
pub(crate) fn asked(request: &Request) -> Result<Asked, Error> {
    let is_write = request.operation == Operation::Write;
    match (request.path.as_str(), request.operation) {
        _ if request.help => Err(Error::Sealed),
        ("sys/health" | "sys/seal-status" | "sys/init" | "sys/leader", Operation::Read) => Ok(Asked::State),
        ("sys/init", _) if is_write => init(Fields(&request.data)).map(Asked::Init),
        ("sys/seal", _) if is_write => Ok(Asked::Seal),
        ("sys/unseal", _) if is_write => unseal(Fields(&request.data)),
        ("sys/health" | "sys/seal-status" | "sys/init" | "sys/leader" | "sys/unseal", _) => {
            Err(Error::UnsupportedOperation)
        }
        _ => Err(Error::Sealed),
    }
}

/// Into how many shares somebody wants the key of a new store split.
fn init(fields: Fields<'_>) -> Result<Shares, Error> {
    for name in ["pgp_keys", "recovery_pgp_keys"] {
        if fields.list(name)?.is_some_and(|keys| !keys.is_empty()) {
            return Err(no_pgp(name));
        }
    }
    if fields.string("root_token_pgp_key")?.is_some_and(|key| !key.is_empty()) {
        return Err(no_pgp("root_token_pgp_key"));
    }
    let mut recovery = Vec::new();
    for name in ["recovery_shares", "recovery_threshold"] {
        if fields.int(name)?.unwrap_or(0) != 0 {
            recovery.push(name);
        }
    }
    if !recovery.is_empty() {
        let names = recovery.join(",");
        return Err(Error::Invalid(format!("parameters {names} not applicable to seal type shamir")));
    }
    Shares::new(fields.int("secret_shares")?.unwrap_or(0), fields.int("secret_threshold")?.unwrap_or(0))
}

/// The error for who wants shares or a token encrypted.
pub(super) fn no_pgp(name: &str) -> Error {
    Error::Invalid(format!("{name}: this server encrypts nothing with PGP; ask without it, and hand it out safely"))
}

/// What somebody brings to unseal it, or takes back.
///
/// # Errors
/// Nothing that could be a share.
pub(super) fn unseal(fields: Fields<'_>) -> Result<Asked, Error> {
    if fields.bool("reset")?.unwrap_or(false) {
        return Ok(Asked::Reset);
    }
    if fields.bool("migrate")?.unwrap_or(false) {
        return Err(Error::Invalid("migrate: a store does not change from one seal to another".to_owned()));
    }
    let key = fields.string("key")?.filter(|key| !key.is_empty()).map(Secret::new);
    let none = "'key' must be specified in request body as JSON, or 'reset' set to true";
    key.map(Asked::Unseal).ok_or_else(|| Error::Invalid(none.to_owned()))
}

/// The answer to who began a store.
pub(crate) fn begun(shares: &[Share], root_token: Option<&Secret>) -> Response {
    let (keys, keys_base64) = gate::texts(shares);
    let root_token = root_token.map(Secret::expose).unwrap_or_default();
    let data = json!({ "keys": keys, "keys_base64": keys_base64, "root_token": root_token });
    Response { shape: Shape::Bare, ..Response::data(data) }
}
