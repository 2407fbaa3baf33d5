//! `login`: from a role id and a secret id to a token.
//!
//! Whatever is wrong with the ids, the answer is one text, after the same work: an unknown role id is
//! checked against a role that does not exist.

use std::net::IpAddr;
use std::sync::Arc;

use indexmap::IndexMap;

use super::role::Role;
use super::secret_id::{self, SecretId};
use crate::engine::backend::Call;
use crate::engine::backend::login::lockout::Lockout;
use crate::engine::backend::login::{Alias, Known, address};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::locks::Guard;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::cidr;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::response::Response;

/// Stands in for the UUID of an unknown role, so that both cases hash and look up alike.
const NO_ROLE: &str = "00000000-0000-0000-0000-000000000000";

fn refused() -> Error {
    Error::Invalid("invalid role or secret ID".to_owned())
}

/// Serves a login.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>, lockout: &Lockout) -> Result<Response, Error> {
    call.refuse_unknown("a login")?;
    let fields = Fields(&call.request.data);
    let filled = |name: &str| Ok::<_, Error>(fields.string(name)?.filter(|text| !text.is_empty()));
    let missing = |name: &str| Error::Invalid(format!("missing {name}"));
    let role_id = filled("role_id")?.ok_or_else(|| missing("role_id"))?;
    let secret_id = filled("secret_id")?;
    let attempt = lockout.attempt(core, call.mount, &role_id)?;
    let role = Role::by_role_id(core, call.mount, &role_id)?;
    let remote = address(call);
    let bind = role.as_ref().is_none_or(|role| role.bind_secret_id);
    if !bind {
        let role = role.ok_or_else(refused)?;
        check_role_networks(&role, remote)?;
        return issue(core, call, role, None, Batch::new()).await;
    }
    let secret_id = secret_id.ok_or_else(|| missing("secret_id"))?;
    let uuid = role.as_ref().map_or(NO_ROLE, |role| role.uuid.as_str());
    let hash = secret_id::hash(core, uuid, &secret_id);
    let key = secret_id::key(call.mount, uuid, &hash);
    let (Some(role), Some((found, _turn))) = (role, living(core, call.mount, &key, &hash).await?) else {
        attempt.failed(core).await?;
        return Err(refused());
    };
    let mut batch = Batch::new();
    attempt.passed(core, &mut batch)?;
    found.check_networks(&role)?;
    if !cidr::admits(&found.cidr_list, remote) {
        return Err(Error::Invalid(format!(
            "source address {:?} unauthorized through CIDR restrictions on the secret ID",
            shown(remote)
        )));
    }
    check_role_networks(&role, remote)?;
    match found.num_uses {
        0 => {}
        1 => secret_id::remove(&mut batch, call.mount, &role.uuid, &hash, &found.accessor),
        uses => {
            let now = core.clock.now().unix_timestamp();
            let used = SecretId { num_uses: uses - 1, last_updated_time: now, ..found.clone() };
            batch.put(key, &used)?;
        }
    }
    issue(core, call, role, Some(found), batch).await
}

/// The secret id at `key`, if it is still good. Uses are counted one at a time, so one that has them is held until it is
/// dropped; an unlimited one has nothing to count.
async fn living<'a>(
    core: &Core,
    mount: &'a Mount,
    key: &str,
    hash: &str,
) -> Result<Option<(SecretId, Option<Guard<'a>>)>, Error> {
    let Some(mut found) = core.barrier.get::<SecretId>(key)? else { return Ok(None) };
    let mut turn = None;
    if found.num_uses != 0 {
        turn = Some(mount.turn(hash).await);
        match core.barrier.get::<SecretId>(key)? {
            Some(now) => found = now,
            None => return Ok(None),
        }
    }
    let is_alive = found.is_alive(core.clock.now().unix_timestamp());
    Ok(is_alive.then_some((found, turn)))
}

fn shown(remote: Option<IpAddr>) -> String {
    remote.map_or_else(|| "127.0.0.1".to_owned(), |address| address.to_canonical().to_string())
}

fn check_role_networks(role: &Role, remote: Option<IpAddr>) -> Result<(), Error> {
    if cidr::admits(role.secret_id_bound_cidrs.as_deref().unwrap_or_default(), remote) {
        return Ok(());
    }
    Err(Error::Invalid(format!("source address {:?} unauthorized by CIDR restrictions on the role", shown(remote))))
}

/// Makes the token. The use of the secret id is counted in the same durable step, or not at all.
async fn issue(
    core: &Arc<Core>,
    call: Call<'_>,
    role: Role,
    secret_id: Option<SecretId>,
    batch: Batch,
) -> Result<Response, Error> {
    let (mut meta, bound_cidrs) = secret_id.map(|found| (found.metadata, found.token_bound_cidrs)).unwrap_or_default();
    // Last, so that a secret id's metadata cannot name another role.
    meta.insert("role_name".to_owned(), role.name);
    let kept = IndexMap::new();
    let alias = Alias { name: role.role_id, metadata: meta.clone(), groups: vec![] };
    Known { terms: role.token, bound_cidrs, alias, meta, kept, name: None, origin: role.origin }
        .log_in(core, call, batch)
        .await
}
