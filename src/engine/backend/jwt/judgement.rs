//! Whether a token is believed, and whom it lets in: the same of one that somebody shows, and of one that the issuer gave
//! for what a browser brought back.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::claim;
use super::config::Config;
use super::key_set::KeySets;
use super::role::{self, Role, RoleType};
use crate::engine::backend::Call;
use crate::engine::backend::login::{Alias, Known};
use crate::engine::backend::signed::{self, Leeways, Signed};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;
use crate::proof::Key;
use crate::secret::Secret;

pub(super) fn refused(why: impl std::fmt::Display) -> Error {
    Error::Invalid(format!("error validating token: {why}"))
}

/// What a token says that was signed by whom the method believes.
///
/// # Errors
/// It was not, or it is of another issuer than the method demands.
pub(super) async fn believed(
    keys: &KeySets,
    core: &Core,
    mount: &Mount,
    config: &Config,
    token: &Secret,
) -> Result<Map<String, Value>, Error> {
    let token = Signed::parse(token.expose()).map_err(|why| refused(format!("error parsing token: {why}")))?;
    if !config.takes(&token.algorithm) {
        return Err(refused("invalid algorithm (alg) header parameter: token signed with unexpected algorithm"));
    }
    let signed = |keys: &[Key]| token.claims_by(keys).is_some();
    let known = keys.of(core, mount, config.source(), signed).await.map_err(|failure| {
        tracing::warn!("no login at {}, for there are no keys: {failure}", mount.path);
        refused("error verifying token signature: the keys of the issuer are not known")
    })?;
    let claims = token
        .claims_by(&known.keys)
        .ok_or_else(|| refused("error verifying token signature: no known key signed the token"))?;
    if !config.bound_issuer.is_empty() && claims.get("iss").and_then(Value::as_str) != Some(&config.bound_issuer) {
        return Err(refused("invalid issuer (iss) claim"));
    }
    Ok(claims.clone())
}

/// Judges the times of a token for a role; for none, as for one that says nothing of them.
///
/// # Errors
/// Which of them is not met.
pub(super) fn check_times(core: &Core, role: Option<&Role>, claims: &Map<String, Value>) -> Result<(), Error> {
    let leeways = role.map_or_else(Leeways::default, |role| role.leeways);
    signed::check_times(claims, leeways, core.clock.now().unix_timestamp()).map_err(refused)
}

/// Lets in whom claims are about that are believed.
///
/// # Errors
/// They don't meet the role, or lack what it takes over from them.
pub(super) async fn welcome(
    core: &Arc<Core>,
    call: Call<'_>,
    role: Role,
    claims: &Map<String, Value>,
) -> Result<Response, Error> {
    role.admit(claims)?;
    let invalid = Error::Invalid;
    let user = claim::user(claims, &role.user_claim, role.user_claim_json_pointer).map_err(invalid)?;
    let mut meta = claim::metadata(claims, &role.claim_mappings).map_err(invalid)?;
    let groups = claim::groups(claims, &role.groups_claim).map_err(invalid)?;
    let alias = Alias { name: user.clone(), metadata: meta.clone(), groups };
    meta.insert(role::ROLE.to_owned(), role.name);
    let Role { token: terms, origin, .. } = role;
    let known = Known { terms, bound_cidrs: vec![], alias, meta, kept: IndexMap::new(), name: Some(user), origin };
    known.log_in(core, call, Batch::new()).await
}

impl Role {
    /// Checks all that the role demands of a token.
    fn admit(&self, claims: &Map<String, Value>) -> Result<(), Error> {
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if !self.bound_subject.is_empty() && self.bound_subject != subject {
            return Err(refused("invalid subject (sub) claim"));
        }
        // What a browser brings is for the method's client already.
        if self.role_type == RoleType::Jwt || !self.bound_audiences.is_empty() {
            claim::check_audience(&self.bound_audiences, claims).map_err(|why| Error::Invalid(why.to_owned()))?;
        }
        claim::check_bound(&self.bound_claims, self.bound_claims_type, claims)
            .map_err(|why| Error::Invalid(format!("error validating claims: {why}")))
    }
}
